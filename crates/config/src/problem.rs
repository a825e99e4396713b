//! One mistake in a configuration, in the words of Kafka Connect where it has words for it.

use std::fmt;

/// A mistake: which key, and what is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The key as the user wrote it.
    pub key: String,
    /// What is wrong with it.
    pub reason: Reason,
}

/// What is wrong with a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// The value does not fit; `shown` is `None` for secrets.
    Invalid {
        /// The value as given.
        shown: Option<String>,
        /// Why it does not fit.
        why: String,
    },
    /// No such key.
    Unknown {
        /// A key that was probably meant.
        nearest: Option<&'static str>,
    },
    /// Something that this key alone does not show, such as two keys that exclude each other.
    Other(String),
}

impl Problem {
    /// A value that does not fit.
    #[must_use]
    pub fn invalid(key: impl Into<String>, shown: Option<&str>, why: impl Into<String>) -> Self {
        Self { key: key.into(), reason: Reason::Invalid { shown: shown.map(str::to_owned), why: why.into() } }
    }

    /// A mistake in sentences of its own.
    #[must_use]
    pub fn other(key: impl Into<String>, what: impl Into<String>) -> Self {
        Self { key: key.into(), reason: Reason::Other(what.into()) }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = &self.key;
        match &self.reason {
            Reason::Invalid { shown: Some(value), why } => {
                write!(f, "Invalid value {value} for configuration {key}: {why}")
            }
            Reason::Invalid { shown: None, why } => {
                write!(f, "Invalid value [hidden] for configuration {key}: {why}")
            }
            Reason::Unknown { nearest: Some(known) } => {
                write!(f, "Unknown configuration {key}; did you mean {known}?")
            }
            Reason::Unknown { nearest: None } => write!(f, "Unknown configuration {key}"),
            Reason::Other(what) => write!(f, "{key}: {what}"),
        }
    }
}

impl std::error::Error for Problem {}
