//! The keys that the receivers obey.

use config::{Importance, Key, Kind, Unit};

const RECEIVERS: &str = "Receivers";
const LIMITS: &str = "Limits";
const TLS: &str = "TLS";

/// Every key of the receivers, in the order of the documentation.
pub static KEYS: &[&Key] = &[
    &GRPC_ENABLED,
    &GRPC_PORT,
    &HTTP_ENABLED,
    &HTTP_PORT,
    &BIND_ADDRESS,
    &TLS_ENABLED,
    &TLS_CERT_PATH,
    &TLS_KEY_PATH,
    &TLS_CLIENT_CA_PATH,
    &REQUEST_MAX_BYTES,
    &REQUEST_HOLD_MS,
    &RETRY_DELAY_MS,
    &CONNECTIONS_MAX,
    &STREAMS_MAX,
    &HEADER_MAX_BYTES,
    &HEADER_TIMEOUT_MS,
    &BODY_TIMEOUT_MS,
    &IDLE_TIMEOUT_MS,
    &WRITE_TIMEOUT_MS,
    &TLS_HANDSHAKE_TIMEOUT_MS,
];

/// Tests take whatever port is free.
const PORT_MIN: i64 = if cfg!(test) { 0 } else { 1 };

const fn flag(name: &'static str, default: &'static str, importance: Importance, doc: &'static str) -> Key {
    Key { name, kind: Kind::Bool, default: Some(default), importance, group: RECEIVERS, doc }
}

const fn port(name: &'static str, default: &'static str, doc: &'static str) -> Key {
    let kind = Kind::Int { min: PORT_MIN, max: 65_535, unit: Unit::Port };
    Key { name, kind, default: Some(default), importance: Importance::High, group: RECEIVERS, doc }
}

const fn file(name: &'static str, doc: &'static str) -> Key {
    Key { name, kind: Kind::File, default: None, importance: Importance::Medium, group: TLS, doc }
}

const fn number(name: &'static str, kind: Kind, default: &'static str, doc: &'static str) -> Key {
    Key { name, kind, default: Some(default), importance: Importance::Low, group: LIMITS, doc }
}

const fn millis(min: i64, max: i64) -> Kind {
    Kind::Int { min, max, unit: Unit::Millis }
}

/// `otlp.grpc.enabled`
pub static GRPC_ENABLED: Key =
    flag("otlp.grpc.enabled", "true", Importance::High, "Whether to receive OTLP over gRPC.");

/// `otlp.grpc.port`
pub static GRPC_PORT: Key = port("otlp.grpc.port", "4317", "The port of OTLP over gRPC.");

/// `otlp.http.enabled`
pub static HTTP_ENABLED: Key =
    flag("otlp.http.enabled", "true", Importance::High, "Whether to receive OTLP over HTTP.");

/// `otlp.http.port`
pub static HTTP_PORT: Key = port("otlp.http.port", "4318", "The port of OTLP over HTTP.");

/// `otlp.bind.address`
pub static BIND_ADDRESS: Key = Key {
    name: "otlp.bind.address",
    kind: Kind::NonEmpty,
    default: Some("0.0.0.0"),
    importance: Importance::Low,
    group: RECEIVERS,
    doc: "The address that both receivers listen on. Without files and bootstrap.servers: 127.0.0.1.",
};

/// `otlp.tls.enabled`
pub static TLS_ENABLED: Key = Key {
    group: TLS,
    ..flag(
        "otlp.tls.enabled",
        "false",
        Importance::Medium,
        "Whether both receivers speak TLS. Needs a certificate and its key.",
    )
};

/// `otlp.tls.cert.path`
pub static TLS_CERT_PATH: Key =
    file("otlp.tls.cert.path", "A PEM file with the server's certificate, followed by its chain.");

/// `otlp.tls.key.path`
pub static TLS_KEY_PATH: Key =
    file("otlp.tls.key.path", "A PEM file with the private key of the server's certificate.");

