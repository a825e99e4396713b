//! Hop 7: everything a producer holds: topics, brokers, who waits where. Changed by calls that do not wait.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::arrivals::{Guests, collect};
use super::batch::{Batch, ProducerId};
use super::broker::{self, Slot};
use super::errors::Action;
use super::gather::{GATHER_BYTES, Situation};
use super::partition::{Partition, Rules};
use super::record::{Failure, Record, Settle};
use super::signal::Signal;
use super::stats::{Stats, add};
use super::tools::Tools;
use super::topic::{Making, Topic};
use super::warm::Warmth;
use super::{BatchLimits, Common};
use crate::cluster::View;
use crate::{Acks, Cluster, HostPort, ProducerSettings};

/// How often records that are over their time are looked for.
const EXPIRE_EVERY: Duration = Duration::from_millis(50);
/// Brokers whose addresses are known between two views of the cluster: as many as a view may have.
const ADDRESSES_MAX: usize = 10_000;

/// The state of one producer, on its one thread.
#[derive(Debug)]
pub(super) struct State<T> {
    me: Weak<RefCell<Self>>,
    pub(super) cluster: Cluster,
    pub(super) settings: ProducerSettings,
    pub(super) rules: Rules,
    pub(super) stats: Arc<Stats>,
    limits: Arc<BatchLimits>,
    pub(super) topics: Vec<Topic<T>>,
    pub(super) brokers: BTreeMap<i32, Slot>,
    addresses: BTreeMap<i32, HostPort>,
    tools: Tools,
    /// For partitions that begin, or begin again. `None`: has to be asked for.
    pub(super) owner: Option<ProducerId>,
    pub(super) owner_wanted: Rc<Signal>,
    /// Records without a report.
    pub(super) open: usize,
    pub(super) opened: Rc<Signal>,
    emptied: Rc<Signal>,
    pub(super) closing: bool,
    pub(super) closed: bool,
    pub(super) guests: Guests<T>,
    /// Which topic a request begins with.
    turn: usize,
    pub(super) warmth: Warmth,
    /// When metadata was asked for because records wait for a leader.
    leaders_asked: Option<Instant>,
}

/// A batch in a request.
#[derive(Debug)]
pub(super) struct Part<T> {
    pub(super) topic: usize,
    pub(super) partition: usize,
    pub(super) batch: Batch<T>,
}

/// Whose report is due.
#[derive(Debug)]
#[must_use]
pub(super) struct Settled<T> {
    outcome: Option<(Batch<T>, Result<(), Failure>)>,
    lost: Vec<T>,
}

impl<T: Settle> Settled<T> {
    /// Reports. Whoever hears it may send more at once, so nothing may be borrowed any more.
    pub(super) fn report(self) {
        if let Some((batch, outcome)) = self.outcome {
            batch.settle(outcome);
        }
        for token in self.lost {
            token.settle(Err(Failure::TimedOut));
        }
    }
}

/// What an answer says of a part.
#[derive(Debug, Clone, Copy)]
pub(super) struct Answer {
    pub(super) action: Action,
    pub(super) failure: Failure,
    /// The leader that the broker named instead of itself (KIP-951).
    pub(super) leader: Option<(i32, i32)>,
}

impl<T: Settle> State<T> {
    pub(super) fn shared(
        cluster: &Cluster,
        settings: ProducerSettings,
        topics: Vec<String>,
        common: Common,
    ) -> Rc<RefCell<Self>> {
        let rules = Rules {
            idempotence: settings.idempotence && settings.acks == Acks::All,
            in_flight_max: settings.in_flight_max.max(1),
            retries: settings.retries,
            retry_backoff: cluster.settings().retry_backoff,
        };
        let topics = topics.into_iter().map(Topic::new).collect();
        Rc::new_cyclic(|me| {
            RefCell::new(Self {
                me: Weak::clone(me),
                cluster: cluster.clone(),
                rules,
                stats: common.stats,
                limits: common.limits,
                topics,
                brokers: BTreeMap::new(),
                addresses: BTreeMap::new(),
                tools: Tools::new(settings.compression),
                settings,
                owner: None,
                owner_wanted: Rc::default(),
                open: 0,
                opened: Rc::default(),
                emptied: Rc::default(),
                closing: false,
                closed: false,
                guests: Guests::default(),
                turn: 0,
                warmth: Warmth::default(),
                leaders_asked: None,
            })
        })
    }

