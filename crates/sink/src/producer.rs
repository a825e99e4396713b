//! Hop 7: the one thing the shaping asks of a Kafka client, so that another can take its place.

use std::time::Duration;

use bytes::Bytes;
use otlp::Signal;
use pipeline::Ack;

mod librdkafka;
mod log;
#[cfg(test)]
mod tests;

pub(crate) use librdkafka::Librdkafka;
pub(crate) use log::Bridge;

/// One Kafka record on its way.
#[derive(Debug)]
pub(crate) struct Record {
    /// Whose topic it goes to.
    pub(crate) signal: Signal,
    /// `None`: the partitioner chooses.
    pub(crate) partition: Option<i32>,
    /// `None`: a record without key.
    pub(crate) key: Option<Bytes>,
    /// The value, which the client may read until it resolves `ack`.
    pub(crate) value: Bytes,
    /// Milliseconds since the epoch.
    pub(crate) timestamp_ms: i64,
    /// Resolved exactly once, with the delivery report or when the record is refused at once.
    pub(crate) ack: Ack,
}

/// Partitions of a topic.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Partitions {
    /// All of them.
    pub(crate) count: usize,
    /// Those that have a leader now.
    pub(crate) led: Vec<i32>,
}

/// A Kafka client that only produces.
pub(crate) trait Producer: Send + Sync + 'static {
    /// Takes the record without waiting. Records of one partition are stored in the order of these calls.
    fn send(&self, record: Record);

    /// Keeps batches of records under what a topic takes: a larger one is refused whole, however small its records.
    fn limit_batch(&self, bytes_max: usize);

    /// Waits until every record has its report, at most `limit`, then gives up what is left and stops.
    /// Blocks its thread.
    fn close(&self, limit: Duration);
}
