//! Hop 7: what producers count, for `/metrics`.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

macro_rules! stats {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        /// Counts of all producers of a connector. Each is added to once a request or less.
        #[derive(Debug, Default)]
        pub struct Stats {
            $( $(#[$doc])* pub $name: AtomicU64, )*
            trouble: Mutex<Option<String>>,
            news: Notify,
        }
    };
}

stats! {
    /// Produce requests sent.
    requests,
    /// Record batches sent for the first time.
    batches,
    /// Record batches sent again.
    batches_resent,
    /// Records in batches sent for the first time.
    records,
    /// Bytes of batches before compression.
    bytes_uncompressed,
    /// Bytes of batches as sent.
    bytes_sent,
    /// Connections opened.
    connections_opened,
    /// Connections that ended otherwise than for want of work.
    connections_lost,
    /// New epochs after sequences that no longer fit (KIP-360).
    epochs,
    /// Milliseconds that brokers asked to wait (KIP-219).
    throttled_ms,
}

impl Stats {
    /// The last trouble with a broker since the last call, in words.
    pub fn trouble(&self) -> Option<String> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Returns when there was trouble since the last call.
    pub async fn news(&self) {
        self.news.notified().await;
    }

    pub(super) fn report(&self, trouble: String) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = Some(trouble);
        self.news.notify_one();
    }
}

pub(super) fn add(counter: &AtomicU64, more: usize) {
    counter.fetch_add(more as u64, Ordering::Relaxed);
}
