//! What a partition knows of its idempotent producers, so that a batch sent again is answered with
//! its first offset instead of being stored twice.
//!
//! Rules: KIP-98 ("idempotent producer guarantees") and KIP-360 (a producer that is not known may
//! start with any sequence). The last five batches of each producer are remembered, as many as a
//! client may have in flight.

use std::collections::{HashMap, VecDeque};

use bytes::{Buf, BufMut};

use super::AppendError;
use super::batch::{BatchHeader, last_sequence};

/// Batches remembered a producer: `max.in.flight.requests.per.connection` is at most 5 with
/// idempotence.
const BATCHES_MAX: usize = 5;

/// The producers of one partition.
#[derive(Debug)]
pub(super) struct Producers {
    by_id: HashMap<i64, Producer>,
    producers_max: usize,
    uses: u64,
}

#[derive(Debug, Clone)]
struct Producer {
    epoch: i16,
    batches: VecDeque<Sent>,
    last_use: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Sent {
    first_sequence: i32,
    last_sequence: i32,
    base_offset: i64,
}

/// Producers as they were before an append, for the case that it fails.
#[derive(Debug, Default)]
pub(super) struct Undo(Vec<(i64, Option<Producer>)>);

impl Producers {
    /// None yet; of more than `producers_max` the one unheard for longest is forgotten.
    pub(super) fn new(producers_max: usize) -> Self {
        Self { by_id: HashMap::new(), producers_max: producers_max.max(1), uses: 0 }
    }

    /// Decides on a batch: new (`None`), or sent before, with the base offset that it got then.
    pub(super) fn check(&self, batch: &BatchHeader) -> Result<Option<i64>, AppendError> {
        let Some(producer) = self.by_id.get(&batch.producer_id) else { return Ok(None) };
        let out_of_order = |expected| {
            Err(AppendError::OutOfOrderSequence {
                producer_id: batch.producer_id,
                expected,
                found: batch.base_sequence,
            })
        };
        if batch.producer_epoch < producer.epoch {
            return Err(AppendError::InvalidProducerEpoch {
                producer_id: batch.producer_id,
                current: producer.epoch,
                found: batch.producer_epoch,
            });
        }
        if batch.producer_epoch > producer.epoch {
            return if batch.base_sequence == 0 { Ok(None) } else { out_of_order(0) };
        }
        let (first, last) = (batch.base_sequence, last_sequence(batch));
        if let Some(sent) =
            producer.batches.iter().find(|sent| sent.first_sequence == first && sent.last_sequence == last)
        {
            return Ok(Some(sent.base_offset));
        }
        match producer.batches.back() {
            Some(sent) if first != next_sequence(sent.last_sequence) => {
                out_of_order(next_sequence(sent.last_sequence))
            }
            _ => Ok(None),
        }
    }

    /// Remembers a batch that is, or is about to be, in the log at `base_offset`.
    pub(super) fn note(&mut self, batch: &BatchHeader, base_offset: i64) {
        if batch.producer_id < 0 {
            return;
        }
        self.uses += 1;
        let last_use = self.uses;
        let producer = self.by_id.entry(batch.producer_id).or_insert_with(|| Producer {
            epoch: batch.producer_epoch,
            batches: VecDeque::with_capacity(BATCHES_MAX),
            last_use,
        });
        if producer.epoch != batch.producer_epoch {
            producer.epoch = batch.producer_epoch;
            producer.batches.clear();
        }
        if producer.batches.len() == BATCHES_MAX {
            producer.batches.pop_front();
        }
        producer.batches.push_back(Sent {
            first_sequence: batch.base_sequence,
            last_sequence: last_sequence(batch),
            base_offset,
        });
        producer.last_use = last_use;
    }

    /// Keeps the producer of `batch` as it is now, to be put back by [`Self::restore`].
    pub(super) fn save(&self, batch: &BatchHeader, undo: &mut Undo) {
        let id = batch.producer_id;
        if id >= 0 && !undo.0.iter().any(|(saved, _)| *saved == id) {
            undo.0.push((id, self.by_id.get(&id).cloned()));
        }
    }

    pub(super) fn restore(&mut self, undo: Undo) {
        for (id, producer) in undo.0 {
            match producer {
                Some(producer) => self.by_id.insert(id, producer),
                None => self.by_id.remove(&id),
            };
        }
    }

    /// Forgets the oldest producers above the bound.
    pub(super) fn trim(&mut self) {
        while self.by_id.len() > self.producers_max
            && let Some(oldest) =
                self.by_id.iter().min_by_key(|(_, producer)| producer.last_use).map(|(id, _)| *id)
        {
            self.by_id.remove(&oldest);
        }
    }

    /// Writes all producers, the one unheard for longest first.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        let mut producers: Vec<_> = self.by_id.iter().collect();
        producers.sort_by_key(|(_, producer)| producer.last_use);
        out.put_u32(u32::try_from(producers.len()).unwrap_or(u32::MAX));
        for (id, producer) in producers {
            out.put_i64(*id);
            out.put_i16(producer.epoch);
            out.put_u8(u8::try_from(producer.batches.len()).unwrap_or(u8::MAX));
            for sent in &producer.batches {
                out.put_i32(sent.first_sequence);
                out.put_i32(sent.last_sequence);
                out.put_i64(sent.base_offset);
            }
        }
    }

    /// Reads what [`Self::encode`] wrote; `None` when it is something else.
    pub(super) fn decode(bytes: &mut &[u8], producers_max: usize) -> Option<Self> {
        let mut producers = Self::new(producers_max);
        for _ in 0..bytes.try_get_u32().ok()? {
            let id = bytes.try_get_i64().ok()?;
            let epoch = bytes.try_get_i16().ok()?;
            let count = usize::from(bytes.try_get_u8().ok()?);
            if count > BATCHES_MAX {
                return None;
            }
            let mut batches = VecDeque::with_capacity(BATCHES_MAX);
            for _ in 0..count {
                batches.push_back(Sent {
                    first_sequence: bytes.try_get_i32().ok()?,
                    last_sequence: bytes.try_get_i32().ok()?,
                    base_offset: bytes.try_get_i64().ok()?,
                });
            }
            producers.uses += 1;
            producers.by_id.insert(id, Producer { epoch, batches, last_use: producers.uses });
        }
        producers.trim();
        Some(producers)
    }
}

fn next_sequence(last: i32) -> i32 {
    last.checked_add(1).unwrap_or(0)
}
