//! Hop 7: Handshakes with a broker of rustls over loopback.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::Arc;

use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, SupportedProtocolVersion};
use rustls_pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::pki::{Pki, STORE, passwords, read};
use crate::security::{Source, Store, Tls, TlsError, TlsOptions, explain, store};

/// What brokers show, and whose clients they want, if any.
pub(super) fn acceptor(pki: &Pki, own: &str, clients: Option<&str>) -> TlsAcceptor {
    TlsAcceptor::from(broker_config(pki, own, clients, rustls::DEFAULT_VERSIONS))
}

fn broker_config(
    pki: &Pki,
    own: &str,
    clients: Option<&str>,
    versions: &[&'static SupportedProtocolVersion],
) -> Arc<ServerConfig> {
    let own = store::identity(&pki.bytes(own), &passwords(Some(STORE), None)).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder =
        ServerConfig::builder_with_provider(Arc::clone(&provider)).with_protocol_versions(versions).unwrap();
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(clients) => {
            let mut roots = RootCertStore::empty();
            for root in store::trusted(&pki.bytes(clients), &passwords(None, None)).unwrap() {
                roots.add(root).unwrap();
            }
            let verifier =
                WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
            builder.with_client_cert_verifier(verifier)
        }
    };
    Arc::new(builder.with_single_cert(own.chain, own.key).unwrap())
}

/// As [`acceptor`], without rustls' own look at the certificate.
fn acceptor_of_any(pki: &Pki, own: &str) -> TlsAcceptor {
    let own = store::identity(&pki.bytes(own), &passwords(None, None)).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let key = provider.key_provider.load_private_key(own.key).unwrap();
    let key = rustls::sign::CertifiedKey::new(own.chain, key);
    let builder =
        ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let resolver = Arc::new(rustls::sign::SingleCertAndKey::from(key));
    TlsAcceptor::from(Arc::new(builder.with_no_client_auth().with_cert_resolver(resolver)))
}

/// A handshake and one byte each way, or why it failed.
pub(super) async fn meet(tls: &Tls, acceptor: TlsAcceptor, name: &str) -> Result<(), String> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let broker = tokio::spawn(async move {
        let (tcp, _) = listener.accept().await?;
        let mut stream = acceptor.accept(tcp).await?;
        let byte = stream.read_u8().await?;
        stream.write_u8(byte).await?;
        stream.shutdown().await
    });
    let tcp = TcpStream::connect(address).await.unwrap();
    let asking = async {
        let mut stream = tls.connector().connect(ServerName::try_from(name.to_owned()).unwrap(), tcp).await?;
        stream.write_u8(7).await?;
        stream.read_u8().await
    };
    let answer = asking.await.map_err(|error| explain(&error));
    drop(broker.await.unwrap());
    answer.map(|byte| assert_eq!(byte, 7))
}

fn options(pki: &Pki, trust: &str) -> TlsOptions {
    TlsOptions { trust: Some(pki.store(trust)), identity: None, verify_host_name: true, read: read() }
}

#[tokio::test]
async fn brokers_are_verified_by_chain_and_name() {
    let pki = Pki::new();
    pki.authority("other");
    let broker = pki.both("broker");
    let tls = Tls::new(options(&pki, "ca.pem")).unwrap();
    assert_eq!(meet(&tls, acceptor(&pki, &broker, None), "localhost").await, Ok(()));
    let error = meet(&tls, acceptor(&pki, &broker, None), "elsewhere").await.unwrap_err();
    assert!(error.starts_with("the broker's certificate is for another host"), "{error}");
    assert!(error.contains("elsewhere") && error.contains("localhost"), "{error}");
    let untrusting = Tls::new(options(&pki, "other.pem")).unwrap();
    let error = meet(&untrusting, acceptor(&pki, &broker, None), "localhost").await.unwrap_err();
    assert!(error.starts_with("no certificate in the trust store"), "{error}");
    let any_name = Tls::new(TlsOptions { verify_host_name: false, ..options(&pki, "ca.pem") }).unwrap();
    assert_eq!(meet(&any_name, acceptor(&pki, &broker, None), "elsewhere").await, Ok(()));
    let untrusting = Tls::new(TlsOptions { verify_host_name: false, ..options(&pki, "other.pem") }).unwrap();
    let error = meet(&untrusting, acceptor(&pki, &broker, None), "localhost").await.unwrap_err();
    assert!(error.starts_with("no certificate in the trust store"), "{error}");
}

