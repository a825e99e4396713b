//! Every property of Java's Kafka clients that a worker's file may have, and what becomes of it here.

use config::{Kind, Unit, Value, check};

/// What becomes of a property.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// Is obeyed.
    Obeyed,
    /// Is obeyed together with the others of TLS and login.
    Security,
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
    /// With the native client; `librdkafka.rs` says where the other one differs.
    pub(super) fate: Fate,
    pub(super) only_producer: bool,
    /// Java's second words for a value.
    words: &'static [(&'static str, &'static str)],
    /// Values of a property without effect, or denied, that say what is so anyway.
    holding: &'static [&'static str],
    /// Values that the native client does not take, and why.
    refused: &'static [(&'static str, &'static str)],
}

impl Property {
    /// The value in one of Java's words, or what is wrong with it.
    pub(super) fn check(&self, text: &str) -> Result<Value, String> {
        let word = self.words.iter().find(|(other, _)| other.eq_ignore_ascii_case(text));
        check(self.kind, word.map_or(text, |(_, word)| word))
    }

    /// Why the native client does not take the value.
    pub(super) fn refused(&self, value: &Value) -> Option<&'static str> {
        let is = |word: &str| match value {
            Value::Text(text) => text == word,
            Value::Int(n) => n.to_string() == word,
            Value::Bool(_) | Value::List(_) => false,
        };
        self.refused.iter().find(|(word, _)| is(word)).map(|(_, why)| *why)
    }

    /// What becomes of it, in a sentence for its user.
    pub(super) fn story(&self) -> String {
        let mut story = match self.fate {
            Fate::Obeyed | Fate::Security => "Obeyed.".to_owned(),
            Fate::NoEffect(why) => format!("No effect: {why}."),
            Fate::Denied(why) => format!("Refused: {why}."),
        };
        for (word, why) in self.refused {
            story = format!("{story} `{word}` is refused: {why}.");
        }
        story
    }

    /// Whether the value only says what is so anyway.
    pub(super) fn holds(&self, text: &str) -> bool {
        self.holding.iter().any(|word| word.eq_ignore_ascii_case(text))
    }

    /// Whether its value is never shown.
    pub(super) fn secret(&self) -> bool {
        self.kind == Kind::Password
    }

    const fn words(mut self, words: &'static [(&'static str, &'static str)]) -> Self {
        self.words = words;
        self
    }

    const fn holding(mut self, words: &'static [&'static str]) -> Self {
        self.holding = words;
        self
    }

    const fn refusing(mut self, words: &'static [(&'static str, &'static str)]) -> Self {
        self.refused = words;
        self
    }
}

/// The row of a property.
pub(super) fn property(java: &str) -> Option<&'static Property> {
    PROPERTIES.iter().find(|property| property.java == java)
}

const fn common(java: &'static str, kind: Kind, fate: Fate) -> Property {
    Property { java, kind, fate, only_producer: false, words: &[], holding: &[], refused: &[] }
}

const fn producer(java: &'static str, kind: Kind, fate: Fate) -> Property {
    Property { java, kind, fate, only_producer: true, words: &[], holding: &[], refused: &[] }
}

const fn obeyed(java: &'static str, kind: Kind) -> Property {
    common(java, kind, Fate::Obeyed)
}

