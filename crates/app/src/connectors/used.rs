//! What a connector has done: the topics that have records of it, and how far each signal is.

use std::collections::BTreeSet;
use std::time::{SystemTime, UNIX_EPOCH};

use admin::{Offset, Pairs, Refusal};
use otlp::Signal;
use pipeline::Metrics;
use serde_json::{Map, Value};

const NAME: &str = "connector_name";
const SIGNAL: &str = "signal_type";
const SESSION: &str = "session_id";
const SEQUENCE: &str = "sequence";

/// Counts of one connector. Positions are what the reference's are: the number of a signal's last record. Nothing is
/// read again from them.
#[derive(Debug)]
pub(super) struct Used {
    name: String,
    session: String,
    /// The pairs whose words were said.
    pub(super) config: Pairs,
    /// Where each signal's records go.
    current: Vec<String>,
    topics: BTreeSet<String>,
    /// Records of each signal when that was last looked at.
    seen: [u64; 4],
    /// Where counting began, or what was set.
    sequences: [Sequence; 4],
}

/// A position: `at` when `records` had been stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Sequence {
    at: u64,
    records: u64,
}

impl Used {
    pub(super) fn new(name: &str) -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            name: name.to_owned(),
            session: format!("{:x}-{:x}", since.as_nanos(), std::process::id()),
            config: Pairs::new(),
            current: Vec::new(),
            topics: BTreeSet::new(),
            seen: [0; 4],
            sequences: [Sequence { at: 0, records: 0 }; 4],
        }
    }

    pub(super) fn topics(&self) -> &BTreeSet<String> {
        &self.topics
    }

    pub(super) fn forget_topics(&mut self) {
        self.topics.clear();
    }

    /// From now on records go there.
    pub(super) fn topics_of(&mut self, topics: &[String], metrics: &Metrics) {
        self.look(metrics);
        topics.clone_into(&mut self.current);
    }

    /// Notes the topics that have new records; says whether there are any that had none.
    pub(super) fn look(&mut self, metrics: &Metrics) -> bool {
        let mut news = false;
        for signal in Signal::ALL {
            let stored = metrics.signal(signal).records_stored();
            let before = std::mem::replace(&mut self.seen[signal.index()], stored);
            if let Some(topic) = self.current.get(signal.index()).filter(|_| stored > before) {
                news |= self.topics.insert(topic.clone());
            }
        }
        news
    }

    /// The positions of the signals that have any.
    pub(super) fn offsets(&self, metrics: &Metrics) -> Vec<Offset> {
        let position = |signal: Signal| {
            let Sequence { at, records } = self.sequences[signal.index()];
            let sequence = at + metrics.signal(signal).records_stored().saturating_sub(records);
            let word = signal.name().to_uppercase();
            (sequence > 0).then(|| Offset {
                partition: Map::from_iter([
                    (NAME.to_owned(), self.name.clone().into()),
                    (SIGNAL.to_owned(), word.clone().into()),
                ]),
                offset: Some(Map::from_iter([
                    (SESSION.to_owned(), self.session.clone().into()),
                    (SIGNAL.to_owned(), word.into()),
                    (SEQUENCE.to_owned(), sequence.into()),
                ])),
            })
        };
        Signal::ALL.into_iter().filter_map(position).collect()
    }

    /// Counts on from these.
    ///
    /// # Errors
    ///
    /// [`Refusal::BadOffsets`]; none of them is set then.
    pub(super) fn set_offsets(&mut self, metrics: &Metrics, offsets: &[Offset]) -> Result<(), Refusal> {
        let mut sequences = self.sequences;
        for Offset { partition, offset } in offsets {
            let signal = self.signal_of(partition).map_err(Refusal::BadOffsets)?;
            let at = match offset {
                None => 0,
                Some(offset) => offset.get(SEQUENCE).and_then(Value::as_u64).ok_or_else(|| {
                    Refusal::BadOffsets(format!("an offset has a {SEQUENCE}, a whole number from 0 on"))
                })?,
            };
            let records = metrics.signal(signal).records_stored();
            sequences[signal.index()] = Sequence { at, records };
        }
        self.sequences = sequences;
        Ok(())
    }

    /// Counts from the beginning.
    pub(super) fn reset_offsets(&mut self, metrics: &Metrics) {
        self.sequences =
            Signal::ALL.map(|signal| Sequence { at: 0, records: metrics.signal(signal).records_stored() });
    }

    fn signal_of(&self, partition: &Map<String, Value>) -> Result<Signal, String> {
        let text = |key: &str| partition.get(key).and_then(Value::as_str).unwrap_or_default();
        if text(NAME) != self.name {
            return Err(format!("a partition has the {NAME} {}", self.name));
        }
        let known = Signal::ALL.into_iter().find(|signal| signal.name().eq_ignore_ascii_case(text(SIGNAL)));
        known.ok_or_else(|| format!("a partition has a {SIGNAL}: TRACES, METRICS, LOGS or PROFILES"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_are_those_that_have_records() {
        let metrics = Metrics::default();
        let mut used = Used::new("c");
        used.topics_of(&["t", "m", "l", "p"].map(str::to_owned), &metrics);
        assert!(!used.look(&metrics));
        metrics.signal(Signal::Logs).stored(5);
        assert!(used.look(&metrics));
        metrics.signal(Signal::Logs).stored(5);
        metrics.signal(Signal::Traces).stored(5);
        // What was stored until now went to the former topics.
        used.topics_of(&["t2", "m", "l2", "p"].map(str::to_owned), &metrics);
        assert_eq!(used.topics().iter().collect::<Vec<_>>(), ["l", "t"]);
        used.forget_topics();
        assert!(!used.look(&metrics));
        metrics.signal(Signal::Logs).stored(5);
        used.look(&metrics);
        assert_eq!(used.topics().iter().collect::<Vec<_>>(), ["l2"]);
    }

    #[test]
    fn positions_count_records_from_where_they_are_set() {
        let metrics = Metrics::default();
        let mut used = Used::new("c");
        assert_eq!(used.offsets(&metrics), []);
        metrics.signal(Signal::Logs).stored(5);
        let read = used.offsets(&metrics);
        assert_eq!(read.len(), 1);
        assert_eq!(read[0].partition["signal_type"], "LOGS");
        assert_eq!(read[0].offset.as_ref().unwrap()["sequence"], 1);
        let mut forty_two = read.clone();
        forty_two[0].offset.as_mut().unwrap()["sequence"] = 42.into();
        used.set_offsets(&metrics, &forty_two).unwrap();
        metrics.signal(Signal::Logs).stored(5);
        assert_eq!(used.offsets(&metrics)[0].offset.as_ref().unwrap()["sequence"], 43);
        let bad = |key: &str, value: &str| {
            let mut offsets = read.clone();
            offsets[0].partition[key] = value.into();
            offsets
        };
        for bad in [bad("connector_name", "d"), bad("signal_type", "SOUNDS")] {
            assert!(matches!(used.set_offsets(&metrics, &bad), Err(Refusal::BadOffsets(_))));
        }
        used.set_offsets(&metrics, &[Offset { offset: None, ..read[0].clone() }]).unwrap();
        assert_eq!(used.offsets(&metrics), []);
        metrics.signal(Signal::Logs).stored(5);
        used.reset_offsets(&metrics);
        assert_eq!(used.offsets(&metrics), []);
    }
}
