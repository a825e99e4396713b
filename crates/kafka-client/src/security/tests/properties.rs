//! Hop 7: Properties as workers have them, right and wrong.

use std::sync::Arc;

use super::pki::{Pki, STORE, read};
use crate::security::java::{ALLOWED_FILES, ALLOWED_URLS, Given, Problem, from_java};
use crate::security::{Sasl, Security, Surroundings};

const PLAIN: &str =
    "org.apache.kafka.common.security.plain.PlainLoginModule required username=\"u\" password=\"pencil\";";
const SCRAM: &str =
    "org.apache.kafka.common.security.scram.ScramLoginModule required username=\"u\" password=\"pencil\";";
const OAUTH: &str = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required \
    clientId=\"u\" clientSecret=\"pencil\" extension_logicalCluster=\"lkc-1\";";
const MSK: &str = "software.amazon.msk.auth.iam.IAMLoginModule required;";

const MSK_ROLE: &str =
    "software.amazon.msk.auth.iam.IAMLoginModule required awsRoleArn=\"arn:aws:iam::1:role/r\";";

fn given(pairs: &[(&str, &str)]) -> Given {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// Files, and of the variables only the one that keeps the network out.
fn alone() -> Surroundings {
    let only = |name: &str| (name == "AWS_EC2_METADATA_DISABLED").then(|| "true".to_owned());
    Surroundings { variable: Arc::new(only), ..Surroundings::files(read()) }
}

fn made(pairs: &[(&str, &str)]) -> Result<Security, Vec<Problem>> {
    from_java(&given(pairs), &alone())
}

fn blamed(pairs: &[(&str, &str)]) -> Vec<String> {
    let problems = made(pairs).unwrap_err();
    for problem in &problems {
        assert!(!problem.why.contains("pencil"), "{problem:?}");
    }
    problems.into_iter().map(|problem| problem.property).collect()
}

fn login(mechanism: &str, jaas: &str) -> Result<Security, Vec<String>> {
    let pairs =
        [("security.protocol", "sasl_plaintext"), ("sasl.mechanism", mechanism), ("sasl.jaas.config", jaas)];
    made(&pairs).map_err(|problems| problems.into_iter().map(|problem| problem.property).collect())
}

#[test]
fn a_login_line_in_the_wrong_place_is_not_repeated() {
    for name in ["ssl.truststore.location", "ssl.keystore.location", "sasl.jaas.config"] {
        for line in [PLAIN, "the pencil", &MSK.replace(';', " \"the pencil\"=x;")] {
            let pairs = [("security.protocol", "SASL_SSL"), ("sasl.mechanism", "AWS_MSK_IAM"), (name, line)];
            assert!(blamed(&pairs).contains(&name.to_owned()), "{name}: {line}");
        }
    }
    let pairs = [("security.protocol", "SSL"), ("ssl.truststore.location", "/etc/none.pem")];
    let problems = made(&pairs).unwrap_err();
    assert!(problems[0].why.contains("/etc/none.pem"), "{problems:?}");
}

#[test]
fn protocols_are_javas_words() {
    assert!(made(&[]).unwrap().tls.is_none());
    let plain = made(&[("security.protocol", "plaintext"), ("ssl.truststore.location", "none")]).unwrap();
    assert!(plain.tls.is_none() && plain.sasl.is_none());
    assert_eq!(blamed(&[("security.protocol", "TLS")]), ["security.protocol"]);
}

#[test]
fn stores_are_opened_at_the_start() {
    let pki = Pki::new();
    pki.openssl(&format!(
        "pkcs12 -export -in client.pem -inkey client.key -passout pass:{STORE} -out client.p12"
    ));
    let (ca, p12, chain, key) =
        (pki.path("ca.pem"), pki.path("client.p12"), pki.text("client.pem"), pki.text("client.key"));
    let ssl = ("security.protocol", "SSL");
    let trust = ("ssl.truststore.location", ca.as_str());
    let security = made(&[
        ssl,
        trust,
        ("ssl.truststore.type", "jks"),
        ("ssl.keystore.location", &p12),
        ("ssl.keystore.password", STORE),
        ("ssl.endpoint.identification.algorithm", ""),
    ]);
    assert!(security.unwrap().tls.is_some());
    let pem = [("ssl.keystore.certificate.chain", chain.as_str()), ("ssl.keystore.key", key.as_str())];
    assert!(made(&[ssl, ("ssl.truststore.certificates", &pki.text("ca.pem")), pem[0], pem[1]]).is_ok());

    assert_eq!(blamed(&[ssl, ("ssl.truststore.location", "/none.jks")]), ["ssl.truststore.location"]);
    assert_eq!(
        blamed(&[ssl, trust, ("ssl.keystore.location", &p12), ("ssl.keystore.password", "pencil")]),
        ["ssl.keystore.location"]
    );
    assert_eq!(blamed(&[ssl, trust, pem[0]]), ["ssl.keystore.key"]);
    assert_eq!(blamed(&[ssl, trust, pem[1]]), ["ssl.keystore.certificate.chain"]);
    assert_eq!(
        blamed(&[ssl, trust, pem[0], pem[1], ("ssl.keystore.location", &p12)]),
        ["ssl.keystore.location"]
    );
    assert_eq!(blamed(&[ssl, trust, ("ssl.key.password", "pencil")]), ["ssl.keystore.location"]);
    assert_eq!(blamed(&[ssl, ("ssl.truststore.password", "pencil")]), ["ssl.truststore.location"]);
    assert_eq!(
        blamed(&[
            ssl,
            ("ssl.truststore.type", "BKS"),
            ("ssl.endpoint.identification.algorithm", "ldaps"),
            pem[0],
        ]),
        ["ssl.truststore.type", "ssl.endpoint.identification.algorithm", "ssl.keystore.key"]
    );
}

#[test]
fn mechanisms_go_with_their_modules() {
    assert!(matches!(login("PLAIN", PLAIN).unwrap().sasl, Some(Sasl::Plain(_))));
    assert!(matches!(login("scram-sha-512", SCRAM).unwrap().sasl, Some(Sasl::Scram { .. })));
    let debug = format!("{:?}", login("SCRAM-SHA-256", SCRAM).unwrap());
    assert!(!debug.contains("pencil") && debug.contains("Sha256"), "{debug}");
    for (mechanism, jaas, expected) in [
        ("PLAIN", SCRAM, "sasl.jaas.config"),
        ("SCRAM-SHA-256", PLAIN, "sasl.jaas.config"),
        ("PLAIN", "x", "sasl.jaas.config"),
        (
            "PLAIN",
            "org.apache.kafka.common.security.plain.PlainLoginModule required password=\"\";",
            "sasl.jaas.config",
        ),
        ("", PLAIN, "sasl.mechanism"),
        ("GSSAPI", "com.sun.security.auth.module.Krb5LoginModule required;", "sasl.mechanism"),
        ("DIGEST-MD5", PLAIN, "sasl.mechanism"),
        ("OAUTHBEARER", OAUTH, "sasl.oauthbearer.token.endpoint.url"),
        ("AWS_MSK_IAM", MSK, "sasl.jaas.config"),
        ("AWS_MSK_IAM", MSK_ROLE, "sasl.jaas.config"),
    ] {
        assert_eq!(login(mechanism, jaas).unwrap_err(), [expected], "{mechanism} {jaas}");
    }
    let nothing = blamed(&[("security.protocol", "SASL_PLAINTEXT")]);
    assert_eq!(nothing, ["sasl.jaas.config", "sasl.mechanism"]);
    let class = ("sasl.login.callback.handler.class", "com.example.Mine");
    let pairs = [
        ("security.protocol", "SASL_PLAINTEXT"),
        ("sasl.mechanism", "PLAIN"),
        ("sasl.jaas.config", PLAIN),
        class,
    ];
    assert_eq!(blamed(&pairs), ["sasl.login.callback.handler.class"]);
}

#[tokio::test]
async fn tokens_come_from_files_and_endpoints() {
    let pki = Pki::new();
    let oauth = |url: &str| {
        given(&[
            ("security.protocol", "SASL_PLAINTEXT"),
            ("sasl.mechanism", "OAUTHBEARER"),
            ("sasl.jaas.config", OAUTH),
            ("sasl.oauthbearer.token.endpoint.url", url),
            (
                "sasl.login.callback.handler.class",
                "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginCallbackHandler",
            ),
        ])
    };
    let file = format!("file://{}", pki.path("my%20token"));
    let blamed = |given: &Given| from_java(given, &alone()).unwrap_err()[0].clone();
    assert_eq!(blamed(&oauth(&file)).property, "sasl.oauthbearer.token.endpoint.url");
    // {"alg":"none"} {"exp":1000000000}
    pki.write("my token", "eyJhbGciOiJub25lIn0.eyJleHAiOjEwMDAwMDAwMDB9.x");
    // Whoever writes the file brings a new one: no login until then, and no reason to stop the start.
    let expired = from_java(&oauth(&file), &alone()).unwrap().sasl.unwrap();
    let error = expired.begin("localhost").await.err().unwrap();
    assert!(error.to_string().contains("expired"), "{error}");
    pki.write("my token", "abc\n");
    let sasl = from_java(&oauth(&file), &alone()).unwrap().sasl.unwrap();
    let said = sasl.begin("localhost").await.unwrap().respond(None).unwrap().unwrap();
    assert_eq!(said, b"n,,\x01auth=Bearer abc\x01logicalCluster=lkc-1\x01\x01");
    assert!(from_java(&oauth("http://localhost/token"), &alone()).is_ok());
    for url in ["file://relative", "gopher://x/", OAUTH, "https://u:pencil@x/", "pencil"] {
        let problem = blamed(&oauth(url));
        assert_eq!(problem.property, "sasl.oauthbearer.token.endpoint.url");
        assert!(!problem.why.contains("pencil"), "{problem:?}");
    }
    let mut wrong = oauth("https://localhost/token");
    let line = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required \
        ssl.truststore.location=\"/none.pem\";";
    wrong.insert("sasl.jaas.config".to_owned(), line.to_owned());
    wrong.insert("sasl.login.read.timeout.ms".to_owned(), "soon".to_owned());
    let problems = from_java(&wrong, &alone()).unwrap_err();
    let properties: Vec<_> = problems.iter().map(|problem| problem.property.as_str()).collect();
    let jaas = "sasl.jaas.config";
    assert_eq!(properties, [jaas, jaas, "sasl.login.read.timeout.ms", jaas], "{problems:?}");
}

#[tokio::test]
async fn tokens_come_only_from_where_the_worker_allows() {
    let pki = Pki::new();
    pki.write("token", "abc\n");
    let path = pki.path("token");
    let url = "http://localhost/token";
    let oauth = |url: &str| {
        given(&[
            ("security.protocol", "SASL_PLAINTEXT"),
            ("sasl.mechanism", "OAUTHBEARER"),
            ("sasl.jaas.config", OAUTH),
            ("sasl.oauthbearer.token.endpoint.url", url),
        ])
    };
    let list = |entries: &[&str]| Some(entries.iter().map(|entry| (*entry).to_owned()).collect());
    let mut allowed = alone();
    allowed.tokens.urls = list(&["http://localhost/other", url]);
    allowed.tokens.files = list(&[&path]);
    assert!(from_java(&oauth(url), &allowed).is_ok());
    assert!(from_java(&oauth(&format!("file://{path}")), &allowed).is_ok());
    for (url, key) in [
        ("http://localhost/token/", ALLOWED_URLS),
        ("http://localhost/", ALLOWED_URLS),
        ("file:///etc/passwd", ALLOWED_FILES),
        ("FILE:///etc/passwd", ALLOWED_FILES),
    ] {
        let problems = from_java(&oauth(url), &allowed).unwrap_err();
        assert_eq!(problems[0].property, "sasl.oauthbearer.token.endpoint.url");
        assert!(problems[0].why.contains(key), "{problems:?}");
    }
    allowed.tokens.urls = list(&[]);
    assert!(from_java(&oauth(url), &allowed).is_err());
}

#[tokio::test]
async fn amazon_gets_a_signature_by_the_credentials_of_the_moment() {
    let pairs = [
        ("security.protocol", "SASL_PLAINTEXT"),
        ("sasl.mechanism", "AWS_MSK_IAM"),
        ("sasl.jaas.config", MSK),
    ];
    let variable = |name: &str| match name {
        "AWS_ACCESS_KEY_ID" => Some("AKIDEXAMPLE".to_owned()),
        "AWS_SECRET_ACCESS_KEY" => Some("pencil".to_owned()),
        _ => None,
    };
    let with_keys = Surroundings { variable: Arc::new(variable), ..alone() };
    let security = from_java(&given(&pairs), &with_keys).unwrap();
    assert!(!format!("{security:?}").contains("pencil"));
    let sasl = security.sasl.unwrap();
    let mut conversation = sasl.begin("b-1.demo.c2.kafka.eu-west-1.amazonaws.com").await.unwrap();
    let said = String::from_utf8(conversation.respond(None).unwrap().unwrap()).unwrap();
    assert!(said.contains("AKIDEXAMPLE") && !said.contains("pencil"), "{said}");
    assert!(said.contains("/eu-west-1/kafka-cluster/aws4_request"), "{said}");
    assert_eq!(conversation.respond(Some(b"{}")), Ok(None));
    assert!(sasl.begin("localhost").await.is_err());
    let problems = from_java(&given(&pairs), &alone()).unwrap_err();
    assert!(problems[0].why.contains("AWS_EC2_METADATA_DISABLED"), "{problems:?}");
}

#[tokio::test]
async fn plain_says_name_and_password() {
    let sasl = login("PLAIN", PLAIN).unwrap().sasl.unwrap();
    let mut conversation = sasl.begin("localhost").await.unwrap();
    assert_eq!(conversation.respond(None).unwrap().unwrap(), b"\0u\0pencil");
    assert_eq!(conversation.respond(Some(b"")), Ok(None));
}
