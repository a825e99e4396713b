//! Hop 7: what a first record would wait for, had before there is one: id, partitions, connections.

use std::cell::RefCell;
use std::rc::Rc;

use super::record::Settle;
use super::signal::Signal;
use super::state::State;
use super::topic::Topic;

/// Whether a broker's connection is opened before there is something to send.
#[derive(Debug, Default)]
pub(super) struct Early {
    /// Until it is open: records without partition come to a broker only once it is known to be reachable.
    pub(super) wanted: bool,
    /// It was opened, or could not be.
    tried: bool,
}

/// Whether a producer warms up, and who waits for it.
#[derive(Debug, Default)]
pub(super) struct Warmth {
    begun: bool,
    pub(super) changed: Rc<Signal>,
}

/// Returns once nothing is missing any more. A broker that cannot be reached is not waited for: records find another.
pub(super) async fn warm<T: Settle>(state: &Rc<RefCell<State<T>>>) {
    let changed = Rc::clone(&state.borrow().warmth.changed);
    state.borrow_mut().warmth.begun = true;
    state.borrow_mut().open_early();
    while !state.borrow().is_warm() {
        changed.wait().await;
    }
}

impl<T: Settle> State<T> {
    /// Has the connections opened that are not, where the producer warms up.
    pub(super) fn open_early(&mut self) {
        if !self.warmth.begun {
            return;
        }
        let leaders: Vec<i32> = self.topics.iter().filter_map(Topic::leaders).flatten().collect();
        for id in leaders {
            let slot = self.slot(id);
            slot.early.wanted |= !slot.early.tried;
            slot.wake.set();
        }
        self.warmth.changed.set();
    }

    /// A connection to the broker was opened, or could not be.
    pub(super) fn tried(&mut self, id: i32, reachable: bool) {
        if let Some(slot) = self.brokers.get_mut(&id) {
            slot.unreachable = !reachable;
            slot.gather.begin();
            slot.early = Early { wanted: !reachable, tried: true };
        }
        self.warmth.changed.set();
        if !reachable {
            self.avoid(id);
        }
    }

    fn is_warm(&self) -> bool {
        let tried = |id: &i32| self.brokers.get(id).is_some_and(|slot| slot.early.tried);
        let known = |topic: &Topic<T>| topic.leaders().is_some_and(|all| all.iter().all(tried));
        (self.owner.is_some() || !self.rules.idempotence) && self.topics.iter().all(known)
    }
}
