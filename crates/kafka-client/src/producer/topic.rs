//! Hop 7: one topic's records: those bound to a partition, and those that go wherever the next request goes.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use kafka_wire::ErrorCode;
use tokio::time::Instant;

use super::batch::{Batch, ProducerId};
use super::partition::{self, Partition, Rules};
use super::partitioner::partition_of;
use super::record::{Record, Settle};
use super::state::{Part, begun, drain};
use super::tools::Tools;
use crate::cluster;

/// Records without key stay with a broker for so many bytes or so long: changing it with each request would mean
/// smaller requests to all of them (KIP-480, KIP-794).
const STAY_BYTES: usize = 1 << 20;
const STAY: Duration = Duration::from_millis(100);

/// A topic that is produced to.
#[derive(Debug)]
pub(super) struct Topic<T> {
    name: String,
    id: uuid::Uuid,
    /// All that were ever seen: one that goes away may come back, and its sequence numbers must go on.
    partitions: Vec<Partition<T>>,
    /// The first so many exist, as far as is known.
    count: usize,
    /// Partitions that have something of their own to send.
    bound: BTreeSet<usize>,
    last_bound: Option<usize>,
    /// Where the next request begins among them, so that none is left out for good.
    next_bound: usize,
    /// Records for any partition.
    loose: VecDeque<Record<T>>,
    loose_bytes: usize,
    /// Records that came before the partitions were known.
    early: VecDeque<Record<T>>,
    early_bytes: usize,
    /// The broker that loose records go to, and since when.
    chosen: Option<Choice>,
    /// The partition that was served last.
    turn: usize,
}

/// A request to a broker on its way.
pub(super) struct Making<'a, T> {
    pub(super) broker: i32,
    pub(super) rules: &'a Rules,
    pub(super) now: Instant,
    /// Bytes that it can still take.
    pub(super) room: usize,
    pub(super) tools: &'a mut Tools,
    pub(super) parts: Vec<Part<T>>,
}

impl<T: Settle> Making<'_, T> {
    fn may_go(&self, partition: &Partition<T>) -> bool {
        partition.can_send(self.broker, self.rules, self.now)
    }

    fn has_room(&self, bytes: usize) -> bool {
        self.parts.is_empty() || bytes < self.room
    }

    fn batch(
        &mut self,
        partition: &mut Partition<T>,
        batch_bytes: usize,
        more: Option<(&mut VecDeque<Record<T>>, &mut usize)>,
    ) -> Option<Batch<T>> {
        let batch = partition.next_batch(self.broker, batch_bytes.min(self.room), more, self.tools)?;
        self.room = self.room.saturating_sub(batch.bytes());
        Some(batch)
    }
}

#[derive(Debug, Clone, Copy)]
struct Choice {
    broker: i32,
    /// Which of its partitions took something last, or can.
    partition: usize,
    since: Instant,
    bytes: usize,
}

