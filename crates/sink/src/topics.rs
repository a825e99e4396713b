//! What is known of the topics: their partitions, and the largest record that each takes.

use std::sync::atomic::{AtomicUsize, Ordering};

use otlp::Signal;
use pipeline::Deadline;
use tokio::sync::watch;

use crate::producer::Partitions;

mod admin;
mod watching;

pub(crate) use watching::{Watching, look};

/// A record limit is never taken below this: a topic that refuses such small records refuses for another reason.
const RECORD_BYTES_MIN: usize = 1024;

/// What is known of the four signals' topics.
#[derive(Debug)]
pub(crate) struct Topics {
    partitions: watch::Sender<[Partitions; 4]>,
    /// Largest record value of each topic, as configured, asked from the brokers, or learned from their refusals.
    record_bytes_max: [AtomicUsize; 4],
    /// The same without what was learned from refusals, which is a guess: for what is never split.
    unit_bytes_max: [AtomicUsize; 4],
    turn: AtomicUsize,
}

impl Topics {
    /// Nothing is known yet, but that no value may be larger than `record_bytes_max`.
    pub(crate) fn new(record_bytes_max: usize) -> Self {
        Self {
            partitions: watch::Sender::default(),
            record_bytes_max: Signal::ALL.map(|_| AtomicUsize::new(record_bytes_max)),
            unit_bytes_max: Signal::ALL.map(|_| AtomicUsize::new(record_bytes_max)),
            turn: AtomicUsize::new(0),
        }
    }

    /// Largest value that the signal's topic takes, as far as is known.
    pub(crate) fn record_bytes_max(&self, signal: Signal) -> usize {
        self.record_bytes_max[signal.index()].load(Ordering::Relaxed)
    }

    /// Largest value that is worth sending when it cannot be split: nobody has named a lower limit than this.
    pub(crate) fn unit_bytes_max(&self, signal: Signal) -> usize {
        self.unit_bytes_max[signal.index()].load(Ordering::Relaxed)
    }

    /// The brokers named the limit.
    pub(crate) fn set_record_bytes_max(&self, signal: Signal, bytes: usize) {
        let bytes = bytes.max(RECORD_BYTES_MIN);
        self.unit_bytes_max[signal.index()].store(bytes, Ordering::Relaxed);
        self.record_bytes_max[signal.index()].store(bytes, Ordering::Relaxed);
    }

    /// A record was refused that was shaped for `bytes`: halves the limit, once for all requests that were shaped
    /// for the same. `None` when it can't be lowered further.
    pub(crate) fn refused_at(&self, signal: Signal, bytes: usize) -> Option<usize> {
        let half = (bytes / 2).max(RECORD_BYTES_MIN);
        if half >= bytes {
            return None;
        }
        self.record_bytes_max[signal.index()].fetch_min(half, Ordering::Relaxed);
        Some(self.record_bytes_max(signal))
    }

    /// The brokers named the partitions of these topics; what has none now is as it was.
    pub(crate) fn set_partitions(&self, partitions: [Partitions; 4]) {
        self.partitions.send_if_modified(|known| {
            let mut news = false;
            for (known, named) in known.iter_mut().zip(partitions) {
                if named.count > 0 && *known != named {
                    *known = named;
                    news = true;
                }
            }
            news
        });
    }

    /// A partition for all parts of one request, another each time; one that has a leader, if any has.
    /// Waits until partitions are known; `None` at the deadline.
    pub(crate) async fn pick_partition(&self, signal: Signal, deadline: Deadline) -> Option<i32> {
        let mut known = self.partitions.subscribe();
        let ready = known.wait_for(|all| all[signal.index()].count > 0);
        let all = tokio::time::timeout_at(deadline.at(), ready).await.ok()?.ok()?;
        let Partitions { count, led } = &all[signal.index()];
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        match led.get(turn % led.len().max(1)) {
            Some(partition) => Some(*partition),
            None => i32::try_from(turn % count).ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_refusal_halves_the_limit_once_for_all_that_saw_it() {
        let topics = Topics::new(10_000);
        assert_eq!(topics.refused_at(Signal::Logs, 10_000), Some(5000));
        assert_eq!(topics.refused_at(Signal::Logs, 10_000), Some(5000));
        assert_eq!(topics.refused_at(Signal::Logs, 5000), Some(2500));
        assert_eq!(topics.refused_at(Signal::Logs, 2500), Some(1250));
        assert_eq!(topics.refused_at(Signal::Logs, 1250), Some(1024));
        assert_eq!(topics.refused_at(Signal::Logs, 1024), None);
        assert_eq!(topics.record_bytes_max(Signal::Traces), 10_000);
        assert_eq!(topics.unit_bytes_max(Signal::Logs), 10_000);
        topics.set_record_bytes_max(Signal::Logs, 8000);
        assert_eq!(
            (topics.record_bytes_max(Signal::Logs), topics.unit_bytes_max(Signal::Logs)),
            (8000, 8000)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn partitions_take_turns_and_those_without_leader_are_left_out() {
        let topics = Topics::new(10_000);
        let deadline = Deadline::after(Duration::from_secs(1), None);
        assert_eq!(topics.pick_partition(Signal::Traces, deadline).await, None);
        let mut known: [Partitions; 4] = Default::default();
        known[Signal::Traces.index()] = Partitions { count: 4, led: vec![1, 3] };
        known[Signal::Logs.index()] = Partitions { count: 1, led: Vec::new() };
        topics.set_partitions(known);
        let deadline = Deadline::after(Duration::from_secs(1), None);
        let mut picked = Vec::new();
        for _ in 0..4 {
            picked.push(topics.pick_partition(Signal::Traces, deadline).await.unwrap());
        }
        picked.sort_unstable();
        assert_eq!(picked, [1, 1, 3, 3]);
        assert_eq!(topics.pick_partition(Signal::Logs, deadline).await, Some(0));
        topics.set_partitions(Default::default());
        assert_eq!(topics.pick_partition(Signal::Logs, deadline).await, Some(0), "it was known");
    }
}
