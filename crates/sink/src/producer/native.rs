//! Hop 7 through our own client: a producer on each worker's runtime.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use kafka_client::producer::{self, BatchLimits, Common, Failure, Inbox, Remote, Settle, Stats};
use kafka_client::{Cluster, ProducerSettings};
use otlp::Signal;
use pipeline::{Ack, Outcome, RetryReason};
use tokio::time::Instant;

use super::{Producer, Record};
use crate::route::Route;

/// One worker's way to a producer.
#[derive(Debug)]
pub(crate) struct Native {
    hand: Hand,
    /// The place of each signal's topic in the producer's list.
    topics: [usize; 4],
    limits: Arc<BatchLimits>,
}

#[derive(Debug)]
enum Hand {
    /// On this worker, for it alone or, with an inbox, for others too.
    Own(producer::Producer<Token>, Option<Arc<Inbox<Token>>>),
    /// On another worker.
    Other(Remote<Token>),
}

/// What the producers of all workers are made from.
#[derive(Debug)]
pub(crate) struct Natives {
    cluster: Cluster,
    settings: ProducerSettings,
    names: Vec<String>,
    topics: [usize; 4],
    common: Common,
    /// Of the producers that several workers share; empty when each has its own.
    inboxes: Vec<Arc<Inbox<Token>>>,
    workers: AtomicUsize,
}

impl Natives {
    /// `instances` producers at most; 0: one for each worker.
    pub(crate) fn new(cluster: Cluster, settings: ProducerSettings, route: &Route, instances: usize) -> Self {
        cluster.interest(route.distinct());
        let names: Vec<String> = route.distinct().into_iter().map(str::to_owned).collect();
        let place = |signal| names.iter().position(|name| name == route.topic(signal)).unwrap_or_default();
        let topics = Signal::ALL.map(place);
        let limits = Arc::new(BatchLimits::new(names.len(), settings.batch_bytes));
        let common = Common { stats: Arc::default(), limits };
        let inboxes = (0..instances).map(|_| Arc::default()).collect();
        Self { cluster, settings, names, topics, common, inboxes, workers: AtomicUsize::new(0) }
    }

    /// What they count.
    pub(crate) fn stats(&self) -> &Arc<Stats> {
        &self.common.stats
    }

    /// Follows the cluster. Never ends.
    pub(crate) async fn run(&self) {
        self.cluster.run().await;
    }

    /// What is known of the topics may be old.
    pub(crate) fn ask_again(&self) {
        self.cluster.refresh_soon();
    }

    /// The topic takes batches up to `bytes_max`.
    pub(crate) fn set_batch_limit(&self, signal: Signal, bytes_max: usize) {
        self.common.limits.set(self.topics[signal.index()], bytes_max);
    }

    /// The next worker's way. Called on the worker, inside its `LocalSet`.
    pub(crate) fn of_worker(&self) -> Native {
        let worker = self.workers.fetch_add(1, Ordering::Relaxed);
        let hand = match self.inboxes.get(worker) {
            None if !self.inboxes.is_empty() => {
                Hand::Other(self.inboxes[worker % self.inboxes.len()].remote())
            }
            inbox => {
                let producer = producer::Producer::spawn(
                    self.cluster.clone(),
                    self.settings.clone(),
                    self.names.clone(),
                    self.common.clone(),
                );
                if let Some(inbox) = inbox {
                    producer.serve(Arc::clone(inbox));
                }
                Hand::Own(producer, inbox.cloned())
            }
        };
        Native { hand, topics: self.topics, limits: Arc::clone(&self.common.limits) }
    }
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

impl Producer for Native {
    fn send(&self, record: Record) {
        let Record { signal, partition, key, headers, value, timestamp_ms, deadline, ack } = record;
        let record = producer::Record {
            topic: self.topics[signal.index()],
            partition,
            key,
            value,
            headers,
            timestamp_ms,
            deadline: deadline.at(),
            token: Token(ack),
        };
        match &self.hand {
            Hand::Own(producer, _) => producer.send(record),
            Hand::Other(remote) => remote.send(record),
        }
    }

    fn limit_batch(&self, signal: Signal, bytes_max: usize) {
        self.limits.lower(self.topics[signal.index()], bytes_max);
    }

    async fn warm(&self) {
        // Another worker's producer is warmed there.
        if let Hand::Own(producer, _) = &self.hand {
            producer.warm().await;
        }
    }

    async fn flush(&self) {
        let Hand::Own(producer, inbox) = &self.hand else { return };
        if let Some(inbox) = inbox {
            inbox.abandoned().await;
        }
        producer.flush().await;
    }

    async fn give_up(&self) {
        if let Hand::Own(producer, _) = &self.hand {
            producer.close(Instant::now()).await;
        }
    }
}
