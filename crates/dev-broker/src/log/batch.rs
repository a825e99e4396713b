//! One record batch of format v2 as the log sees it, between produce and disk: what a producer may
//! send, the bytes that the broker sets, and, where it is not compressed, the timestamps inside.
//!
//! Batches are checked and kept as they are; nothing here encodes records.

pub(super) use kafka_wire::batch::{BATCH_HEADER_BYTES, Batch, BatchError, BatchHeader};

use super::AppendError;

/// Bytes that the log writes itself: base offset, length, partition leader epoch. The CRC does
/// not cover them.
pub(super) const PATCHED_BYTES: usize = 16;
/// The least that an encoded record takes: its length, attributes, two deltas, key and value
/// lengths and the number of headers, one byte each.
const RECORD_BYTES_MIN: usize = 7;
/// zstd, the last one that is defined.
const CODEC_MAX: u8 = 4;

/// Checks all batches of one produce request's partition: whole, right, and nothing behind them.
pub(super) fn check_all(records: &[u8], batch_bytes_max: usize) -> Result<Vec<Batch<'_>>, AppendError> {
    let mut batches = Vec::with_capacity(1);
    let mut rest = records;
    while !rest.is_empty() {
        // Before the CRC, so that an oversize batch costs nothing.
        let bytes = BatchHeader::read(rest)?.total_bytes();
        if bytes > batch_bytes_max {
            return Err(AppendError::TooLarge { bytes, bytes_max: batch_bytes_max });
        }
        let batch = Batch::read(rest)?;
        check_produced(&batch.header)?;
        batches.push(batch);
        rest = &rest[bytes..];
    }
    if batches.is_empty() {
        return Err(AppendError::InvalidRecord { reason: "no record batch" });
    }
    Ok(batches)
}

/// Checks what a producer may send, beyond what every batch must be.
fn check_produced(header: &BatchHeader) -> Result<(), AppendError> {
    let invalid = |reason| Err(AppendError::InvalidRecord { reason });
    let attributes = header.attributes;
    if attributes.is_transactional() || attributes.is_control() {
        return Err(AppendError::Transactional);
    }
    if attributes.codec() > CODEC_MAX {
        return invalid("unknown compression codec");
    }
    if header.records_count < 1 || header.last_offset_delta != header.records_count - 1 {
        return invalid("record count and last offset delta disagree");
    }
    let room = (header.total_bytes() - BATCH_HEADER_BYTES) / RECORD_BYTES_MIN;
    if attributes.codec() == 0 && usize::try_from(header.records_count).is_ok_and(|count| count > room) {
        return invalid("more records than the bytes can hold");
    }
    if header.producer_id >= 0 && (header.producer_epoch < 0 || header.base_sequence < 0) {
        return invalid("producer id without epoch or sequence");
    }
    Ok(())
}

/// The sequence number of the last record; sequences go on with 0 after `i32::MAX`.
pub(super) fn last_sequence(header: &BatchHeader) -> i32 {
    let last = i64::from(header.base_sequence) + i64::from(header.last_offset_delta);
    let wrapped = if last > i64::from(i32::MAX) { last - i64::from(i32::MAX) - 1 } else { last };
    i32::try_from(wrapped).unwrap_or(i32::MAX)
}

/// The first 16 bytes of the batch as the log stores it: its offset, and leader epoch 0, which is
/// the only one that a broker without replicas ever has.
pub(super) fn patch(header: &BatchHeader) -> [u8; PATCHED_BYTES] {
    let mut head = [0; PATCHED_BYTES];
    head[..8].copy_from_slice(&header.base_offset.to_be_bytes());
    head[8..12].copy_from_slice(&header.batch_length.to_be_bytes());
    head
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
    // The checksum was right when the batch was taken in, and it need not be computed again.
    match (Batch { header, bytes: batch }).records() {
        Ok(records) => records.map_while(Result::ok).find_map(|record| {
            let found = header.base_timestamp.checked_add(record.timestamp_delta)?;
            let offset = header.base_offset.checked_add(i64::from(record.offset_delta))?;
            (found >= timestamp && offset >= min_offset).then_some((offset, found))
        }),
        Err(_) => {
            let is_first = header.base_timestamp >= timestamp;
            let known = if is_first { header.base_timestamp } else { header.max_timestamp };
            Some((header.base_offset.max(min_offset), known))
        }
    }
}