/// `otlp.tls.client.ca.path`
pub static TLS_CLIENT_CA_PATH: Key = file(
    "otlp.tls.client.ca.path",
    "A PEM file with the authorities whose clients may connect. When set, a client without a certificate \
     of one of them is turned away.",
);

/// `otlp.request.max.bytes`
pub static REQUEST_MAX_BYTES: Key = number(
    "otlp.request.max.bytes",
    Kind::Int { min: 1024, max: 1 << 30, unit: Unit::Bytes },
    // The OTLP specification's default for clients and servers.
    "67108864",
    "The largest request body, counted as sent and again as unpacked. A larger one is refused with 413 or \
     RESOURCE_EXHAUSTED, which tells its sender not to send it again. When it is not set, at most a quarter of \
     otlp.memory.max.bytes.",
);

/// `otlp.request.hold.ms`
pub static REQUEST_HOLD_MS: Key = Key {
    importance: Importance::Medium,
    ..number(
        "otlp.request.hold.ms",
        millis(1, 600_000),
        "8000",
        "How long a request may take from its head to its answer. After that its sender is told to come \
         again. Most senders give up after 10 s, so keep it below that. A gRPC call with a shorter timeout \
         is answered before its timeout ends.",
    )
};

/// `otlp.retry.delay.ms`
pub static RETRY_DELAY_MS: Key = number(
    "otlp.retry.delay.ms",
    millis(100, 60_000),
    "2000",
    "When senders that are told to come again should do so. Over HTTP it is rounded up to whole seconds.",
);

/// `otlp.connections.max`
pub static CONNECTIONS_MAX: Key = number(
    "otlp.connections.max",
    Kind::Int { min: 1, max: 1_000_000, unit: Unit::Count },
    "10000",
    "How many connections both receivers hold open together. Further ones are closed at once.",
);

/// `otlp.streams.max`
pub static STREAMS_MAX: Key = number(
    "otlp.streams.max",
    Kind::Int { min: 1, max: 10_000, unit: Unit::Count },
    "256",
    "How many requests one HTTP/2 connection may have open at a time. A connection for which the memory \
     budget has no window left may have two.",
);

/// `otlp.header.max.bytes`
pub static HEADER_MAX_BYTES: Key = number(
    "otlp.header.max.bytes",
    Kind::Int { min: 4096, max: 1 << 20, unit: Unit::Bytes },
    "16384",
    "How large the head of a request may be.",
);

/// `otlp.header.timeout.ms`
pub static HEADER_TIMEOUT_MS: Key = number(
    "otlp.header.timeout.ms",
    millis(100, 600_000),
    "15000",
    "How long the head of a request may take from its first byte, and the first request from the \
     connection's start. After that the connection is closed.",
);

/// `otlp.body.timeout.ms`
pub static BODY_TIMEOUT_MS: Key = number(
    "otlp.body.timeout.ms",
    millis(100, 600_000),
    "5000",
    "The longest pause between two pieces of a request body. After that its sender is told to come again. \
     The whole body has the time of otlp.request.hold.ms.",
);

/// `otlp.idle.timeout.ms`
pub static IDLE_TIMEOUT_MS: Key = number(
    "otlp.idle.timeout.ms",
    millis(1000, 86_400_000),
    "180000",
    "How long a connection may stay open without a request. Below 120 s the server may close a connection \
     just as its client sends the next request.",
);

/// `otlp.write.timeout.ms`
pub static WRITE_TIMEOUT_MS: Key = number(
    "otlp.write.timeout.ms",
    millis(100, 600_000),
    "30000",
    "How long a client may leave its answers unread before its connection is closed.",
);

/// `otlp.tls.handshake.timeout.ms`
pub static TLS_HANDSHAKE_TIMEOUT_MS: Key = Key {
    group: TLS,
    ..number(
        "otlp.tls.handshake.timeout.ms",
        millis(100, 600_000),
        "10000",
        "How long a TLS handshake may take before the connection is closed.",
    )
};
