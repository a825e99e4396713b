//! What keeps the server from being ready, in sentences that `/readyz` shows.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// The parts that must work before the server is ready.
#[derive(Debug, Default)]
pub struct Health {
    /// Bounded: one entry for each part, and parts are named in code.
    troubles: Mutex<BTreeMap<&'static str, String>>,
}

impl Health {
    /// Says that `part` does not work, and why. Returns whether this is news.
    pub fn fail(&self, part: &'static str, why: String) -> bool {
        let mut troubles = self.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        troubles.insert(part, why.clone()).as_deref() != Some(&why)
    }

    /// Says that `part` works. Returns whether this is news.
    pub fn recover(&self, part: &'static str) -> bool {
        self.troubles.lock().unwrap_or_else(PoisonError::into_inner).remove(part).is_some()
    }

    /// What does not work now; empty when ready.
    #[must_use]
    pub fn troubles(&self) -> Vec<(&'static str, String)> {
        let troubles = self.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        troubles.iter().map(|(part, why)| (*part, why.clone())).collect()
    }
}
