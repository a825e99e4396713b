//! Hop 7: waking a task of the same thread: once for many, and without an atomic.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::task::{Context, Poll, Waker};

/// Set by anyone on this thread, taken by the one task that waits.
#[derive(Debug, Default)]
pub(super) struct Signal {
    set: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

impl Signal {
    /// Wakes the task that waits, or the next one that does.
    pub(super) fn set(&self) {
        if self.set.replace(true) {
            return;
        }
        if let Some(waker) = self.waker.borrow().as_ref() {
            waker.wake_by_ref();
        }
    }

    /// Ready when it was set since the last time.
    pub(super) fn poll(&self, context: &mut Context<'_>) -> Poll<()> {
        if self.set.take() {
            return Poll::Ready(());
        }
        let mut slot = self.waker.borrow_mut();
        if slot.as_ref().is_none_or(|waker| !waker.will_wake(context.waker())) {
            *slot = Some(context.waker().clone());
        }
        Poll::Pending
    }

    /// Waits until it is set.
    pub(super) async fn wait(&self) {
        poll_fn(|context| self.poll(context)).await;
    }
}
