//! Hop 7: one partition's records, its sequence numbers, and what is sent again in which order.

use std::collections::VecDeque;
use std::time::Duration;

use kafka_wire::ErrorCode;
use tokio::time::Instant;

use super::batch::{Batch, Draft, Flaw, ProducerId};
use super::errors::Action;
use super::record::{Failure, Record, Settle};
use super::tools::Tools;
use crate::backoff::Backoff;

/// Records that a batch has room for from the start.
const FIRST_RECORDS: usize = 256;

/// A broker remembers a producer for at least so long; by default a day (`producer.id.expiration.ms`), but with old
/// brokers only as long as its records.
const KNOWN_FOR: Duration = Duration::from_secs(60);

/// Batches of a producer that a broker remembers for each partition, and so can tell when they come twice (KIP-98).
const REMEMBERED: usize = 5;

/// A partition of a topic.
#[derive(Debug)]
pub(super) struct Partition<T> {
    /// The broker that leads it; `None`: nobody, as far as is known.
    pub(super) leader: Option<i32>,
    /// Of the leadership; a lower one is older.
    pub(super) leader_epoch: i32,
    /// Records bound to it that are in no batch yet.
    queue: VecDeque<Record<T>>,
    queue_bytes: usize,
    /// Batches to be sent again, oldest first.
    again: VecDeque<Batch<T>>,
    /// Batches that are sent and not answered, and to whom.
    in_flight: usize,
    in_flight_to: Option<i32>,
    /// The batch in flight was sent before.
    resending: bool,
    /// A batch failed: nothing goes out until all that are in flight have come back.
    recovering: bool,
    not_before: Option<Instant>,
    backoff: Backoff,
    /// `None`: needs a producer id, or the producer has none for want of idempotence.
    owner: Option<ProducerId>,
    /// When the broker last stored something of this owner.
    known_at: Option<Instant>,
    next_sequence: i32,
    next_ordinal: u64,
}

/// What is the same for all partitions.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    pub(super) idempotence: bool,
    pub(super) in_flight_max: usize,
    pub(super) retries: u32,
    pub(super) retry_backoff: (Duration, Duration),
}

impl<T: Settle> Partition<T> {
    pub(super) fn new(rules: &Rules) -> Self {
        Self {
            leader: None,
            leader_epoch: -1,
            queue: VecDeque::new(),
            queue_bytes: 0,
            again: VecDeque::new(),
            in_flight: 0,
            in_flight_to: None,
            resending: false,
            recovering: false,
            not_before: None,
            backoff: Backoff::new(rules.retry_backoff),
            owner: None,
            known_at: None,
            next_sequence: 0,
            next_ordinal: 0,
        }
    }

    pub(super) fn push(&mut self, record: Record<T>) {
        self.queue_bytes += record.bytes();
        self.queue.push_back(record);
    }

    /// Bytes that wait to be sent for the first time or again.
    pub(super) fn waiting_bytes(&self) -> usize {
        self.queue_bytes + self.again.iter().map(Batch::bytes).sum::<usize>()
    }

    pub(super) fn is_idle(&self) -> bool {
        self.queue.is_empty() && self.again.is_empty()
    }

    /// When it may be sent to, if that is later than `now`.
    pub(super) fn pause(&self, now: Instant) -> Option<Instant> {
        self.not_before.filter(|at| *at > now)
    }

    /// Whether a batch may go to `broker` now.
    pub(super) fn can_send(&self, broker: i32, rules: &Rules, now: Instant) -> bool {
        self.leader == Some(broker)
            && !self.recovering
            && (!rules.idempotence || self.owner.is_some())
            && (self.in_flight == 0 || self.takes_another(broker, rules, now))
            && self.pause(now).is_none()
    }

    /// Whether it can take something new: nothing of its own holds it up.
    pub(super) fn takes_new(&self, rules: &Rules, now: Instant) -> bool {
        !self.recovering
            && self.again.is_empty()
            && (!rules.idempotence || self.owner.is_some())
            && self.pause(now).is_none()
    }

    /// Whether a batch may go behind those that are in flight. Not while one is sent again: if that one is stored
    /// already, it must still be among those that the broker remembers. Nor more than these, whatever may be in flight.
    fn takes_another(&self, broker: i32, rules: &Rules, now: Instant) -> bool {
        self.in_flight_to == Some(broker)
            && self.in_flight < rules.in_flight_max
            && (!rules.idempotence || self.keeps_order(now))
    }

    fn keeps_order(&self, now: Instant) -> bool {
        self.in_flight < REMEMBERED && self.is_known(now) && !self.resending && self.again.is_empty()
    }

    /// A broker takes any sequence from a producer that it does not know, or has forgotten. So one batch has to be
    /// stored before the next may be under way with it.
    fn is_known(&self, now: Instant) -> bool {
        self.known_at.is_some_and(|at| now.duration_since(at) < KNOWN_FOR)
    }

