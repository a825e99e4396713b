//! Hop 7: records from other threads, for workers that share a producer.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

use super::record::{Record, Settle};

/// Where other threads put records for a producer that [`super::Producer::serve`]s it.
#[derive(Debug)]
pub struct Inbox<T> {
    /// Bounded by the memory that its records are charged to.
    records: Mutex<Vec<Record<T>>>,
    arrived: Notify,
    remotes: AtomicUsize,
    left: Notify,
}

impl<T> Default for Inbox<T> {
    fn default() -> Self {
        Self {
            records: Mutex::default(),
            arrived: Notify::new(),
            remotes: AtomicUsize::new(0),
            left: Notify::new(),
        }
    }
}

/// One other thread's end of an inbox.
#[derive(Debug)]
pub struct Remote<T>(Arc<Inbox<T>>);

impl<T> Drop for Remote<T> {
    fn drop(&mut self) {
        self.0.remotes.fetch_sub(1, Ordering::AcqRel);
        self.0.left.notify_one();
    }
}

impl<T: Settle + Send> Inbox<T> {
    /// An end for another thread.
    #[must_use]
    pub fn remote(self: &Arc<Self>) -> Remote<T> {
        self.remotes.fetch_add(1, Ordering::AcqRel);
        Remote(Arc::clone(self))
    }

    /// Waits until no other thread has an end any more.
    pub async fn abandoned(&self) {
        while self.remotes.load(Ordering::Acquire) > 0 {
            self.left.notified().await;
        }
    }

    /// Waits for records and moves them to `batch`.
    pub(super) async fn take(&self, batch: &mut Vec<Record<T>>) {
        loop {
            std::mem::swap(batch, &mut *self.records.lock().unwrap_or_else(PoisonError::into_inner));
            if !batch.is_empty() {
                return;
            }
            self.arrived.notified().await;
        }
    }
}

impl<T: Settle + Send> Remote<T> {
    /// Hands a record over without waiting.
    pub fn send(&self, record: Record<T>) {
        let mut records = self.0.records.lock().unwrap_or_else(PoisonError::into_inner);
        records.push(record);
        let first = records.len() == 1;
        drop(records);
        if first {
            self.0.arrived.notify_one();
        }
    }
}
