//! Record batches (magic 2, KIP-98): the 61 bytes before the records, and the checksum over what follows it.
//!
//! A broker needs no more than this: it sets the base offset, which the checksum does not cover, and leaves the
//! records as the producer compressed them.

use crate::checksum::crc32c;
use crate::record::Records;

/// Length of [`BatchHeader`] on the wire.
pub const BATCH_HEADER_BYTES: usize = 61;
/// What stands before the part that `batch_length` counts: base offset and batch length themselves.
pub const BATCH_LENGTH_END: usize = 12;
/// Where the checksummed part begins: at the attributes.
pub const CRC_FROM: usize = 21;

const MAGIC: i8 = 2;

/// Why bytes are not a record batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BatchError {
    /// The bytes end inside the batch.
    #[error("record batch of {needed_bytes} bytes in {left_bytes}")]
    Truncated {
        /// Length of the batch, or of its header.
        needed_bytes: usize,
        /// The bytes there are.
        left_bytes: usize,
    },
    /// A message format from before record batches, or from the future.
    #[error("record batch with magic {magic}")]
    Magic {
        /// The format's number.
        magic: i8,
    },
    /// A length shorter than the header.
    #[error("record batch with length {batch_length}")]
    Length {
        /// The length as sent.
        batch_length: i32,
    },
    /// The checksum does not fit the bytes.
    #[error("record batch with CRC {crc:#010x}, its bytes have {actual:#010x}")]
    Crc {
        /// The checksum as sent.
        crc: u32,
        /// The bytes' checksum.
        actual: u32,
    },
    /// A record count that cannot be, or does not fit the offsets.
    #[error("record batch of {records_count} records with last offset delta {last_offset_delta}")]
    Count {
        /// The number of records as sent.
        records_count: i32,
        /// The last record's offset less the first's, as sent.
        last_offset_delta: i32,
    },
    /// A record that breaks the format, or is longer than its batch.
    #[error("record {index} is malformed")]
    Record {
        /// Its place in the batch.
        index: i32,
    },
    /// The records are compressed, so they cannot be read one by one here.
    #[error("record batch is compressed with codec {codec}")]
    Compressed {
        /// The codec's number.
        codec: u8,
    },
}

/// A batch's attributes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Attributes(pub i16);

impl Attributes {
    /// The codec: 0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd.
    pub fn codec(self) -> u8 {
        (self.0 & 0x07).unsigned_abs().to_le_bytes()[0]
    }

    /// Timestamps are those of the append, not of the producer.
    pub fn is_log_append_time(self) -> bool {
        self.0 & 0x08 != 0
    }

    /// The batch belongs to a transaction.
    pub fn is_transactional(self) -> bool {
        self.0 & 0x10 != 0
    }

    /// The batch holds a transaction's end, not data.
    pub fn is_control(self) -> bool {
        self.0 & 0x20 != 0
    }
}

/// The fields before a batch's records, in the order of the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchHeader {
    /// Offset of the first record; the broker sets it.
    pub base_offset: i64,
    /// Length of what follows this field: the rest of the header and the records.
    pub batch_length: i32,
    /// Epoch of the leader that appended the batch.
    pub partition_leader_epoch: i32,
    /// CRC-32C of what follows this field.
    pub crc: u32,
    /// Codec and flags.
    pub attributes: Attributes,
    /// Offset of the last record less `base_offset`.
    pub last_offset_delta: i32,
    /// Milliseconds since 1970 to which the records' timestamps are relative.
    pub base_timestamp: i64,
    /// The latest of the records' timestamps.
    pub max_timestamp: i64,
    /// Id of an idempotent producer, or -1.
    pub producer_id: i64,
    /// Its epoch, or -1.
    pub producer_epoch: i16,
    /// Sequence number of the first record, or -1.
    pub base_sequence: i32,
    /// Number of records.
    pub records_count: i32,
}

impl BatchHeader {
    /// Reads a header. Of the fields only magic and length are checked.
    pub fn read(bytes: &[u8]) -> Result<Self, BatchError> {
        let Some(mut rest) = bytes.get(..BATCH_HEADER_BYTES) else {
            return Err(BatchError::Truncated { needed_bytes: BATCH_HEADER_BYTES, left_bytes: bytes.len() });
        };
        let rest = &mut rest;
        let base_offset = i64::from_be_bytes(next(rest));
        let batch_length = i32::from_be_bytes(next(rest));
        let partition_leader_epoch = i32::from_be_bytes(next(rest));
        let magic = i8::from_be_bytes(next(rest));
        if magic != MAGIC {
            return Err(BatchError::Magic { magic });
        }
        if total_length(batch_length).is_none() {
            return Err(BatchError::Length { batch_length });
        }
        Ok(Self {
            base_offset,
            batch_length,
            partition_leader_epoch,
            crc: u32::from_be_bytes(next(rest)),
            attributes: Attributes(i16::from_be_bytes(next(rest))),
            last_offset_delta: i32::from_be_bytes(next(rest)),
            base_timestamp: i64::from_be_bytes(next(rest)),
            max_timestamp: i64::from_be_bytes(next(rest)),
            producer_id: i64::from_be_bytes(next(rest)),
            producer_epoch: i16::from_be_bytes(next(rest)),
            base_sequence: i32::from_be_bytes(next(rest)),
            records_count: i32::from_be_bytes(next(rest)),
        })
    }

