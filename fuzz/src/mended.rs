//! Fuzzing: batches that pass for whole, so that what is behind their checks is reached.

use kafka_wire::batch::{BATCH_LENGTH_END, Batch, BatchError, CRC_FROM};

/// The input with a length, a magic and a checksum that fit.
pub fn mended(input: &[u8]) -> Option<Vec<u8>> {
    let mut batch = input.to_vec();
    let length = i32::try_from(input.len().checked_sub(BATCH_LENGTH_END)?).ok()?;
    batch.get_mut(8..12)?.copy_from_slice(&length.to_be_bytes());
    *batch.get_mut(16)? = 2;
    // Read once with a checksum that is wrong, which tells the right one.
    match Batch::read(&batch) {
        Err(BatchError::Crc { actual, .. }) => {
            batch.get_mut(17..CRC_FROM)?.copy_from_slice(&actual.to_be_bytes());
        }
        Err(_) => return None,
        Ok(_) => {}
    }
    Some(batch)
}
