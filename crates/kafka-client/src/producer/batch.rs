//! Hop 7: records of one partition as one record batch, sent as it lies and again unchanged.

use bytes::{BufMut, Bytes};
use kafka_wire::RecordSet;
use kafka_wire::batch::{Attributes, BATCH_HEADER_BYTES, BatchHeader};
use kafka_wire::record;
use tokio::time::Instant;

use super::packing::{Packed, aside_bytes_min, pack};
use super::record::{Failure, Headers, RECORD_HEAD_BYTES_MAX, Record, Settle};
use super::tools::{Buffer, Tools};
use crate::compression::{Codec, decompress};

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
    /// Whether the header is whole. If not, the records are still to be compressed, away from the worker.
    is_sealed: bool,
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
    pub(super) fn seal(self, owner: Option<ProducerId>, sequence: i32, tools: &mut Tools) -> Batch<T> {
        let first = self.records.first();
        let base_timestamp = first.map_or(0, |record| record.timestamp_ms);
        let deadline = self.records.iter().map(|record| record.deadline).max();
        let max_timestamp = self.records.iter().map(|record| record.timestamp_ms).max();
        let records_count = i32::try_from(self.records.len()).unwrap_or(i32::MAX);
        let mut tokens = Vec::with_capacity(self.records.len());
        let mut body = Body::new(self.bytes_max, self.records.len(), tools);
        for record in self.records {
            let offset_delta = i32::try_from(tokens.len()).unwrap_or(i32::MAX);
            body.put(&record, base_timestamp, offset_delta);
            tokens.push(record.token);
        }
        let (body, uncompressed_bytes) = body.finish(tools);
        let header = BatchHeader {
            base_offset: 0,
            batch_length: 0,
            partition_leader_epoch: -1,
            crc: 0,
            attributes: Attributes(0),
            last_offset_delta: records_count.saturating_sub(1),
            base_timestamp,
            max_timestamp: max_timestamp.unwrap_or(base_timestamp),
            producer_id: owner.map_or(-1, |owner| owner.id),
            producer_epoch: owner.map_or(-1, |owner| owner.epoch),
            base_sequence: owner.map_or(-1, |_| sequence),
            records_count,
        };
        let mut batch = Batch {
            header,
            body,
            tokens,
            deadline: deadline.unwrap_or_else(Instant::now),
            uncompressed_bytes,
            is_sealed: false,
            ordinal: 0,
            attempts: 0,
            flaw: None,
        };
        if uncompressed_bytes < aside_bytes_min(tools.compressor.codec()) {
            let packed = pack(std::mem::take(&mut batch.body), &mut tools.compressor);
            batch.seal(packed);
        }
        batch
    }
}

/// The records one behind the other; values are pieces of their own where that is cheaper.
struct Body {
    pieces: Vec<Bytes>,
    inline: Buffer,
    bytes: usize,
}

impl Body {
    fn new(bytes_max: usize, records: usize, tools: &mut Tools) -> Self {
        // Large values are not copied: then only the heads need room.
        let average = bytes_max / records.max(1);
        let room = if average < SPLICE_BYTES_MIN { bytes_max } else { records * RECORD_HEAD_BYTES_MAX };
        Self { pieces: Vec::with_capacity(4), inline: tools.buffer(room), bytes: 0 }
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
        record::put_record_head(&mut self.inline.bytes, &wire);
        if record.value.len() < SPLICE_BYTES_MIN {
            self.inline.bytes.put_slice(&record.value);
        } else {
            self.cut();
            self.bytes += record.value.len();
            self.pieces.push(record.value.clone());
        }
        record::put_record_tail(&mut self.inline.bytes, &wire);
    }

    fn cut(&mut self) {
        let inline = &mut self.inline.bytes;
        if !inline.is_empty() {
            self.bytes += inline.len();
            self.pieces.push(inline.split().freeze());
        }
    }