    /// The header's bytes.
    pub fn to_bytes(&self) -> [u8; BATCH_HEADER_BYTES] {
        let mut bytes = [0; BATCH_HEADER_BYTES];
        let mut rest = bytes.as_mut_slice();
        let rest = &mut rest;
        put(rest, self.base_offset.to_be_bytes());
        put(rest, self.batch_length.to_be_bytes());
        put(rest, self.partition_leader_epoch.to_be_bytes());
        put(rest, MAGIC.to_be_bytes());
        put(rest, self.crc.to_be_bytes());
        put(rest, self.attributes.0.to_be_bytes());
        put(rest, self.last_offset_delta.to_be_bytes());
        put(rest, self.base_timestamp.to_be_bytes());
        put(rest, self.max_timestamp.to_be_bytes());
        put(rest, self.producer_id.to_be_bytes());
        put(rest, self.producer_epoch.to_be_bytes());
        put(rest, self.base_sequence.to_be_bytes());
        put(rest, self.records_count.to_be_bytes());
        bytes
    }

    /// Length of the whole batch.
    pub fn total_bytes(&self) -> usize {
        total_length(self.batch_length).unwrap_or(BATCH_HEADER_BYTES)
    }

    /// Offset of the last record.
    pub fn last_offset(&self) -> i64 {
        self.base_offset.saturating_add(i64::from(self.last_offset_delta))
    }

    /// Sets `batch_length` and `crc` for records given as pieces.
    #[must_use]
    pub fn sealed<'a>(mut self, records: impl Iterator<Item = &'a [u8]> + Clone) -> Self {
        let length = records
            .clone()
            .fold(BATCH_HEADER_BYTES - BATCH_LENGTH_END, |sum, piece| sum.saturating_add(piece.len()));
        self.batch_length = i32::try_from(length).unwrap_or(i32::MAX);
        let header = self.to_bytes();
        let fields = header.get(CRC_FROM..).unwrap_or_default();
        self.crc = crc32c(std::iter::once(fields).chain(records.map(|piece| -> &[u8] { piece })));
        self
    }
}

/// One batch in a run of batches: its header and all its bytes, checked.
#[derive(Debug, Clone, Copy)]
pub struct Batch<'a> {
    /// The fields before the records.
    pub header: BatchHeader,
    /// The whole batch, header included.
    pub bytes: &'a [u8],
}

impl<'a> Batch<'a> {
    /// Reads the first batch in `bytes` and checks length, checksum and record count.
    pub fn read(bytes: &'a [u8]) -> Result<Self, BatchError> {
        let header = BatchHeader::read(bytes)?;
        let needed_bytes = header.total_bytes();
        let left_bytes = bytes.len();
        let bytes = bytes.get(..needed_bytes).ok_or(BatchError::Truncated { needed_bytes, left_bytes })?;
        let actual = crc32c([bytes.get(CRC_FROM..).unwrap_or_default()]);
        if actual != header.crc {
            return Err(BatchError::Crc { crc: header.crc, actual });
        }
        let BatchHeader { records_count, last_offset_delta, .. } = header;
        if records_count < 0 || last_offset_delta < 0 || records_count.saturating_sub(1) > last_offset_delta {
            return Err(BatchError::Count { records_count, last_offset_delta });
        }
        Ok(Self { header, bytes })
    }

    /// The bytes after the header: records, or what the codec made of them.
    pub fn body(&self) -> &'a [u8] {
        self.bytes.get(BATCH_HEADER_BYTES..).unwrap_or_default()
    }

    /// The records of a batch that is not compressed.
    pub fn records(&self) -> Result<Records<'a>, BatchError> {
        match self.header.attributes.codec() {
            0 => Ok(Records::new(self.body(), self.header.records_count)),
            codec => Err(BatchError::Compressed { codec }),
        }
    }
}

/// Goes through a run of batches, as Produce and Fetch carry them, checking each. Ends after the first error.
#[derive(Debug, Clone)]
pub struct Batches<'a> {
    rest: &'a [u8],
}

impl<'a> Batches<'a> {
    /// Starts at the first batch.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }
}

impl<'a> Iterator for Batches<'a> {
    type Item = Result<Batch<'a>, BatchError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let batch = Batch::read(self.rest);
        self.rest = match batch {
            Ok(batch) => self.rest.get(batch.bytes.len()..).unwrap_or_default(),
            Err(_) => &[],
        };
        Some(batch)
    }
}

fn total_length(batch_length: i32) -> Option<usize> {
    let total = usize::try_from(batch_length).ok()?.checked_add(BATCH_LENGTH_END)?;
    (total >= BATCH_HEADER_BYTES).then_some(total)
}

/// The next `N` bytes. Only for slices whose length was checked: past the end it gives zeros.
fn next<const N: usize>(rest: &mut &[u8]) -> [u8; N] {
    match rest.split_first_chunk::<N>() {
        Some((bytes, after)) => {
            *rest = after;
            *bytes
        }
        None => [0; N],
    }
}

fn put<const N: usize>(rest: &mut &mut [u8], bytes: [u8; N]) {
    if let Some((place, after)) = std::mem::take(rest).split_first_chunk_mut::<N>() {
        *place = bytes;
        *rest = after;
    }
}