impl<T: Settle> Topic<T> {
    pub(super) fn new(name: String) -> Self {
        Self {
            name,
            id: uuid::Uuid::nil(),
            partitions: Vec::new(),
            count: 0,
            bound: BTreeSet::new(),
            last_bound: None,
            next_bound: 0,
            loose: VecDeque::new(),
            loose_bytes: 0,
            early: VecDeque::new(),
            early_bytes: 0,
            chosen: None,
            turn: fastrand::usize(..1 << 16),
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The brokers that lead its partitions; `None` while it has none that is known.
    pub(super) fn leaders(&self) -> Option<BTreeSet<i32>> {
        let known = self.partitions.iter().take(self.count);
        (self.count > 0).then(|| known.filter_map(|partition| partition.leader).collect())
    }

    pub(super) fn partition_mut(&mut self, index: usize) -> Option<&mut Partition<T>> {
        self.partitions.get_mut(index)
    }

    pub(super) fn partitions_mut(&mut self) -> impl Iterator<Item = &mut Partition<T>> {
        self.partitions.iter_mut()
    }

    /// Puts a record where it belongs; what the topic has no partition for comes back.
    pub(super) fn place(&mut self, record: Record<T>, ignore_keys: bool) -> Option<Record<T>> {
        self.last_bound = None;
        let count = self.count;
        if count == 0 {
            self.early_bytes += record.bytes();
            self.early.push_back(record);
            return None;
        }
        let index = match (record.partition, &record.key) {
            (Some(index), _) => Some(index),
            (None, Some(key)) if !ignore_keys => {
                Some(partition_of(key, u32::try_from(count).unwrap_or(u32::MAX)))
            }
            (None, _) => None,
        };
        let Some(index) = index else {
            self.loose_bytes += record.bytes();
            self.loose.push_back(record);
            return None;
        };
        let Some((index, partition)) = usize::try_from(index)
            .ok()
            .filter(|index| *index < count)
            .and_then(|index| Some((index, self.partitions.get_mut(index)?)))
        else {
            return Some(record);
        };
        partition.push(record);
        self.bound.insert(index);
        self.last_bound = Some(index);
        None
    }

    /// The leader of the partition that the last record was bound to.
    pub(super) fn last_bound_leader(&self) -> Option<i32> {
        self.partitions.get(self.last_bound?)?.leader
    }

    /// Leaders of all partitions that have something of their own to send.
    pub(super) fn leaders_of_bound(&self) -> BTreeSet<i32> {
        self.bound.iter().filter_map(|index| self.partitions.get(*index)?.leader).collect()
    }

    /// The broker for loose records, if there are any.
    pub(super) fn chosen_broker(&self) -> Option<i32> {
        self.chosen.filter(|_| !self.loose.is_empty()).map(|choice| choice.broker)
    }

    /// The broker for records without partition that come now, as far as is known.
    pub(super) fn stays_with(&self) -> Option<i32> {
        self.chosen.map(|choice| choice.broker)
    }

    /// A partition may have something of its own to send now, or no longer.
    pub(super) fn touch(&mut self, index: usize) {
        if self.partitions.get(index).is_none_or(Partition::is_idle) {
            self.bound.remove(&index);
        } else {
            self.bound.insert(index);
        }
    }

    /// Chooses the broker for loose records: the one there is while it has its share to come and keeps up, else the one
    /// with the least on its hands, in turn. `load` counts what a broker has to do. A broker whose partitions all pause
    /// has nothing on its hands, but gets no records as long as another can take them.
    pub(super) fn choose(
        &mut self,
        gather_bytes: usize,
        rules: &Rules,
        now: Instant,
        load: impl Fn(i32) -> usize,
    ) {
        if self.loose.is_empty() {
            return;
        }
        let stays = self.chosen.is_some_and(|choice| {
            let due = choice.bytes >= STAY_BYTES || now.saturating_duration_since(choice.since) >= STAY;
            let swamped = load(choice.broker) == usize::MAX && self.loose_bytes >= gather_bytes;
            !due && !swamped
        });
        if stays && self.chosen_takes(rules, now) {
            return;
        }
        let count = self.count;
        let from = self.turn.wrapping_add(1);
        let others = (0..count).filter_map(|n| {
            let index = from.wrapping_add(n) % count;
            let partition = self.partitions.get(index)?;
            let (leader, load) = (partition.leader?, load(partition.leader?));
            Some((load == usize::MAX || !partition.takes_new(rules, now), load, leader, index))
        });
        // The first of the least loaded, so that all have their turn.
        let best = others.min_by_key(|(stuck, load, ..)| (*stuck, *load));
        let Some((stuck, _, broker, partition)) = best else { return };
        if !stays || !stuck {
            self.chosen = Some(Choice { broker, partition, since: now, bytes: 0 });
        }
    }

    /// Whether the chosen broker can take something new. As a rule one look is enough.
    fn chosen_takes(&self, rules: &Rules, now: Instant) -> bool {
        let Some(choice) = self.chosen else { return false };
        let takes = |it: &Partition<T>| it.leader == Some(choice.broker) && it.takes_new(rules, now);
        self.partitions.get(choice.partition).is_some_and(takes) || self.partitions.iter().any(takes)
    }

    /// Loose records go elsewhere.
    pub(super) fn leave(&mut self, broker: i32) {
        self.chosen = self.chosen.filter(|choice| choice.broker != broker);
    }

    /// Bytes that could go to the broker now.
    pub(super) fn ready_bytes(&self, broker: i32, rules: &Rules, now: Instant) -> usize {
        let sendable = |partition: &&Partition<T>| partition.can_send(broker, rules, now);
        let bound = self.bound.iter().filter_map(|index| self.partitions.get(*index));
        let bound: usize = bound.filter(sendable).map(Partition::waiting_bytes).sum();
        let loose = self.chosen.is_some_and(|choice| choice.broker == broker)
            && !self.loose.is_empty()
            && self.partitions.iter().any(|partition| partition.can_send(broker, rules, now));
        bound + if loose { self.loose_bytes.max(1) } else { 0 }
    }

    /// When a partition of the broker that pauses now may be sent to again.
    pub(super) fn next_pause_end(&self, broker: i32, now: Instant) -> Option<Instant> {
        let bound = self.bound.iter().filter_map(|index| self.partitions.get(*index));
        // A pause outlives the batch that it is for, where that is given up; loose records wait for its end too.
        let any = if self.chosen_broker() == Some(broker) { &self.partitions[..] } else { &[] };
        bound
            .chain(any)
            .filter(|partition| partition.leader == Some(broker))
            .filter_map(|partition| partition.pause(now))
            .min()
    }

    /// Takes batches for a request: one of each partition at most, as many as there is room for, and at least one if
    /// the request has none yet.
    pub(super) fn take(&mut self, request: &mut Making<'_, T>, topic: usize, batch_bytes: usize) {
        let first = request.parts.len();
        let (before, behind) = (self.bound.range(..self.next_bound), self.bound.range(self.next_bound..));
        let bound: Vec<usize> = behind.chain(before).copied().collect();
        for index in bound {
            let Some(partition) = self.partitions.get_mut(index) else { continue };
            if !request.may_go(partition) || !request.has_room(partition.next_bytes()) {
                continue;
            }
            if let Some(batch) = request.batch(partition, batch_bytes, None) {
                request.parts.push(Part { topic, partition: index, batch });
                self.next_bound = index.saturating_add(1);
            }
            self.touch(index);
        }
        let Some(mut choice) = self.chosen.filter(|choice| choice.broker == request.broker) else { return };
        let Some(next) = self.loose.front() else { return };
        if !request.has_room(next.bytes()) {
            return;
        }
        let count = self.count;
        let from = self.turn.wrapping_add(1);
        let free = |index: &usize| {
            let taken = request.parts[first..].iter().any(|part| part.partition == *index);
            !taken && self.partitions.get(*index).is_some_and(|partition| request.may_go(partition))
        };
        let Some(index) = (0..count).map(|n| from.wrapping_add(n) % count).find(free) else { return };
        self.turn = index;
        let loose = (&mut self.loose, &mut self.loose_bytes);
        let Some(partition) = self.partitions.get_mut(index) else { return };
        let Some(batch) = request.batch(partition, batch_bytes, Some(loose)) else { return };
        choice.partition = index;
        choice.bytes += batch.uncompressed_bytes;
        self.chosen = Some(choice);
        request.parts.push(Part { topic, partition: index, batch });
    }

    /// Whether records wait for a leader that is not known.
    pub(super) fn misses_leader(&self) -> bool {
        let led = |partition: &Partition<T>| partition.leader.is_some();
        let mut bound = self.bound.iter().filter_map(|index| self.partitions.get(*index));
        !self.early.is_empty()
            || bound.any(|partition| !led(partition))
            || (!self.loose.is_empty() && !self.partitions.iter().any(led))
    }

    /// What the cluster says of the topic.
    pub(super) fn see(
        &mut self,
        seen: &cluster::Topic,
        rules: &Rules,
        owner: Option<ProducerId>,
        ignore_keys: bool,
        lost: &mut Vec<T>,
    ) {
        let count = seen.partitions.len();
        if count == 0 || seen.error.is_some_and(|code| code != ErrorCode::LEADER_NOT_AVAILABLE) {
            // A broker that has just come back, or rights that are missing: what is known waits for better news.
            self.partitions.iter_mut().for_each(Partition::lose_leader);
            return;
        }
        if seen.id != self.id {
            // Made anew: epochs of leaders begin again.
            self.id = seen.id;
            self.partitions.iter_mut().for_each(Partition::forget_leader);
        }
        while self.partitions.len() < count {
            self.partitions.push(begun(rules, owner));
        }
        self.count = count;
        for (partition, seen) in self.partitions.iter_mut().zip(&seen.partitions) {
            partition.lead(seen.leader, seen.leader_epoch);
        }
        self.partitions.iter_mut().skip(count).for_each(Partition::lose_leader);
        self.leave_those_that_lead_nothing();
        self.early_bytes = 0;
        for record in std::mem::take(&mut self.early) {
            if let Some(record) = self.place(record, ignore_keys) {
                lost.push(record.token);
            }
        }
    }

    /// A broker named another one as the partition's leader.
    pub(super) fn lead(&mut self, partition: usize, leader: i32, epoch: i32) {
        if let Some(it) = self.partitions.get_mut(partition) {
            it.lead(Some(leader), epoch);
            self.leave_those_that_lead_nothing();
        }
    }

    fn leave_those_that_lead_nothing(&mut self) {
        let partitions = &self.partitions;
        let leads = |broker: i32| partitions.iter().any(|partition| partition.leader == Some(broker));
        self.chosen = self.chosen.filter(|choice| leads(choice.broker));
    }

    /// Takes out what is over its time.
    pub(super) fn expire(&mut self, now: Instant, out: &mut Vec<T>) {
        partition::expire(&mut self.loose, &mut self.loose_bytes, now, out);
        partition::expire(&mut self.early, &mut self.early_bytes, now, out);
        let bound: Vec<usize> = self.bound.iter().copied().collect();
        for index in bound {
            if let Some(partition) = self.partitions.get_mut(index) {
                partition.expire(now, out);
            }
            self.touch(index);
        }
    }

    pub(super) fn give_up(&mut self, out: &mut Vec<T>) {
        drain(&mut self.loose, out);
        drain(&mut self.early, out);
        for partition in &mut self.partitions {
            partition.give_up(out);
        }
        self.bound.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::super::errors::Action;
    use super::super::record::{Failure, Headers};
    use super::*;
    use crate::compression::Compression;

    const RULES: Rules = Rules {
        idempotence: true,
        in_flight_max: 5,
        retries: u32::MAX,
        retry_backoff: (Duration::from_millis(10), Duration::from_millis(10)),
    };

    #[derive(Debug)]
    struct Token;

    impl Settle for Token {
        fn settle(self, _: Result<(), Failure>) {}
    }

    /// Partitions led by these brokers, with a loose record.
    fn led_by(brokers: &[i32]) -> Topic<Token> {
        let led = |id: &i32| cluster::Partition { leader: Some(*id), ..Default::default() };
        let seen = cluster::Topic { partitions: brokers.iter().map(led).collect(), ..Default::default() };
        let mut topic = Topic::new("t".to_owned());
        topic.see(&seen, &RULES, Some(ProducerId { id: 1, epoch: 0 }), false, &mut Vec::new());
        // Partition 0 comes first.
        topic.turn = brokers.len() - 1;
        add(&mut topic);
        topic
    }

    fn add(topic: &mut Topic<Token>) {
        let back = topic.place(
            Record {
                topic: 0,
                partition: None,
                key: None,
                value: "value".into(),
                headers: Headers::default(),
                timestamp_ms: 0,
                deadline: Instant::now() + Duration::from_secs(60),
                token: Token,
            },
            false,
        );
        assert!(back.is_none());
    }

    fn choose(topic: &mut Topic<Token>, now: Instant, load: impl Fn(i32) -> usize) -> Option<i32> {
        topic.choose(1 << 20, &RULES, now, load);
        topic.chosen_broker()
    }

    fn take(topic: &mut Topic<Token>, broker: i32, now: Instant) -> Vec<Part<Token>> {
        let mut tools = Tools::new(Compression::default());
        let (tools, parts) = (&mut tools, Vec::new());
        let mut request = Making { broker, rules: &RULES, now, room: 1 << 20, tools, parts };
        topic.take(&mut request, 0, 1 << 20);
        request.parts
    }

    /// Sends what waits to a broker, which refuses it for now.
    fn fail(topic: &mut Topic<Token>, broker: i32, now: Instant) {
        for Part { partition, batch, .. } in take(topic, broker, now) {
            let (action, failure) = (Action::Retry { refresh: false }, Failure::TimedOut);
            let it = &mut topic.partitions[partition];
            assert!(it.answered(batch, action, failure, &RULES, now).is_none());
            assert!(it.can_recover() && !it.recover(0, 0, &mut Vec::new()));
            topic.touch(partition);
        }
        add(topic);
    }

    #[test]
    fn loose_records_leave_a_broker_whose_partitions_all_pause_for_one_that_can_take_them() {
        let (mut topic, now) = (led_by(&[1, 2, 1]), Instant::now());
        let idle = |_: i32| 0;
        assert_eq!(choose(&mut topic, now, idle), Some(1));
        fail(&mut topic, 1, now);
        assert_eq!(choose(&mut topic, now, idle), Some(1), "it has another partition");
        // The batch of before waits for its time, so that the one that goes is of the other partition.
        fail(&mut topic, 1, now);
        assert_eq!(choose(&mut topic, now, |id| if id == 2 { usize::MAX } else { 0 }), Some(1));
        assert_eq!(choose(&mut topic, now, idle), Some(2));
        // Where all pause it stays, and its turn ends as any other's.
        fail(&mut topic, 2, now);
        assert_eq!(choose(&mut topic, now, idle), Some(2));
        let later = now + STAY;
        assert_eq!(choose(&mut topic, later, |id| if id == 2 { 1 } else { 0 }), Some(1));
        // After the pauses come what has to be sent again, and then what is new.
        assert_eq!(take(&mut topic, 2, later).len(), 1);
        assert_eq!(choose(&mut topic, later, idle), Some(2));
    }
}
