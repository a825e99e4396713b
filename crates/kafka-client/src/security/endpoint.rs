//! Hop 7: one request over HTTP, to whoever gives tokens or credentials.

use std::net::Ipv6Addr;
use std::time::Duration;

use bytes::Bytes;
use http::header::HOST;
use http::request::Builder;
use http::{Request, Response, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::sasl::{SaslError, printable};
use super::{Tls, explain};
use crate::Lookups;

/// Larger answers of an endpoint are refused, as by Java.
const ANSWER_BYTES_MAX: usize = 1_000_000;

/// Host, port and whether TLS is wanted.
#[derive(Debug)]
pub(super) struct Address {
    pub(super) uri: Uri,
    pub(super) host: String,
    port: u16,
    secure: bool,
}

#[cfg(fuzzing)]
impl Address {
    pub(super) fn parts(&self) -> (String, u16, bool) {
        (self.host.clone(), self.port, self.secure)
    }
}

/// Longest times for an exchange.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// TCP and TLS together.
    pub(super) connect: Duration,
    /// The request and its answer.
    pub(super) answer: Duration,
}

/// Reads the URL of an endpoint.
pub(super) fn address(url: &str) -> Result<Address, SaslError> {
    let wrong = |why: &str| SaslError::Token { place: place(url), why: why.to_owned() };
    let uri: Uri = url.parse().map_err(|_| wrong("not a URL"))?;
    let secure = match uri.scheme_str() {
        Some("https") => true,
        Some("http") => false,
        _ => return Err(wrong("the URL has to begin with https://, http:// or file://")),
    };
    let authority = uri.authority().ok_or_else(|| wrong("the URL has no host"))?;
    if authority.as_str().contains('@') {
        return Err(wrong("the URL must not have a user; use clientId and clientSecret"));
    }
    // What is in brackets is not looked at further by who read the URL.
    let host = match authority.host().strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(host) if is_ipv6(host) => host.to_owned(),
        Some(_) => return Err(wrong("the URL has brackets around what is no IPv6 address")),
        None => authority.host().to_owned(),
    };
    if host.is_empty() {
        return Err(wrong("the URL has no host"));
    }
    // `authority.port()` takes a port that is out of range for none.
    let port = match authority.as_str().strip_prefix(authority.host()) {
        Some("") if secure => 443,
        Some("") => 80,
        after => after
            .and_then(|after| after.strip_prefix(':')?.parse().ok())
            .filter(|port| *port > 0)
            .ok_or_else(|| wrong("the URL's port is none of 1 to 65535"))?,
    };
    Ok(Address { uri, host, port, secure })
}

/// With or without a zone.
fn is_ipv6(host: &str) -> bool {
    host.split('%').next().is_some_and(|address| address.parse::<Ipv6Addr>().is_ok())
}

/// The URL as errors name it: what may be secret, a user and a query, is left out. Nothing is told of what is no URL: it
/// may be a login line or a password that came to the wrong place.
pub(super) fn place(url: &str) -> String {
    let has_scheme = url.parse::<Uri>().is_ok_and(|uri| uri.scheme().is_some());
    let Some((scheme, rest)) = url.split_once("://").filter(|_| has_scheme) else {
        return "what is given as URL".to_owned();
    };
    let (rest, query) = rest.split_at(rest.find(['?', '#']).unwrap_or(rest.len()));
    let shown = match rest.rsplit_once('@') {
        // What is before it may be a user and half a password.
        _ if query.contains('@') => "…",
        Some((_, shown)) => shown,
        None => rest,
    };
    printable(format!("{scheme}://{shown}").as_bytes())
}

/// Sends one request, whose path and host are set here, and takes its answer: the status and the body. Errors are in
/// words, without a secret.
pub(super) async fn exchange(
    lookups: &Lookups,
    address: &Address,
    tls: Option<&Tls>,
    limits: Limits,
    request: Builder,
    body: impl Into<Bytes>,
) -> Result<(u16, Bytes), String> {
    let late = |limit: Duration| format!("no answer within {} ms", limit.as_millis());
    let path = address.uri.path_and_query().map_or("/", |path| path.as_str());
    let host = address.uri.authority().map_or("", |authority| authority.as_str());
    let request = request.uri(path).header(HOST, host).body(Full::new(body.into()));
    let request = request.map_err(|error| error.to_string())?;
    let connecting = timeout(limits.connect, connect(lookups, address, tls));
    let stream = connecting.await.map_err(|_| late(limits.connect))??;
    let answer = timeout(limits.answer, over(stream, request)).await;
    answer.map_err(|_| late(limits.answer))?
}

/// A stream of any kind.
trait Duplex: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Duplex for S {}

async fn connect(lookups: &Lookups, address: &Address, tls: Option<&Tls>) -> Result<Box<dyn Duplex>, String> {
    let failed = |why: &dyn std::fmt::Display| format!("cannot connect: {why}");
    let addresses = lookups.addresses(&address.host, address.port).await.map_err(|why| failed(&why))?;
    let tcp = TcpStream::connect(&*addresses).await.map_err(|error| failed(&error))?;
    if !address.secure {
        return Ok(Box::new(tcp));
    }
    let tls = tls.ok_or("no TLS is set up for https")?;
    let name = ServerName::try_from(address.host.clone()).map_err(|error| error.to_string())?;
    let tls = tls.connector().connect(name, tcp).await;
    tls.map(|tls| Box::new(tls) as Box<dyn Duplex>)
        .map_err(|error| format!("TLS failed: {}", explain(&error)))
}

async fn over(stream: Box<dyn Duplex>, request: Request<Full<Bytes>>) -> Result<(u16, Bytes), String> {
    let said = |error: hyper::Error| format!("not HTTP: {error}");
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(said)?;
    // Dropped with this call, and the connection with it.
    let mut driver = JoinSet::new();
    driver.spawn(connection);
    let answer: Response<Incoming> = sender.send_request(request).await.map_err(said)?;
    let status = answer.status().as_u16();
    let body = Limited::new(answer.into_body(), ANSWER_BYTES_MAX).collect().await;
    Ok((status, body.map_err(|error| error.to_string())?.to_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_name_urls_without_what_may_be_secret() {
        for (url, shown) in [
            (
                "https://login.example.com:8443/token?key=secret#secret",
                "https://login.example.com:8443/token",
            ),
            ("https://user:secret@login.example.com/token", "https://login.example.com/token"),
            ("https://user:sec/ret@login.example.com/token", "https://login.example.com/token"),
            ("https://user:sec?ret@login.example.com/token", "https://…"),
            ("https://login.example.com/sec ret", "what is given as URL"),
            ("user:secret@login.example.com/token", "what is given as URL"),
            ("a@secret://b@c", "what is given as URL"),
            ("secret", "what is given as URL"),
            ("a.B required password=\"secret\";", "what is given as URL"),
        ] {
            assert_eq!(place(url), shown);
        }
    }

    #[test]
    fn addresses_have_a_host_and_a_port() {
        let read = |url: &str| address(url).map(|at| (at.host, at.port, at.secure));
        assert_eq!(read("https://a/b?c"), Ok(("a".to_owned(), 443, true)));
        assert_eq!(read("http://[::1]:81"), Ok(("::1".to_owned(), 81, false)));
        for url in [
            "https:///b",
            "http://[a]/",
            "http://[]/",
            "http://a:/",
            "http://a:0/",
            "http://a:99999/",
            "http://u@a/",
            "ftp://a/",
            "a",
        ] {
            assert!(read(url).is_err(), "{url}");
        }
    }
}
