//! Hop 7 through our own client: a producer on each worker's runtime.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use kafka_client::producer::{self, BatchLimits, Common, Failure, Inbox, Remote, Settle, Stats};
use kafka_client::{Cluster, ProducerSettings};
use otlp::Signal;
use pipeline::{Ack, Outcome, RetryReason};
use tokio::time::Instant;

use super::{Producer, Record};
use crate::route::Route;

/// So many workers at most send small records together. Whoever gathers for the others has the work of sending.
const COMPANY_WORKERS: usize = 4;

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
    /// On this worker; the inbox is for others.
    Host(producer::Producer<Token>, Arc<Inbox<Token>>),
    /// On this worker, and a way to another's, for what can go along with that one's records.
    Guest(producer::Producer<Token>, Remote<Token>),
    /// On another worker.
    Other(Remote<Token>),
}

impl Hand {
    /// The producer on this worker.
    fn producer(&self) -> Option<&producer::Producer<Token>> {
        match self {
            Self::Host(producer, _) | Self::Guest(producer, _) => Some(producer),
            Self::Other(_) => None,
        }
    }
}

/// What the producers of all workers are made from.
#[derive(Debug)]
pub(crate) struct Natives {
    cluster: Cluster,
    settings: ProducerSettings,
    names: Vec<String>,
    topics: [usize; 4],
    common: Common,
    /// Of those that serve others: those that there are, or the first of each [`COMPANY_WORKERS`].
    inboxes: Mutex<Vec<Arc<Inbox<Token>>>>,
    /// Producers at most; 0: one for each worker.
    instances: usize,
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
        let (inboxes, workers) = (Mutex::default(), AtomicUsize::new(0));
        Self { cluster, settings, names, topics, common, inboxes, instances, workers }
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
        let hand = match worker.checked_rem(self.instances) {
            Some(place) if place < worker => Hand::Other(self.inbox(place).remote()),
            Some(place) => self.host(self.inbox(place)),
            None if worker.is_multiple_of(COMPANY_WORKERS) => self.host(self.inbox(worker / COMPANY_WORKERS)),
            None => Hand::Guest(self.producer(), self.inbox(worker / COMPANY_WORKERS).remote()),
        };
        Native { hand, topics: self.topics, limits: Arc::clone(&self.common.limits) }
    }

    fn producer(&self) -> producer::Producer<Token> {
        let (cluster, settings) = (self.cluster.clone(), self.settings.clone());
        producer::Producer::spawn(cluster, settings, self.names.clone(), self.common.clone())
    }

    fn host(&self, inbox: Arc<Inbox<Token>>) -> Hand {
        let producer = self.producer();
        producer.serve(Arc::clone(&inbox));
        Hand::Host(producer, inbox)
    }

    /// The inbox at this place, which may have to be made: workers come in any order.
    fn inbox(&self, place: usize) -> Arc<Inbox<Token>> {
        let mut inboxes = self.inboxes.lock().unwrap_or_else(PoisonError::into_inner);
        while inboxes.len() <= place {
            inboxes.push(Arc::default());
        }
        Arc::clone(&inboxes[place])
    }
}

/// A record's claim on its request, as the client sees it.
#[derive(Debug)]
pub(crate) struct Token(Ack);

impl Settle for Token {
    fn settle(self, outcome: Result<(), Failure>) {
        self.0.resolve(meaning(outcome));
    }

    fn settle_all(tokens: impl Iterator<Item = Self>, outcome: Result<(), Failure>) {
        Ack::resolve_all(tokens.map(|Self(ack)| ack), meaning(outcome));
    }
}

fn meaning(outcome: Result<(), Failure>) -> Outcome {
    match outcome {
        Ok(()) => Outcome::Stored,
        Err(Failure::TooLarge) => Outcome::TooLarge,
        Err(Failure::TimedOut) => Outcome::Retry(RetryReason::HoldTime),
        Err(Failure::Closed) => Outcome::Retry(RetryReason::Draining),
        Err(Failure::NoPartition) => Outcome::Retry(RetryReason::Kafka("UNKNOWN_TOPIC_OR_PARTITION")),
        Err(Failure::Refused(code)) => {
            Outcome::Retry(RetryReason::Kafka(code.name().unwrap_or("UNKNOWN_SERVER_ERROR")))
        }
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
            Hand::Host(producer, _) => producer.send(record),
            Hand::Guest(producer, host) => {
                if let Err(record) = host.offer(record) {
                    producer.send(record);
                }
            }
            Hand::Other(remote) => remote.send(record),
        }
    }

    fn limit_batch(&self, signal: Signal, bytes_max: usize) {
        self.limits.lower(self.topics[signal.index()], bytes_max);
    }

    async fn warm(&self) {
        // Another worker's producer is warmed there.
        if let Some(producer) = self.hand.producer() {
            producer.warm().await;
        }
    }

    async fn flush(&self) {
        if let Hand::Host(_, inbox) = &self.hand {
            inbox.abandoned().await;
        }
        if let Some(producer) = self.hand.producer() {
            producer.flush().await;
        }
    }

    async fn give_up(&self) {
        if let Some(producer) = self.hand.producer() {
            producer.close(Instant::now()).await;
        }
    }
}
