//! A partition against a model of a broker's log, and producers against brokers that are scripted or embedded.

mod company;
mod embedded;
mod renewal;
mod scripted;
mod simulation;
mod trouble;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::task::{JoinHandle, LocalSet};
use tokio::time::Instant;

use super::*;

/// Longer than anything here takes.
const WAIT: Duration = Duration::from_secs(20);

/// Outcomes by the number of the record.
type Outcomes = Rc<RefCell<BTreeMap<u64, Result<(), Failure>>>>;

#[derive(Debug)]
struct Token {
    number: u64,
    outcomes: Outcomes,
}

impl Settle for Token {
    fn settle(self, outcome: Result<(), Failure>) {
        let before = self.outcomes.borrow_mut().insert(self.number, outcome);
        assert_eq!(before, None, "record {} settled twice", self.number);
    }
}

/// A producer for the topic `t`, with what has become of its records.
struct Bench {
    producer: Producer<Token>,
    cluster: Cluster,
    outcomes: Outcomes,
    common: Common,
    sent: u64,
    watching: JoinHandle<()>,
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.watching.abort();
    }
}

impl Bench {
    fn new(cluster: Cluster, settings: ProducerSettings) -> Self {
        cluster.interest(["t"]);
        let limits = Arc::new(BatchLimits::new(1, settings.batch_bytes));
        let common = Common { stats: Arc::default(), limits };
        let producer = Producer::spawn(cluster.clone(), settings, vec!["t".to_owned()], common.clone());
        let watched = cluster.clone();
        let watching = tokio::spawn(async move { watched.run().await });
        Self { producer, cluster, outcomes: Outcomes::default(), common, sent: 0, watching }
    }

    fn record(&mut self, value: impl Into<Bytes>) -> Record<Token> {
        let token = Token { number: self.sent, outcomes: Rc::clone(&self.outcomes) };
        self.sent += 1;
        Record {
            topic: 0,
            partition: None,
            key: None,
            value: value.into(),
            headers: Headers::default(),
            timestamp_ms: 1_700_000_000_000,
            deadline: Instant::now() + WAIT,
            token,
        }
    }

    fn send(&mut self, value: impl Into<Bytes>) {
        let record = self.record(value);
        self.producer.send(record);
    }

    /// Waits until every record has its report, and returns those that are not stored.
    async fn settled(&self) -> Vec<(u64, Failure)> {
        tokio::time::timeout(WAIT, self.producer.flush()).await.expect("all have their report");
        self.failures()
    }

    fn failures(&self) -> Vec<(u64, Failure)> {
        let outcomes = self.outcomes.borrow();
        assert_eq!(outcomes.len() as u64, self.sent, "records without report");
        outcomes.iter().filter_map(|(number, outcome)| Some((*number, outcome.err()?))).collect()
    }

    fn count(&self, name: &str) -> u64 {
        self.common.stats.counts().find(|(known, ..)| *known == name).unwrap().2
    }
}

fn on_worker<F: Future>(work: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    LocalSet::new().block_on(&runtime, work)
}
