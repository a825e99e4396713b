//! Hop 7: the one thing the shaping asks of a Kafka client, so that another can take its place.

use std::time::Duration;

use bytes::Bytes;
use kafka_client::producer::Headers;
use otlp::Signal;
use pipeline::{Ack, Deadline, Outcome};

#[cfg(feature = "librdkafka")]
mod librdkafka;
mod native;

#[cfg(feature = "librdkafka")]
pub(crate) use librdkafka::Librdkafka;
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
    /// The headers.
    pub(crate) headers: Headers,
    /// The value, which the client may read until it resolves `ack`.
    pub(crate) value: Bytes,
    /// Milliseconds since the epoch.
    pub(crate) timestamp_ms: i64,
    /// When its request must be answered.
    pub(crate) deadline: Deadline,
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

/// A Kafka client that only produces, as one worker sees it.
pub(crate) trait Producer: 'static {
    /// Takes the record without waiting. Records of one partition are stored in the order of these calls.
    fn send(&self, record: Record);

    /// Keeps batches of records under what a topic takes: a larger one is refused whole, however small its records.
    fn limit_batch(&self, signal: Signal, bytes_max: usize);

    /// Returns once a first record would leave at once.
    fn warm(&self) -> impl Future<Output = ()>;

    /// Waits until every record of this worker has its report.
    fn flush(&self) -> impl Future<Output = ()>;

    /// Gives up what has no report, and takes no more.
    fn give_up(&self) -> impl Future<Output = ()>;
}

/// The Kafka client of a connector, the one that `producer.client` names.
#[derive(Debug)]
pub(crate) enum Client {
    /// Producers on the workers' own runtimes.
    Native(Box<Natives>),
    /// One producer for all workers, with threads of its own.
    #[cfg(feature = "librdkafka")]
    Librdkafka(std::sync::Arc<Librdkafka>),
}

impl Client {
    /// One worker's way. Called on the worker, inside its `LocalSet`.
    pub(crate) fn of_worker(&self) -> Way {
        match self {
            Self::Native(natives) => Way::Native(natives.of_worker()),
            #[cfg(feature = "librdkafka")]
            Self::Librdkafka(shared) => Way::Librdkafka(std::sync::Arc::clone(shared)),
        }
    }

    /// What has to run beside the workers. Never ends.
    pub(crate) async fn run(&self) {
        match self {
            Self::Native(natives) => natives.run().await,
            #[cfg(feature = "librdkafka")]
            Self::Librdkafka(_) => std::future::pending().await,
        }
    }

    /// Returns when the client has reported trouble or recovery since the last call.
    pub(crate) async fn news(&self) {
        match self {
            Self::Native(natives) => natives.stats().news().await,
            #[cfg(feature = "librdkafka")]
            Self::Librdkafka(shared) => shared.news().await,
        }
    }

    /// The last trouble that the client reported since the last call, in words.
    pub(crate) fn trouble(&self) -> Option<String> {
        match self {
            Self::Native(natives) => natives.stats().trouble(),
            #[cfg(feature = "librdkafka")]
            Self::Librdkafka(shared) => shared.trouble(),
        }
    }

    /// Why nothing can be produced at all, though the cluster answers.
    pub(crate) fn blocked(&self) -> Option<String> {
        match self {
            Self::Native(natives) => natives.stats().blocked(),
            #[cfg(feature = "librdkafka")]
            Self::Librdkafka(_) => None,
        }
    }

    /// Kafka is there again: what the client remembers of its topics may be old.
    pub(crate) fn ask_again(&self) {
        match self {
            Self::Native(natives) => natives.ask_again(),
            #[cfg(feature = "librdkafka")]
            Self::Librdkafka(shared) => shared.ask_again(),
        }
    }

    /// The topic takes batches up to `bytes_max`.
    pub(crate) fn set_batch_limit(&self, signal: Signal, bytes_max: usize) {
        match self {
            Self::Native(natives) => natives.set_batch_limit(signal, bytes_max),
            #[cfg(feature = "librdkafka")]
            Self::Librdkafka(shared) => shared.limit_batch(bytes_max),
        }
    }

    /// What producers have counted, each with its name and what it is.
    pub(crate) fn counts(&self) -> Vec<(&'static str, &'static str, u64)> {
        match self {
            Self::Native(natives) => natives.stats().counts().collect(),
            #[cfg(feature = "librdkafka")]
            Self::Librdkafka(shared) => {
                vec![(
                    "producers_replaced",
                    "Producers replaced after an error that ended them",
                    shared.replaced(),
                )]
            }
        }
    }

    /// Ends what the workers do not end themselves.
    #[cfg_attr(
        not(feature = "librdkafka"),
        expect(
            clippy::unused_async,
            unused_variables,
            reason = "producers of our own end with their workers"
        )
    )]
    pub(crate) async fn close(&self, limit: Duration) {
        match self {
            Self::Native(_) => {}
            #[cfg(feature = "librdkafka")]
            Self::Librdkafka(shared) => {
                let shared = std::sync::Arc::clone(shared);
                // An error means that the runtime is going down, which ends the process as well.
                drop(tokio::task::spawn_blocking(move || shared.close(limit)).await);
            }
        }
    }
}

/// One worker's way into Kafka.
#[derive(Debug)]
pub(crate) enum Way {
    /// Through a producer on a worker's runtime.
    Native(Native),
    /// Through the producer of all; [`Client::close`] ends it.
    #[cfg(feature = "librdkafka")]
    Librdkafka(std::sync::Arc<Librdkafka>),
}

impl Producer for Way {
    fn send(&self, record: Record) {
        if cfg!(feature = "null-sink") {
            return record.ack.resolve(Outcome::Stored);
        }
        match self {
            Self::Native(native) => native.send(record),
            #[cfg(feature = "librdkafka")]
            Self::Librdkafka(shared) => shared.send(record),
        }
    }

    fn limit_batch(&self, signal: Signal, bytes_max: usize) {
        match self {
            Self::Native(native) => native.limit_batch(signal, bytes_max),
            #[cfg(feature = "librdkafka")]
            Self::Librdkafka(shared) => shared.limit_batch(bytes_max),
        }
    }

    async fn warm(&self) {
        match self {
            Self::Native(native) => native.warm().await,
            #[cfg(feature = "librdkafka")]
            Self::Librdkafka(_) => {}
        }
    }

    async fn flush(&self) {
        match self {
            Self::Native(native) => native.flush().await,
            #[cfg(feature = "librdkafka")]
            Self::Librdkafka(_) => {}
        }
    }

    async fn give_up(&self) {
        match self {
            Self::Native(native) => native.give_up().await,
            #[cfg(feature = "librdkafka")]
            Self::Librdkafka(_) => {}
        }
    }
}
