//! Hop 7: records to brokers, on the runtime of the worker that made them: no thread, no linger, and a lock only where
//! other workers hand records over.
//!
//! ```text
//!  other workers ─► inbox ─┐
//!  send ─► arrivals ◄──────┘
//!             ▼
//!          state: topic ─► partition (sequence numbers) ─► batch ─► broker task ─► link ─► socket
//!            ▲                  ▲                                        │
//!         cluster view       errors: stored, retry, new epoch ◄── answer ┘
//! ```
//!
//! A record without key stays with its topic until a request is made, so that it goes to whichever partition is
//! served next. Sequence numbers are given when a batch is made; a batch that has to be sent again is sent
//! unchanged, and the broker is the judge of what it has (KIP-98). Where sequences no longer fit, the partition goes
//! on under a new epoch (KIP-360), after everything older was answered for.

mod answers;
mod arrivals;
mod batch;
mod broker;
mod errors;
mod gather;
mod identity;
mod inbox;
mod limits;
mod link;
mod packing;
mod partition;
mod partitioner;
mod record;
mod renewal;
mod signal;
mod state;
mod stats;
mod tools;
mod topic;
mod warm;

#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use tokio::task::JoinHandle;
use tokio::time::Instant;

pub use inbox::{Inbox, Remote};
pub use limits::BatchLimits;
pub use partitioner::partition_of;
pub use record::{Failure, Headers, Record, Settle};
pub use stats::Stats;

use crate::{Cluster, ProducerSettings};
use state::State;

/// What the producers of all workers have in common.
#[derive(Debug, Clone)]
pub struct Common {
    /// What they count.
    pub stats: Arc<Stats>,
    /// What the topics take.
    pub limits: Arc<BatchLimits>,
}

/// A producer on the current thread. Cloned for all who produce on it; it ends with [`Producer::close`], or with the
/// `LocalSet` it was made in.
#[derive(Debug)]
pub struct Producer<T: Settle> {
    state: Rc<RefCell<State<T>>>,
    tasks: Rc<Tasks<T>>,
}

/// Ended with the last clone.
#[derive(Debug)]
struct Tasks<T: Settle> {
    handles: RefCell<Vec<JoinHandle<()>>>,
    state: Rc<RefCell<State<T>>>,
}

impl<T: Settle> Drop for Tasks<T> {
    fn drop(&mut self) {
        for task in self.handles.borrow().iter() {
            task.abort();
        }
        // Their sessions hold the state.
        let brokers = std::mem::take(&mut self.state.borrow_mut().brokers);
        drop(brokers);
    }
}

impl<T: Settle> Clone for Producer<T> {
    fn clone(&self) -> Self {
        Self { state: Rc::clone(&self.state), tasks: Rc::clone(&self.tasks) }
    }
}

impl<T: Settle> Producer<T> {
    /// Starts a producer for `topics`, which [`Record::topic`] counts. Called inside a `LocalSet`. Kafka need not be
    /// there yet.
    #[must_use]
    pub fn spawn(cluster: Cluster, settings: ProducerSettings, topics: Vec<String>, common: Common) -> Self {
        let state = State::shared(&cluster, settings, topics, common);
        let handles = RefCell::new(vec![
            tokio::task::spawn_local(state::follow(Rc::clone(&state), cluster.clone())),
            tokio::task::spawn_local(state::expire(Rc::clone(&state))),
            tokio::task::spawn_local(identity::provide(Rc::clone(&state), cluster)),
        ]);
        Self { tasks: Rc::new(Tasks { handles, state: Rc::clone(&state) }), state }
    }

    /// Gets what a first record would wait for: an id, the topics' partitions, connections to their leaders. Returns
    /// once it is there, and not before Kafka is. One caller at a time.
    pub async fn warm(&self) {
        warm::warm(&self.state).await;
    }

    /// Takes a record without waiting. Its report comes by [`Settle::settle`], exactly once.
    pub fn send(&self, record: Record<T>) {
        arrivals::take(&self.state, record);
    }

    /// Takes records of other threads as well, from now on. The task ends with the producer.
    pub fn serve(&self, inbox: Arc<Inbox<T>>)
    where
        T: Send,
    {
        self.state.borrow_mut().serve(Arc::clone(&inbox));
        let producer = Rc::downgrade(&self.state);
        let serving = tokio::task::spawn_local(async move {
            loop {
                inbox.rung().await;
                let Some(state) = producer.upgrade() else { return };
                arrivals::collect(&state);
            }
        });
        self.tasks.handles.borrow_mut().push(serving);
    }

    /// Waits until every record has its report. From the call on nothing waits for company: it comes at the end. One
    /// caller at a time.
    pub async fn flush(&self) {
        self.state.borrow_mut().hurry();
        arrivals::collect(&self.state);
        state::emptied(&self.state).await;
    }

    /// Flushes, at most until `end`; what is left then is settled as [`Failure::Closed`] or, where it is under way,
    /// dropped. Later records are settled as [`Failure::Closed`].
    pub async fn close(&self, end: Instant) {
        // An error means that the time is over.
        drop(tokio::time::timeout_at(end, self.flush()).await);
        let left = self.state.borrow_mut().give_up();
        arrivals::collect(&self.state);
        for token in left {
            token.settle(Err(Failure::Closed));
        }
        // Their sessions hold what is under way.
        let brokers = std::mem::take(&mut self.state.borrow_mut().brokers);
        drop(brokers);
    }
}
