//! Who waits for records: a fetch that found none is woken by the append that brings them, not by a timer.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use uuid::Uuid;

/// A partition: its topic's id and its number.
pub(crate) type PartitionKey = (Uuid, i32);

/// All waiting fetches by partition. A fetch waits for at most as many partitions as its request names.
#[derive(Debug, Default)]
pub(crate) struct Watchers {
    /// Partitions with a watcher, readable without the lock: without a reader an append stops here.
    watched: AtomicUsize,
    by_partition: Mutex<HashMap<PartitionKey, Vec<Arc<Notify>>>>,
}

/// One waiting fetch. Dropped, it waits no more.
#[derive(Debug)]
pub(crate) struct Watch<'a> {
    watchers: &'a Watchers,
    keys: Vec<PartitionKey>,
    notify: Arc<Notify>,
}

impl Watchers {
    /// Starts to watch. Look at the logs after this, then wait: no append in between is missed.
    pub(crate) fn watch(&self, mut keys: Vec<PartitionKey>) -> Watch<'_> {
        keys.sort_unstable();
        keys.dedup();
        let notify = Arc::new(Notify::new());
        let mut by_partition = self.lock();
        for key in &keys {
            by_partition.entry(*key).or_default().push(Arc::clone(&notify));
        }
        self.watched.store(by_partition.len(), Ordering::SeqCst);
        drop(by_partition);
        Watch { watchers: self, keys, notify }
    }

    /// Wakes those that wait for the partition. To be called after the append, with its lock released.
    pub(crate) fn appended(&self, key: PartitionKey) {
        if self.watched.load(Ordering::SeqCst) == 0 {
            return;
        }
        for notify in self.lock().get(&key).into_iter().flatten() {
            notify.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<PartitionKey, Vec<Arc<Notify>>>> {
        self.by_partition.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watch<'_> {
    /// Waits for an append since the last call or since the watch began.
    pub(crate) async fn appended(&self) {
        self.notify.notified().await;
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        let mut by_partition = self.watchers.lock();
        for key in &self.keys {
            if let Some(waiting) = by_partition.get_mut(key) {
                waiting.retain(|notify| !Arc::ptr_eq(notify, &self.notify));
                if waiting.is_empty() {
                    by_partition.remove(key);
                }
            }
        }
        self.watchers.watched.store(by_partition.len(), Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_append_between_watch_and_wait_is_seen() {
        let watchers = Watchers::default();
        let key = (Uuid::from_u128(1), 0);
        let watch = watchers.watch(vec![key, key, (Uuid::from_u128(1), 1)]);
        watchers.appended(key);
        watch.appended().await;
    }

    #[tokio::test]
    async fn only_the_partitions_watchers_are_woken_and_none_is_left_behind() {
        let watchers = Watchers::default();
        let (one, two) = ((Uuid::from_u128(1), 0), (Uuid::from_u128(2), 0));
        let first = watchers.watch(vec![one]);
        let second = watchers.watch(vec![two]);
        watchers.appended(two);
        tokio::select! {
            biased;
            () = first.appended() => panic!("woken for another topic's partition"),
            () = second.appended() => {}
        }
        drop((first, second));
        assert!(watchers.lock().is_empty());
        assert_eq!(watchers.watched.load(Ordering::SeqCst), 0);
    }
}
