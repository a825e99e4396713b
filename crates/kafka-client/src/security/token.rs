//! Hop 7: tokens of OAUTHBEARER, from a file or by a client's credentials (RFC 6749, section 4.4).

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST};
use http::{HeaderValue, Method, Request, Response, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use rustls_pki_types::ServerName;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::sasl::{SaslError, printable};
use super::{ReadFile, Secret, Tls, explain};

/// Larger tokens are refused: brokers' answers to them, too.
const TOKEN_BYTES_MAX: usize = 256 << 10;
/// Larger answers of an endpoint are refused, as by Java.
const ANSWER_BYTES_MAX: usize = 1_000_000;
/// A token of a file is refused here when it expired so long ago; sooner, clocks may differ.
const EXPIRED_FOR: Duration = Duration::from_secs(60);
/// What stays as it is in a form (`application/x-www-form-urlencoded`).
const FORM: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'*');

/// Where tokens come from.
#[derive(Clone)]
pub enum TokenSource {
    /// A file that is read anew for each login.
    File {
        /// Its path.
        path: String,
        /// Reads it.
        read: ReadFile,
    },
    /// An endpoint that gives them to clients.
    Endpoint(ClientCredentials),
}

impl fmt::Debug for TokenSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, .. } => f.debug_tuple("File").field(path).finish(),
            Self::Endpoint(credentials) => credentials.fmt(f),
        }
    }
}

/// What a token endpoint is asked with.
#[derive(Debug, Clone)]
pub struct ClientCredentials {
    /// `sasl.oauthbearer.token.endpoint.url`, `https` or `http`.
    pub url: String,
    /// `clientId`.
    pub client_id: String,
    /// `clientSecret`.
    pub client_secret: Secret,
    /// `scope`.
    pub scope: Option<String>,
    /// `sasl.oauthbearer.header.urlencode`: id and secret are encoded as RFC 6749 asks, which Java leaves out by default.
    pub header_urlencode: bool,
    /// Longest time for TCP and TLS; `sasl.login.connect.timeout.ms`.
    pub connect_timeout: Duration,
    /// Longest time for the answer; `sasl.login.read.timeout.ms`.
    pub read_timeout: Duration,
    /// For `https`.
    pub tls: Option<Tls>,
}

/// A token and how long it lives from now on, if that is known.
pub(super) struct Token {
    pub(super) text: Secret,
    pub(super) lives_for: Option<Duration>,
}

/// Reads a token from a file.
pub(super) fn read(path: &str, read: &ReadFile) -> Result<Token, SaslError> {
    let failed = |why: String| SaslError::Token { place: path.to_owned(), why };
    let bytes = read(path).map_err(|error| failed(error.to_string()))?;
    let text = String::from_utf8(bytes).map_err(|_| failed("the file is not text".to_owned()))?;
    let token = checked(text.trim()).map_err(|why| failed(why.to_owned()))?;
    if let (Some(expires_at), Ok(now)) =
        (expires_at(token.reveal()), SystemTime::now().duration_since(UNIX_EPOCH))
        && let Some(ago) = now.checked_sub(expires_at).filter(|ago| *ago > EXPIRED_FOR)
    {
        return Err(failed(format!("the token expired {} s ago", ago.as_secs())));
    }
    Ok(Token { text: token, lives_for: None })
}

fn checked(token: &str) -> Result<Secret, &'static str> {
    if token.is_empty() {
        return Err("the token is empty");
    }
    if token.len() > TOKEN_BYTES_MAX {
        return Err("the token has more than 256 KiB");
    }
    // `b64token` of RFC 6750, and with it no character that could end its part of the message.
    let legal = |c: char| c.is_ascii_alphanumeric() || "-._~+/=".contains(c);
    if token.chars().all(legal) {
        Ok(Secret::new(token))
    } else {
        Err("the token has characters that no token has (RFC 6750)")
    }
}

/// `exp` of a JSON web token, since 1970; other tokens say nothing.
fn expires_at(token: &str) -> Option<Duration> {
    let claims = token.split('.').nth(1)?;
    let claims = base64_simd::URL_SAFE_NO_PAD.decode_to_vec(claims.trim_end_matches('=')).ok()?;
    let claims: Value = serde_json::from_slice(&claims).ok()?;
    Duration::try_from_secs_f64(claims.get("exp")?.as_f64()?).ok()
}

