//! Every property of the list with a value and where it arrives, or in which words it is refused.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;

use kafka_client::security::{Security, Surroundings};
use kafka_client::{Lookups, ProducerSettings, Settings};

use super::table::PROPERTIES;
use super::*;
use crate::config::RECORD_OVERHEAD_BYTES;

const HOLD: std::time::Duration = std::time::Duration::from_secs(3600);

/// What is expected of a property.
#[derive(Clone, Copy)]
enum Expect {
    /// The typed field, as `Debug` writes it.
    Field(fn(&Settings, &ProducerSettings) -> String, &'static str),
    /// Read together with others of its kind, in Java's words.
    Security(&'static str),
    /// The value of the checked property; what is made of it is tested where it is made.
    Value(&'static str),
    /// Without effect, for a reason with these words.
    Noted(&'static str),
    /// Refused, in words with these among them.
    Refused(&'static str),
    /// Says what is so anyway.
    Silent,
}
use Expect::{Field, Noted, Refused, Silent, Value as Is};

/// A field of the settings that all clients share.
macro_rules! of {
    ($field:ident, $expected:literal) => {
        Field(|settings, _| format!("{:?}", settings.$field), $expected)
    };
}
/// A field of a producer's settings.
macro_rules! produce {
    ($field:ident, $expected:literal) => {
        Field(|_, produce| format!("{:?}", produce.$field), $expected)
    };
}

const LOGIN_HANDLER: &str =
    "org.apache.kafka.common.security.oauthbearer.secured.OAuthBearerLoginCallbackHandler";
const OLD_HANDLER: &str = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginCallbackHandler";
const IAM_HANDLER: &str = "software.amazon.msk.auth.iam.IAMClientCallbackHandler";
const RETRIEVER: &str = "org.apache.kafka.common.security.oauthbearer.DefaultJwtRetriever";
const VALIDATOR: &str = "org.apache.kafka.common.security.oauthbearer.DefaultJwtValidator";
const JAAS: &str = "org.apache.kafka.common.security.plain.PlainLoginModule required username=u password=p;";

#[rustfmt::skip]
const EXPECTED: &[(&str, &str, Expect)] = &[
    ("bootstrap.servers", " a:1,b:2 ", Is("a:1,b:2")),
    ("client.id", "c", of!(client_id, "\"c\"")),
    ("client.id", "", of!(client_id, "\"ours\"")),
    ("client.rack", "r", Noted("leaders")),
    ("client.dns.lookup", "use_all_dns_ips", Is("use_all_dns_ips")),
    ("client.dns.lookup", "resolve_canonical_bootstrap_servers_only", Refused("in reverse")),
    ("client.dns.lookup", "default", Refused("String must be one of: use_all_dns_ips, resolve_")),
    ("request.timeout.ms", "1000", of!(request_timeout, "1s")),
    ("request.timeout.ms", "0", Refused("Value must be at least 1")),
    ("request.timeout.ms", "2147483648", Refused("Value must be no more than 2147483647")),
    ("request.timeout.ms", "1s", Refused("Not a number of type INT")),
    ("retry.backoff.ms", "50", of!(retry_backoff, "(50ms, 1s)")),
    ("retry.backoff.ms", "0", of!(retry_backoff, "(1ms, 1s)")),
    ("retry.backoff.ms", "5000", of!(retry_backoff, "(1s, 1s)")),
    ("retry.backoff.ms", "-1", Refused("Value must be at least 0")),
    ("retry.backoff.max.ms", "500", of!(retry_backoff, "(100ms, 500ms)")),
    ("retry.backoff.max.ms", "20", of!(retry_backoff, "(20ms, 20ms)")),
    ("reconnect.backoff.ms", "75", of!(reconnect_backoff, "(75ms, 75ms)")),
    ("reconnect.backoff.max.ms", "3000", of!(reconnect_backoff, "(50ms, 3s)")),
    ("reconnect.backoff.max.ms", "0", of!(reconnect_backoff, "(1ms, 1ms)")),
    ("connections.max.idle.ms", "-1", of!(connections_max_idle, "0ns")),
    ("connections.max.idle.ms", "60000", of!(connections_max_idle, "60s")),
    ("connections.max.idle.ms", "-2", Refused("Value must be at least -1")),
    ("socket.connection.setup.timeout.ms", "2000", of!(setup_timeout, "2s")),
    ("socket.connection.setup.timeout.ms", "0", Refused("Value must be at least 1")),
    ("socket.connection.setup.timeout.max.ms", "30000", Noted("does not grow")),
    ("metadata.max.age.ms", "60000", of!(metadata_max_age, "60s")),
    ("metadata.max.age.ms", "9223372036854775807", of!(metadata_max_age, "2147483.647s")),
    ("metadata.max.idle.ms", "300000", Noted("topics stay known")),
    ("metadata.recovery.strategy", "Rebootstrap", Silent),
    ("metadata.recovery.strategy", "none", Noted("bootstrap.servers are asked again")),
    ("metadata.recovery.strategy", "never", Refused("String must be one of: none, rebootstrap")),
    ("metadata.recovery.rebootstrap.trigger.ms", "300000", Noted("bootstrap.servers are asked again")),
    ("send.buffer.bytes", "-1", of!(send_buffer_bytes, "None")),
    ("send.buffer.bytes", "0", of!(send_buffer_bytes, "None")),
    ("send.buffer.bytes", "131072", of!(send_buffer_bytes, "Some(131072)")),
    ("receive.buffer.bytes", "-1", of!(receive_buffer_bytes, "None")),
    ("receive.buffer.bytes", "65536", of!(receive_buffer_bytes, "Some(65536)")),
    ("receive.buffer.bytes", "-2", Refused("Value must be at least -1")),
    ("enable.metrics.push", "TRUE", Noted("/metrics")),
    ("enable.metrics.push", "False", Silent),
    ("enable.metrics.push", "no", Refused("Expected value to be either true or false")),
    ("acks", "all", produce!(acks, "All")),
    ("acks", "-1", produce!(acks, "All")),
    ("acks", "1", produce!(acks, "Leader")),
    ("acks", "0", produce!(acks, "None")),
    ("acks", "2", Refused("String must be one of: all, 1, 0")),
    ("enable.idempotence", "False", produce!(idempotence, "false")),
    ("enable.idempotence", "yes", Refused("Expected value to be either true or false")),
    ("max.in.flight.requests.per.connection", "1", produce!(in_flight_max, "1")),
    ("max.in.flight.requests.per.connection", "0", Refused("Value must be at least 1")),
    ("retries", "3", produce!(retries, "3")),
    ("retries", "2147483647", produce!(retries, "2147483647")),
    ("retries", "-1", Refused("Value must be at least 0")),
    ("linger.ms", "0", produce!(linger, "0ns")),
    ("linger.ms", "25", produce!(linger, "25ms")),
    ("linger.ms", "9223372036854775807", produce!(linger, "3600s")),
    ("linger.ms", "-1", Refused("Value must be at least 0")),
    ("batch.size", "16384", produce!(batch_bytes, "16384")),
    ("batch.size", "0", produce!(batch_bytes, "1")),
    ("batch.size", "-1", Refused("Value must be at least 0")),
    ("delivery.timeout.ms", "120000", produce!(delivery_timeout, "120s")),
    ("delivery.timeout.ms", "2147483647", produce!(delivery_timeout, "3600s")),
    ("delivery.timeout.ms", "0", Refused("Value must be at least 1")),
    ("max.request.size", "1234567", produce!(request_bytes_max, "1234567")),
    ("max.request.size", "500000", produce!(batch_bytes, "500000")),
    ("max.request.size", "999", Refused("Value must be at least 1000")),
    ("compression.type", "none", produce!(compression, "Compression { codec: None, level: None }")),
    ("compression.type", "GZIP", produce!(compression, "Compression { codec: Gzip, level: None }")),
    ("compression.type", "snappy", produce!(compression, "Compression { codec: Snappy, level: None }")),
    ("compression.type", "lz4", produce!(compression, "Compression { codec: Lz4, level: None }")),
    ("compression.type", "zstd", produce!(compression, "Compression { codec: Zstd, level: None }")),
    ("compression.type", "brotli", Refused("String must be one of: none, gzip, snappy, lz4, zstd")),
    ("compression.gzip.level", "6", Is("6")),
    ("compression.gzip.level", "0", Refused("Value must be -1, or at least 1")),
    ("compression.gzip.level", "10", Refused("Value must be no more than 9")),
    ("compression.lz4.level", "9", Noted("one way")),
    ("compression.lz4.level", "0", Refused("Value must be at least 1")),
    ("compression.zstd.level", "-7", Is("-7")),
    ("compression.zstd.level", "23", Refused("Value must be no more than 22")),
    ("buffer.memory", "33554432", Noted("otlp.memory.max.bytes")),
    ("max.block.ms", "9223372036854775807", Noted("otlp.request.hold.ms")),
    ("partitioner.ignore.keys", "true", produce!(ignore_keys, "true")),
    ("partitioner.ignore.keys", "1", Refused("Expected value to be either true or false")),
    ("partitioner.adaptive.partitioning.enable", "true", Noted("least on its hands")),
    ("partitioner.availability.timeout.ms", "0", Noted("1 MiB or 100 ms")),
    ("transaction.timeout.ms", "60000", Noted("no transactions")),
    ("key.serializer", "x", Noted("bytes already")),
    ("value.serializer", "x", Noted("bytes already")),
    ("key.deserializer", "x", Noted("bytes already")),
    ("value.deserializer", "x", Noted("bytes already")),
    ("auto.include.jmx.reporter", "true", Noted("/metrics")),
    ("metric.reporters", "x", Noted("/metrics")),
    ("metrics.num.samples", "2", Noted("/metrics")),
    ("metrics.recording.level", "INFO", Noted("/metrics")),
    ("metrics.sample.window.ms", "30000", Noted("/metrics")),
    ("default.api.timeout.ms", "60000", Noted("their own time")),
    ("security.protocol", "sasl_ssl", Expect::Security("SASL_SSL")),
    ("security.protocol", "TLS", Refused("String must be one of: PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL")),
    ("sasl.mechanism", "plain", Expect::Security("PLAIN")),
    ("sasl.mechanism", "SCRAM-SHA-256", Expect::Security("SCRAM-SHA-256")),
    ("sasl.mechanism", "SCRAM-SHA-512", Expect::Security("SCRAM-SHA-512")),
    ("sasl.mechanism", "OAUTHBEARER", Expect::Security("OAUTHBEARER")),
    ("sasl.mechanism", "AWS_MSK_IAM", Expect::Security("AWS_MSK_IAM")),
    ("sasl.mechanism", "GSSAPI", Refused("GSSAPI (Kerberos) is not built in; use SCRAM")),
    ("sasl.jaas.config", JAAS, Expect::Security(JAAS)),
    ("sasl.client.callback.handler.class", IAM_HANDLER, Expect::Security(IAM_HANDLER)),
    ("sasl.client.callback.handler.class", LOGIN_HANDLER, Expect::Security(LOGIN_HANDLER)),
    ("sasl.client.callback.handler.class", "a.B", Refused("String must be one of: software.amazon.msk")),
    ("sasl.login.callback.handler.class", LOGIN_HANDLER, Expect::Security(LOGIN_HANDLER)),
    ("sasl.login.callback.handler.class", OLD_HANDLER, Expect::Security(OLD_HANDLER)),
    ("sasl.login.callback.handler.class", "a.B", Refused("String must be one of: org.apache.kafka.common")),
    ("sasl.login.connect.timeout.ms", "1000", Expect::Security("1000")),
    ("sasl.login.read.timeout.ms", "2000", Expect::Security("2000")),
    ("sasl.login.connect.timeout.ms", "3600001", Refused("Value must be no more than 3600000")),
    ("sasl.login.retry.backoff.ms", "50", Noted("reconnect.backoff.ms")),
    ("sasl.login.retry.backoff.max.ms", "5000", Noted("reconnect.backoff.ms")),
    ("sasl.login.refresh.window.factor", "0.8", Noted("before the old one ends")),
    ("sasl.login.refresh.window.jitter", "0.05", Noted("before the old one ends")),
    ("sasl.login.refresh.min.period.seconds", "60", Noted("before the old one ends")),
    ("sasl.login.refresh.buffer.seconds", "300", Noted("before the old one ends")),
    ("sasl.oauthbearer.token.endpoint.url", "https://x/y", Expect::Security("https://x/y")),
    ("sasl.oauthbearer.token.endpoint.url", "", Refused("String may not be empty")),
    ("sasl.oauthbearer.client.credentials.client.id", "me", Expect::Security("me")),
    ("sasl.oauthbearer.client.credentials.client.secret", "s", Expect::Security("s")),
    ("sasl.oauthbearer.scope", "a b", Expect::Security("a b")),
    ("sasl.oauthbearer.header.urlencode", "TRUE", Expect::Security("true")),
    ("sasl.oauthbearer.jwt.retriever.class", RETRIEVER, Expect::Security(RETRIEVER)),
    ("sasl.oauthbearer.jwt.retriever.class", "a.B", Refused("String must be one of: org.apache.kafka.common")),
    ("sasl.oauthbearer.jwt.validator.class", VALIDATOR, Expect::Security(VALIDATOR)),
    ("sasl.oauthbearer.scope.claim.name", "scope", Noted("brokers check")),
    ("sasl.oauthbearer.sub.claim.name", "sub", Noted("brokers check")),
    ("sasl.oauthbearer.clock.skew.seconds", "30", Noted("brokers check")),
    ("sasl.oauthbearer.expected.audience", "x", Noted("brokers check")),
    ("sasl.oauthbearer.expected.issuer", "x", Noted("brokers check")),
    ("sasl.oauthbearer.jwks.endpoint.url", "https://x", Noted("brokers check")),
    ("sasl.oauthbearer.jwks.endpoint.refresh.ms", "1", Noted("brokers check")),
    ("sasl.oauthbearer.jwks.endpoint.retry.backoff.ms", "1", Noted("brokers check")),
    ("sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms", "1", Noted("brokers check")),
    ("ssl.truststore.type", "pem", Expect::Security("PEM")),
    ("ssl.truststore.type", "BCFKS", Refused("String must be one of: PEM, JKS, PKCS12")),
    ("ssl.truststore.location", "/trust.jks", Expect::Security("/trust.jks")),
    ("ssl.truststore.password", "s", Expect::Security("s")),
    ("ssl.truststore.certificates", "-----BEGIN", Expect::Security("-----BEGIN")),
    ("ssl.keystore.type", "PKCS12", Expect::Security("PKCS12")),
    ("ssl.keystore.location", "/key.p12", Expect::Security("/key.p12")),
    ("ssl.keystore.password", "s", Expect::Security("s")),
    ("ssl.keystore.certificate.chain", "-----BEGIN", Expect::Security("-----BEGIN")),
    ("ssl.keystore.key", "-----BEGIN", Expect::Security("-----BEGIN")),
    ("ssl.key.password", "s", Expect::Security("s")),
    ("ssl.endpoint.identification.algorithm", "", Expect::Security("")),
    ("ssl.endpoint.identification.algorithm", "HTTPS", Expect::Security("https")),
    ("ssl.endpoint.identification.algorithm", "none", Refused("String must be one of: https, ")),
    ("ssl.protocol", "TLSv1.3", Noted("TLS 1.2 and 1.3")),
    ("ssl.enabled.protocols", "TLSv1.2,TLSv1.3", Silent),
    ("ssl.enabled.protocols", "TLSv1.3", Refused("can't be narrowed")),
    ("ssl.cipher.suites", "TLS_AES_256_GCM_SHA384", Refused("no equal")),
    ("ssl.provider", "x", Noted("built in")),
    ("ssl.keymanager.algorithm", "x", Noted("built in")),
    ("ssl.trustmanager.algorithm", "x", Noted("built in")),
    ("ssl.secure.random.implementation", "x", Noted("built in")),
    ("ssl.engine.factory.class", "x", Refused("classes of Java")),
    ("security.providers", "x", Refused("classes of Java")),
    ("interceptor.classes", "x", Refused("classes of Java")),
    ("partitioner.class", "x", Refused("classes of Java")),
    ("transactional.id", "x", Refused("outside of transactions")),
    ("transaction.two.phase.commit.enable", "true", Refused("outside of transactions")),
    ("config.providers", "x", Refused("belongs to the worker")),
    ("sasl.login.class", "x", Refused("classes of Java")),
    ("sasl.kerberos.service.name", "kafka", Refused("GSSAPI (Kerberos) is not built in")),
    ("sasl.kerberos.kinit.cmd", "sh -c x", Refused("runs a command")),
    ("plugin.library.paths", "/x.so", Refused("loads code")),
    ("ssl.engine.location", "/x.so", Refused("loads code")),
    ("ssl.providers", "x", Refused("loads code")),
    // Of no row, but of a family; and of none.
    ("test.mock.num.brokers", "3", Refused("a mock")),
    ("sasl.oauthbearer.assertion.file", "x", Refused("RFC 7523")),
    ("sasl.kerberos.ticket.renew.jitter", "x", Refused("GSSAPI")),
    ("plugin.x", "x", Refused("loads code")),
    ("sasl.oauthbearer.token.endpoint", "x", Refused("did you mean sasl.oauthbearer.token.endpoint.url?")),
    ("lingr.ms", "5", Refused("Unknown configuration producer.lingr.ms; did you mean linger.ms?")),
    ("instance", "5", Refused("did you mean instances?")),
    ("queue.buffering.max.kbytes", "5", Refused("Unknown configuration")),
];

fn given(pairs: &[(&str, &str)]) -> Given {
    let full = |name: &str| format!("producer.{name}");
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (full(name), (*value).to_owned()))).collect()
}

fn checked(pairs: &[(&str, &str)]) -> Checked {
    check(&given(pairs), Client::Producer, Library::Native)
}

fn settings(checked: &Checked) -> (Settings, ProducerSettings) {
    let settings = native::settings(checked, Vec::new(), "ours", Security::default(), &Lookups::default());
    (settings, native::produce(checked, HOLD, 1_000_000))
}

#[test]
fn every_property_arrives_where_the_list_says() {
    let mut covered = BTreeSet::new();
    let (plain_settings, plain_produce) = settings(&Checked::default());
    for (name, value, expect) in EXPECTED {
        let checked = checked(&[(name, value)]);
        let (notes, problems) = (&checked.notes, &checked.problems);
        let what = format!("{name}={value}: {notes:?} {problems:?}");
        let said = matches!(expect, Noted(_) | Refused(_));
        assert!(said || (notes.is_empty() && problems.is_empty()), "{what}");
        let texts: BTreeMap<_, _> = checked.texts().collect();
        match expect {
            Field(field, expected) => {
                let (settings, produce) = settings(&checked);
                assert_eq!(field(&settings, &produce), *expected, "{what}");
                covered.insert(*name);
            }
            Expect::Security(expected) => {
                assert_eq!(checked.security().get(*name).map(String::as_str), Some(*expected), "{what}");
                covered.insert(*name);
            }
            Is(expected) => {
                assert_eq!(texts.get(name).map(String::as_str), Some(*expected), "{what}");
                covered.insert(*name);
            }
            Noted(words) => {
                assert!(notes.len() == 1 && problems.is_empty() && texts.is_empty(), "{what}");
                let begins = format!("producer.{name} has no effect: ");
                assert!(notes[0].starts_with(&begins) && notes[0].contains(words), "{what}");
                covered.insert(*name);
            }
            Refused(words) => {
                assert!(notes.is_empty() && problems.len() == 1 && texts.is_empty(), "{what}");
                let line = problems[0].to_string();
                assert!(line.contains(&format!("producer.{name}")) && line.contains(words), "{what}");
                if table::property(name).is_some_and(|row| matches!(row.fate, Fate::Denied(_))) {
                    covered.insert(*name);
                }
            }
            Silent => assert!(texts.is_empty(), "{what}"),
        }
        if !matches!(expect, Field(..)) {
            let (settings, produce) = settings(&checked);
            assert_eq!(format!("{settings:?}"), format!("{plain_settings:?}"), "{what}");
            assert_eq!(format!("{produce:?}"), format!("{plain_produce:?}"), "{what}");
        }
    }
    for property in PROPERTIES {
        assert!(covered.contains(property.java), "{} is not in this test", property.java);
    }
}

#[test]
fn defaults_are_ours() {
    let (settings, produce) = settings(&Checked::default());
    let defaults = Settings::new(Vec::new(), "ours");
    assert_eq!(format!("{settings:?}"), format!("{defaults:?}"));
    let expected = ProducerSettings { delivery_timeout: HOLD, ..ProducerSettings::default() };
    assert_eq!(format!("{produce:?}"), format!("{expected:?}"));
    // A record larger than Java's largest request has room, and what its user says counts.
    let produce = native::produce(&Checked::default(), HOLD, 4 << 20);
    assert!(produce.request_bytes_max > (4 << 20) + RECORD_OVERHEAD_BYTES);
    assert_eq!(produce.batch_bytes, 1_000_000);
    let asked = checked(&[("max.request.size", "2000000")]);
    assert_eq!(native::produce(&asked, HOLD, 4 << 20).request_bytes_max, 2_000_000);
}

#[test]
fn gzip_and_zstd_have_levels_of_their_own() {
    let level = |codec| {
        let checked = checked(&[
            ("compression.type", codec),
            ("compression.gzip.level", "3"),
            ("compression.lz4.level", "9"),
            ("compression.zstd.level", "19"),
        ]);
        settings(&checked).1.compression.level
    };
    assert_eq!(["none", "gzip", "snappy", "lz4", "zstd"].map(level), [None, Some(3), None, None, Some(19)]);
    let default = checked(&[("compression.type", "gzip"), ("compression.gzip.level", "-1")]);
    assert_eq!(settings(&default).1.compression.level, None);
}

#[test]
fn pauses_are_javas() {
    let pauses = |pairs: &[(&str, &str)]| {
        let (settings, _) = settings(&checked(pairs));
        let millis = |(first, longest): (std::time::Duration, std::time::Duration)| {
            (first.as_millis(), longest.as_millis())
        };
        (millis(settings.reconnect_backoff), millis(settings.retry_backoff))
    };
    assert_eq!(pauses(&[]), ((50, 1000), (100, 1000)));
    assert_eq!(
        pauses(&[("reconnect.backoff.ms", "200"), ("reconnect.backoff.max.ms", "4000")]),
        ((200, 4000), (100, 1000))
    );
    assert_eq!(
        pauses(&[("retry.backoff.ms", "2000"), ("retry.backoff.max.ms", "1500")]),
        ((50, 1000), (1500, 1500))
    );
}

#[test]
fn keys_of_ours_are_no_properties() {
    let line = |key: &str, name: &str| {
        let given = Given::from([(name.to_owned(), (key.to_owned(), "1".to_owned()))]);
        check(&given, Client::Producer, Library::Native).problems[0].to_string()
    };
    assert_eq!(
        line("producer.override.client", "client"),
        "producer.override.client: is a key of its own: write producer.client"
    );
    assert_eq!(line("admin.instances", "instances"), "Unknown configuration admin.instances");
}

#[test]
fn other_clients_have_no_property_of_producers() {
    for property in PROPERTIES.iter().filter(|property| property.only_producer) {
        let checked = check(&given(&[(property.java, "1")]), Client::Consumer, Library::Native);
        assert!(checked.problems.is_empty() && checked.texts().next().is_none(), "{}", property.java);
        assert_eq!(checked.notes.len(), 1, "{}", property.java);
    }
    let asked = checked(&[("acks", "1"), ("client.id", "c"), ("request.timeout.ms", "5")]);
    let names: Vec<&str> = asked.common().texts().map(|(java, _)| java).collect();
    assert_eq!(names, ["request.timeout.ms"]);
}

#[test]
fn secrets_are_never_shown() {
    for property in PROPERTIES {
        let words = ["password", "secret", "jaas", "keystore.key", "certificate"];
        let secret = words.iter().any(|word| property.java.contains(word));
        assert_eq!(property.kind == Kind::Password, secret, "{}", property.java);
    }
    let checked = checked(&[("sasl.kerberos.hunter", "hunter2"), ("unheard.of", "hunter2")]);
    assert_eq!(checked.problems.len(), 2);
    assert!(checked.problems.iter().all(|problem| !problem.to_string().contains("hunter2")));
}

#[test]
fn prefixes_follow_their_rank_and_security_is_inherited_only_where_none_is_set() {
    let raw = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    };
    let prefixes = ["producer.", "producer.override."];
    let (given, inherits) = collect(
        &raw(&[
            ("producer.linger.ms", "1"),
            ("producer.override.linger.ms", "2"),
            ("producer.acks", "1"),
            ("security.protocol", "SSL"),
            ("ssl.truststore.location", "ca.pem"),
            ("ssl.client.auth", "required"),
            ("consumer.linger.ms", "9"),
            ("producer.client", "librdkafka"),
            ("producer.instances", "3"),
        ]),
        &prefixes,
    );
    assert!(inherits);
    assert_eq!(given["linger.ms"], ("producer.override.linger.ms".to_owned(), "2".to_owned()));
    assert_eq!(given["acks"].1, "1");
    assert_eq!(given["ssl.truststore.location"].0, "ssl.truststore.location");
    assert!(!given.contains_key("override.linger.ms"));
    assert!(!given.contains_key("ssl.client.auth"));
    assert!(!given.contains_key("client") && !given.contains_key("instances"));
    let (given, inherits) = collect(
        &raw(&[
            ("producer.security.protocol", "PLAINTEXT"),
            ("security.protocol", "SSL"),
            ("ssl.key.password", "x"),
        ]),
        &prefixes,
    );
    assert!(!inherits);
    assert_eq!(given.len(), 1);
}

#[test]
fn mistakes_of_tls_and_login_are_named_by_the_key_that_was_written() {
    let raw = [("security.protocol", "SASL_SSL"), ("ssl.keystore.location", "/a")];
    let raw = raw.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
    let (inherited, _) = collect(&raw, &["producer."]);
    let key = |java| security::key(java, &inherited, "producer.");
    assert_eq!(key("ssl.keystore.location"), "ssl.keystore.location");
    assert_eq!(key("sasl.jaas.config"), "producer.sasl.jaas.config");
    // What is wrong by itself is said once, not again by what it makes of all of them.
    let files = Surroundings::files(Arc::new(|_| Err(io::Error::from(io::ErrorKind::NotFound))));
    let pairs = [("security.protocol", "SASL_SSL"), ("sasl.mechanism", "GSSAPI")];
    let checked = checked(&pairs);
    assert_eq!(checked.problems.len(), 1);
    assert!(security::of(&checked, &given(&pairs), "producer.", &files).is_ok());
}
