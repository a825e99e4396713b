//! Hop 7: TLS of a server, from Java's properties, in handshakes with this crate's own client.

use tokio_rustls::TlsAcceptor;

use super::handshake::meet;
use super::pki::{Pki, read};
use crate::security::java::{self, Given};
use crate::security::{Store, Tls, TlsOptions};

fn given(pairs: &[(&str, &str)]) -> Given {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn client(trust: Store, identity: Option<Store>) -> Tls {
    Tls::new(TlsOptions { trust: Some(trust), identity, verify_host_name: true, read: read() }).unwrap()
}

#[tokio::test]
async fn clients_are_asked_for_certificates_as_the_properties_say() {
    let pki = Pki::new();
    pki.authority("other");
    pki.certificate("stranger", "other", "subjectAltName=DNS:stranger");
    let (own, trust) = (pki.path(&pki.both("broker")), pki.path("ca.pem"));
    let (known, stranger) = (pki.both("client"), pki.both("stranger"));
    let of = |name: &str| Some(pki.store(name));
    for (demand, identity, admitted) in [
        ("none", None, true),
        ("none", of(&stranger), true),
        ("requested", None, true),
        ("requested", of(&known), true),
        ("requested", of(&stranger), false),
        ("required", None, false),
        ("required", of(&known), true),
        ("required", of(&stranger), false),
    ] {
        let properties = given(&[
            ("ssl.keystore.location", &own),
            ("ssl.truststore.location", &trust),
            ("ssl.client.auth", demand),
        ]);
        let acceptor = TlsAcceptor::from(java::server(&properties, read()).unwrap());
        let shown = identity.is_some();
        let met = meet(&client(pki.store("ca.pem"), identity), acceptor, "localhost").await;
        assert_eq!(met.is_ok(), admitted, "{demand}, shows a certificate: {shown}: {met:?}");
    }
}

#[test]
fn a_listener_without_what_it_needs_is_a_mistake() {
    let pki = Pki::new();
    let own = pki.path(&pki.both("broker"));
    let wrong = |pairs: &[(&str, &str)]| {
        let problems = java::server(&given(pairs), read()).unwrap_err();
        problems
            .iter()
            .map(|problem| format!("{}: {}", problem.property, problem.why))
            .collect::<Vec<_>>()
            .join("; ")
    };
    assert!(wrong(&[]).starts_with("ssl.keystore.location: is missing"));
    assert!(
        wrong(&[("ssl.keystore.location", "/nowhere")]).starts_with("ssl.keystore.location: own certificate")
    );
    let required = ("ssl.client.auth", "required");
    assert!(
        wrong(&[("ssl.keystore.location", &own), required])
            .starts_with("ssl.truststore.location: is missing")
    );
    assert!(
        wrong(&[("ssl.keystore.location", &own), ("ssl.client.auth", "maybe")])
            .starts_with("ssl.client.auth: ")
    );
    let trust = ("ssl.truststore.location", "/nowhere");
    assert!(
        wrong(&[("ssl.keystore.location", &own), required, trust]).starts_with("ssl.truststore.location: ")
    );
}