    /// A new leader, unless what is known is newer (KIP-320).
    pub(super) fn lead(&mut self, leader: Option<i32>, epoch: i32) {
        if epoch >= self.leader_epoch || epoch < 0 {
            self.leader = leader;
            self.leader_epoch = epoch;
        }
    }

    /// Nobody leads it, as far as is known; what was known of the last leadership stays.
    pub(super) fn lose_leader(&mut self) {
        self.leader = None;
    }

    /// Its topic was made anew: whoever leads it now has never heard of this producer.
    pub(super) fn forget_leader(&mut self) {
        self.leader = None;
        self.leader_epoch = -1;
        self.known_at = None;
    }

    /// Whether it waits for a producer id.
    pub(super) fn wants_owner(&self) -> bool {
        self.owner.is_none()
    }

    /// Begins its sequences under a new owner.
    pub(super) fn own(&mut self, owner: ProducerId) {
        self.owner = Some(owner);
        self.known_at = None;
        self.number_from_zero(owner);
    }

    fn number_from_zero(&mut self, owner: ProducerId) {
        self.next_sequence = 0;
        for batch in &mut self.again {
            batch.renumber(owner, self.next_sequence);
            self.next_sequence = batch.next_sequence();
        }
    }

    /// Bytes of what would go first.
    pub(super) fn next_bytes(&self) -> usize {
        let record = || self.queue.front().map_or(0, Record::bytes);
        self.again.front().map_or_else(record, Batch::bytes)
    }

    /// The next batch for `broker`, counted as in flight: one that has to be sent again, or its own records and, behind
    /// them, `more`, whose bytes are counted beside it. The caller has asked [`Self::can_send`].
    pub(super) fn next_batch(
        &mut self,
        broker: i32,
        bytes_max: usize,
        more: Option<(&mut VecDeque<Record<T>>, &mut usize)>,
        tools: &mut Tools,
    ) -> Option<Batch<T>> {
        let mut batch = match self.again.pop_front() {
            Some(batch) => batch,
            None => self.make(bytes_max, more, tools)?,
        };
        self.resending = batch.attempts > 0;
        batch.attempts = batch.attempts.saturating_add(1);
        batch.flaw = None;
        self.in_flight += 1;
        self.in_flight_to = Some(broker);
        Some(batch)
    }

    fn make(
        &mut self,
        bytes_max: usize,
        more: Option<(&mut VecDeque<Record<T>>, &mut usize)>,
        tools: &mut Tools,
    ) -> Option<Batch<T>> {
        let mut draft = Draft::new();
        fill(&mut draft, &mut self.queue, &mut self.queue_bytes, bytes_max);
        if let Some((more, more_bytes)) = more.filter(|_| self.queue.is_empty()) {
            fill(&mut draft, more, more_bytes, bytes_max);
        }
        if draft.records.is_empty() {
            return None;
        }
        let mut batch = draft.seal(self.owner, self.next_sequence, tools);
        batch.ordinal = self.next_ordinal;
        self.next_ordinal += 1;
        if self.owner.is_some() {
            self.next_sequence = batch.next_sequence();
        }
        Some(batch)
    }

    /// A batch's answer has come, or its connection is gone (`Action::Retry`). Returns what is settled now.
    pub(super) fn answered(
        &mut self,
        mut batch: Batch<T>,
        action: Action,
        failure: Failure,
        rules: &Rules,
        now: Instant,
    ) -> Option<(Batch<T>, Result<(), Failure>)> {
        self.in_flight = self.in_flight.saturating_sub(1);
        match action {
            Action::Stored | Action::Duplicate => {
                self.backoff.reset();
                self.not_before = None;
                self.known_at = Some(now);
                Some((batch, Ok(())))
            }
            // The one code that says nothing about what was done.
            Action::Refuse if failure == Failure::Refused(ErrorCode::UNKNOWN_SERVER_ERROR) => {
                Some((batch, Err(failure)))
            }
            Action::Refuse => Some((self.unsent(batch), Err(failure))),
            Action::TooLarge if batch.records_count() <= 1 => {
                Some((self.unsent(batch), Err(Failure::TooLarge)))
            }
            _ if batch.has_expired(now) => Some((batch, Err(Failure::TimedOut))),
            _ if batch.attempts > rules.retries => Some((batch, Err(failure))),
            Action::TooLarge => self.keep(batch, Some(Flaw::Size), now),
            Action::NewEpoch => self.keep(batch, Some(Flaw::Sequence), now),
            Action::NewProducerId => self.keep(batch, Some(Flaw::Producer), now),
            Action::Retry { .. } => {
                batch.flaw = None;
                self.keep(batch, None, now)
            }
        }
    }

