//! Fuzzing: the security properties of Java's clients. A protection that is asked for is in force or stops the start,
//! and no message has a secret, wherever it was put. `Debug` shows names and places, and never what stands where a
//! secret belongs.
//!
//! Each line but the last is a property: a letter for its name and its value; the rest is what every file holds.
#![no_main]

use std::sync::Arc;

use kafka_client::Lookups;
use kafka_client::fuzzing::security::jaas;
use kafka_client::security::java::{Given, from_java};
use kafka_client::security::{Surroundings, TokenPlaces};
use libfuzzer_sys::fuzz_target;

const NAMES: [&str; 20] = [
    "security.protocol",
    "sasl.mechanism",
    "sasl.jaas.config",
    "ssl.truststore.location",
    "ssl.truststore.certificates",
    "ssl.truststore.type",
    "ssl.keystore.location",
    "ssl.keystore.certificate.chain",
    "ssl.keystore.key",
    "ssl.keystore.type",
    "ssl.endpoint.identification.algorithm",
    "sasl.oauthbearer.token.endpoint.url",
    "sasl.oauthbearer.client.credentials.client.id",
    "sasl.oauthbearer.scope",
    "sasl.oauthbearer.header.urlencode",
    "sasl.login.connect.timeout.ms",
    "sasl.login.read.timeout.ms",
    "sasl.login.callback.handler.class",
    "sasl.client.callback.handler.class",
    "ssl.truststore.password",
];
const SECRET: &str = "correct horse battery staple";
const OWN: &[u8] = include_bytes!("../corpus/key_stores/authority.pem");

fuzz_target!(|input: &[u8]| {
    let mut lines = input.split(|byte| *byte == b'\n');
    let file = lines.next_back().unwrap_or_default().to_vec();
    let mut given = Given::new();
    for line in lines.take(NAMES.len()) {
        let Some((name, value)) = line.split_first() else { continue };
        let name = NAMES[usize::from(name.wrapping_sub(b'a')) % NAMES.len()];
        // The other places of the word are there for seeds to be read by people.
        let value = String::from_utf8_lossy(value).replace("SECRET", SECRET).replace('\t', "\n");
        given.insert(name.to_owned(), value);
    }
    for name in
        ["ssl.keystore.password", "ssl.key.password", "sasl.oauthbearer.client.credentials.client.secret"]
    {
        given.insert(name.to_owned(), SECRET.to_owned());
    }
    // The system's own authorities are many, and not what is tried here.
    if !given.contains_key("ssl.truststore.location") && !given.contains_key("ssl.truststore.certificates") {
        given.insert("ssl.truststore.certificates".to_owned(), String::from_utf8_lossy(OWN).into_owned());
    }
    let variable = |name: &str| name.starts_with("AWS_").then(|| SECRET.to_owned());
    let surroundings = Surroundings {
        read: Arc::new(move |_| Ok(file.clone())),
        variable: Arc::new(variable),
        tokens: TokenPlaces { urls: None, files: Some(vec!["/token".to_owned()]) },
        // Nothing is connected to.
        lookups: Lookups::default(),
    };
    let asked = given.get("security.protocol").map_or("PLAINTEXT", String::as_str).to_ascii_uppercase();
    match from_java(&given, &surroundings) {
        Ok(security) => {
            let expected = match asked.as_str() {
                "PLAINTEXT" => (false, false),
                "SSL" => (true, false),
                "SASL_PLAINTEXT" => (false, true),
                "SASL_SSL" => (true, true),
                other => panic!("{other:?} was taken"),
            };
            assert_eq!((security.tls.is_some(), security.sasl.is_some()), expected);
            assert!(is_misplaced(&given) || !format!("{security:?}").contains(SECRET), "{security:?}");
        }
        Err(problems) => {
            assert!(!problems.is_empty());
            for problem in problems {
                assert!(problem.property.contains('.') && !problem.why.is_empty());
                assert!(!problem.why.contains(SECRET), "{problem:?}");
            }
        }
    }
});

/// Whether the secret stands where a name or a place belongs.
fn is_misplaced(given: &Given) -> bool {
    let is_secret =
        |name: &str| ["password", "secret", "ssl.keystore.key"].iter().any(|end| name.ends_with(end));
    given.iter().any(|(name, value)| match name.as_str() {
        "sasl.jaas.config" => jaas(value).is_ok_and(|(_, options)| {
            let of_a_secret = |name: &str| is_secret(name) || name == "clientSecret";
            let misplaced = |(name, value): (&String, &String)| {
                name.contains(SECRET) || value.contains(SECRET) && !of_a_secret(name)
            };
            options.iter().any(misplaced)
        }),
        name => value.contains(SECRET) && !is_secret(name),
    })
}
