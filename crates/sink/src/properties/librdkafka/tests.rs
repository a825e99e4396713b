//! Every property of the list with a value and what librdkafka gets of it; and the library takes what we give it.

use std::collections::BTreeSet;

use rdkafka::config::ClientConfig;

use super::super::table::PROPERTIES;
use super::*;

/// What is expected of a property.
#[derive(Clone, Copy)]
enum Expect {
    Set(&'static str, &'static str),
    Noted,
    Refused,
    /// Nothing by itself.
    Silent,
}
use Expect::{Noted, Refused, Set, Silent};

#[rustfmt::skip]
const EXPECTED: &[(&str, &str, Expect)] = &[
    ("bootstrap.servers", "a:1,b:2", Set("bootstrap.servers", "a:1,b:2")),
    ("client.id", "c", Set("client.id", "c")),
    ("client.rack", "r", Noted),
    ("client.dns.lookup", "use_all_dns_ips", Set("client.dns.lookup", "use_all_dns_ips")),
    ("request.timeout.ms", "1000", Set("request.timeout.ms", "1000")),
    ("request.timeout.ms", "900001", Refused),
    ("retry.backoff.ms", "0", Refused),
    ("retry.backoff.ms", "50", Set("retry.backoff.ms", "50")),
    ("retry.backoff.max.ms", "500", Set("retry.backoff.max.ms", "500")),
    ("reconnect.backoff.ms", "50", Set("reconnect.backoff.ms", "50")),
    ("reconnect.backoff.max.ms", "1000", Set("reconnect.backoff.max.ms", "1000")),
    ("connections.max.idle.ms", "-1", Set("connections.max.idle.ms", "0")),
    ("connections.max.idle.ms", "540000", Set("connections.max.idle.ms", "540000")),
    ("socket.connection.setup.timeout.ms", "10000", Set("socket.connection.setup.timeout.ms", "10000")),
    ("socket.connection.setup.timeout.max.ms", "30000", Noted),
    ("metadata.max.age.ms", "300000", Set("topic.metadata.refresh.interval.ms", "300000")),
    ("metadata.max.idle.ms", "300000", Noted),
    ("metadata.recovery.strategy", "Rebootstrap", Set("metadata.recovery.strategy", "rebootstrap")),
    ("metadata.recovery.rebootstrap.trigger.ms", "300000", Set("metadata.recovery.rebootstrap.trigger.ms", "300000")),
    ("send.buffer.bytes", "-1", Set("socket.send.buffer.bytes", "0")),
    ("send.buffer.bytes", "131072", Set("socket.send.buffer.bytes", "131072")),
    ("receive.buffer.bytes", "-1", Set("socket.receive.buffer.bytes", "0")),
    ("enable.metrics.push", "TRUE", Set("enable.metrics.push", "true")),
    ("acks", "all", Set("acks", "all")),
    ("acks", "-1", Set("acks", "all")),
    ("acks", "1", Set("acks", "1")),
    ("acks", "2", Refused),
    ("enable.idempotence", "false", Set("enable.idempotence", "false")),
    ("enable.idempotence", "yes", Refused),
    ("max.in.flight.requests.per.connection", "1", Set("max.in.flight.requests.per.connection", "1")),
    ("retries", "2147483647", Set("retries", "2147483647")),
    ("linger.ms", "0", Set("linger.ms", "0")),
    ("linger.ms", "-1", Refused),
    ("batch.size", "16384", Set("batch.size", "16384")),
    ("batch.size", "0", Set("batch.size", "1")),
    ("delivery.timeout.ms", "120000", Set("message.timeout.ms", "120000")),
    ("max.request.size", "1048576", Set("message.max.bytes", "1048576")),
    ("compression.type", "zstd", Set("compression.type", "zstd")),
    ("compression.type", "brotli", Refused),
    ("compression.gzip.level", "6", Silent),
    ("compression.lz4.level", "9", Silent),
    ("compression.zstd.level", "3", Silent),
    ("buffer.memory", "33554432", Noted),
    ("max.block.ms", "9223372036854775807", Noted),
    ("partitioner.ignore.keys", "false", Noted),
    ("partitioner.adaptive.partitioning.enable", "true", Noted),
    ("partitioner.availability.timeout.ms", "0", Noted),
    ("transaction.timeout.ms", "60000", Noted),
    ("key.serializer", "x", Noted),
    ("value.serializer", "x", Noted),
    ("key.deserializer", "x", Noted),
    ("value.deserializer", "x", Noted),
    ("auto.include.jmx.reporter", "true", Noted),
    ("metric.reporters", "x", Noted),
    ("metrics.num.samples", "2", Noted),
    ("metrics.recording.level", "INFO", Noted),
    ("metrics.sample.window.ms", "30000", Noted),
    ("default.api.timeout.ms", "60000", Noted),
    ("security.protocol", "SSL", Set("security.protocol", "ssl")),
    ("security.protocol", "TLS", Refused),
    ("sasl.mechanism", "SCRAM-SHA-512", Set("sasl.mechanism", "SCRAM-SHA-512")),
    ("sasl.mechanism", "GSSAPI", Refused),
    ("sasl.mechanism", "OAUTHBEARER", Refused),
    ("sasl.mechanism", "AWS_MSK_IAM", Refused),
    ("sasl.jaas.config", "org.apache.kafka.common.security.plain.PlainLoginModule required username=u password=p;", Set("sasl.password", "p")),
    ("ssl.truststore.type", "PEM", Silent),
    ("ssl.truststore.location", "ca.pem", Set("ssl.ca.location", "ca.pem")),
    ("ssl.truststore.location", "trust.jks", Refused),
    ("ssl.truststore.location", "key.p12", Refused),
    ("ssl.truststore.location", "missing", Refused),
    ("ssl.truststore.password", "s", Silent),
    ("ssl.truststore.certificates", "-----BEGIN", Set("ssl.ca.pem", "-----BEGIN")),
    ("ssl.keystore.type", "PKCS12", Silent),
    ("ssl.keystore.location", "key.p12", Set("ssl.keystore.location", "key.p12")),
    ("ssl.keystore.location", "key.pem", Set("ssl.key.location", "key.pem")),
    ("ssl.keystore.location", "trust.jks", Refused),
    ("ssl.keystore.password", "s", Silent),
    ("ssl.keystore.certificate.chain", "-----BEGIN", Refused),
    ("ssl.keystore.key", "-----BEGIN", Refused),
    ("ssl.key.password", "s", Set("ssl.key.password", "s")),
    ("ssl.endpoint.identification.algorithm", "", Set("ssl.endpoint.identification.algorithm", "none")),
    ("ssl.endpoint.identification.algorithm", "HTTPS", Set("ssl.endpoint.identification.algorithm", "https")),
    ("ssl.protocol", "TLSv1.3", Noted),
    ("ssl.enabled.protocols", "TLSv1.3", Refused),
    ("ssl.enabled.protocols", "TLSv1.2,TLSv1.3", Silent),
    ("ssl.cipher.suites", "TLS_AES_256_GCM_SHA384", Refused),
    ("ssl.provider", "x", Noted),
    ("ssl.keymanager.algorithm", "x", Noted),
    ("ssl.trustmanager.algorithm", "x", Noted),
    ("ssl.secure.random.implementation", "x", Noted),
    ("ssl.engine.factory.class", "x", Refused),
    ("security.providers", "x", Refused),
    ("interceptor.classes", "x", Refused),
    ("partitioner.class", "x", Refused),
    ("transactional.id", "x", Refused),
    ("transaction.two.phase.commit.enable", "true", Refused),
    ("config.providers", "x", Refused),
    ("sasl.client.callback.handler.class", "software.amazon.msk.auth.iam.IAMClientCallbackHandler", Refused),
    ("sasl.login.callback.handler.class", "x", Refused),
    ("sasl.login.connect.timeout.ms", "1000", Refused),
    ("sasl.login.read.timeout.ms", "1000", Refused),
    ("sasl.login.retry.backoff.ms", "1000", Refused),
    ("sasl.login.retry.backoff.max.ms", "1000", Refused),
    ("sasl.login.refresh.window.factor", "0.8", Refused),
    ("sasl.login.refresh.window.jitter", "0.05", Refused),
    ("sasl.login.refresh.min.period.seconds", "60", Refused),
    ("sasl.login.refresh.buffer.seconds", "300", Refused),
    ("sasl.oauthbearer.token.endpoint.url", "https://x", Refused),
    ("sasl.oauthbearer.client.credentials.client.id", "x", Refused),
    ("sasl.oauthbearer.client.credentials.client.secret", "x", Refused),
    ("sasl.oauthbearer.scope", "x", Refused),
    ("sasl.oauthbearer.header.urlencode", "true", Refused),
    ("sasl.oauthbearer.jwt.retriever.class", "x", Refused),
    ("sasl.oauthbearer.jwt.validator.class", "x", Refused),
    ("sasl.oauthbearer.scope.claim.name", "x", Refused),
    ("sasl.oauthbearer.sub.claim.name", "x", Refused),
    ("sasl.oauthbearer.clock.skew.seconds", "x", Refused),
    ("sasl.oauthbearer.expected.audience", "x", Refused),
    ("sasl.oauthbearer.expected.issuer", "x", Refused),
    ("sasl.oauthbearer.jwks.endpoint.url", "x", Refused),
    ("sasl.oauthbearer.jwks.endpoint.refresh.ms", "1", Refused),
    ("sasl.oauthbearer.jwks.endpoint.retry.backoff.ms", "1", Refused),
    ("sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms", "1", Refused),
    ("sasl.login.class", "x", Refused),
    ("sasl.kerberos.service.name", "kafka", Refused),
    ("sasl.kerberos.kinit.cmd", "sh -c x", Refused),
    ("plugin.library.paths", "/x.so", Refused),
    ("ssl.engine.location", "/x.so", Refused),
    ("ssl.providers", "x", Refused),
    // Of no row, but of a family.
    ("test.mock.num.brokers", "3", Refused),
    ("sasl.kerberos.keytab", "x", Refused),
    ("lingr.ms", "5", Refused),
];

