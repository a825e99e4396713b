//! Every property of Java's Kafka clients that a worker's file may have, and what becomes of it here.

use config::{Kind, Unit, Value, check};

/// What becomes of a property.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// Goes to librdkafka under this name.
    Is(&'static str),
    /// Is read together with others.
    Together,
    /// Is accepted and does nothing, for this reason.
    NoEffect(&'static str),
    /// Stops the start, for this reason.
    Denied(&'static str),
}

/// A property of the Java clients.
#[derive(Debug, Clone, Copy)]
pub(super) struct Property {
    pub(super) java: &'static str,
    pub(super) kind: Kind,
    pub(super) fate: Fate,
    /// Java's words that librdkafka writes differently.
    words: &'static [(&'static str, &'static str)],
    pub(super) only_producer: bool,
}

impl Property {
    /// The value in librdkafka's words, or what is wrong with it.
    pub(super) fn check(&self, text: &str) -> Result<String, String> {
        if let Some((_, word)) = self.words.iter().find(|(java, _)| java.eq_ignore_ascii_case(text)) {
            return Ok((*word).to_owned());
        }
        Ok(match check(self.kind, text)? {
            Value::Bool(on) => on.to_string(),
            Value::Int(n) => n.to_string(),
            Value::Text(text) => text,
            Value::List(words) => words.join(","),
        })
    }

    /// Whether its value is never shown.
    pub(super) fn secret(&self) -> bool {
        self.kind == Kind::Password
    }

    const fn words(mut self, words: &'static [(&'static str, &'static str)]) -> Self {
        self.words = words;
        self
    }
}

const fn common(java: &'static str, kind: Kind, fate: Fate) -> Property {
    Property { java, kind, fate, words: &[], only_producer: false }
}

const fn producer(java: &'static str, kind: Kind, fate: Fate) -> Property {
    Property { java, kind, fate, words: &[], only_producer: true }
}

const fn denied(java: &'static str, why: &'static str) -> Property {
    common(java, Kind::Text, Fate::Denied(why))
}

const fn idle(java: &'static str, why: &'static str) -> Property {
    common(java, Kind::Text, Fate::NoEffect(why))
}

const fn millis(min: i64, max: i64) -> Kind {
    Kind::Int { min, max, unit: Unit::Millis }
}

const fn bytes(min: i64, max: i64) -> Kind {
    Kind::Int { min, max, unit: Unit::Bytes }
}

const fn count(min: i64, max: i64) -> Kind {
    Kind::Int { min, max, unit: Unit::Count }
}

const I32: i64 = i32::MAX as i64;
const OS_DEFAULT: &[(&str, &str)] = &[("-1", "0")];

const CLASSES: &str = "classes of Java can't be loaded";
const LOGIN: &str = "OAUTHBEARER is not built in; use SCRAM, PLAIN or TLS client certificates";
const KERBEROS: &str = "Kerberos is not built in; use SCRAM, PLAIN or TLS client certificates";
const SERIALIZED: &str = "records are bytes already";
const METRICS: &str = "metrics are served at /metrics";

/// The list. Names, meanings and ranges: "Producer Configs" and "Admin Configs" of Apache Kafka, and
/// CONFIGURATION.md of librdkafka.
pub(super) static PROPERTIES: &[Property] = &[
    common("bootstrap.servers", Kind::NonEmpty, Fate::Is("bootstrap.servers")),
    common("client.id", Kind::Text, Fate::Is("client.id")),
    common("client.rack", Kind::Text, Fate::Is("client.rack")),
    common(
        "client.dns.lookup",
        Kind::OneOf(&["use_all_dns_ips", "resolve_canonical_bootstrap_servers_only"]),
        Fate::Is("client.dns.lookup"),
    ),
    common("request.timeout.ms", millis(1, 900_000), Fate::Is("request.timeout.ms")),
    common("retry.backoff.ms", millis(1, 300_000), Fate::Is("retry.backoff.ms")),
    common("retry.backoff.max.ms", millis(1, 300_000), Fate::Is("retry.backoff.max.ms")),
    common("reconnect.backoff.ms", millis(0, 3_600_000), Fate::Is("reconnect.backoff.ms")),
    common("reconnect.backoff.max.ms", millis(0, 3_600_000), Fate::Is("reconnect.backoff.max.ms")),
    common("connections.max.idle.ms", millis(0, I32), Fate::Is("connections.max.idle.ms")).words(OS_DEFAULT),
    common(
        "socket.connection.setup.timeout.ms",
        millis(1000, I32),
        Fate::Is("socket.connection.setup.timeout.ms"),
    ),
    idle("socket.connection.setup.timeout.max.ms", "the timeout for a connection does not grow"),
    // Java asks for metadata anew at this age; librdkafka calls that its refresh interval.
    common("metadata.max.age.ms", millis(1, 3_600_000), Fate::Is("topic.metadata.refresh.interval.ms")),
    idle("metadata.max.idle.ms", "topics stay known"),
    common(
        "metadata.recovery.strategy",
        Kind::OneOf(&["none", "rebootstrap"]),
        Fate::Is("metadata.recovery.strategy"),
    ),
    common(
        "metadata.recovery.rebootstrap.trigger.ms",
        millis(0, I32),
        Fate::Is("metadata.recovery.rebootstrap.trigger.ms"),
    ),
    common("send.buffer.bytes", bytes(0, 100_000_000), Fate::Is("socket.send.buffer.bytes"))
        .words(OS_DEFAULT),
    common("receive.buffer.bytes", bytes(0, 100_000_000), Fate::Is("socket.receive.buffer.bytes"))
        .words(OS_DEFAULT),
    common("enable.metrics.push", Kind::Bool, Fate::Is("enable.metrics.push")),
    producer("acks", Kind::OneOf(&["all", "1", "0"]), Fate::Is("acks")).words(&[("-1", "all")]),
    producer("enable.idempotence", Kind::Bool, Fate::Is("enable.idempotence")),
    producer(
        "max.in.flight.requests.per.connection",
        count(1, 1_000_000),
        Fate::Is("max.in.flight.requests.per.connection"),
    ),
    producer("retries", count(0, I32), Fate::Is("retries")),
    producer("linger.ms", millis(0, 900_000), Fate::Is("linger.ms")),
    producer("batch.size", bytes(1, I32), Fate::Is("batch.size")).words(&[("0", "1")]),
    producer("delivery.timeout.ms", millis(1, I32), Fate::Is("message.timeout.ms")),
    producer("max.request.size", bytes(1000, 1_000_000_000), Fate::Is("message.max.bytes")),
    producer(
        "compression.type",
        Kind::OneOf(&["none", "gzip", "snappy", "lz4", "zstd"]),
        Fate::Is("compression.type"),
    ),
    producer("compression.gzip.level", count(-1, 9), Fate::Together),
    producer("compression.lz4.level", count(1, 17), Fate::Together),
    producer("compression.zstd.level", count(-131_072, 22), Fate::Together),
    producer("buffer.memory", Kind::Text, Fate::NoEffect("otlp.memory.max.bytes bounds what is held")),
    producer("max.block.ms", Kind::Text, Fate::NoEffect("otlp.request.hold.ms bounds every wait")),
    producer(
        "partitioner.ignore.keys",
        Kind::Bool,
        Fate::NoEffect("records have no key unless otlp.record.key says so"),
    ),
    producer(
        "partitioner.adaptive.partitioning.enable",
        Kind::Text,
        Fate::NoEffect("partitions are chosen at random"),
    ),
    producer(
        "partitioner.availability.timeout.ms",
        Kind::Text,
        Fate::NoEffect("partitions are chosen at random"),
    ),
    producer("transaction.timeout.ms", Kind::Text, Fate::NoEffect("there are no transactions")),
    producer("key.serializer", Kind::Text, Fate::NoEffect(SERIALIZED)),
    producer("value.serializer", Kind::Text, Fate::NoEffect(SERIALIZED)),
    idle("key.deserializer", SERIALIZED),
    idle("value.deserializer", SERIALIZED),
    idle("auto.include.jmx.reporter", METRICS),
    idle("metric.reporters", METRICS),
    idle("metrics.num.samples", METRICS),
    idle("metrics.recording.level", METRICS),
    idle("metrics.sample.window.ms", METRICS),
    idle("default.api.timeout.ms", "the checks of topics have their own time"),
    common(
        "security.protocol",
        Kind::OneOf(&["plaintext", "ssl", "sasl_plaintext", "sasl_ssl"]),
        Fate::Is("security.protocol"),
    ),
    common(
        "sasl.mechanism",
        Kind::OneOf(&["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]),
        Fate::Is("sasl.mechanism"),
    ),
    common("sasl.jaas.config", Kind::Password, Fate::Together),
    common("ssl.truststore.type", Kind::OneOf(&["PEM", "JKS", "PKCS12"]), Fate::Together),
    common("ssl.truststore.location", Kind::Text, Fate::Together),
    common("ssl.truststore.password", Kind::Password, Fate::Together),
    common("ssl.truststore.certificates", Kind::Password, Fate::Together),
    common("ssl.keystore.type", Kind::OneOf(&["PEM", "JKS", "PKCS12"]), Fate::Together),
    common("ssl.keystore.location", Kind::Text, Fate::Together),
    common("ssl.keystore.password", Kind::Password, Fate::Together),
    common("ssl.keystore.certificate.chain", Kind::Password, Fate::Together),
    common("ssl.keystore.key", Kind::Password, Fate::Together),
    common("ssl.key.password", Kind::Password, Fate::Is("ssl.key.password")),
    common(
        "ssl.endpoint.identification.algorithm",
        Kind::OneOf(&["https"]),
        Fate::Is("ssl.endpoint.identification.algorithm"),
    )
    .words(&[("", "none")]),
    idle("ssl.protocol", "TLS 1.2 and 1.3 are spoken"),
    denied("ssl.enabled.protocols", "can't be narrowed: TLS 1.2 and 1.3 are spoken; remove it"),
    denied("ssl.cipher.suites", "Java's names of cipher suites have no equal here; remove it"),
    idle("ssl.provider", "TLS is OpenSSL's"),
    idle("ssl.keymanager.algorithm", "TLS is OpenSSL's"),
    idle("ssl.trustmanager.algorithm", "TLS is OpenSSL's"),
    idle("ssl.secure.random.implementation", "TLS is OpenSSL's"),
    denied("ssl.engine.factory.class", CLASSES),
    denied("security.providers", CLASSES),
    denied("interceptor.classes", "interceptors change records, and classes of Java can't be loaded"),
    denied(
        "partitioner.class",
        "a partitioner decides the order of records, and classes of Java can't be loaded",
    ),
    denied("transactional.id", "records are produced outside of transactions"),
    denied("config.providers", "belongs to the worker, not to a client"),
    denied("sasl.client.callback.handler.class", CLASSES),
    denied("sasl.login.callback.handler.class", CLASSES),
    denied("sasl.login.class", CLASSES),
    denied("sasl.kerberos.service.name", KERBEROS),
    denied("sasl.kerberos.kinit.cmd", "runs a command"),
    denied("plugin.library.paths", "loads code"),
    denied("ssl.engine.location", "loads code"),
    denied("ssl.providers", "loads code"),
];

/// Why no property of a family is taken.
pub(super) fn denied_by_prefix(name: &str) -> Option<&'static str> {
    const FAMILIES: &[(&str, &str)] = &[
        ("test.mock.", "replaces Kafka by a mock"),
        ("sasl.oauthbearer.", LOGIN),
        ("sasl.login.", LOGIN),
        ("sasl.kerberos.", KERBEROS),
        ("plugin.", "loads code"),
    ];
    FAMILIES.iter().find(|(family, _)| name.starts_with(family)).map(|(_, why)| *why)
}
