//! A read that was planned under the partition's lock and is done without it, for fetch.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use super::batch::{BATCH_HEADER_BYTES, BatchHeader};

/// Where to read the batches from an offset on.
#[derive(Debug)]
pub(crate) struct ReadPlan {
    pub(super) file: io::Result<Arc<File>>,
    pub(super) offset: i64,
    /// An index entry before the batch of `offset`, less than `slack_bytes` before it.
    pub(super) position: u64,
    pub(super) slack_bytes: usize,
    /// The end of the segment when the plan was made.
    pub(super) end: u64,
    pub(super) bytes_max: usize,
    /// Whether the first batch is read even when it is larger than `bytes_max`.
    pub(super) first_in_full: bool,
}

impl ReadPlan {
    /// Reads nothing rather than a first batch that is larger than the plan's bytes: for all but
    /// the first partition of a fetch (KIP-74).
    pub(crate) fn keep_to_limit(self) -> Self {
        Self { first_in_full: false, ..self }
    }

    /// At most as many bytes as [`Self::read`] returns, unless its first batch alone is larger.
    pub(crate) fn bytes_max(&self) -> usize {
        usize::try_from(self.end - self.position).unwrap_or(usize::MAX).min(self.bytes_max)
    }

    /// Reads whole batches, beginning with the one that holds the offset: as many as fit into the
    /// plan's bytes and lie in one segment, and at least one unless [`Self::keep_to_limit`] was
    /// said (KIP-74: a large batch must not stop a consumer).
    ///
    /// # Errors
    /// Those of the file, and `InvalidData` when the segment does not hold what it held when it
    /// was written.
    pub(crate) fn read(self) -> io::Result<Bytes> {
        let file = self.file?;
        let left = usize::try_from(self.end - self.position).unwrap_or(usize::MAX);
        let want = left.min(self.slack_bytes.saturating_add(self.bytes_max.max(BATCH_HEADER_BYTES)));
        let mut buffer = BytesMut::zeroed(want);
        file.read_exact_at(&mut buffer, self.position)?;

        let mut start = 0;
        let first_bytes = loop {
            let header = header_at(&buffer, start)?;
            if header.last_offset() >= self.offset {
                break header.total_bytes();
            }
            start += header.total_bytes();
        };
        if !self.first_in_full && first_bytes > self.bytes_max {
            return Ok(Bytes::new());
        }
        if first_bytes > buffer.len() - start {
            if first_bytes > left - start {
                return Err(invalid_data());
            }
            let mut batch = BytesMut::zeroed(first_bytes);
            file.read_exact_at(&mut batch, self.position + start as u64)?;
            return Ok(batch.freeze());
        }
        let mut end = start + first_bytes;
        while buffer.len() - end >= BATCH_HEADER_BYTES {
            let next = header_at(&buffer, end)?.total_bytes();
            if next > buffer.len() - end || end - start + next > self.bytes_max {
                break;
            }
            end += next;
        }
        Ok(buffer.freeze().slice(start..end))
    }
}

fn header_at(buffer: &[u8], at: usize) -> io::Result<BatchHeader> {
    buffer.get(at..).and_then(|bytes| BatchHeader::read(bytes).ok()).ok_or_else(invalid_data)
}

fn invalid_data() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "segment does not hold the batches that its index names")
}
