//! Hop 8: until when one worker's requests wait for their reports, with one timer for all of them.
//!
//! Nearly all of them have their reports long before. So to enter and to leave has to be cheap, and what an end costs
//! is of no account: then all that wait are gone through.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use slab::Slab;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::State;
use crate::Deadline;

/// The requests of one worker that wait.
#[derive(Debug, Default)]
pub struct Waits {
    /// Bounded by the requests that hold a [`crate::Permit`].
    open: RefCell<Slab<(Deadline, Arc<State>)>>,
    /// No deadline that has not been told of is earlier.
    next: Cell<Option<Deadline>>,
    sooner: Notify,
}

/// One request's place, free again when it waits no longer.
pub(super) struct Place<'a> {
    waits: &'a Waits,
    key: usize,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.waits.open.borrow_mut().remove(self.key);
    }
}

impl Waits {
    /// Ends each wait at its deadline; runs on the worker for as long as it lives.
    pub async fn run(&self) {
        loop {
            match self.next.get() {
                None => self.sooner.notified().await,
                Some(next) => tokio::select! {
                    () = sleep_until(next.at()) => self.end(),
                    () = self.sooner.notified() => {}
                },
            }
        }
    }

    pub(super) fn enter(&self, state: &Arc<State>, deadline: Deadline) -> Place<'_> {
        let key = self.open.borrow_mut().insert((deadline, Arc::clone(state)));
        if self.next.get().is_none_or(|next| deadline < next) {
            self.next.set(Some(deadline));
            self.sooner.notify_one();
        }
        Place { waits: self, key }
    }

    /// Ends those whose deadline has passed.
    fn end(&self) {
        let now = Instant::now();
        let (mut over, mut next) = (Vec::new(), None::<Deadline>);
        for (_, (deadline, state)) in self.open.borrow().iter() {
            if deadline.at() <= now {
                over.push(Arc::clone(state));
            } else {
                next = Some(next.map_or(*deadline, |next| next.min(*deadline)));
            }
        }
        self.next.set(next);
        over.iter().for_each(|state| state.give_up());
    }
}