/// Files for the stores.
fn files(path: &str) -> io::Result<Vec<u8>> {
    match path {
        "ca.pem" | "key.pem" => Ok(b"subject=x\n-----BEGIN CERTIFICATE-----".to_vec()),
        "trust.jks" => Ok(vec![0xFE, 0xED, 0xFE, 0xED, 0, 0, 0, 2]),
        "key.p12" => Ok(vec![0x30, 0x82, 1, 2]),
        _ => Err(io::Error::from(io::ErrorKind::NotFound)),
    }
}

fn given(pairs: &[(&str, &str)]) -> Given {
    let full = |name: &str| format!("producer.{name}");
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (full(name), (*value).to_owned()))).collect()
}

#[test]
fn every_property_becomes_what_the_list_says() {
    let mut covered = BTreeSet::new();
    let mut library = ClientConfig::new();
    for (name, value, expect) in EXPECTED {
        covered.insert(*name);
        let given = given(&[(name, value)]);
        let notes = check(&given, Client::Producer, Library::Librdkafka).notes;
        let Mapped { properties, problems } = of(&given, Client::Producer, &files);
        let what = format!("{name}={value}: {properties:?} {notes:?} {problems:?}");
        match expect {
            Set(known, text) => {
                assert_eq!(properties.get(*known).map(String::as_str), Some(*text), "{what}");
                assert!(notes.is_empty() && problems.is_empty(), "{what}");
                library.set(*known, *text);
            }
            Noted => assert!(properties.is_empty() && problems.is_empty() && notes.len() == 1, "{what}"),
            Refused => {
                assert!(!problems.is_empty(), "{what}");
                assert!(properties.is_empty(), "{what}");
            }
            Silent => assert!(properties.is_empty() && notes.is_empty() && problems.is_empty(), "{what}"),
        }
    }
    for property in PROPERTIES {
        assert!(covered.contains(property.java), "{} is not in this test", property.java);
    }
    // Names and values are the library's own; whether files exist shows only when a client opens them.
    library.create_native_config().unwrap();
}

