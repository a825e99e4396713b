//! What an operator can cure, on a Kafka that checks rights: a wrong host name, an expired token, no right, no topic.
//! Each is one line that says what and where, not ready, retryable, and over as soon as it is cured.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use testkit::kafka::{Cluster, Listener, Plan, USER, USER_PASSWORD, Version, stores};
use testkit::server::{Builder, Server};
use testkit::{consume, http, java, process};

use crate::{TEST_SPAN, server};

/// How long something may take to be named, and its cure to be noticed.
const LIMIT: Duration = Duration::from_secs(60);
/// How long brokers let a login last (KIP-368).
const SESSION: Duration = Duration::from_secs(2);
const MODULES: &str = "org.apache.kafka.common.security";
/// Who holds the tokens.
const HOLDER: &str = "bearer";

fn cluster() -> Cluster {
    let oauth =
        format!("{MODULES}.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub=\"x\";");
    let other = stores::folder().join("other.p12").display().to_string();
    let plan = Plan::new(Version::V4, 1)
        // Its certificate is for the host `other`, and everybody on a plain listener may do everything.
        .property("listener.name.ssl.ssl.keystore.location", other)
        .property("authorizer.class.name", "org.apache.kafka.metadata.authorizer.StandardAuthorizer")
        .property("super.users", format!("User:ANONYMOUS;User:{HOLDER}"))
        // Else brokers create what a producer asks for where nobody else may.
        .property("auto.create.topics.enable", false)
        .property("connections.max.reauth.ms", SESSION.as_millis())
        .property("listener.name.sasl_plaintext.sasl.enabled.mechanisms", "PLAIN,OAUTHBEARER")
        .property("listener.name.sasl_plaintext.oauthbearer.sasl.jaas.config", oauth);
    Cluster::start(plan)
}

/// A server that produces with these properties to a topic of this name.
fn with(cluster: &Cluster, listener: Listener, topic: &str, properties: &[(&str, &str)]) -> Builder {
    let builder = server()
        .kafka(&cluster.bootstrap(listener))
        .option("kafka.topic.traces", topic)
        .option("producer.security.protocol", listener.protocol());
    properties
        .iter()
        .fold(builder, |builder, (name, value)| builder.option(&format!("producer.{name}"), value))
}

fn export(server: &Server) -> http::Answer {
    http::post(server.http, "/v1/traces", "application/json", TEST_SPAN.as_bytes()).unwrap()
}

/// Not ready for a reason with all these words, in one line, and retryable meanwhile.
fn is_refused(server: &Server, words: &[&str]) {
    let mut said = String::new();
    process::wait_for(&format!("{words:?} in /readyz"), LIMIT, || {
        let answer = http::get(server.rest, "/readyz").unwrap();
        assert_eq!(answer.status, 503, "ready, and should say {words:?}");
        said = answer.text();
        words.iter().all(|word| said.to_lowercase().contains(&word.to_lowercase()))
    });
    let lines = said.lines().filter(|line| line.to_lowercase().contains(&words[0].to_lowercase())).count();
    assert_eq!(lines, 1, "{said}");
    let answer = export(server);
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("2")), "{}", answer.text());
    println!("as expected: {}", said.trim());
}

/// It goes on by itself.
fn is_cured(server: &Server, cluster: &Cluster, topic: &str) {
    server.wait_until_ready();
    process::wait_for("an export succeeds", LIMIT, || export(server).status == 200);
    assert!(!consume::all(&cluster.bootstrap(Listener::Plaintext), topic).is_empty());
}

/// A token without signature, as brokers take them for tests, that ends so many seconds from now.
fn write_token(path: &Path, seconds: i64) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let (begins, ends) = (now - 86_400, i64::try_from(now).unwrap() + seconds);
    let part = |json: String| base64_url(json.as_bytes());
    let claims = part(format!("{{\"sub\":\"{HOLDER}\",\"iat\":{begins},\"exp\":{ends}}}"));
    let fresh = path.with_extension("new");
    fs::write(&fresh, format!("{}.{claims}.\n", part("{\"alg\":\"none\"}".to_owned()))).unwrap();
    fs::rename(fresh, path).unwrap();
}

