//! OTLP over gRPC and HTTP: hops 1 to 4 and 9 of a request's way. Knows nothing of Kafka.
//!
//! ```text
//! listen ── accept, connection limit ──► worker ── one thread, one runtime, connections of all connectors
//!   (a port of one connector)              │
//!                connection: TLS, HTTP/1.1 or HTTP/2, windows, timeouts
//!                              │                        │
//!                        grpc: head, framing      http: head, routing
//!                              └──────────┬─────────────┘
//!                 exchange: deadline ─► place in line ─► body: read, unpack, charge
//!                                         │
//!                                  Intake::store  ──►  the sink
//!                                         │
//!                       reply: verdict ─► gRPC or HTTP answer  ◄── one table
//! ```
//!
//! # Memory
//!
//! Bodies are charged to the budget before they are read. What HTTP/2 buffers unread is bounded by the
//! windows that [`windows`] hands out and charges. Uncharged is a fixed part: 32 KiB for each connection,
//! and for each worker the scratch space of its decompressors.

pub mod keys;

mod config;
mod error;

mod connection;
mod io;
mod listen;
mod tls;
mod windows;
mod worker;
mod workers;

mod exchange;
mod grpc;
mod http;

mod beat;
mod body;
mod reply;

pub use config::{Address, Config, Tls};
pub use connection::Door;
pub use error::{BindError, ServeError};
pub use keys::KEYS;
pub use listen::{Bound, Leaving, Listening, bind};
pub use windows::Windows;
pub use workers::{Ended, Generation, Retired, Station, Warming, Workers};

#[cfg(test)]
mod tests;