#[tokio::test]
async fn expired_certificates_are_refused() {
    let pki = Pki::new();
    pki.openssl(
        "x509 -req -in broker.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days -1 -extfile extensions -out broker.pem",
    );
    let tls = Tls::new(TlsOptions { verify_host_name: false, ..options(&pki, "ca.pem") }).unwrap();
    let error = meet(&tls, acceptor(&pki, &pki.both("broker"), None), "localhost").await.unwrap_err();
    assert!(error.starts_with("the broker's certificate has expired"), "{error}");
}

#[tokio::test]
async fn brokers_that_want_certificates_get_them() {
    let pki = Pki::new();
    pki.authority("other");
    pki.certificate("stranger", "other", "subjectAltName=DNS:stranger");
    // Without extensions openssl makes version 1, as in Kafka's own guide.
    pki.certificate("old", "ca", "");
    pki.openssl(&format!(
        "pkcs12 -export -in client.pem -inkey client.key -certfile ca.pem -passout pass:{STORE} -out client.p12"
    ));
    let broker = || acceptor(&pki, &pki.both("broker"), Some("ca.pem"));
    let with = |name: &str| {
        Tls::new(TlsOptions { identity: Some(pki.store(name)), ..options(&pki, "ca.pem") }).unwrap()
    };
    assert_eq!(meet(&with("client.p12"), broker(), "localhost").await, Ok(()));
    assert_eq!(meet(&with(&pki.both("client")), broker(), "localhost").await, Ok(()));
    let error = meet(&Tls::new(options(&pki, "ca.pem")).unwrap(), broker(), "localhost").await.unwrap_err();
    assert!(error.starts_with("the broker wants a certificate of this client"), "{error}");
    let error = meet(&with(&pki.both("stranger")), broker(), "localhost").await.unwrap_err();
    assert!(error.starts_with("the broker does not accept this client's certificate"), "{error}");
    // This broker is rustls, which refuses version 1; others take it, so that it must be offered.
    with(&pki.both("old"));
    pki.write("mixed.pem", pki.text("client.pem") + &pki.text("broker.key"));
    let mixed = Tls::new(TlsOptions { identity: Some(pki.store("mixed.pem")), ..options(&pki, "ca.pem") });
    assert!(mixed.unwrap_err().to_string().contains("not that of its private key"));
}

/// Kafka 2.1 sends its first flight again where it misses a certificate.
#[tokio::test]
async fn a_broker_that_wants_a_certificate_and_gives_no_alert_is_told_from_others() {
    let pki = Pki::new();
    let broker = pki.both("broker");
    for (clients, hint) in [(Some("ca.pem"), true), (None, false)] {
        let config = broker_config(&pki, &broker, clients, &[&rustls::version::TLS12]);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = tokio::spawn(async move {
            let (mut tcp, _) = listener.accept().await.unwrap();
            let mut connection = ServerConnection::new(config).unwrap();
            let mut hello = Vec::with_capacity(8 << 10);
            assert_ne!(tcp.read_buf(&mut hello).await.unwrap(), 0);
            connection.read_tls(&mut hello.as_slice()).unwrap();
            connection.process_new_packets().unwrap();
            let mut flight = Vec::new();
            while connection.wants_write() {
                connection.write_tls(&mut flight).unwrap();
            }
            tcp.write_all(&flight).await.unwrap();
            assert_ne!(tcp.read_buf(&mut hello).await.unwrap(), 0);
            tcp.write_all(&flight).await.unwrap();
            tcp
        });
        let tls = Tls::new(options(&pki, "ca.pem")).unwrap();
        let tcp = TcpStream::connect(address).await.unwrap();
        let error =
            tls.connector().connect(ServerName::try_from("localhost").unwrap(), tcp).await.unwrap_err();
        let said = tls.explain(&error);
        assert_eq!(said.starts_with("the broker wants a certificate of this client"), hint, "{said}");
        assert!(said.contains("unexpected"), "{said}");
        drop(serving.await.unwrap());
    }
}

#[tokio::test]
async fn certificates_in_the_trust_store_are_trusted_themselves_by_their_common_name() {
    let pki = Pki::new();
    for (alias, file) in [("localhost", "self.p12"), ("other", "other.p12")] {
        pki.keytool(&format!(
            "-genkeypair -alias {alias} -dname CN={alias} -keyalg RSA -keysize 2048 -validity 2 -keystore {file} \
             -storetype PKCS12 -storepass {STORE}"
        ));
    }
    let tls = Tls::new(options(&pki, "self.p12")).unwrap();
    assert_eq!(meet(&tls, acceptor(&pki, "self.p12", None), "localhost").await, Ok(()));
    assert!(meet(&tls, acceptor(&pki, "self.p12", None), "elsewhere").await.is_err());
    assert!(meet(&tls, acceptor(&pki, "other.p12", None), "other").await.is_err());
    // Version 1 is refused in words that help.
    pki.certificate("old", "ca", "");
    let any_name = Tls::new(TlsOptions { verify_host_name: false, ..options(&pki, "ca.pem") }).unwrap();
    let error = meet(&any_name, acceptor_of_any(&pki, &pki.both("old")), "old").await.unwrap_err();
    assert!(error.contains("subjectAltName"), "{error}");
    // One that calls itself an authority, as `openssl req -x509` makes them.
    let tls = Tls::new(options(&pki, "ca.pem")).unwrap();
    let own = pki.both("ca");
    assert_eq!(meet(&tls, acceptor(&pki, &own, None), "ca").await, Ok(()));
    // Its common name is right, and its alternative name is another.
    pki.certificate("named", "ca", "subjectAltName=DNS:other");
    assert!(meet(&tls, acceptor(&pki, &pki.both("named"), None), "named").await.is_err());
    assert_eq!(meet(&tls, acceptor(&pki, &pki.both("named"), None), "other").await, Ok(()));
}