fn base64_url(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let word =
            chunk.iter().enumerate().fold(0_u32, |word, (at, byte)| word | u32::from(*byte) << (16 - 8 * at));
        for digit in 0..=chunk.len() {
            text.push(char::from(DIGITS[usize::try_from(word >> (18 - 6 * digit) & 63).unwrap()]));
        }
    }
    text
}

fn a_wrong_host_name(cluster: &Cluster) {
    let ca = stores::folder().join("other.pem").display().to_string();
    let trust = [("ssl.truststore.location", ca.as_str()), ("ssl.truststore.type", "PEM")];
    let address = cluster.bootstrap(Listener::Ssl);
    is_refused(&with(cluster, Listener::Ssl, "name", &trust).start(), &[&address, "TLS failed", "name"]);
    // It is the name alone that does not hold.
    let any_name = [&trust[..], &[("ssl.endpoint.identification.algorithm", "")]].concat();
    is_cured(&with(cluster, Listener::Ssl, "name", &any_name).start(), cluster, "name");
}

fn an_expired_token(cluster: &Cluster) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    write_token(&path, -3600);
    let url = format!("file://{}", path.display());
    let line = format!("{MODULES}.oauthbearer.OAuthBearerLoginModule required;");
    let login = [
        ("sasl.mechanism", "OAUTHBEARER"),
        ("sasl.jaas.config", line.as_str()),
        ("sasl.oauthbearer.token.endpoint.url", url.as_str()),
    ];
    let server = with(cluster, Listener::SaslPlaintext, "token", &login).start();
    let place = path.display().to_string();
    is_refused(&server, &[&cluster.bootstrap(Listener::SaslPlaintext), "OAUTHBEARER", "expired", &place]);
    write_token(&path, 3600);
    is_cured(&server, cluster, "token");
}

fn no_right(cluster: &Cluster) -> Server {
    let line = format!(
        "{MODULES}.plain.PlainLoginModule required username=\"{USER}\" password=\"{USER_PASSWORD}\";"
    );
    let login = [("sasl.mechanism", "PLAIN"), ("sasl.jaas.config", line.as_str())];
    let server = with(cluster, Listener::SaslPlaintext, "right", &login).start();
    is_refused(&server, &[&cluster.bootstrap(Listener::SaslPlaintext), "TOPIC_AUTHORIZATION_FAILED"]);
    java::Operator::start(&cluster.bootstrap(Listener::Plaintext)).tell("allow", USER);
    is_cured(&server, cluster, "right");
    server
}

/// Logins are renewed over the same connections, before their time is over.
fn logins_last(server: &Server) {
    let count = |name: &str| -> u64 {
        let metrics = http::get(server.rest, "/metrics").unwrap().text();
        let lines = metrics.lines().filter(|line| line.starts_with(name));
        lines.map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum()
    };
    let opened = count("otlp2kafka_kafka_connections_opened_total");
    let lost = count("otlp2kafka_kafka_connections_lost_total");
    let start = Instant::now();
    while start.elapsed() < 3 * SESSION {
        let (asked, answer) = (Instant::now(), export(server));
        assert_eq!(answer.status, 200, "{} after {:?}", answer.text(), asked.elapsed());
    }
    assert_eq!(count("otlp2kafka_kafka_connections_lost_total"), lost, "{}", server.log());
    // A worker that had nothing to send so far may have opened its first.
    assert!(count("otlp2kafka_kafka_connections_opened_total") <= opened + 2, "{}", server.log());
}

fn no_topic(cluster: &Cluster) {
    let server =
        with(cluster, Listener::Plaintext, "absent", &[]).option("topic.creation.enable", false).start();
    is_refused(&server, &[&cluster.bootstrap(Listener::Plaintext), "absent", "topic.creation.enable"]);
    for topic in ["absent", "otlp-metrics", "otlp-logs", "otlp-profiles"] {
        java::Operator::start(&cluster.bootstrap(Listener::Plaintext)).tell("create", topic);
    }
    is_cured(&server, cluster, "absent");
}

#[test]
fn what_an_operator_can_cure_is_named_and_waited_for() {
    let cluster = cluster();
    no_topic(&cluster);
    a_wrong_host_name(&cluster);
    an_expired_token(&cluster);
    logins_last(&no_right(&cluster));
}