    fn wake(&mut self, id: i32) {
        let slot = self.slot(id);
        slot.gather.waits(Instant::now());
        slot.wake.set();
    }

    pub(super) fn slot(&mut self, id: i32) -> &mut Slot {
        let (me, cluster) = (&self.me, &self.cluster);
        self.brokers.entry(id).or_insert_with(|| broker::spawn(id, Weak::clone(me), cluster))
    }

    fn wake_all(&mut self) {
        let now = Instant::now();
        for slot in self.brokers.values() {
            slot.wake.set();
        }
        for topic in 0..self.topics.len() {
            let leaders = self.topics[topic].leaders_of_bound();
            self.choose(topic, now);
            let chosen = self.topics[topic].chosen_broker();
            for id in leaders.into_iter().chain(chosen) {
                self.wake(id);
            }
        }
    }

    /// Sees to it that records without partition have a broker to go to.
    pub(super) fn choose(&mut self, topic: usize, now: Instant) {
        let Some(it) = self.topics.get_mut(topic) else { return };
        let brokers = &self.brokers;
        let max = self.rules.in_flight_max;
        let before = it.chosen_broker();
        it.choose(GATHER_BYTES, &self.rules, now, |id| brokers.get(&id).map_or(0, |slot| slot.load(max)));
        let chosen = it.chosen_broker();
        if chosen != before
            && let Some(id) = chosen
        {
            self.wake(id);
        }
    }

    /// The address of a broker, as far as is known.
    pub(super) fn address(&self, id: i32) -> Option<HostPort> {
        self.addresses.get(&id).cloned()
    }

    /// A broker named where another listens (KIP-951). It stays known until the next metadata.
    pub(super) fn learn_address(&mut self, id: i32, at: HostPort) {
        if self.addresses.len() < ADDRESSES_MAX {
            self.addresses.insert(id, at);
        }
    }

    /// Bytes that could go to the broker now.
    pub(super) fn ready_bytes(&self, id: i32, now: Instant) -> usize {
        self.topics.iter().map(|topic| topic.ready_bytes(id, &self.rules, now)).sum()
    }

    /// Whether a connection to the broker has something to do.
    pub(super) fn has_work(&self, id: i32, now: Instant) -> bool {
        self.brokers.get(&id).is_some_and(|slot| slot.early.wanted) || self.ready_bytes(id, now) > 0
    }

    /// The batches of the next request to a broker that has `in_flight` open ones; `None` when it is not time.
    pub(super) fn next_request(&mut self, id: i32, in_flight: usize, now: Instant) -> Option<Vec<Part<T>>> {
        let at = Situation {
            ready_bytes: self.ready_bytes(id, now),
            in_flight,
            in_flight_max: self.rules.in_flight_max,
            batch_bytes: self.settings.batch_bytes,
            linger: if self.closing { Duration::ZERO } else { self.settings.linger },
            hurry: self.closing,
            now,
        };
        if !self.brokers.get_mut(&id)?.gather.is_time(&at) {
            self.invite(id);
            return None;
        }
        let mut request = Making {
            broker: id,
            rules: &self.rules,
            now,
            room: self.settings.request_bytes_max,
            tools: &mut self.tools,
            parts: Vec::new(),
        };
        let topics = self.topics.len();
        for n in 0..topics {
            let index = self.turn.wrapping_add(n) % topics;
            let batch_bytes = self.settings.batch_bytes.min(self.limits.get(index));
            self.topics[index].take(&mut request, index, batch_bytes);
        }
        let parts = request.parts;
        self.turn = self.turn.wrapping_add(1);
        let left = self.ready_bytes(id, now) > 0;
        if let Some(slot) = self.brokers.get_mut(&id) {
            slot.gather.left(left, now);
        }
        self.count(&parts);
        for topic in 0..topics {
            self.choose(topic, now);
        }
        if parts.is_empty() {
            self.invite(id);
            return None;
        }
        Some(parts)
    }

