//! Hop 7: Tokens from an endpoint over loopback, plain and under TLS.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;

use super::handshake::acceptor;
use super::pki::{Pki, read};
use crate::security::sasl::Conversation;
use crate::security::{
    ClientCredentials, OAuthBearer, Sasl, SaslError, Secret, Tls, TlsOptions, TokenSource,
};

fn sasl(url: String, tls: Option<Tls>) -> Sasl {
    let credentials = ClientCredentials {
        url,
        client_id: "id".to_owned(),
        client_secret: Secret::new("pencil"),
        scope: Some("a b&c".to_owned()),
        header_urlencode: false,
        connect_timeout: Duration::from_secs(5),
        read_timeout: Duration::from_millis(500),
        tls,
        lookups: crate::Lookups::default(),
    };
    Sasl::OAuthBearer(OAuthBearer::new(TokenSource::Endpoint(credentials), BTreeMap::new()).unwrap())
}

/// Reads a request and answers it; gives the request back.
async fn answer(mut stream: impl AsyncRead + AsyncWrite + Unpin, answer: &str) -> String {
    let mut request = Vec::new();
    while !request.ends_with(b"b%26c") {
        assert_ne!(stream.read_buf(&mut request).await.unwrap(), 0);
    }
    stream.write_all(answer.as_bytes()).await.unwrap();
    drop(stream.shutdown().await);
    String::from_utf8(request).unwrap()
}

fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

async fn first(sasl: &Sasl) -> Result<String, SaslError> {
    let mut conversation: Box<dyn Conversation> = sasl.begin("localhost").await?;
    Ok(String::from_utf8(conversation.respond(None)?.unwrap()).unwrap())
}

/// One login with an endpoint that says this.
async fn told(said: &str) -> (Result<String, SaslError>, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/token?x=secret", listener.local_addr().unwrap());
    let serving = async { answer(listener.accept().await.unwrap().0, said).await };
    let sasl = sasl(url, None);
    tokio::join!(first(&sasl), serving)
}

#[tokio::test]
async fn tokens_are_fetched_with_the_credentials_of_the_client() {
    let (said, request) = told(&ok(r#"{"access_token":"abc","expires_in":100}"#)).await;
    assert_eq!(said.unwrap(), "n,,\u{1}auth=Bearer abc\u{1}\u{1}");
    assert!(request.starts_with("POST /token?x=secret HTTP/1.1\r\n"), "{request}");
    let lines = request.to_ascii_lowercase();
    assert!(lines.contains("\r\nauthorization: basic awq6cgvuy2ls\r\n"), "{request}");
    assert!(request.ends_with("\r\n\r\ngrant_type=client_credentials&scope=a%20b%26c"), "{request}");
}

#[tokio::test]
async fn a_token_is_fetched_once_while_it_lives() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let sasl = sasl(format!("http://{}/", listener.local_addr().unwrap()), None);
    let said = ok(r#"{"access_token":"abc","expires_in":100}"#);
    let serving = async { answer(listener.accept().await.unwrap().0, &said).await };
    let (one, two, _) = tokio::join!(first(&sasl), first(&sasl), serving);
    assert_eq!(one.unwrap(), two.unwrap());
    // A broker that refuses it makes it be forgotten.
    let mut conversation = sasl.begin("localhost").await.unwrap();
    conversation.respond(None).unwrap();
    conversation.respond(Some(b"{}")).unwrap();
    let said = ok(r#"{"access_token":"new","expires_in":100}"#);
    let serving = async { answer(listener.accept().await.unwrap().0, &said).await };
    let (said, _) = tokio::join!(first(&sasl), serving);
    assert!(said.unwrap().contains("new"));
}

#[tokio::test]
async fn tls_to_the_endpoint_is_verified() {
    let pki = Pki::new();
    pki.authority("other");
    let tls = |trust: &str| {
        let trust = Some(pki.store(trust));
        Tls::new(TlsOptions { trust, identity: None, verify_host_name: true, read: read() }).unwrap()
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}/", listener.local_addr().unwrap().port());
    let acceptor = acceptor(&pki, &pki.both("broker"), None);
    let said = ok(r#"{"access_token":"abc"}"#);
    let serving = async {
        let tcp = listener.accept().await.unwrap().0;
        answer(acceptor.accept(tcp).await.unwrap(), &said).await
    };
    let good = sasl(url.clone(), Some(tls("ca.pem")));
    assert!(tokio::join!(first(&good), serving).0.is_ok());
    let serving = async { acceptor.accept(listener.accept().await.unwrap().0).await.is_err() };
    let bad = sasl(url, Some(tls("other.pem")));
    let (said, refused) = tokio::join!(first(&bad), serving);
    let error = said.unwrap_err().to_string();
    assert!(refused && error.contains("no certificate in the trust store"), "{error}");
}

#[tokio::test]
async fn refusals_and_nonsense_are_told_without_secrets() {
    let long = format!("HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\n{}", "x".repeat(1_100_000));
    for (said, expected) in [
        (
            "HTTP/1.1 401 No\r\nContent-Length: 52\r\n\r\n{\"error\":\"invalid_client\",\"error_description\":\"why\"}",
            "status 401 invalid_client: why",
        ),
        ("HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n", "status 500"),
        (ok("{}").as_str(), "no access_token"),
        (ok("nonsense").as_str(), "no access_token"),
        (ok(r#"{"access_token":"a\u0001b"}"#).as_str(), "characters"),
        ("nonsense\r\n\r\n", "not HTTP"),
        ("", "not HTTP"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n", "body"),
        (&long, "length limit"),
    ] {
        let (answer, _) = told(said).await;
        let error = answer.unwrap_err().to_string();
        assert!(error.contains(expected), "{expected}: {error}");
        assert!(error.contains("http://127.0.0.1:"), "{error}");
        assert!(!error.contains("secret") && !error.contains("pencil"), "{error}");
    }
}

#[tokio::test]
async fn silent_endpoints_are_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent = sasl(format!("http://{}/", listener.local_addr().unwrap()), None);
    let error = first(&silent).await.unwrap_err().to_string();
    assert!(error.contains("no answer within 500 ms"), "{error}");
    assert!(!format!("{silent:?}").contains("pencil"));
    for url in ["ftp://a/", "nonsense", "https://u:pencil@a/", "https://", ""] {
        let error = first(&sasl(url.to_owned(), None)).await.unwrap_err().to_string();
        assert!(!error.contains("pencil"), "{error}");
    }
}
