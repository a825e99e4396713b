//! The embedded Kafka-protocol broker: one node on a loopback address, with its data on disk.
//!
//! It is there so that a laptop or a test needs no Kafka. It is not for production: no replication, no authentication,
//! no transactions, no compaction.
//!
//! ```text
//! client ── connection ── api ─┬─ produce ──► log: check, append ──► watchers: wake the fetches that wait
//!             (frames)         ├─ fetch   ◄── log: positioned read
//!                              ├─ group*  ──► groups: who reads what, committed offsets
//!                              └─ topics, configs, … ──► topics
//! ```
//!
//! * `server`: start, accept, housekeeping, shutdown. [`Broker`].
//! * `connection`: frames of one client, one request at a time.
//! * `api`: what is offered, and the answer to each request, one file a family.
//! * `node`: what connections share. `watchers`: fetches that wait for records.
//! * `topics`, `log`: topics and their partitions' segments on disk.
//! * `groups`: the coordinator of consumer groups.
//!
//! Record batches are never taken apart: what a producer compressed is what a consumer unpacks.
//!
//! What is acknowledged is in the operating system's page cache. It survives the death of the process at any point,
//! but not that of the machine: nothing is synced to disk per append.

mod server;

mod connection;

mod api;

mod node;
mod watchers;

mod log;
mod topics;

mod groups;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

pub use server::{Broker, StartError};

/// What a broker is started with.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where to listen; advertised to clients with the port that was bound. Loopback only. Port 0: the system chooses.
    pub addr: SocketAddr,
    /// Topics, records and committed offsets. Made if it is missing; one broker at a time uses it.
    pub data_dir: PathBuf,
    /// Partitions of topics made on first use, and of those created without a number. Default 4: enough to see a
    /// group share its work, few enough to read a topic by hand.
    pub partitions_default: u32,
    /// A partition's oldest segments go when it has more bytes than this. Default 1 GiB; `None`: never.
    pub retention_bytes: Option<u64>,
    /// Segments go when their newest record is older than this. Default 7 days; `None`: never.
    pub retention_ms: Option<i64>,
    /// A segment file is closed when it would become larger. Default 64 MiB.
    pub segment_bytes: u64,
    /// Largest request. Default 100 MiB. A larger one closes its connection.
    pub frame_bytes_max: usize,
    /// Connections at once. Default 1,024. More are closed as they come.
    pub connections_max: usize,
    /// Largest record batch, as the producer compressed it. Default 64 MiB. A larger one is refused with
    /// `MESSAGE_TOO_LARGE`.
    pub message_bytes_max: usize,
    /// Most record bytes in one answer, unless the first batch alone is larger. Default 32 MiB.
    pub fetch_bytes_max: usize,
    /// Memory of all requests that are being read or worked on, those up to 64 KiB not counted. Default 256 MiB, at
    /// least `frame_bytes_max`. At the limit requests wait.
    pub requests_bytes_max: usize,
    /// Memory of all answers' records until they are sent, those up to 64 KiB not counted. Default 256 MiB, at least
    /// `fetch_bytes_max`. At the limit answers wait.
    pub answers_bytes_max: usize,
    /// A connection without a request for this long is closed. Default 10 minutes, as in Kafka.
    pub idle_wait: Duration,
}

impl Config {
    /// The defaults, with an address and a place for the data.
    pub fn new(addr: SocketAddr, data_dir: impl Into<PathBuf>) -> Self {
        Self {
            addr,
            data_dir: data_dir.into(),
            partitions_default: 4,
            retention_bytes: Some(1 << 30),
            retention_ms: Some(7 * 24 * 60 * 60 * 1000),
            segment_bytes: 64 << 20,
            frame_bytes_max: 100 << 20,
            connections_max: 1024,
            message_bytes_max: 64 << 20,
            fetch_bytes_max: 32 << 20,
            requests_bytes_max: 256 << 20,
            answers_bytes_max: 256 << 20,
            idle_wait: Duration::from_secs(10 * 60),
        }
    }
}
