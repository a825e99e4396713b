//! Hop 8: all delivery reports of a request become one outcome, and its worker is woken once for many.

use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::Poll;

use atomic_waker::AtomicWaker;
use tokio::sync::Notify;

use crate::{Charge, Deadline, Permit, RetryReason, SignalMetrics};

mod waits;

pub use waits::Waits;

/// What a delivery report says of one record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Committed under the connector's `acks`.
    Stored,
    /// Not stored, or not known to be.
    Retry(RetryReason),
    /// Larger than the topic takes.
    TooLarge,
}

/// What became of all records of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// Every record is committed.
    Stored,
    /// At least one is not, or the deadline passed first.
    Retry(RetryReason),
    /// At least one was larger than its topic takes, and none has to be retried for another reason.
    TooLarge,
    /// Every record is committed but those of so many items: each was sent by itself, and is larger than its topic takes.
    CountedOut(u64),
}

/// Workers that are kept waiting for the last of many reports; more are woken with the first.
const WAKES_MAX: usize = 8;

/// One record's claim on its request. Resolving consumes it; dropping it unresolved means retry.
#[derive(Debug)]
pub struct Ack {
    record: Option<Claim>,
}

#[derive(Debug)]
struct Claim {
    state: Arc<State>,
    items: u64,
    /// Where it is too large, its items are counted out, and nothing has to come again.
    alone: bool,
    /// Returns with the delivery report, not with the connection.
    charge: Charge,
}

/// The request's side: gives an [`Ack`] to each record, then waits for them all.
#[derive(Debug)]
pub struct Tally {
    state: Arc<State>,
    /// The tally counts as one open record until [`Tally::settled`], so that the first reports do not end it.
    sealed: bool,
}

#[derive(Debug)]
struct State {
    open: AtomicU32,
    too_large: AtomicBool,
    /// Items of records that were too large alone.
    counted_out: AtomicU64,
    retry: OnceLock<RetryReason>,
    done: AtomicBool,
    waker: AtomicWaker,
    returns: Arc<Returns>,
    metrics: Arc<SignalMetrics>,
    _permit: Permit,
}

/// Finished requests on their way back to one worker.
#[derive(Debug, Default)]
pub struct Returns {
    /// Bounded by the requests that hold a [`Permit`].
    finished: Mutex<Vec<Arc<State>>>,
    wake: Notify,
}

impl Returns {
    /// Wakes the requests whose last report has come; runs on the worker for as long as it lives.
    pub async fn run(&self) {
        let mut batch = Vec::new();
        loop {
            self.wake.notified().await;
            std::mem::swap(&mut batch, &mut *self.finished.lock().unwrap_or_else(PoisonError::into_inner));
            for state in batch.drain(..) {
                state.done.store(true, Ordering::Release);
                state.waker.wake();
            }
        }
    }

    /// Returns whether the worker has to be woken: for a first one.
    fn push(&self, state: Arc<State>) -> bool {
        let mut finished = self.finished.lock().unwrap_or_else(PoisonError::into_inner);
        finished.push(state);
        finished.len() == 1
    }
}

/// Workers to be woken once more of their requests are finished: to wake another thread costs more than a report does.
#[derive(Debug, Default)]
struct Wakes([Option<Arc<Returns>>; WAKES_MAX]);

impl Wakes {
    /// One more; at once where there is no room.
    fn add(&mut self, returns: Arc<Returns>) {
        match self.0.iter_mut().find(|place| place.is_none()) {
            Some(place) => *place = Some(returns),
            None => returns.wake.notify_one(),
        }
    }
}

impl Drop for Wakes {
    fn drop(&mut self) {
        for returns in self.0.iter().flatten() {
            returns.wake.notify_one();
        }
    }
}

impl Tally {
    /// For one request of the worker that runs `returns`.
    #[must_use]
    pub fn new(returns: &Arc<Returns>, metrics: &Arc<SignalMetrics>, permit: Permit) -> Self {
        let state = State {
            open: AtomicU32::new(1),
            too_large: AtomicBool::new(false),
            counted_out: AtomicU64::new(0),
            retry: OnceLock::new(),
            done: AtomicBool::new(false),
            waker: AtomicWaker::new(),
            returns: Arc::clone(returns),
            metrics: Arc::clone(metrics),
            _permit: permit,
        };
        Self { state: Arc::new(state), sealed: false }
    }

