//! One record batch of format v2 as the log sees it, between produce and disk: the 61-byte header,
//! the CRC, and, where the batch is not compressed, the timestamps inside.
//!
//! Layout: Kafka protocol documentation, "Record Batch" and "Record" (KIP-98). Batches are checked
//! and kept as they are; nothing here encodes records.

use super::AppendError;

/// Bytes before the first record of a batch.
pub(super) const HEADER_BYTES: usize = 61;
/// Bytes of the base offset and the length field, which the length field does not count.
const LENGTH_END: usize = 12;
/// Bytes that the log writes itself: base offset, length, partition leader epoch.
pub(super) const PATCHED_BYTES: usize = 16;
/// The CRC covers everything from the attributes on.
const CRC_START: usize = 21;
/// The least that an encoded record takes: its length, attributes, two deltas, key and value
/// lengths and the number of headers, one byte each.
const RECORD_BYTES_MIN: usize = 7;

const CODEC_MASK: i16 = 0x07;
const CODEC_MAX: i16 = 4;
const TRANSACTIONAL_OR_CONTROL: i16 = 0x30;

/// The header of a batch, without the fields that nothing here needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BatchHeader {
    pub(super) base_offset: i64,
    /// The whole batch, header included.
    pub(super) bytes: usize,
    pub(super) attributes: i16,
    pub(super) last_offset_delta: i32,
    pub(super) base_timestamp: i64,
    pub(super) max_timestamp: i64,
    pub(super) producer_id: i64,
    pub(super) producer_epoch: i16,
    pub(super) base_sequence: i32,
    pub(super) records: i32,
}

impl BatchHeader {
    /// Reads the header at the front of `bytes`; the rest of the batch need not be there.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, AppendError> {
        let corrupt = |reason| AppendError::Corrupt { reason };
        let header: &[u8; HEADER_BYTES] =
            bytes.first_chunk().ok_or(corrupt("fewer bytes than a batch header has"))?;
        match header[16] {
            2 => {}
            magic @ (0 | 1) => return Err(AppendError::MessageFormat { magic }),
            _ => return Err(corrupt("unknown magic")),
        }
        let length = usize::try_from(i32::from_be_bytes(field(header, 8)))
            .map_err(|_| corrupt("negative batch length"))?;
        if length < HEADER_BYTES - LENGTH_END {
            return Err(corrupt("batch length less than a header"));
        }
        Ok(Self {
            base_offset: i64::from_be_bytes(field(header, 0)),
            bytes: length + LENGTH_END,
            attributes: i16::from_be_bytes(field(header, 21)),
            last_offset_delta: i32::from_be_bytes(field(header, 23)),
            base_timestamp: i64::from_be_bytes(field(header, 27)),
            max_timestamp: i64::from_be_bytes(field(header, 35)),
            producer_id: i64::from_be_bytes(field(header, 43)),
            producer_epoch: i16::from_be_bytes(field(header, 51)),
            base_sequence: i32::from_be_bytes(field(header, 53)),
            records: i32::from_be_bytes(field(header, 57)),
        })
    }

    /// Reads the header at the front of `bytes` and checks that the whole batch is there and that
    /// its CRC-32C is right.
    pub(super) fn read_checked(bytes: &[u8]) -> Result<Self, AppendError> {
        let header = Self::read(bytes)?;
        let batch = bytes.get(..header.bytes).ok_or(AppendError::Corrupt { reason: "batch is cut off" })?;
        let crc = u32::from_be_bytes([batch[17], batch[18], batch[19], batch[20]]);
        if crc32c::crc32c(&batch[CRC_START..]) != crc {
            return Err(AppendError::Corrupt { reason: "CRC-32C mismatch" });
        }
        Ok(header)
    }

    /// Checks what a producer may send, beyond the CRC.
    fn check_produced(&self) -> Result<(), AppendError> {
        let invalid = |reason| Err(AppendError::InvalidRecord { reason });
        if self.attributes & TRANSACTIONAL_OR_CONTROL != 0 {
            return Err(AppendError::Transactional);
        }
        if self.attributes & CODEC_MASK > CODEC_MAX {
            return invalid("unknown compression codec");
        }
        if self.records < 1 || self.last_offset_delta != self.records - 1 {
            return invalid("record count and last offset delta disagree");
        }
        let room = (self.bytes - HEADER_BYTES) / RECORD_BYTES_MIN;
        if !self.is_compressed() && usize::try_from(self.records).is_ok_and(|records| records > room) {
            return invalid("more records than the bytes can hold");
        }
        if self.producer_id >= 0 && (self.producer_epoch < 0 || self.base_sequence < 0) {
            return invalid("producer id without epoch or sequence");
        }
        Ok(())
    }

    /// The offset of the last record.
    pub(super) fn last_offset(&self) -> i64 {
        self.base_offset.saturating_add(i64::from(self.last_offset_delta))
    }

    pub(super) fn is_compressed(&self) -> bool {
        self.attributes & CODEC_MASK != 0
    }

    /// The sequence number of the last record; sequences go on with 0 after `i32::MAX`.
    pub(super) fn last_sequence(&self) -> i32 {
        let last = i64::from(self.base_sequence) + i64::from(self.last_offset_delta);
        let wrapped = if last > i64::from(i32::MAX) { last - i64::from(i32::MAX) - 1 } else { last };
        i32::try_from(wrapped).unwrap_or(i32::MAX)
    }

    /// The first 16 bytes of the batch as the log stores it: its offset, and leader epoch 0, which
    /// is the only one that a broker without replicas ever has. The CRC does not cover them.
    pub(super) fn patch(&self, base_offset: i64) -> [u8; PATCHED_BYTES] {
        let length = i32::try_from(self.bytes - LENGTH_END).unwrap_or(i32::MAX);
        let mut head = [0; PATCHED_BYTES];
        head[..8].copy_from_slice(&base_offset.to_be_bytes());
        head[8..12].copy_from_slice(&length.to_be_bytes());
        head
    }
}

