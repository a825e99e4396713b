//! Broker release × listener × mechanism × {right, wrong} credentials: records arrive, or the reason is named.

use std::env;
use std::time::{Duration, Instant};

use testkit::kafka::{Cluster, Listener, Plan, USER, USER_PASSWORD, Version, stores};
use testkit::server::{Builder, Server};
use testkit::{consume, dump, http, process};

use crate::{TEST_SPAN, server};

/// How long wrong credentials may take to be named, and right ones to work.
const LIMIT: Duration = Duration::from_secs(60);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Login {
    None,
    Plain,
    Scram256,
    Scram512,
    /// A client's certificate, in a store of this kind.
    Certificate(&'static str),
}

#[derive(Debug, Clone, Copy)]
struct Case {
    listener: Listener,
    login: Login,
    /// The kind of store that says whom to trust.
    trust: &'static str,
    /// What is wrong, and a word of `/readyz` that says so, in lower case.
    wrong: Option<(Wrong, &'static str)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wrong {
    Password,
    User,
    Trust,
    /// None is sent where one is asked for.
    Certificate,
}

const fn case(listener: Listener, login: Login) -> Case {
    Case { listener, login, trust: "pem", wrong: None }
}

const fn wrong(listener: Listener, login: Login, what: Wrong, word: &'static str) -> Case {
    Case { listener, login, trust: "pem", wrong: Some((what, word)) }
}

const CASES: [Case; 22] = [
    case(Listener::Plaintext, Login::None),
    case(Listener::Ssl, Login::None),
    Case { listener: Listener::Ssl, login: Login::None, trust: "p12", wrong: None },
    Case { listener: Listener::Ssl, login: Login::None, trust: "jks", wrong: None },
    wrong(Listener::Ssl, Login::None, Wrong::Trust, "certificate"),
    case(Listener::Mutual, Login::Certificate("pem")),
    case(Listener::Mutual, Login::Certificate("p12")),
    case(Listener::Mutual, Login::Certificate("jks")),
    wrong(Listener::Mutual, Login::None, Wrong::Certificate, "certificate"),
    case(Listener::SaslPlaintext, Login::Plain),
    case(Listener::SaslPlaintext, Login::Scram256),
    case(Listener::SaslPlaintext, Login::Scram512),
    wrong(Listener::SaslPlaintext, Login::Plain, Wrong::Password, "authentication"),
    wrong(Listener::SaslPlaintext, Login::Scram256, Wrong::Password, "authentication"),
    wrong(Listener::SaslPlaintext, Login::Scram512, Wrong::User, "authentication"),
    case(Listener::SaslSsl, Login::Plain),
    case(Listener::SaslSsl, Login::Scram256),
    case(Listener::SaslSsl, Login::Scram512),
    wrong(Listener::SaslSsl, Login::Plain, Wrong::User, "authentication"),
    wrong(Listener::SaslSsl, Login::Scram256, Wrong::Trust, "certificate"),
    wrong(Listener::SaslSsl, Login::Scram256, Wrong::Password, "authentication"),
    wrong(Listener::SaslSsl, Login::Scram512, Wrong::Password, "authentication"),
];

impl Case {
    /// Whether the older releases see it in every run.
    fn chosen(&self) -> bool {
        matches!(self.listener, Listener::Plaintext)
            || (self.listener == Listener::SaslSsl && self.login == Login::Scram256)
    }

    fn mechanism(&self) -> Option<(&'static str, &'static str)> {
        match self.login {
            Login::Plain => Some(("PLAIN", "plain.PlainLoginModule")),
            Login::Scram256 => Some(("SCRAM-SHA-256", "scram.ScramLoginModule")),
            Login::Scram512 => Some(("SCRAM-SHA-512", "scram.ScramLoginModule")),
            Login::None | Login::Certificate(_) => None,
        }
    }

    fn is_wrong(&self, what: Wrong) -> bool {
        self.wrong.is_some_and(|(wrong, _)| wrong == what)
    }

    /// The client's properties, as a worker's file has them.
    fn properties(&self) -> Vec<(String, String)> {
        let mut all = vec![("security.protocol".to_owned(), self.listener.protocol().to_owned())];
        let mut add = |name: &str, value: String| all.push((name.to_owned(), value));
        if self.listener.protocol().ends_with("SSL") {
            let who = if self.is_wrong(Wrong::Trust) { "other" } else { "ca" };
            let file = match self.trust {
                "pem" => format!("{who}.pem"),
                kind => format!("{who}-trust.{kind}"),
            };
            add("ssl.truststore.location", stores::folder().join(file).display().to_string());
            add("ssl.truststore.type", store_type(self.trust).to_owned());
            if self.trust != "pem" {
                add("ssl.truststore.password", stores::PASSWORD.to_owned());
            }
        }
        if let Login::Certificate(kind) = self.login {
            add(
                "ssl.keystore.location",
                stores::folder().join(format!("client.{kind}")).display().to_string(),
            );
            add("ssl.keystore.type", store_type(kind).to_owned());
            if kind != "pem" {
                add("ssl.keystore.password", stores::PASSWORD.to_owned());
                add("ssl.key.password", stores::PASSWORD.to_owned());
            }
        }
        if let Some((mechanism, module)) = self.mechanism() {
            let user = if self.is_wrong(Wrong::User) { "mallory" } else { USER };
            let password = if self.is_wrong(Wrong::Password) { "guessed" } else { USER_PASSWORD };
            add("sasl.mechanism", mechanism.to_owned());
            add(
                "sasl.jaas.config",
                format!(
                    "org.apache.kafka.common.security.{module} required username=\"{user}\" password=\"{password}\";"
                ),
            );
        }
        all
    }
}

/// Every case on every release: `OTLP2KAFKA_TEST_MATRIX=full`. Otherwise the older ones get a choice.
fn full() -> bool {
    env::var_os("OTLP2KAFKA_TEST_MATRIX").is_some_and(|value| value == "full")
}

fn store_type(kind: &str) -> &'static str {
    match kind {
        "pem" => "PEM",
        "p12" => "PKCS12",
        _ => "JKS",
    }
}

fn builder(cluster: &Cluster, case: &Case, topic: &str) -> Builder {
    let mut builder = server()
        .kafka(&cluster.bootstrap(case.listener))
        .option("kafka.topic.traces", topic)
        .option("otlp.request.hold.ms", 1500);
    if cluster.version() == Version::V2 {
        // Before 2.4 brokers have no defaults that a client could ask for.
        builder = builder
            .option("topic.creation.default.partitions", 3)
            .option("topic.creation.default.replication.factor", 1);
    }
    case.properties().into_iter().fold(builder, |builder, (name, value)| {
        builder.option(&format!("producer.{name}"), &value).option(&name, &value)
    })
}

fn export(server: &Server) -> http::Answer {
    http::post(server.http, "/v1/traces", "application/json", TEST_SPAN.as_bytes()).unwrap()
}

fn check(cluster: &Cluster, number: usize, case: &Case) {
    let start = Instant::now();
    let topic = format!("matrix-{number}");
    let server = builder(cluster, case, &topic).start();
    let what = format!("Kafka {} {case:?}", cluster.version().number());
    let readyz = || http::get(server.rest, "/readyz").unwrap();
    if let Some((_, word)) = case.wrong {
        let mut said = String::new();
        process::wait_for(&what, LIMIT, || {
            let answer = readyz();
            assert_eq!(answer.status, 503, "{what} is ready");
            said = answer.text();
            said.to_lowercase().contains(word)
        });
        let port = cluster.bootstrap(case.listener);
        assert!(said.contains(&port), "{what}: {port} is not in {said:?}");
        let answer = export(&server);
        assert_eq!(answer.status, 503, "{what}: {}", answer.text());
        assert!(answer.header("retry-after").is_some(), "{what}");
        assert!(!said.contains(USER_PASSWORD) && !server.log().contains(USER_PASSWORD), "{what}: a password");
    } else {
        process::wait_for(&what, LIMIT, || readyz().status == 200);
        let answer = export(&server);
        assert_eq!(answer.status, 200, "{what}: {}", answer.text());
        assert_eq!(consume::all(&cluster.bootstrap(Listener::Plaintext), &topic).len(), 1, "{what}");
    }
    println!("{what}: as expected after {:?}", start.elapsed());
}

fn matrix(version: Version) {
    let start = Instant::now();
    let cluster = Cluster::start(Plan::new(version, 1));
    println!("Kafka {} is up after {:?}", version.number(), start.elapsed());
    for (number, case) in CASES.iter().enumerate() {
        if full() || version == Version::V4 || case.chosen() {
            check(&cluster, number, case);
        }
    }
    let sequences = dump::sequences(version, &cluster.log_folder(0), "matrix-0");
    assert_eq!((sequences.records, sequences.breaches.clone()), (1, Vec::new()), "{sequences:?}");
}

#[test]
fn the_newest_kafka_takes_the_right_credentials_and_wrong_ones_are_named() {
    matrix(Version::V4);
}

#[test]
fn the_last_kafka_3_takes_the_right_credentials_and_wrong_ones_are_named() {
    matrix(Version::V3);
}

#[test]
fn the_oldest_kafka_takes_the_right_credentials_and_wrong_ones_are_named() {
    matrix(Version::V2);
}