#[test]
fn slips_are_named_and_secrets_are_not() {
    let Mapped { problems, .. } = of(&given(&[("lingr.ms", "5")]), Client::Producer, &files);
    assert_eq!(problems[0].to_string(), "Unknown configuration producer.lingr.ms; did you mean linger.ms?");
    let jaas = ("sasl.jaas.config", "x.Y required password=\"hunter2\";");
    let Mapped { problems, .. } =
        of(&given(&[jaas, ("security.protocol", "SASL_SSL")]), Client::Producer, &files);
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert!(problems.iter().all(|problem| !problem.to_string().contains("hunter2")), "{problems:?}");
}

#[test]
fn sasl_needs_its_mechanism_and_its_login() {
    let plain =
        "org.apache.kafka.common.security.plain.PlainLoginModule required username=\"u\" password=\"p\";";
    let scram =
        "org.apache.kafka.common.security.scram.ScramLoginModule required username=\"u\" password=\"p\";";
    let problems = |pairs: &[(&str, &str)]| of(&given(pairs), Client::Producer, &files).problems.len();
    let sasl = ("security.protocol", "SASL_PLAINTEXT");
    assert_eq!(problems(&[sasl, ("sasl.mechanism", "PLAIN"), ("sasl.jaas.config", plain)]), 0);
    assert_eq!(problems(&[sasl, ("sasl.mechanism", "SCRAM-SHA-256"), ("sasl.jaas.config", scram)]), 0);
    assert_eq!(problems(&[sasl, ("sasl.mechanism", "PLAIN"), ("sasl.jaas.config", scram)]), 1);
    assert_eq!(problems(&[sasl, ("sasl.jaas.config", plain)]), 1);
    assert_eq!(problems(&[sasl, ("sasl.mechanism", "PLAIN")]), 1);
}

#[test]
fn where_the_clients_differ_the_words_do() {
    let checked = |pairs: &[(&str, &str)]| check(&given(pairs), Client::Producer, Library::Librdkafka);
    let adaptive = checked(&[("partitioner.adaptive.partitioning.enable", "true")]);
    assert!(adaptive.notes[0].ends_with("partitions are chosen at random"), "{:?}", adaptive.notes);
    let why = |mechanism| checked(&[("sasl.mechanism", mechanism)]).problems[0].to_string();
    for mechanism in ["OAUTHBEARER", "AWS_MSK_IAM"] {
        assert!(why(mechanism).contains("set producer.client=native"), "{}", why(mechanism));
    }
    let mut properties = BTreeMap::new();
    compression_level(
        &checked(&[("compression.type", "lz4"), ("compression.lz4.level", "9")]),
        &mut properties,
    );
    assert_eq!(properties.get("compression.level").map(String::as_str), Some("9"));
}
