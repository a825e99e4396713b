//! Hop 7 through our own client: a producer on each worker's runtime.

use std::sync::Arc;

use kafka_client::producer::{self, BatchLimits, Failure, Headers, Settle};
use otlp::Signal;
use pipeline::{Ack, Outcome, RetryReason};
use tokio::time::Instant;

use super::{Producer, Record};

/// One worker's producer.
#[derive(Debug)]
pub(crate) struct Native {
    producer: producer::Producer<Token>,
    /// The place of each signal's topic in the producer's list.
    topics: [usize; 4],
    limits: Arc<BatchLimits>,
}

/// A record's claim on its request, as the client sees it.
#[derive(Debug)]
pub(crate) struct Token(Ack);

impl Settle for Token {
    fn settle(self, outcome: Result<(), Failure>) {
        self.0.resolve(match outcome {
            Ok(()) => Outcome::Stored,
            Err(Failure::TooLarge) => Outcome::TooLarge,
            Err(Failure::TimedOut) => Outcome::Retry(RetryReason::HoldTime),
            Err(Failure::Closed) => Outcome::Retry(RetryReason::Draining),
            Err(Failure::NoPartition) => Outcome::Retry(RetryReason::Kafka("UNKNOWN_TOPIC_OR_PARTITION")),
            Err(Failure::Refused(code)) => {
                Outcome::Retry(RetryReason::Kafka(code.name().unwrap_or("UNKNOWN_SERVER_ERROR")))
            }
        });
    }
}

impl Native {
    pub(crate) fn new(
        producer: producer::Producer<Token>,
        topics: [usize; 4],
        limits: Arc<BatchLimits>,
    ) -> Self {
        Self { producer, topics, limits }
    }
}

impl Producer for Native {
    fn send(&self, record: Record) {
        let Record { signal, partition, key, value, timestamp_ms, deadline, ack } = record;
        self.producer.send(producer::Record {
            topic: self.topics[signal.index()],
            partition,
            key,
            value,
            headers: Headers::default(),
            timestamp_ms,
            deadline: deadline.at(),
            token: Token(ack),
        });
    }

    fn limit_batch(&self, signal: Signal, bytes_max: usize) {
        self.limits.lower(self.topics[signal.index()], bytes_max);
    }

    async fn flush(&self) {
        self.producer.flush().await;
    }

    async fn give_up(&self) {
        self.producer.close(Instant::now()).await;
    }
}
