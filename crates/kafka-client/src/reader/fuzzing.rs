//! The door for fuzzing, in its builds only: what one fetch brought, record by record.

use bytes::Bytes;

use super::chunk::Chunk;
use super::{Record, TopicPartition};

pub(crate) fn records(
    fetched: Bytes,
    offset: i64,
    unpacked_bytes_max: usize,
    mut each: impl FnMut(Record),
) -> Result<i64, String> {
    let mut chunk = Chunk::new(TopicPartition::new("t", 0), fetched, offset, unpacked_bytes_max);
    while let Some(record) = chunk.next()? {
        each(record);
    }
    Ok(chunk.offset())
}
