//! Hop 7: records of one partition as one record batch, sent as it lies and again unchanged.

use bytes::{BufMut, Bytes, BytesMut};
use kafka_wire::RecordSet;
use kafka_wire::batch::{Attributes, BATCH_HEADER_BYTES, BatchHeader};
use kafka_wire::record;
use tokio::time::Instant;

use super::record::{Failure, Headers, RECORD_HEAD_BYTES_MAX, Record, Settle};
use crate::compression::{Codec, Compressor, decompress};

/// Values from this size on are sent from where they lie; below it a copy costs less than one more piece does.
const SPLICE_BYTES_MIN: usize = 2048;
/// What a batch of our own may unpack to; far above what a request takes.
const UNPACKED_BYTES_MAX: usize = 1 << 30;

/// A sequence's owner (KIP-98).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ProducerId {
    pub(super) id: i64,
    pub(super) epoch: i16,
}

/// A batch that waits to be sent, or for its answer.
#[derive(Debug)]
pub(super) struct Batch<T> {
    header: BatchHeader,
    body: Vec<Bytes>,
    tokens: Vec<T>,
    /// The latest of its records' deadlines: until then the batch is sent again when it has to be.
    deadline: Instant,
    /// Bytes of the records before compression.
    pub(super) uncompressed_bytes: usize,
    /// Its place among the partition's batches, in the order in which they were made.
    pub(super) ordinal: u64,
    /// How often it was sent.
    pub(super) attempts: u32,
    /// What the last answer said is wrong with it; it counts once nothing older is open.
    pub(super) flaw: Option<Flaw>,
}

/// Why a batch cannot be sent again as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flaw {
    /// Its sequence does not fit what the broker has: a new epoch is due.
    Sequence,
    /// The broker does not know its producer, or a newer one: a new id is due.
    Producer,
    /// It is larger than the topic takes, and holds more than one record.
    Size,
}

/// Records on their way into a batch.
#[derive(Debug)]
pub(super) struct Draft<T> {
    pub(super) records: Vec<Record<T>>,
    /// At most what the records will take uncompressed.
    pub(super) bytes_max: usize,
}

impl<T: Settle> Draft<T> {
    pub(super) fn new() -> Self {
        Self { records: Vec::new(), bytes_max: BATCH_HEADER_BYTES }
    }

    /// Whether the record goes in under the limit; a first one always does.
    pub(super) fn takes(&self, record: &Record<T>, bytes_max: usize) -> bool {
        self.records.is_empty() || self.bytes_max + record.bytes() + RECORD_HEAD_BYTES_MAX <= bytes_max
    }

    pub(super) fn push(&mut self, record: Record<T>) {
        self.bytes_max += record.bytes() + RECORD_HEAD_BYTES_MAX;
        self.records.push(record);
    }

    /// The batch. `owner` and `sequence` are `None` without idempotence.
    pub(super) fn seal(
        self,
        owner: Option<ProducerId>,
        sequence: i32,
        compressor: &mut Compressor,
    ) -> Batch<T> {
        let first = self.records.first();
        let base_timestamp = first.map_or(0, |record| record.timestamp_ms);
        let deadline = self.records.iter().map(|record| record.deadline).max();
        let max_timestamp = self.records.iter().map(|record| record.timestamp_ms).max();
        let records_count = i32::try_from(self.records.len()).unwrap_or(i32::MAX);
        let mut tokens = Vec::with_capacity(self.records.len());
        let mut body = Body::new(self.bytes_max, self.records.len());
        for record in self.records {
            let offset_delta = i32::try_from(tokens.len()).unwrap_or(i32::MAX);
            body.put(&record, base_timestamp, offset_delta);
            tokens.push(record.token);
        }
        let (pieces, uncompressed_bytes) = body.finish();
        let (codec, pieces) = compressed(pieces, uncompressed_bytes, compressor);
        let header = BatchHeader {
            base_offset: 0,
            batch_length: 0,
            partition_leader_epoch: -1,
            crc: 0,
            attributes: Attributes(i16::from(codec.id())),
            last_offset_delta: records_count.saturating_sub(1),
            base_timestamp,
            max_timestamp: max_timestamp.unwrap_or(base_timestamp),
            producer_id: owner.map_or(-1, |owner| owner.id),
            producer_epoch: owner.map_or(-1, |owner| owner.epoch),
            base_sequence: owner.map_or(-1, |_| sequence),
            records_count,
        };
        Batch {
            header: header.sealed(pieces.iter().map(Bytes::as_ref)),
            body: pieces,
            tokens,
            deadline: deadline.unwrap_or_else(Instant::now),
            uncompressed_bytes,
            ordinal: 0,
            attempts: 0,
            flaw: None,
        }
    }
}

/// The records one behind the other; values are pieces of their own where that is cheaper.
struct Body {
    pieces: Vec<Bytes>,
    inline: BytesMut,
    bytes: usize,
}

impl Body {
    fn new(bytes_max: usize, records: usize) -> Self {
        // Large values are not copied: then only the heads need room.
        let average = bytes_max / records.max(1);
        let room = if average < SPLICE_BYTES_MIN { bytes_max } else { records * RECORD_HEAD_BYTES_MAX };
        Self { pieces: Vec::with_capacity(4), inline: BytesMut::with_capacity(room), bytes: 0 }
    }

