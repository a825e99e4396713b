//! Hop 7: the largest batch that each topic takes, shared by the producers of all workers.

use std::sync::atomic::{AtomicUsize, Ordering};

/// A limit for smaller batches is never taken below this: a topic that refuses such small ones refuses for another
/// reason.
const BYTES_MIN: usize = 1024;

/// Bytes of a batch, for each topic of [`super::Record::topic`].
#[derive(Debug)]
pub struct BatchLimits(Vec<AtomicUsize>);

impl BatchLimits {
    /// For so many topics, of which nothing is known yet but that no batch may be larger than `bytes_max`.
    #[must_use]
    pub fn new(topics: usize, bytes_max: usize) -> Self {
        Self((0..topics).map(|_| AtomicUsize::new(bytes_max)).collect())
    }

    /// The topic takes no batch above `bytes_max`.
    pub fn lower(&self, topic: usize, bytes_max: usize) {
        if let Some(limit) = self.0.get(topic)
            && limit.fetch_min(bytes_max.max(BYTES_MIN), Ordering::Relaxed) > bytes_max
        {
            tracing::info!(topic, bytes_max, "batches are made smaller: the topic takes no larger ones");
        }
    }

    /// The topic takes batches up to `bytes_max`.
    pub fn set(&self, topic: usize, bytes_max: usize) {
        if let Some(limit) = self.0.get(topic) {
            limit.store(bytes_max.max(BYTES_MIN), Ordering::Relaxed);
        }
    }

    /// The largest batch of the topic.
    #[must_use]
    pub fn get(&self, topic: usize) -> usize {
        self.0.get(topic).map_or(usize::MAX, |limit| limit.load(Ordering::Relaxed))
    }
}
