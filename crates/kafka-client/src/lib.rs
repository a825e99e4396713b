//! Hop 7: a Kafka client on tokio: what produces records, and what reads, creates and describes for people.
//!
//! ```text
//!  settings ─► security (TLS, SASL)
//!      │            │
//!      └────► connection: address ─► stream ─► TLS ─► ApiVersions ─► login ─► requests and answers
//!                   │
//!        ┌──────────┼──────────────┐
//!     cluster    producer        reader
//!   (metadata,   (batches, sequences,  (offsets, fetch)
//!    admin)       one connection a broker)
//! ```
//!
//! A broker is not trusted: every answer is bounded, decoded with checks, and an answer that contradicts the
//! protocol closes its connection with a log line. Nothing here reads files, environment or arguments.

pub mod settings;

mod error;

mod address;
mod backoff;
mod connection;
mod frame;
mod lookup;
mod stream;
mod versions;

pub mod security;

pub mod compression;

pub mod cluster;

pub mod producer;

pub mod admin;
pub mod reader;

#[cfg(test)]
mod testing;

#[cfg(fuzzing)]
pub mod fuzzing;

pub use address::HostPort;
pub use cluster::Cluster;
pub use error::Error;
pub use kafka_wire::ErrorCode;
pub use lookup::Lookups;
pub use settings::{Acks, ProducerSettings, Settings};