    fn put<T>(&mut self, record: &Record<T>, base_timestamp: i64, offset_delta: i32) {
        let Headers { bytes, count } = &record.headers;
        let wire = record::Record {
            timestamp_delta: record.timestamp_ms.saturating_sub(base_timestamp),
            offset_delta,
            key: record.key.as_deref(),
            value: Some(&record.value),
            headers: record::Headers::from_bytes(bytes, *count),
        };
        record::put_record_head(&mut self.inline, &wire);
        if record.value.len() < SPLICE_BYTES_MIN {
            self.inline.put_slice(&record.value);
        } else {
            self.cut();
            self.bytes += record.value.len();
            self.pieces.push(record.value.clone());
        }
        record::put_record_tail(&mut self.inline, &wire);
    }

    fn cut(&mut self) {
        if !self.inline.is_empty() {
            self.bytes += self.inline.len();
            self.pieces.push(self.inline.split().freeze());
        }
    }

    fn finish(mut self) -> (Vec<Bytes>, usize) {
        self.cut();
        (self.pieces, self.bytes)
    }
}

/// The body as the codec makes it, or as it was where that is smaller.
fn compressed(pieces: Vec<Bytes>, bytes: usize, compressor: &mut Compressor) -> (Codec, Vec<Bytes>) {
    if compressor.codec() == Codec::None {
        return (Codec::None, pieces);
    }
    let mut out = Vec::with_capacity(bytes / 4);
    match compressor.compress(pieces.iter().map(Bytes::as_ref), &mut out) {
        Ok(()) if out.len() < bytes => (compressor.codec(), vec![out.into()]),
        Ok(()) => (Codec::None, pieces),
        Err(error) => {
            tracing::warn!(%error, "a batch could not be compressed and is sent as it is");
            (Codec::None, pieces)
        }
    }
}

impl<T: Settle> Batch<T> {
    /// The sequence number of the first record.
    pub(super) fn base_sequence(&self) -> i32 {
        self.header.base_sequence
    }

    /// The sequence number behind the last record.
    pub(super) fn next_sequence(&self) -> i32 {
        after(self.header.base_sequence, self.header.records_count)
    }

    pub(super) fn records_count(&self) -> usize {
        self.tokens.len()
    }

    /// Bytes as sent.
    pub(super) fn bytes(&self) -> usize {
        self.header.total_bytes()
    }

    pub(super) fn has_expired(&self, now: Instant) -> bool {
        self.deadline <= now
    }

    /// The batch as a request carries it.
    pub(super) fn to_wire(&self) -> RecordSet {
        let mut pieces = Vec::with_capacity(self.body.len() + 1);
        pieces.push(Bytes::copy_from_slice(&self.header.to_bytes()));
        pieces.extend(self.body.iter().cloned());
        pieces.into()
    }

    /// Goes on under another owner or at another place: only for what is known not to be stored as it was.
    pub(super) fn renumber(&mut self, owner: ProducerId, sequence: i32) {
        self.header.producer_id = owner.id;
        self.header.producer_epoch = owner.epoch;
        self.header.base_sequence = sequence;
        self.header = self.header.sealed(self.body.iter().map(Bytes::as_ref));
        self.flaw = None;
    }

    /// Who waits for it.
    pub(super) fn into_tokens(self) -> Vec<T> {
        self.tokens
    }

    pub(super) fn settle(self, outcome: Result<(), Failure>) {
        for token in self.tokens {
            token.settle(outcome);
        }
    }

    /// The records again, for smaller batches. `None` for what cannot be read back, which does not happen.
    pub(super) fn into_records(self, topic: usize, partition: i32) -> Result<Vec<Record<T>>, Vec<T>> {
        match self.read_back() {
            Some(mut records) if records.len() == self.tokens.len() => {
                let deadline = self.deadline;
                let record = |(token, (key, value, headers, timestamp_ms))| Record {
                    topic,
                    partition: Some(partition),
                    key,
                    value,
                    headers,
                    timestamp_ms,
                    deadline,
                    token,
                };
                Ok(self.tokens.into_iter().zip(records.drain(..)).map(record).collect())
            }
            _ => Err(self.tokens),
        }
    }

    #[expect(clippy::type_complexity, reason = "the fields of a record, on their way into one")]
    fn read_back(&self) -> Option<Vec<(Option<Bytes>, Bytes, Headers, i64)>> {
        let body = self.body.concat();
        let codec = self.header.attributes.codec();
        let body = if codec == 0 { body } else { decompress(codec, &body, UNPACKED_BYTES_MAX).ok()? };
        let mut plain = self.header;
        plain.attributes = Attributes(0);
        let mut bytes = plain.sealed(std::iter::once(body.as_slice())).to_bytes().to_vec();
        bytes.extend_from_slice(&body);
        let bytes = Bytes::from(bytes);
        let batch = kafka_wire::batch::Batch::read(&bytes).ok()?;
        let copied = batch.records().ok()?.map(|record| {
            let record = record.ok()?;
            let headers =
                Headers { bytes: bytes.slice_ref(record.headers.bytes()), count: record.headers.count() };
            Some((
                record.key.map(|key| bytes.slice_ref(key)),
                bytes.slice_ref(record.value.unwrap_or_default()),
                headers,
                self.header.base_timestamp.saturating_add(record.timestamp_delta),
            ))
        });
        copied.collect()
    }
}

/// Sequence numbers start again at 0 behind the largest (KIP-98).
pub(super) fn after(sequence: i32, records: i32) -> i32 {
    let next = i64::from(sequence) + i64::from(records);
    i32::try_from(next).unwrap_or_else(|_| i32::try_from(next - i64::from(i32::MAX) - 1).unwrap_or(0))
}