const fn secured(java: &'static str, kind: Kind) -> Property {
    common(java, kind, Fate::Security)
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
const I64: i64 = i64::MAX;

const CLASSES: &str = "classes of Java can't be loaded";
const KERBEROS: &str =
    "GSSAPI (Kerberos) is not built in; use SCRAM, PLAIN, OAUTHBEARER or TLS client certificates";
const LEAST_BUSY: &str =
    "records without key go to the broker with the least on its hands and stay with it for 1 MiB or 100 ms";
const SERIALIZED: &str = "records are bytes already";
const METRICS: &str = "metrics are served at /metrics";
const TLS: &str = "TLS is built in";
const TOKENS: &str = "brokers check tokens";
const ANEW: &str = "a token is asked for again with the next connection, after reconnect.backoff.ms";
const RENEWAL: &str = "a new token is fetched before the old one ends";
const ASSERTION: &str = "assertions (RFC 7523) are not built in; use a client id and a client secret";
const STORES: Kind = Kind::OneOf(&["PEM", "JKS", "PKCS12"]);

/// What Java users must set for OAUTHBEARER: it names the mechanism once more.
const LOGIN_HANDLERS: Kind = Kind::OneOf(&[
    "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginCallbackHandler",
    "org.apache.kafka.common.security.oauthbearer.secured.OAuthBearerLoginCallbackHandler",
]);
/// What Java users must set for AWS_MSK_IAM.
const MSK_HANDLER: &str = "software.amazon.msk.auth.iam.IAMClientCallbackHandler";
/// As [`LOGIN_HANDLERS`], and for AWS_MSK_IAM. Some set the former here by mistake, which does no harm.
const CLIENT_HANDLERS: Kind = Kind::OneOf(&[
    MSK_HANDLER,
    "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginCallbackHandler",
    "org.apache.kafka.common.security.oauthbearer.secured.OAuthBearerLoginCallbackHandler",
]);
const RETRIEVERS: Kind = Kind::OneOf(&[
    "org.apache.kafka.common.security.oauthbearer.DefaultJwtRetriever",
    "org.apache.kafka.common.security.oauthbearer.ClientCredentialsJwtRetriever",
]);
const VALIDATORS: Kind = Kind::OneOf(&[
    "org.apache.kafka.common.security.oauthbearer.DefaultJwtValidator",
    "org.apache.kafka.common.security.oauthbearer.ClientJwtValidator",
]);

/// The list. Names, meanings and ranges: "Producer Configs" and "Admin Configs" of Apache Kafka 4.1.
pub(super) static PROPERTIES: &[Property] = &[
    obeyed("bootstrap.servers", Kind::NonEmpty),
    obeyed("client.id", Kind::Text),
    idle("client.rack", "records go to the leaders of their partitions, wherever these are"),
    obeyed(
        "client.dns.lookup",
        Kind::OneOf(&["use_all_dns_ips", "resolve_canonical_bootstrap_servers_only"]),
    )
    .refusing(&[(
        "resolve_canonical_bootstrap_servers_only",
        "names are not looked up in reverse; name the brokers as their certificates do, or remove it",
    )]),
    obeyed("request.timeout.ms", millis(1, I32)),
    obeyed("retry.backoff.ms", millis(0, I64)),
    obeyed("retry.backoff.max.ms", millis(0, I64)),
    obeyed("reconnect.backoff.ms", millis(0, I64)),
    obeyed("reconnect.backoff.max.ms", millis(0, I64)),
    obeyed("connections.max.idle.ms", millis(-1, I64)),
    obeyed("socket.connection.setup.timeout.ms", millis(1, I64)),
    idle("socket.connection.setup.timeout.max.ms", "the timeout for a connection does not grow"),
    obeyed("metadata.max.age.ms", millis(1, I64)),
    idle("metadata.max.idle.ms", "topics stay known"),
    common(
        "metadata.recovery.strategy",
        Kind::OneOf(&["none", "rebootstrap"]),
        Fate::NoEffect("bootstrap.servers are asked again when no known broker answers"),
    )
    .holding(&["rebootstrap"]),
    common(
        "metadata.recovery.rebootstrap.trigger.ms",
        millis(0, I32),
        Fate::NoEffect("bootstrap.servers are asked again when no known broker answers"),
    ),
    obeyed("send.buffer.bytes", bytes(-1, I32)),
    obeyed("receive.buffer.bytes", bytes(-1, I32)),
    common("enable.metrics.push", Kind::Bool, Fate::NoEffect(METRICS)).holding(&["false"]),
    producer("acks", Kind::OneOf(&["all", "1", "0"]), Fate::Obeyed).words(&[("-1", "all")]),
    producer("enable.idempotence", Kind::Bool, Fate::Obeyed),
    producer("max.in.flight.requests.per.connection", count(1, I32), Fate::Obeyed),
    producer("retries", count(0, I32), Fate::Obeyed),
    producer("linger.ms", millis(0, I64), Fate::Obeyed),
    producer("batch.size", bytes(0, I32), Fate::Obeyed),
    producer("delivery.timeout.ms", millis(1, I32), Fate::Obeyed),
    producer("max.request.size", bytes(1000, I32), Fate::Obeyed),
    producer("compression.type", Kind::OneOf(&["none", "gzip", "snappy", "lz4", "zstd"]), Fate::Obeyed),
    producer("compression.gzip.level", count(-1, 9), Fate::Obeyed)
        .refusing(&[("0", "Value must be -1, or at least 1")]),
    producer("compression.lz4.level", count(1, 17), Fate::NoEffect("our lz4 has one way to compress")),
    producer("compression.zstd.level", count(-131_072, 22), Fate::Obeyed),
    producer("buffer.memory", Kind::Text, Fate::NoEffect("otlp.memory.max.bytes bounds what is held")),
    producer("max.block.ms", Kind::Text, Fate::NoEffect("otlp.request.hold.ms bounds every wait")),
    producer("partitioner.ignore.keys", Kind::Bool, Fate::Obeyed),
    producer("partitioner.adaptive.partitioning.enable", Kind::Text, Fate::NoEffect(LEAST_BUSY)),
    producer("partitioner.availability.timeout.ms", Kind::Text, Fate::NoEffect(LEAST_BUSY)),
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
    secured("security.protocol", Kind::OneOf(&["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"])),
    secured(
        "sasl.mechanism",
        Kind::OneOf(&["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER", "AWS_MSK_IAM", "GSSAPI"]),
    )
    .refusing(&[("GSSAPI", KERBEROS)]),
    secured("sasl.jaas.config", Kind::Password),
    secured("sasl.client.callback.handler.class", CLIENT_HANDLERS),
    secured("sasl.login.callback.handler.class", LOGIN_HANDLERS),
    secured("sasl.login.connect.timeout.ms", millis(1, 3_600_000)),
    secured("sasl.login.read.timeout.ms", millis(1, 3_600_000)),
    idle("sasl.login.retry.backoff.ms", ANEW),
    idle("sasl.login.retry.backoff.max.ms", ANEW),
    idle("sasl.login.refresh.window.factor", RENEWAL),
    idle("sasl.login.refresh.window.jitter", RENEWAL),
    idle("sasl.login.refresh.min.period.seconds", RENEWAL),
    idle("sasl.login.refresh.buffer.seconds", RENEWAL),
    secured("sasl.oauthbearer.token.endpoint.url", Kind::NonEmpty),
    secured("sasl.oauthbearer.client.credentials.client.id", Kind::NonEmpty),
    secured("sasl.oauthbearer.client.credentials.client.secret", Kind::Password),
    secured("sasl.oauthbearer.scope", Kind::Text),
    secured("sasl.oauthbearer.header.urlencode", Kind::Bool),
    secured("sasl.oauthbearer.jwt.retriever.class", RETRIEVERS),
    secured("sasl.oauthbearer.jwt.validator.class", VALIDATORS),
    idle("sasl.oauthbearer.scope.claim.name", TOKENS),
    idle("sasl.oauthbearer.sub.claim.name", TOKENS),
    idle("sasl.oauthbearer.clock.skew.seconds", TOKENS),
    idle("sasl.oauthbearer.expected.audience", TOKENS),
    idle("sasl.oauthbearer.expected.issuer", TOKENS),
    idle("sasl.oauthbearer.jwks.endpoint.url", TOKENS),
    idle("sasl.oauthbearer.jwks.endpoint.refresh.ms", TOKENS),
    idle("sasl.oauthbearer.jwks.endpoint.retry.backoff.ms", TOKENS),
    idle("sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms", TOKENS),
    secured("ssl.truststore.type", STORES),
    secured("ssl.truststore.location", Kind::NonEmpty),
    secured("ssl.truststore.password", Kind::Password),
    secured("ssl.truststore.certificates", Kind::Password),
    secured("ssl.keystore.type", STORES),
    secured("ssl.keystore.location", Kind::NonEmpty),
    secured("ssl.keystore.password", Kind::Password),
    secured("ssl.keystore.certificate.chain", Kind::Password),
    secured("ssl.keystore.key", Kind::Password),
    secured("ssl.key.password", Kind::Password),
    secured("ssl.endpoint.identification.algorithm", Kind::OneOf(&["https", ""])),
    idle("ssl.protocol", "TLS 1.2 and 1.3 are spoken"),
    denied("ssl.enabled.protocols", "can't be narrowed: TLS 1.2 and 1.3 are spoken; remove it")
        .holding(&["TLSv1.2,TLSv1.3", "TLSv1.3,TLSv1.2"]),
    denied("ssl.cipher.suites", "Java's names of cipher suites have no equal here; remove it"),
    idle("ssl.provider", TLS),
    idle("ssl.keymanager.algorithm", TLS),
    idle("ssl.trustmanager.algorithm", TLS),
    idle("ssl.secure.random.implementation", TLS),
    denied("ssl.engine.factory.class", CLASSES),
    denied("security.providers", CLASSES),
    denied("interceptor.classes", "interceptors change records, and classes of Java can't be loaded"),
    denied(
        "partitioner.class",
        "a partitioner decides the order of records, and classes of Java can't be loaded",
    ),
    denied("transactional.id", "records are produced outside of transactions"),
    denied("transaction.two.phase.commit.enable", "records are produced outside of transactions"),
    denied("config.providers", "belongs to the worker, not to a client"),
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
        ("sasl.oauthbearer.assertion.", ASSERTION),
        ("sasl.kerberos.", KERBEROS),
        ("plugin.", "loads code"),
    ];
    FAMILIES.iter().find(|(family, _)| name.starts_with(family)).map(|(_, why)| *why)
}
