//! Hop 7: what producers count, for `/metrics`.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

macro_rules! stats {
    ($($name:ident: $help:literal;)*) => {
        /// Counts of all producers of a connector. Each is added to once a request or less.
        #[derive(Debug, Default)]
        pub struct Stats {
            $( #[doc = concat!($help, ".")] pub $name: AtomicU64, )*
            trouble: Mutex<Option<String>>,
            blocked: Mutex<Option<String>>,
            news: Notify,
        }

        impl Stats {
            /// Each count with its name and what it counts.
            pub fn counts(&self) -> impl Iterator<Item = (&'static str, &'static str, u64)> {
                [$( (stringify!($name), $help, self.$name.load(Ordering::Relaxed)), )*].into_iter()
            }
        }
    };
}

stats! {
    requests: "Produce requests sent";
    batches: "Record batches sent for the first time";
    batches_resent: "Record batches sent again";
    records: "Records in batches sent for the first time";
    records_handed_over: "Records that went through another thread's producer";
    uncompressed_bytes: "Bytes of record batches before compression";
    sent_bytes: "Bytes of record batches as sent";
    connections_opened: "Connections to brokers that were opened";
    connections_lost: "Connections to brokers that ended otherwise than for want of work";
    epochs: "Producer epochs begun because sequence numbers no longer fit (KIP-360)";
    throttled_milliseconds: "Milliseconds that brokers asked to wait (KIP-219)";
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

    /// Why nothing can be produced at all, while that is so.
    pub fn blocked(&self) -> Option<String> {
        self.blocked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn block(&self, why: Option<String>) {
        *self.blocked.lock().unwrap_or_else(PoisonError::into_inner) = why;
        self.news.notify_one();
    }

    pub(super) fn report(&self, trouble: String) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = Some(trouble);
        self.news.notify_one();
    }
}

pub(super) fn add(counter: &AtomicU64, more: usize) {
    counter.fetch_add(more as u64, Ordering::Relaxed);
}
