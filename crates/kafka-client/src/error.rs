//! Hop 7: why a broker could not be reached or asked, in words that say where.

use kafka_wire::{ApiKey, ErrorCode};

use crate::HostPort;

/// Why a request to a broker has no answer that can be used. Cloned for all who wait for it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The name has no address.
    #[error("{broker}: the name cannot be resolved: {why}")]
    Resolve {
        /// The broker.
        broker: HostPort,
        /// The resolver's words.
        why: String,
    },
    /// No address of the broker takes connections.
    #[error("{broker}: cannot connect: {why}")]
    Connect {
        /// The broker.
        broker: HostPort,
        /// The system's words for the last address tried.
        why: String,
    },
    /// TLS was not agreed on: certificate, host name, protocol.
    #[error("{broker}: TLS failed: {why}")]
    Tls {
        /// The broker.
        broker: HostPort,
        /// What does not hold.
        why: String,
    },
    /// The broker refused the login, or the login could not be made.
    #[error("{broker}: SASL {mechanism} failed: {why}")]
    Login {
        /// The broker.
        broker: HostPort,
        /// The mechanism.
        mechanism: &'static str,
        /// The broker's words, or ours.
        why: String,
    },
    /// Something took too long.
    #[error("{broker}: no {what} within {after_ms} ms")]
    TimedOut {
        /// The broker.
        broker: HostPort,
        /// What was waited for.
        what: &'static str,
        /// How long, in milliseconds.
        after_ms: u64,
    },
    /// The connection ended or broke.
    #[error("{broker}: the connection is lost: {why}")]
    Lost {
        /// The broker.
        broker: HostPort,
        /// The system's words.
        why: String,
    },
    /// The broker says what the protocol does not allow, or more than is taken.
    #[error("{broker}: not the Kafka protocol: {why}")]
    Protocol {
        /// The broker.
        broker: HostPort,
        /// What is wrong.
        why: String,
    },
    /// The broker has no version of an API that this client speaks.
    #[error("{broker}: speaks no version of {api:?} that this client knows")]
    Unsupported {
        /// The broker.
        broker: HostPort,
        /// The API.
        api: ApiKey,
    },
    /// The broker is too old to choose a new topic's partitions and replication (before Kafka 2.4, KIP-464).
    #[error(
        "{broker}: older than Kafka 2.4, so the topic {topic} needs a number of partitions and a replication factor"
    )]
    NoDefaults {
        /// The broker.
        broker: HostPort,
        /// The topic.
        topic: String,
    },
    /// The broker answered with an error.
    #[error("{what}: {code}{}", .message.as_deref().map(|text| format!(" ({text})")).unwrap_or_default())]
    Refused {
        /// What was asked, with its object, such as `topic otlp-logs`.
        what: String,
        /// The protocol's code.
        code: ErrorCode,
        /// The broker's own words.
        message: Option<String>,
    },
    /// No broker could be asked; the last reason.
    #[error("no broker answers: {0}")]
    NoBroker(Box<Self>),
    /// There is no broker to begin with.
    #[error("no brokers to begin with")]
    NoBootstrap,
}

impl Error {
    /// Which of several brokers' errors tells most: what a person has to cure before what passes.
    pub(crate) fn weight(&self) -> u8 {
        match self {
            Self::Login { .. } | Self::Tls { .. } => 3,
            Self::Protocol { .. } | Self::Unsupported { .. } => 2,
            Self::TimedOut { .. } | Self::Lost { .. } => 1,
            _ => 0,
        }
    }
}
