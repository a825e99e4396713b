//! Hop 7: what one fetch brought of one partition, taken apart record by record so that memory stays bounded.

use std::sync::Arc;

use bytes::Bytes;
use kafka_wire::batch::{Batch, BatchError};
use kafka_wire::record::{self, Records};

use crate::compression;

use super::{Headers, Record, TopicPartition};

/// Batches of one partition, not yet read.
#[derive(Debug)]
pub(super) struct Chunk {
    pub(super) partition: TopicPartition,
    rest: Bytes,
    open: Option<Open>,
    /// The next record to yield; what lies before it is skipped.
    offset: i64,
    unpacked_bytes_max: usize,
}

/// A batch that is being read.
#[derive(Debug)]
struct Open {
    /// Records not yet read, unpacked.
    body: Bytes,
    count: i32,
    base_offset: i64,
    last_offset: i64,
    base_timestamp: i64,
    append_time: Option<i64>,
}

impl Chunk {
    pub(super) fn new(
        partition: TopicPartition,
        records: Bytes,
        offset: i64,
        unpacked_bytes_max: usize,
    ) -> Self {
        Self { partition, rest: records, open: None, offset, unpacked_bytes_max }
    }

    /// Where to read on.
    pub(super) fn offset(&self) -> i64 {
        self.offset
    }

    /// The next record; `None` at the end. An error is that of a batch, in words.
    pub(super) fn next(&mut self) -> Result<Option<Record>, String> {
        loop {
            let Some(open) = &mut self.open else {
                if !self.open_next()? {
                    return Ok(None);
                }
                continue;
            };
            let Some(record) = open.next(&self.partition)? else {
                // Also over offsets that compaction took, or that hold a transaction's end.
                self.offset = self.offset.max(open.last_offset.saturating_add(1));
                self.open = None;
                continue;
            };
            if record.offset >= self.offset {
                self.offset = record.offset.saturating_add(1);
                return Ok(Some(record));
            }
        }
    }

    /// Opens the next batch. `false` when there is none, or only a part of one, as brokers may cut it.
    fn open_next(&mut self) -> Result<bool, String> {
        if self.rest.is_empty() {
            return Ok(false);
        }
        let batch = match Batch::read(&self.rest) {
            Ok(batch) => batch,
            Err(BatchError::Truncated { .. }) => {
                self.rest = Bytes::new();
                return Ok(false);
            }
            Err(error) => return Err(error.to_string()),
        };
        let header = batch.header;
        if header.base_offset < 0 {
            return Err(format!("record batch at offset {}", header.base_offset));
        }
        let packed = self.rest.slice_ref(batch.body());
        let attributes = header.attributes;
        // What is not wanted is not unpacked.
        let skipped = attributes.is_control() || header.last_offset() < self.offset;
        let (body, count) = match (skipped, attributes.codec()) {
            (true, _) => (Bytes::new(), 0),
            (false, 0) => (packed, header.records_count),
            (false, codec) => (self.unpack(codec, &packed)?, header.records_count),
        };
        let bytes = batch.bytes.len();
        self.open = Some(Open {
            body,
            count,
            base_offset: header.base_offset,
            last_offset: header.last_offset(),
            base_timestamp: header.base_timestamp,
            append_time: attributes.is_log_append_time().then_some(header.max_timestamp),
        });
        self.rest = self.rest.slice(bytes..);
        Ok(true)
    }

    fn unpack(&self, codec: u8, packed: &[u8]) -> Result<Bytes, String> {
        let unpacked = compression::decompress(codec, packed, self.unpacked_bytes_max);
        Ok(unpacked.map_err(|error| format!("record batch: {error}"))?.into())
    }
}

impl Open {
    fn next(&mut self, of: &TopicPartition) -> Result<Option<Record>, String> {
        if self.count == 0 {
            return Ok(None);
        }
        self.count -= 1;
        let body = self.body.clone();
        let mut records = Records::new(&body, 1);
        let broken = |what: &str| format!("record in the batch at offset {}: {what}", self.base_offset);
        let Some(record) = records.next() else { return Ok(None) };
        let record = record.map_err(|_| broken("malformed"))?;
        self.body = body.slice_ref(records.rest());
        let offset = self.base_offset.saturating_add(i64::from(record.offset_delta));
        if record.offset_delta < 0 || offset > self.last_offset {
            return Err(broken(&format!("offset {offset}, and the last is {}", self.last_offset)));
        }
        let count = record.headers.count();
        if usize::try_from(count) != Ok(record.headers.iter().count()) {
            return Err(broken("malformed headers"));
        }
        let timestamp_ms =
            self.append_time.unwrap_or_else(|| self.base_timestamp.saturating_add(record.timestamp_delta));
        Ok(Some(Record {
            topic: Arc::clone(&of.topic),
            partition: of.partition,
            offset,
            timestamp_ms: Some(timestamp_ms).filter(|ms| *ms >= 0),
            key: record.key.map(|key| body.slice_ref(key)),
            value: record.value.map(|value| body.slice_ref(value)),
            headers: Headers { bytes: body.slice_ref(record.headers.bytes()), count },
        }))
    }
}

impl Headers {
    /// The headers in order; a key may come more than once.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Option<&[u8]>)> {
        record::Headers::from_bytes(&self.bytes, self.count).iter()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }
}
