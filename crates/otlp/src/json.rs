//! Hops 5 and 6, JSON: OTLP/JSON becomes wire bytes (`read`), wire bytes become a record's value (`write`).

mod read;
mod write;

pub use read::{READ_SLACK_BYTES, read};

pub use write::{Style, WriteError, write};
