//! Hops 5 to 7: from a checked request to records that Kafka has acknowledged. Knows neither HTTP nor gRPC.
//!
//! ```text
//!  Request ─► intake ─► record (shape, split) ─► producer ─┬─► native: kafka-client on this worker ─┬─► brokers
//!                │           ▲                      ▲       └─► librdkafka, in builds that have it ──┤
//!                │         topics: partitions, limits; created when missing                         │
//!                ◄──────── Tally ◄── Ack ◄──────────────────────────────────────── report ◄─────────┘
//! ```
//!
//! `config`, `properties` and `converter` turn what the user wrote into what those need. `reader` is the way
//! back, for people who look.

mod intake;
mod record;
mod route;
mod topics;

mod producer;

pub mod config;
mod converter;
mod properties;

mod error;
pub mod reader;
mod sink;

pub use self::config::{Config, KEYS, WORKER_KEYS};
pub use converter::{CONVERTERS, HEADER_CONVERTERS};
pub use error::OpenError;
pub use intake::WorkerIntake;
pub use kafka_client::security::{STORE_BYTES_MAX, Surroundings, TokenPlaces};
pub use properties::client_properties;
pub use route::Route;
pub use sink::{Report, Sink, TopicReport};