    fn count(&self, parts: &[Part<T>]) {
        if parts.is_empty() {
            return;
        }
        let stats = &self.stats;
        add(&stats.requests, 1);
        for Part { batch, .. } in parts {
            if batch.attempts > 1 {
                add(&stats.batches_resent, 1);
            } else {
                add(&stats.batches, 1);
                add(&stats.records, batch.records_count());
                add(&stats.uncompressed_bytes, batch.uncompressed_bytes);
            }
        }
    }

    /// When what waits for the broker has waited for company long enough, if it does.
    pub(super) fn gathers_until(&self, id: i32) -> Option<Instant> {
        self.brokers.get(&id)?.gather.until()
    }

    /// When something for the broker that pauses now may go.
    pub(super) fn next_pause_end(&self, id: i32, now: Instant) -> Option<Instant> {
        self.topics.iter().filter_map(|topic| topic.next_pause_end(id, now)).min()
    }

    /// A part has its answer, or will have none. The caller settles what is returned.
    pub(super) fn answered(&mut self, part: Part<T>, answer: Answer, now: Instant) -> Settled<T> {
        let Part { topic: index, partition, batch } = part;
        if answer.action == Action::TooLarge && batch.records_count() > 1 {
            self.limits.lower(index, batch.uncompressed_bytes / 2);
        }
        let topic = &mut self.topics[index];
        // A leader without an address is waited for: metadata is on its way.
        if let Some((leader, epoch)) = answer.leader.filter(|(id, _)| self.addresses.contains_key(id)) {
            topic.lead(partition, leader, epoch);
        }
        let Some(it) = topic.partition_mut(partition) else {
            self.closed_some(batch.records_count());
            return Settled { outcome: Some((batch, Err(Failure::NoPartition))), lost: Vec::new() };
        };
        let outcome = it.answered(batch, answer.action, answer.failure, &self.rules, now);
        let mut lost = Vec::new();
        if it.can_recover() && it.recover(index, i32::try_from(partition).unwrap_or(i32::MAX), &mut lost) {
            add(&self.stats.epochs, 1);
        }
        // What is left may go to another broker now, whose task sleeps.
        let leader = it.leader.filter(|_| !it.is_idle());
        topic.touch(partition);
        self.provide_owners(index, partition);
        self.choose(index, now);
        for id in leader.into_iter().chain(self.topics[index].chosen_broker()) {
            self.wake(id);
        }
        let closed = outcome.as_ref().map_or(0, |(batch, _)| batch.records_count()) + lost.len();
        self.closed_some(closed);
        Settled { outcome, lost }
    }

    fn provide_owners(&mut self, topic: usize, partition: usize) {
        if !self.rules.idempotence {
            return;
        }
        let Some(it) = self.topics[topic].partition_mut(partition) else { return };
        if it.wants_owner() {
            // The id that the broker does not take, or whose epochs are used up, is of no use to others either.
            self.owner = None;
            self.owner_wanted.set();
        }
    }

    /// A new producer id has come.
    pub(super) fn own(&mut self, owner: ProducerId) {
        self.owner = Some(owner);
        for partition in self.topics.iter_mut().flat_map(Topic::partitions_mut) {
            if partition.wants_owner() {
                partition.own(owner);
            }
        }
        self.wake_all();
        self.warmth.changed.set();
    }

    fn closed_some(&mut self, records: usize) {
        self.open = self.open.saturating_sub(records);
        if self.open == 0 {
            self.emptied.set();
        }
    }