/// Checks all batches of one produce request's partition: whole, right, and nothing behind them.
pub(super) fn check_all(
    records: &[u8],
    batch_bytes_max: usize,
) -> Result<Vec<(BatchHeader, &[u8])>, AppendError> {
    let mut batches = Vec::with_capacity(1);
    let mut rest = records;
    while !rest.is_empty() {
        // Before the CRC, so that an oversize batch costs nothing.
        let bytes = BatchHeader::read(rest)?.bytes;
        if bytes > batch_bytes_max {
            return Err(AppendError::TooLarge { bytes, bytes_max: batch_bytes_max });
        }
        let header = BatchHeader::read_checked(rest)?;
        header.check_produced()?;
        let (batch, behind) = rest.split_at(header.bytes);
        batches.push((header, batch));
        rest = behind;
    }
    if batches.is_empty() {
        return Err(AppendError::InvalidRecord { reason: "no record batch" });
    }
    Ok(batches)
}

/// The first record of `batch` from `min_offset` on whose timestamp is at least `timestamp`, as
/// (offset, timestamp).
///
/// Exact for batches without compression. A compressed batch is answered with its first record
/// where that is known to match, else with its base offset and its greatest timestamp: a reader
/// starts a little early, never late.
pub(super) fn first_record_at(batch: &[u8], timestamp: i64, min_offset: i64) -> Option<(i64, i64)> {
    let header = BatchHeader::read(batch).ok()?;
    if header.max_timestamp < timestamp || header.last_offset() < min_offset {
        return None;
    }
    let base_offset = header.base_offset.max(min_offset);
    if header.is_compressed() {
        let known =
            if header.base_timestamp >= timestamp { header.base_timestamp } else { header.max_timestamp };
        return Some((base_offset, known));
    }
    let mut rest = batch.get(HEADER_BYTES..header.bytes)?;
    for _ in 0..header.records {
        let length = usize::try_from(varint(&mut rest)?).ok()?;
        let (mut record, behind) = rest.split_at_checked(length)?;
        rest = behind;
        record = record.get(1..)?; // attributes, unused in v2
        let record_timestamp = header.base_timestamp.checked_add(varint(&mut record)?)?;
        let offset = header.base_offset.checked_add(varint(&mut record)?)?;
        if record_timestamp >= timestamp && offset >= min_offset {
            return Some((offset, record_timestamp));
        }
    }
    None
}

/// A zigzag varint of at most ten bytes, as records use them.
fn varint(bytes: &mut &[u8]) -> Option<i64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            let magnitude = (value >> 1).cast_signed();
            return Some(if value & 1 == 0 { magnitude } else { !magnitude });
        }
    }
    None
}

fn field<const N: usize>(header: &[u8; HEADER_BYTES], at: usize) -> [u8; N] {
    let mut field = [0; N];
    field.copy_from_slice(&header[at..at + N]);
    field
}