    fn finish(mut self, tools: &mut Tools) -> (Vec<Bytes>, usize) {
        self.cut();
        tools.keep(self.inline);
        (self.pieces, self.bytes)
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

    /// Bytes as sent; before it is sealed the most that they can be.
    pub(super) fn bytes(&self) -> usize {
        if self.is_sealed { self.header.total_bytes() } else { BATCH_HEADER_BYTES + self.uncompressed_bytes }
    }

    /// What is still to be compressed.
    pub(super) fn unsealed(&self) -> Option<&[Bytes]> {
        (!self.is_sealed).then_some(&self.body)
    }

    /// Makes the header whole. From now on it is sent as it lies, and again unchanged.
    pub(super) fn seal(&mut self, packed: Packed) {
        self.header.attributes = Attributes(i16::from(packed.codec.id()));
        self.body = packed.body;
        self.header = self.header.sealed(self.body.iter().map(Bytes::as_ref));
        self.is_sealed = true;
    }

    /// [`Self::seal`] without compression, for one that must not wait for it.
    pub(super) fn seal_plain(&mut self) {
        if !self.is_sealed {
            let body = std::mem::take(&mut self.body);
            self.seal(Packed { codec: Codec::None, body });
        }
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
        T::settle_all(self.tokens.into_iter(), outcome);
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::compression::{Compression, Compressor};

    #[derive(Debug, PartialEq)]
    struct Token(usize);

    impl Settle for Token {
        fn settle(self, _: Result<(), Failure>) {}
    }

    /// A batch of ten records with values of so many bytes.
    fn batch(codec: Codec, bytes: usize) -> Batch<Token> {
        let mut draft = Draft::new();
        for n in 0..10_u8 {
            draft.push(Record {
                topic: 0,
                partition: None,
                key: None,
                value: vec![n; bytes].into(),
                headers: Headers::default(),
                timestamp_ms: i64::from(n),
                deadline: Instant::now() + Duration::from_secs(1),
                token: Token(n.into()),
            });
        }
        let mut tools = Tools::new(Compression { codec, level: None });
        draft.seal(Some(ProducerId { id: 7, epoch: 1 }), 5, &mut tools)
    }

    fn values(batch: Batch<Token>) -> Vec<(Bytes, i64, Token)> {
        let records = batch.into_records(0, 0).unwrap();
        records.into_iter().map(|record| (record.value, record.timestamp_ms, record.token)).collect()
    }

    fn expected(bytes: usize) -> Vec<(Bytes, i64, Token)> {
        (0..10_u8).map(|n| (vec![n; bytes].into(), n.into(), Token(n.into()))).collect()
    }

    #[test]
    fn a_large_batch_is_compressed_later_and_is_the_same_then() {
        for codec in [Codec::Gzip, Codec::Zstd] {
            let large = aside_bytes_min(codec) / 10;
            assert_eq!(batch(codec, large / 2).unsealed(), None, "{codec}");
            let mut later = batch(codec, large);
            let before = later.bytes();
            let body = later.unsealed().unwrap().to_vec();
            later.seal(pack(body, &mut Compressor::new(Compression { codec, level: None })));
            assert_eq!((later.unsealed(), later.header.attributes.codec()), (None, codec.id()));
            assert!(later.bytes() < before / 10);
            assert_eq!((later.base_sequence(), later.next_sequence()), (5, 15));
            assert_eq!(values(later), expected(large), "{codec}");
        }
    }

    #[test]
    fn a_large_batch_whose_connection_is_lost_meanwhile_stays_as_it_is() {
        let large = aside_bytes_min(Codec::Zstd) / 10;
        let mut batch = batch(Codec::Zstd, large);
        let before = batch.bytes();
        batch.seal_plain();
        let bytes = batch.to_wire().into_bytes();
        assert_eq!((batch.unsealed(), bytes.len()), (None, before));
        assert_eq!(kafka_wire::batch::Batch::read(&bytes).unwrap().records().unwrap().count(), 10);
        assert_eq!(values(batch), expected(large));
    }
}
