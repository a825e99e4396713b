//! TLS: what is agreed on, who is turned away, and configurations that could not be in force.
//!
//! The keys in `tests/data` were made once for these tests, protect nothing, and expire in 2126.

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::client::{TRACES, answer, call, framed};
use super::{Door, Server, Setup, config, connect, exchange, read_file, within};

const ON: [(&str, &str); 3] =
    [("otlp.tls.enabled", "true"), ("otlp.tls.cert.path", "server.pem"), ("otlp.tls.key.path", "server.key")];

async fn handshake(
    address: std::net::SocketAddr,
    protocols: &[&[u8]],
    with_certificate: bool,
) -> std::io::Result<TlsStream<tokio::net::TcpStream>> {
    let certificates = |path| {
        let pem = read_file(path).unwrap();
        CertificateDer::pem_slice_iter(&pem).map(Result::unwrap).collect::<Vec<_>>()
    };
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(certificates("ca.pem"));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let mut client = if with_certificate {
        let key = PrivateKeyDer::from_pem_slice(&read_file("client.key").unwrap()).unwrap();
        builder.with_client_auth_cert(certificates("client.pem"), key).unwrap()
    } else {
        builder.with_no_client_auth()
    };
    client.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    let name = ServerName::try_from("localhost").unwrap();
    within(TlsConnector::from(Arc::new(client)).connect(name, connect(address).await)).await
}

const POST: &str =
    "POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";

#[tokio::test]
async fn protocols_are_agreed_on_in_the_handshake() {
    let server = Server::start(Setup { keys: &ON, ..Setup::default() }).await;
    let stream = handshake(server.grpc, &[b"h2"], false).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let (sender, connection) = h2::client::handshake(stream).await.unwrap();
    tokio::spawn(async move { drop(connection.await) });
    assert_eq!(call(&sender, TRACES, &[], framed(0, b"x")).await.status(), Some(0));
    assert!(handshake(server.grpc, &[b"http/1.1"], false).await.is_err());

    for (offered, agreed) in [
        (&[b"h2".as_slice(), b"http/1.1"][..], Some(&b"h2"[..])),
        (&[b"http/1.1"], Some(b"http/1.1")),
        (&[], None),
    ] {
        let mut stream = handshake(server.http, offered, false).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), agreed);
        if agreed != Some(b"h2") {
            stream.write_all(POST.as_bytes()).await.unwrap();
            assert_eq!(answer(&mut stream).await.status, 200);
        }
    }
    // Plain text on a TLS port.
    let text = exchange(server.http, POST.as_bytes()).await;
    assert!(!text.contains("HTTP/1.1"), "{text}");
    drop(sender);
    server.stop().await;
}

#[tokio::test]
async fn clients_without_a_certificate_are_turned_away() {
    let keys: Vec<_> = ON.into_iter().chain([("otlp.tls.client.ca.path", "ca.pem")]).collect();
    let server = Server::start(Setup { keys: &keys, ..Setup::default() }).await;
    let mut stream = handshake(server.http, &[b"http/1.1"], true).await.unwrap();
    stream.write_all(POST.as_bytes()).await.unwrap();
    assert_eq!(answer(&mut stream).await.status, 200);
    // In TLS 1.3 the client learns of it with the first read.
    if let Ok(mut stream) = handshake(server.http, &[b"http/1.1"], false).await {
        let _reset = stream.write_all(POST.as_bytes()).await;
        let mut text = Vec::new();
        assert!(within(stream.read_to_end(&mut text)).await.is_err(), "{text:?}");
    }
    assert_eq!(server.got().len(), 1);
    drop(stream);
    server.stop().await;
}

#[tokio::test]
async fn a_silent_handshake_ends() {
    let keys: Vec<_> = ON.into_iter().chain([("otlp.tls.handshake.timeout.ms", "150")]).collect();
    let server = Server::start(Setup { keys: &keys, ..Setup::default() }).await;
    assert_eq!(exchange(server.grpc, b"").await, "");
    server.stop().await;
}

#[test]
fn what_can_not_be_in_force_is_a_problem() {
    let problems = |keys: &[(&str, &str)]| -> Vec<String> {
        config(keys).unwrap_err().iter().map(ToString::to_string).collect()
    };
    assert_eq!(
        problems(&[("otlp.tls.enabled", "true")]),
        [
            "otlp.tls.cert.path: must be set when otlp.tls.enabled is true",
            "otlp.tls.key.path: must be set when otlp.tls.enabled is true",
        ]
    );
    let texts = problems(&[("otlp.tls.cert.path", "none.pem"), ("otlp.tls.client.ca.path", "ca.pem")]);
    assert_eq!(texts.len(), 2);
    assert!(
        texts[0].starts_with("Invalid value none.pem for configuration otlp.tls.cert.path: "),
        "{texts:?}"
    );
    assert!(texts[1].starts_with("otlp.tls.client.ca.path: clients cannot be checked"), "{texts:?}");
    let swapped = [ON[0], ("otlp.tls.cert.path", "server.key"), ("otlp.tls.key.path", "server.key")];
    assert_eq!(problems(&swapped), ["otlp.tls.cert.path: no PEM certificate in this file"]);
    let other_key = [ON[0], ON[1], ("otlp.tls.key.path", "client.key")];
    assert!(problems(&other_key)[0].starts_with("otlp.tls.cert.path: "));
    let off = [("otlp.grpc.enabled", "false"), ("otlp.http.enabled", "false")];
    assert_eq!(
        problems(&off),
        ["otlp.grpc.enabled: at least one of otlp.grpc.enabled and otlp.http.enabled must be true"]
    );
    assert!(problems(&[("otlp.grpc.port", "9"), ("otlp.http.port", "9")])[0].starts_with("otlp.http.port"));
}

#[test]
fn a_port_that_is_taken_is_named_with_its_key() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let bind = |keys: &[(&str, &str)]| crate::bind(config(keys).unwrap().address(Door::Grpc).unwrap());
    let error = bind(&[("otlp.grpc.port", &port.to_string())]).unwrap_err();
    assert_eq!(error.to_string(), format!("otlp.grpc.port {port}: cannot listen on 127.0.0.1"));
    let error = bind(&[("otlp.bind.address", "not an address")]).unwrap_err();
    assert_eq!(error.to_string(), "otlp.bind.address not an address: not an address");
}