/// Host, port and whether TLS is wanted.
pub(super) struct Address {
    uri: Uri,
    host: String,
    port: u16,
    secure: bool,
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
    let host = authority.host().trim_matches(['[', ']']).to_owned();
    let port = authority.port_u16().unwrap_or(if secure { 443 } else { 80 });
    Ok(Address { uri, host, port, secure })
}

/// The URL as errors name it: what may be secret, a user and a query, is left out.
fn place(url: &str) -> String {
    let url = url.split(['?', '#']).next().unwrap_or(url);
    let shown = match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, rest))) => format!("{scheme}://{rest}"),
        _ => url.to_owned(),
    };
    printable(shown.as_bytes())
}

/// Asks the endpoint for a token.
pub(super) async fn fetch(credentials: &ClientCredentials) -> Result<Token, SaslError> {
    let address = address(&credentials.url)?;
    let failed = |why: String| SaslError::Token { place: place(&credentials.url), why };
    let late = |limit: Duration| failed(format!("no answer within {} ms", limit.as_millis()));
    let connecting = connect(credentials, &address);
    let limit = credentials.connect_timeout;
    let stream = timeout(limit, connecting).await.map_err(|_| late(limit))?.map_err(&failed)?;
    let limit = credentials.read_timeout;
    let request = request(credentials, &address).map_err(&failed)?;
    let answer = timeout(limit, exchange(stream, request)).await.map_err(|_| late(limit))?;
    answer.and_then(|(status, body)| token_of(status, &body)).map_err(failed)
}

/// A stream of any kind.
trait Duplex: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Duplex for S {}

async fn connect(credentials: &ClientCredentials, address: &Address) -> Result<Box<dyn Duplex>, String> {
    let tcp = TcpStream::connect((address.host.as_str(), address.port))
        .await
        .map_err(|error| format!("cannot connect: {error}"))?;
    if !address.secure {
        return Ok(Box::new(tcp));
    }
    let tls = credentials.tls.as_ref().ok_or("no TLS is set up for https")?;
    let name = ServerName::try_from(address.host.clone()).map_err(|error| error.to_string())?;
    let tls = tls.connector().connect(name, tcp).await;
    tls.map(|tls| Box::new(tls) as Box<dyn Duplex>)
        .map_err(|error| format!("TLS failed: {}", explain(&error)))
}

fn request(credentials: &ClientCredentials, address: &Address) -> Result<Request<Full<Bytes>>, String> {
    let encode = |text: &str| match credentials.header_urlencode {
        true => utf8_percent_encode(text, FORM).to_string(),
        false => text.to_owned(),
    };
    let login = format!("{}:{}", encode(&credentials.client_id), encode(credentials.client_secret.reveal()));
    let login = format!("Basic {}", base64_simd::STANDARD.encode_to_string(login));
    let mut login = HeaderValue::from_str(&login).map_err(|error| error.to_string())?;
    login.set_sensitive(true);
    let mut form = "grant_type=client_credentials".to_owned();
    if let Some(scope) = &credentials.scope {
        form.push_str("&scope=");
        form.extend(utf8_percent_encode(scope, FORM));
    }
    let path = address.uri.path_and_query().map_or("/", |path| path.as_str());
    Request::builder()
        .method(Method::POST)
        .uri(path)
        .header(HOST, address.uri.authority().map_or("", |authority| authority.as_str()))
        .header(AUTHORIZATION, login)
        .header(ACCEPT, "application/json")
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Full::new(Bytes::from(form)))
        .map_err(|error| error.to_string())
}

async fn exchange(stream: Box<dyn Duplex>, request: Request<Full<Bytes>>) -> Result<(u16, Bytes), String> {
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

fn token_of(status: u16, body: &[u8]) -> Result<Token, String> {
    let answer: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
    let text = |name: &str| answer.get(name).and_then(Value::as_str);
    if !matches!(status, 200 | 201) {
        let said = [text("error"), text("error_description")].into_iter().flatten().collect::<Vec<_>>();
        return Err(printable(
            format!("answered with status {status} {}", said.join(": ")).trim().as_bytes(),
        ));
    }
    let token = text("access_token").ok_or("its answer has no access_token")?;
    let token = checked(token)?;
    let until = expires_at(token.reveal());
    let now = SystemTime::now().duration_since(UNIX_EPOCH).ok();
    let of_claims = until.zip(now).map(|(until, now)| until.saturating_sub(now));
    let of_answer = answer.get("expires_in").and_then(Value::as_u64).map(Duration::from_secs);
    Ok(Token { text: token, lives_for: of_answer.into_iter().chain(of_claims).min() })
}
