//! What keeps the server from being ready, in sentences that `/readyz` shows.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

/// The parts that must work before the server is ready.
#[derive(Debug, Default)]
pub struct Health {
    /// Bounded: one entry for each part, and parts are named in code.
    troubles: Mutex<BTreeMap<&'static str, String>>,
    changed: Notify,
}

impl Health {
    /// Says that `part` does not work, and why. Returns whether this is news.
    pub fn fail(&self, part: &'static str, why: String) -> bool {
        let mut troubles = self.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        let news = troubles.insert(part, why.clone()).as_deref() != Some(&why);
        drop(troubles);
        if news {
            self.changed.notify_waiters();
        }
        news
    }

    /// Says that `part` works. Returns whether this is news.
    pub fn recover(&self, part: &'static str) -> bool {
        let news = self.troubles.lock().unwrap_or_else(PoisonError::into_inner).remove(part).is_some();
        if news {
            self.changed.notify_waiters();
        }
        news
    }

    /// What does not work now; empty when ready.
    #[must_use]
    pub fn troubles(&self) -> Vec<(&'static str, String)> {
        let troubles = self.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        troubles.iter().map(|(part, why)| (*part, why.clone())).collect()
    }

    /// Returns once everything works.
    pub async fn ready(&self) {
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            // From here on no change is missed.
            changed.as_mut().enable();
            if self.troubles().is_empty() {
                return;
            }
            changed.await;
        }
    }
}
