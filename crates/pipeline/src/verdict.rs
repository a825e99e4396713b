//! Hop 8: what became of a request.

use std::fmt;

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Everything is committed in Kafka under the connector's `acks`, except what `rejected` counts out.
    Stored {
        /// Items that can never be stored; `None` when there are none.
        rejected: Option<Rejected>,
    },
    /// Not stored, or not known to be; the sender should come again.
    Retry(RetryReason),
    /// Can never be stored; the sender must not come again.
    Refused(Refusal),
}

/// Items of a stored request that were left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// How many: spans, data points, log records or profiles.
    pub items: u64,
    /// Why, in a sentence for the sender.
    pub why: String,
}

/// A condition that passes or that an operator can cure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RetryReason {
    /// The hold time went by before Kafka had the data.
    HoldTime,
    /// The hold time went by before there was a place in line.
    Line,
    /// The hold time went by before there was memory.
    Memory,
    /// The server is shutting down.
    Draining,
    /// The connector is paused.
    Paused,
    /// Kafka said so; the name is the protocol's name of the error.
    Kafka(&'static str),
    /// The server failed in a way that this request may not cause again.
    Internal,
}

impl RetryReason {
    /// The word by which metrics count it.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::HoldTime => "hold_time",
            Self::Line => "line",
            Self::Memory => "memory",
            Self::Draining => "draining",
            Self::Paused => "paused",
            Self::Kafka(_) => "kafka",
            Self::Internal => "internal",
        }
    }
}

impl fmt::Display for RetryReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HoldTime => f.write_str("Kafka did not acknowledge in time"),
            Self::Line => f.write_str("too many unacknowledged requests"),
            Self::Memory => f.write_str("the memory for requests is in use"),
            Self::Draining => f.write_str("the server is shutting down"),
            Self::Paused => f.write_str("the connector is paused"),
            Self::Kafka(code) => write!(f, "Kafka answered {code}"),
            Self::Internal => f.write_str("the server failed on this request"),
        }
    }
}

/// Why a request can never be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// Not what OTLP says; the text names the offset and what was expected, and no payload.
    Malformed(String),
    /// Over a limit; the text names the limit's key.
    TooLarge(String),
}

impl Refusal {
    /// The word by which metrics count it.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "malformed",
            Self::TooLarge(_) => "too_large",
        }
    }
}
