//! Hop 3: a timer that is near while requests come, so that theirs, which seldom ring, cost nothing.
//!
//! A runtime writes to its own wake-up file, and returns from its next wait at once, whenever a timer is set that is
//! earlier than all others. Each request sets one for its body and one for its answer. On a thread without nearer ones
//! that is two system calls a request.

use std::cell::Cell;
use std::time::Duration;

use tokio::sync::Notify;

/// Nearer than what requests wait for, and seldom enough to cost nothing.
const BEAT: Duration = Duration::from_millis(50);

/// One worker's.
#[derive(Debug, Default)]
pub(crate) struct Beat {
    touched: Cell<bool>,
    rests: Cell<bool>,
    begin: Notify,
}

impl Beat {
    /// A request comes.
    pub(crate) fn touch(&self) {
        self.touched.set(true);
        if self.rests.take() {
            self.begin.notify_one();
        }
    }

    /// Keeps the timer while requests come. Never ends.
    pub(crate) async fn run(&self) {
        loop {
            while self.touched.take() {
                tokio::time::sleep(BEAT).await;
            }
            self.rests.set(true);
            self.begin.notified().await;
        }
    }
}