#[tokio::test]
async fn replaced_stores_are_taken_and_broken_ones_are_not() {
    let pki = Pki::new();
    pki.authority("other");
    pki.copy("other.pem", "trust.pem");
    let tls = Tls::new(options(&pki, "trust.pem")).unwrap();
    let broker = || acceptor(&pki, &pki.both("broker"), None);
    assert!(meet(&tls, broker(), "localhost").await.is_err());
    pki.copy("ca.pem", "trust.pem");
    assert_eq!(meet(&tls, broker(), "localhost").await, Ok(()));
    pki.write("trust.pem", "-----BEGIN CERTIFICATE-----\nMIIB");
    assert_eq!(meet(&tls, broker(), "localhost").await, Ok(()));
    std::fs::remove_file(pki.path("trust.pem")).unwrap();
    assert_eq!(meet(&tls, broker(), "localhost").await, Ok(()));
    pki.copy("other.pem", "trust.pem");
    assert!(meet(&tls, broker(), "localhost").await.is_err());
}

#[tokio::test]
async fn a_broker_without_tls_is_named_as_such() {
    let pki = Pki::new();
    let tls = Tls::new(options(&pki, "ca.pem")).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let tcp = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (mut broker, _) = listener.accept().await.unwrap();
    broker.write_all(&[0, 0, 0, 4, 0, 0, 0, 1]).await.unwrap();
    let error = tls.connector().connect(ServerName::try_from("localhost").unwrap(), tcp).await.unwrap_err();
    assert!(explain(&error).starts_with("the broker does not speak TLS"), "{error}");
}

#[tokio::test]
async fn a_broker_with_old_ciphers_is_named_as_such() {
    let pki = Pki::new();
    let arguments = format!(
        "s_server -accept 127.0.0.1:0 -tls1_2 -cipher ECDHE-ECDSA-AES128-SHA -cert {} -key {}",
        pki.path("broker.pem"),
        pki.path("broker.key")
    );
    let mut broker = Command::new("openssl")
        .args(arguments.split(' '))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(broker.stdout.take().unwrap()).lines();
    let address = lines.map(Result::unwrap).find_map(|line| line.strip_prefix("ACCEPT ").map(str::to_owned));
    let tls = Tls::new(options(&pki, "ca.pem")).unwrap();
    let tcp = TcpStream::connect(address.unwrap()).await.unwrap();
    let error = tls.connector().connect(ServerName::try_from("localhost").unwrap(), tcp).await.unwrap_err();
    broker.kill().unwrap();
    broker.wait().unwrap();
    assert!(explain(&error).starts_with("the broker has neither TLS 1.3"), "{error}");
}

#[test]
fn without_a_trust_store_the_platforms_certificates_are_trusted() {
    let options = TlsOptions { trust: None, identity: None, verify_host_name: true, read: read() };
    // A system without any is an error that says so, as containers of nothing but a program have none.
    match Tls::new(options) {
        Ok(_) | Err(TlsError::Platform { .. }) => {}
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn what_is_missing_is_named_and_debug_shows_nothing_inline() {
    let pki = Pki::new();
    let error = Tls::new(options(&pki, "none.pem")).unwrap_err();
    assert!(matches!(&error, TlsError::Trust { place, .. } if place.ends_with("none.pem")), "{error}");
    let inline = pki.text(&pki.both("client"));
    let identity =
        Store { source: Source::Inline(inline.into_bytes()), passwords: passwords(Some("pencil"), None) };
    let tls = Tls::new(TlsOptions { identity: Some(identity), ..options(&pki, "ca.pem") }).unwrap();
    let debug = format!("{tls:?}");
    assert!(!debug.contains("pencil") && !debug.contains("BEGIN") && debug.contains("ca.pem"), "{debug}");
}
