//! Hop 7: records that come, from this thread and through the inbox from others, and who is woken for them.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use tokio::time::Instant;

use super::inbox::{Company, Inbox, bit};
use super::record::{Failure, Record, Settle};
use super::state::State;
use super::stats::add;

/// The inbox that a producer serves, if it serves one.
#[derive(Debug)]
pub(super) struct Guests<T> {
    inbox: Option<Arc<Inbox<T>>>,
    /// Kept for its room.
    batch: Vec<Record<T>>,
}

impl<T> Default for Guests<T> {
    fn default() -> Self {
        Self { inbox: None, batch: Vec::new() }
    }
}

impl<T> Guests<T> {
    /// Nothing gathers any more for other brokers than these. What was to go there has to be collected.
    pub(super) fn stay_with(&self, stays: impl Fn(i32) -> bool) {
        if let Some(inbox) = &self.inbox {
            inbox.disband(|company| !stays(company.broker));
        }
    }
}

impl<T> Drop for Guests<T> {
    fn drop(&mut self) {
        if let Some(inbox) = &self.inbox {
            inbox.abandon();
        }
    }
}

impl<T: Settle> State<T> {
    /// Takes a record, or gives its token back with the reason. `counted`: the inbox did, when it came there.
    fn enqueue(&mut self, mut record: Record<T>, counted: bool) -> Option<(T, Failure)> {
        if self.closed {
            return Some((record.token, Failure::Closed));
        }
        let now = Instant::now();
        record.deadline = record.deadline.min(now + self.settings.delivery_timeout);
        let (index, bytes) = (record.topic, record.bytes());
        let Some(topic) = self.topics.get_mut(index) else {
            return Some((record.token, Failure::NoPartition));
        };
        if let Some(record) = topic.place(record, self.settings.ignore_keys) {
            return Some((record.token, Failure::NoPartition));
        }
        self.open += 1;
        if self.open == 1 {
            self.opened.set();
        }
        self.arrived(index, bytes, counted, now);
        None
    }

    /// Wakes who can send the record that has come last, if it is time to.
    fn arrived(&mut self, topic: usize, bytes: usize, counted: bool, now: Instant) {
        self.choose(topic, now);
        let Some(it) = self.topics.get(topic) else { return };
        let mut ids: [Option<i32>; 2] = [it.chosen_broker(), it.last_bound_leader()];
        if ids[0] == ids[1] {
            ids[1] = None;
        }
        for id in ids.into_iter().flatten() {
            let together = !counted && self.is_enough_together(id, bytes);
            let slot = self.slot(id);
            if slot.gather.arrived(bytes, now) || together {
                slot.wake.set();
            }
        }
    }

    pub(super) fn serve(&mut self, inbox: Arc<Inbox<T>>) {
        self.guests.inbox = Some(inbox);
    }

    /// A record came that belongs to what gathers for the broker. Returns whether that is enough.
    fn is_enough_together(&self, broker: i32, bytes: usize) -> bool {
        self.guests.inbox.as_ref().is_some_and(|inbox| inbox.count(broker, bytes))
    }

    /// Says how much others may add to what gathers for the broker; nothing, where it does not gather.
    pub(super) fn invite(&mut self, broker: i32) {
        let Some(inbox) = &self.guests.inbox else { return };
        let open_to = self.brokers.get(&broker).and_then(|slot| slot.gather.open_to());
        let (bytes, records) = open_to.filter(|_| !self.closing).unwrap_or((0, None));
        let places = self.topics.iter().enumerate();
        let topics = places.filter(|(_, topic)| topic.stays_with() == Some(broker));
        let topics = topics.fold(0, |bits, (place, _)| bits | bit(place));
        if inbox.gather(Company { broker, topics, bytes, records })
            && let Some(slot) = self.brokers.get(&broker)
        {
            slot.wake.set();
        }
    }
}

/// Takes a record, or settles it at once.
pub(super) fn take<T: Settle>(state: &Rc<RefCell<State<T>>>, record: Record<T>) {
    enqueue(state, record, false);
}

fn enqueue<T: Settle>(state: &Rc<RefCell<State<T>>>, record: Record<T>, counted: bool) {
    let refused = state.borrow_mut().enqueue(record, counted);
    if let Some((token, failure)) = refused {
        token.settle(Err(failure));
    }
}

/// Takes what others have put there.
pub(super) fn collect<T: Settle>(state: &Rc<RefCell<State<T>>>) {
    let mut guests = {
        let mut state = state.borrow_mut();
        let Guests { inbox: Some(inbox), batch } = &mut state.guests else { return };
        inbox.drain(batch);
        std::mem::take(batch)
    };
    if !guests.is_empty() {
        add(&state.borrow().stats.records_handed_over, guests.len());
    }
    for record in guests.drain(..) {
        let counted = record.is_loose();
        enqueue(state, record, counted);
    }
    state.borrow_mut().guests.batch = guests;
}
