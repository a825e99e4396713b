//! Hop 7: the one thing the shaping asks of a Kafka client, so that another can take its place.

use std::sync::Arc;

use bytes::Bytes;
use otlp::Signal;
use pipeline::{Ack, Deadline, Outcome};

mod librdkafka;
mod log;
mod native;
#[cfg(test)]
mod tests;

pub(crate) use librdkafka::{Cluster, Librdkafka, Partitions};
pub(crate) use log::Bridge;
pub(crate) use native::{Native, Natives};

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
    /// When its request must be answered.
    pub(crate) deadline: Deadline,
    /// Resolved exactly once, with the delivery report or when the record is refused at once.
    pub(crate) ack: Ack,
}

/// A Kafka client that only produces, as one worker sees it.
pub(crate) trait Producer: 'static {
    /// Takes the record without waiting. Records of one partition are stored in the order of these calls.
    fn send(&self, record: Record);

    /// Keeps batches of records under what a topic takes: a larger one is refused whole, however small its records.
    fn limit_batch(&self, signal: Signal, bytes_max: usize);

    /// Waits until every record of this worker has its report.
    fn flush(&self) -> impl Future<Output = ()>;

    /// Gives up what has no report, and takes no more.
    fn give_up(&self) -> impl Future<Output = ()>;
}

/// The client that `producer.client` names.
#[derive(Debug)]
pub(crate) enum Way {
    /// On the worker's own runtime.
    Native(Native),
    /// Shared by all workers, with threads of its own; [`crate::Sink::close`] ends it.
    Librdkafka(Arc<Librdkafka>),
}

impl Producer for Way {
    fn send(&self, record: Record) {
        if cfg!(feature = "null-sink") {
            return record.ack.resolve(Outcome::Stored);
        }
        match self {
            Self::Native(native) => native.send(record),
            Self::Librdkafka(shared) => shared.send(record),
        }
    }

    fn limit_batch(&self, signal: Signal, bytes_max: usize) {
        match self {
            Self::Native(native) => native.limit_batch(signal, bytes_max),
            Self::Librdkafka(shared) => shared.limit_batch(bytes_max),
        }
    }

    async fn flush(&self) {
        match self {
            Self::Native(native) => native.flush().await,
            Self::Librdkafka(_) => {}
        }
    }

    async fn give_up(&self) {
        match self {
            Self::Native(native) => native.give_up().await,
            Self::Librdkafka(_) => {}
        }
    }
}