    /// A batch that the broker has not stored: if it was the last one, and no older copy of it can still come from a
    /// connection that is gone, its numbers are free again. If not, the broker will say that what follows does not fit.
    fn unsent(&mut self, batch: Batch<T>) -> Batch<T> {
        if self.owner.is_some()
            && batch.attempts == 1
            && self.in_flight == 0
            && self.again.is_empty()
            && self.next_sequence == batch.next_sequence()
        {
            self.next_sequence = batch.base_sequence();
        }
        batch
    }

    fn keep(
        &mut self,
        mut batch: Batch<T>,
        flaw: Option<Flaw>,
        now: Instant,
    ) -> Option<(Batch<T>, Result<(), Failure>)> {
        batch.flaw = flaw;
        let at = self.again.partition_point(|other| other.ordinal < batch.ordinal);
        self.again.insert(at, batch);
        if !self.recovering {
            self.recovering = true;
            self.not_before = match flaw {
                Some(_) => None,
                None => Some(now + self.backoff.next()),
            };
        }
        None
    }

    /// Whether everything has come back after a failure, so that [`Self::recover`] is due.
    pub(super) fn can_recover(&self) -> bool {
        self.recovering && self.in_flight == 0
    }

    /// Makes ready to send again. Returns whether a new epoch began. `lost` gets what could not be kept.
    pub(super) fn recover(&mut self, topic: usize, index: i32, lost: &mut Vec<T>) -> bool {
        self.recovering = false;
        self.in_flight_to = None;
        match self.again.front().and_then(|batch| batch.flaw) {
            None => false,
            Some(Flaw::Size) => {
                self.take_apart(topic, index, lost);
                self.begin_epoch()
            }
            Some(Flaw::Producer) => {
                self.owner = None;
                false
            }
            // The broker refused the oldest that is open, so it has none of what follows.
            Some(Flaw::Sequence) => self.begin_epoch(),
        }
    }

    /// Under a new epoch the broker refuses what may still come from connections that are gone (KIP-360).
    fn begin_epoch(&mut self) -> bool {
        let Some(owner) = self.owner else { return false };
        self.owner = owner.epoch.checked_add(1).map(|epoch| ProducerId { id: owner.id, epoch });
        if let Some(owner) = self.owner {
            self.number_from_zero(owner);
        }
        true
    }

    /// A batch was too large: it and all behind it become records again.
    fn take_apart(&mut self, topic: usize, index: i32, lost: &mut Vec<T>) {
        for batch in std::mem::take(&mut self.again).into_iter().rev() {
            match batch.into_records(topic, index) {
                Ok(records) => {
                    for record in records.into_iter().rev() {
                        self.queue_bytes += record.bytes();
                        self.queue.push_front(record);
                    }
                }
                Err(tokens) => {
                    tracing::error!(records = tokens.len(), "a batch could not be taken apart again");
                    lost.extend(tokens);
                }
            }
        }
    }

    /// Takes out what is over its time and was not sent, or is not under way.
    pub(super) fn expire(&mut self, now: Instant, out: &mut Vec<T>) {
        expire(&mut self.queue, &mut self.queue_bytes, now, out);
        if self.again.iter().any(|batch| batch.has_expired(now)) {
            // Whether the broker has it is not known. What follows tells: it fits only if it has.
            for batch in std::mem::take(&mut self.again) {
                if batch.has_expired(now) {
                    out.extend(batch.into_tokens());
                } else {
                    self.again.push_back(batch);
                }
            }
        }
    }

    /// Everything that is not in flight, for the end.
    pub(super) fn give_up(&mut self, out: &mut Vec<T>) {
        out.extend(self.queue.drain(..).map(|record| record.token));
        self.queue_bytes = 0;
        out.extend(self.again.drain(..).flat_map(Batch::into_tokens));
    }
}

fn fill<T: Settle>(
    draft: &mut Draft<T>,
    from: &mut VecDeque<Record<T>>,
    from_bytes: &mut usize,
    bytes_max: usize,
) {
    draft.records.reserve(from.len().min(FIRST_RECORDS));
    while from.front().is_some_and(|record| draft.takes(record, bytes_max)) {
        if let Some(record) = from.pop_front() {
            *from_bytes = from_bytes.saturating_sub(record.bytes());
            draft.push(record);
        }
    }
}

/// Takes out the records whose deadline has passed.
pub(super) fn expire<T: Settle>(
    queue: &mut VecDeque<Record<T>>,
    queue_bytes: &mut usize,
    now: Instant,
    out: &mut Vec<T>,
) {
    if queue.iter().all(|record| record.deadline > now) {
        return;
    }
    for record in std::mem::take(queue) {
        if record.deadline > now {
            queue.push_back(record);
        } else {
            *queue_bytes -= record.bytes();
            out.push(record.token);
        }
    }
}
