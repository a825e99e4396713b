//! Hop 7: what a client is told, typed and checked by whoever read it; names and defaults are those of Java's clients.

use std::time::Duration;

use crate::compression::Compression;
use crate::security::Security;
use crate::{HostPort, Lookups};

/// Settings that producers, readers and administration share. Holds secrets: its `Debug` shows none.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Brokers to begin with; `bootstrap.servers`.
    pub bootstrap: Vec<HostPort>,
    /// The name that brokers log and apply quotas to; `client.id`.
    pub client_id: String,
    /// TLS and login; `security.protocol`.
    pub security: Security,
    /// Longest time for TCP, TLS, ApiVersions and login together; `socket.connection.setup.timeout.ms`, 10 s. Without
    /// that in which the login's credentials are fetched.
    pub setup_timeout: Duration,
    /// Longest time for an answer; `request.timeout.ms`, 30 s.
    pub request_timeout: Duration,
    /// First and longest pause between attempts to connect; `reconnect.backoff.ms`, 50 ms, and
    /// `reconnect.backoff.max.ms`, 1 s.
    pub reconnect_backoff: (Duration, Duration),
    /// First and longest pause between attempts of a request (KIP-580); `retry.backoff.ms`, 100 ms, and
    /// `retry.backoff.max.ms`, 1 s.
    pub retry_backoff: (Duration, Duration),
    /// Metadata is asked for again after this time at the latest; `metadata.max.age.ms`, 5 min.
    pub metadata_max_age: Duration,
    /// Connections that carry nothing for so long are closed; `connections.max.idle.ms`, 9 min. Zero: never.
    pub connections_max_idle: Duration,
    /// `send.buffer.bytes`; `None`: the system's.
    pub send_buffer_bytes: Option<usize>,
    /// `receive.buffer.bytes`; `None`: the system's.
    pub receive_buffer_bytes: Option<usize>,
    /// Answers above this are refused and close their connection. 16 MiB, which metadata of 100,000 partitions fit.
    pub response_bytes_max: usize,
    /// What looks up the brokers' names.
    pub lookups: Lookups,
}

impl Settings {
    /// Defaults, for brokers that want neither TLS nor login.
    #[must_use]
    pub fn new(bootstrap: Vec<HostPort>, client_id: impl Into<String>) -> Self {
        Self {
            bootstrap,
            client_id: client_id.into(),
            security: Security::default(),
            setup_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(30),
            reconnect_backoff: (Duration::from_millis(50), Duration::from_secs(1)),
            retry_backoff: (Duration::from_millis(100), Duration::from_secs(1)),
            metadata_max_age: Duration::from_secs(300),
            connections_max_idle: Duration::from_secs(540),
            send_buffer_bytes: None,
            receive_buffer_bytes: None,
            response_bytes_max: 16 << 20,
            lookups: Lookups::default(),
        }
    }
}

/// When a record counts as stored; `acks`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Acks {
    /// All in-sync replicas have it (`all`, `-1`).
    #[default]
    All,
    /// Its partition's leader has it (`1`).
    Leader,
    /// It was sent (`0`).
    None,
}

/// What producers are told beside [`Settings`].
#[derive(Debug, Clone)]
pub struct ProducerSettings {
    /// `acks`.
    pub acks: Acks,
    /// Sequence numbers, so that a request sent twice is stored once (KIP-98); `enable.idempotence`. Only with
    /// [`Acks::All`] and at most 5 requests in flight.
    pub idempotence: bool,
    /// Unanswered requests of a connection; `max.in.flight.requests.per.connection`, 5.
    pub in_flight_max: usize,
    /// How long a record waits for company; `linger.ms`. Zero: it goes at once while nothing is in flight to its
    /// broker, and gathers company while something is.
    pub linger: Duration,
    /// Largest batch before compression; `batch.size`. A larger record is a batch of its own.
    pub batch_bytes: usize,
    /// Largest request; `max.request.size`.
    pub request_bytes_max: usize,
    /// Longest time for the answer to a Produce request; `request.timeout.ms`, 30 s. [`Settings::request_timeout`] is
    /// for all others.
    pub request_timeout: Duration,
    /// Longest time from a record's hand-over to its report; `delivery.timeout.ms`.
    pub delivery_timeout: Duration,
    /// How often a batch is sent again; `retries`.
    pub retries: u32,
    /// `compression.type` and the level.
    pub compression: Compression,
    /// Keys do not choose the partition; `partitioner.ignore.keys`, false.
    pub ignore_keys: bool,
}

impl Default for ProducerSettings {
    fn default() -> Self {
        Self {
            acks: Acks::All,
            idempotence: true,
            in_flight_max: 5,
            linger: Duration::ZERO,
            batch_bytes: 1_000_000,
            request_bytes_max: 1 << 20,
            request_timeout: Duration::from_secs(30),
            delivery_timeout: Duration::from_secs(120),
            retries: u32::MAX,
            compression: Compression::default(),
            ignore_keys: false,
        }
    }
}