    /// The claim of one more record with `items` items, whose bytes `charge` covers.
    #[must_use]
    pub fn ack(&self, items: u64, charge: Charge) -> Ack {
        self.claim(items, false, charge)
    }

    /// The same for a record that no smaller one can stand for: where its topic refuses it as too large, its items are
    /// counted out.
    #[must_use]
    pub fn ack_alone(&self, items: u64, charge: Charge) -> Ack {
        self.claim(items, true, charge)
    }

    fn claim(&self, items: u64, alone: bool, charge: Charge) -> Ack {
        self.state.open.fetch_add(1, Ordering::Relaxed);
        Ack { record: Some(Claim { state: Arc::clone(&self.state), items, alone, charge }) }
    }

    /// Waits for the reports of all records, among the `waits` of its worker.
    ///
    /// # Cancellation
    ///
    /// The records stay on their way; their charges and the request's permit return with the reports.
    pub async fn settled(mut self, waits: &Waits, deadline: Deadline) -> Settled {
        self.sealed = true;
        let state = Arc::clone(&self.state);
        if state.close_one() {
            return state.result();
        }
        let _place = waits.enter(&state, deadline);
        poll_fn(|context| {
            state.waker.register(context.waker());
            if state.done.load(Ordering::Acquire) { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        state.result()
    }
}

impl Drop for Tally {
    fn drop(&mut self) {
        if !self.sealed {
            self.state.close_one();
        }
    }
}

impl State {
    /// Whether this was the last one.
    fn close_one(&self) -> bool {
        self.open.fetch_sub(1, Ordering::AcqRel) == 1
    }

    /// The deadline has passed. What has its last report already is not held against it.
    fn give_up(&self) {
        if self.open.load(Ordering::Acquire) > 0 {
            // The first reason stands for all.
            let _first = self.retry.set(RetryReason::HoldTime);
        }
        self.done.store(true, Ordering::Release);
        self.waker.wake();
    }

    fn result(&self) -> Settled {
        if let Some(reason) = self.retry.get() {
            Settled::Retry(*reason)
        } else if self.too_large.load(Ordering::Acquire) {
            Settled::TooLarge
        } else {
            match self.counted_out.load(Ordering::Acquire) {
                0 => Settled::Stored,
                items => Settled::CountedOut(items),
            }
        }
    }
}

impl Ack {
    /// Bytes that cover the record until its report.
    #[must_use]
    pub fn charged(&self) -> usize {
        self.record.as_ref().map_or(0, |claim| claim.charge.bytes())
    }

    /// Reports what became of the record.
    pub fn resolve(mut self, outcome: Outcome) {
        self.report(outcome, &mut Wakes::default());
    }

    /// Reports the same of many records. Their requests' workers are woken at the end.
    pub fn resolve_all(acks: impl Iterator<Item = Self>, outcome: Outcome) {
        let mut wakes = Wakes::default();
        for mut ack in acks {
            ack.report(outcome, &mut wakes);
        }
    }

    fn report(&mut self, outcome: Outcome, wakes: &mut Wakes) {
        let Some(Claim { state, items, alone, .. }) = self.record.take() else { return };
        match outcome {
            Outcome::Stored => state.metrics.stored(items),
            Outcome::TooLarge if alone => {
                state.counted_out.fetch_add(items, Ordering::Release);
            }
            Outcome::TooLarge => state.too_large.store(true, Ordering::Release),
            Outcome::Retry(reason) => {
                // The first reason stands for all.
                let _first = state.retry.set(reason);
            }
        }
        if state.close_one() {
            let returns = Arc::clone(&state.returns);
            if returns.push(state) {
                wakes.add(returns);
            }
        }
    }
}

impl Drop for Ack {
    fn drop(&mut self) {
        self.report(Outcome::Retry(RetryReason::Internal), &mut Wakes::default());
    }
}

#[cfg(test)]
mod tests;