    /// New knowledge of the cluster. Returns the tokens of records that have no place in it.
    #[must_use]
    pub(super) fn see(&mut self, view: &View) -> Vec<T> {
        self.addresses = view.brokers.iter().map(|(id, broker)| (*id, broker.address.clone())).collect();
        // Brokers that went for good leave nothing behind.
        let addresses = &self.addresses;
        self.brokers.retain(|id, slot| slot.in_flight > 0 || addresses.contains_key(id));
        self.guests.stay_with(|id| self.brokers.contains_key(&id));
        let mut lost = Vec::new();
        for topic in &mut self.topics {
            let Some(seen) = view.topics.get(topic.name()) else { continue };
            topic.see(seen, &self.rules, self.owner, self.settings.ignore_keys, &mut lost);
        }
        self.closed_some(lost.len());
        self.wake_all();
        self.open_early();
        lost
    }

    /// The broker cannot be reached: what is not bound to its partitions goes elsewhere.
    pub(super) fn avoid(&mut self, id: i32) {
        let now = Instant::now();
        for topic in 0..self.topics.len() {
            self.topics[topic].leave(id);
            self.choose(topic, now);
        }
    }

    fn expire(&mut self, now: Instant) -> Vec<T> {
        let mut out = Vec::new();
        for topic in &mut self.topics {
            topic.expire(now, &mut out);
        }
        self.ask_for_leaders(now);
        self.closed_some(out.len());
        out
    }

    /// Asks for metadata while records wait for a leader: no broker is asked for them, so none can say that the leader is
    /// another. Not so often that the pauses between asks would grow, for which other topics' leaders would wait too.
    fn ask_for_leaders(&mut self, now: Instant) {
        let pause = self.cluster.settings().retry_backoff.1 * 5 / 2;
        let asked = self.leaders_asked.is_some_and(|at| now < at + pause);
        if !asked && self.topics.iter().any(Topic::misses_leader) {
            self.leaders_asked = Some(now);
            self.cluster.refresh_soon();
        }
    }

    /// Ends it: no more records are taken; returns those that are not in flight. What is in flight is dropped with the
    /// tasks.
    pub(super) fn give_up(&mut self) -> Vec<T> {
        self.closed = true;
        self.guests.stay_with(|_| false);
        let mut out = Vec::new();
        for topic in &mut self.topics {
            topic.give_up(&mut out);
        }
        self.closed_some(out.len());
        out
    }

    /// No waiting for company from now on.
    pub(super) fn hurry(&mut self) {
        self.closing = true;
        self.wake_all();
    }
}

/// Follows the cluster's view.
pub(super) async fn follow<T: Settle>(state: Rc<RefCell<State<T>>>, cluster: Cluster) {
    let mut views = cluster.subscribe();
    loop {
        let view = Arc::clone(&views.borrow_and_update());
        let lost = state.borrow_mut().see(&view);
        collect(&state);
        for token in lost {
            token.settle(Err(Failure::NoPartition));
        }
        if views.changed().await.is_err() {
            return;
        }
    }
}

/// Gives up records that are over their time, and sees to it that what waits for a leader gets one.
pub(super) async fn expire<T: Settle>(state: Rc<RefCell<State<T>>>) {
    let opened = Rc::clone(&state.borrow().opened);
    loop {
        let now = Instant::now();
        collect(&state);
        let expired = state.borrow_mut().expire(now);
        for token in expired {
            token.settle(Err(Failure::TimedOut));
        }
        if state.borrow().open == 0 {
            opened.wait().await;
        }
        tokio::time::sleep(EXPIRE_EVERY).await;
    }
}

/// Returns once every record has its report.
pub(super) async fn emptied<T: Settle>(state: &Rc<RefCell<State<T>>>) {
    let emptied = Rc::clone(&state.borrow().emptied);
    while state.borrow().open > 0 {
        emptied.wait().await;
    }
}

/// A new partition's place in the state of a producer.
pub(super) fn begun<T: Settle>(rules: &Rules, owner: Option<ProducerId>) -> Partition<T> {
    let mut partition = Partition::new(rules);
    if let Some(owner) = owner.filter(|_| rules.idempotence) {
        partition.own(owner);
    }
    partition
}

/// Takes every record off a queue.
pub(super) fn drain<T>(queue: &mut VecDeque<Record<T>>, out: &mut Vec<T>) {
    out.extend(queue.drain(..).map(|record| record.token));
}
