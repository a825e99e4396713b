//! A read that was planned under the partition's lock and is done without it, for fetch.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use super::batch::{BATCH_HEADER_BYTES, BatchHeader};
use super::segment::Segment;

/// Where to read the batches from an offset on.
#[derive(Debug)]
pub(crate) struct ReadPlan {
    file: io::Result<Arc<File>>,
    offset: i64,
    /// An index entry before the batch of `offset`, less than `slack_bytes` before it.
    position: u64,
    slack_bytes: usize,
    /// From `position` to the next index entry: the batch of `offset` lies in it.
    stretch_bytes: usize,
    /// From `position` to the end of the segment when the plan was made.
    left_bytes: usize,
    bytes_max: usize,
    /// Whether the first batch is read even when it is larger than `bytes_max`.
    first_in_full: bool,
}

impl ReadPlan {
    /// Plans to read from the segment that holds `offset`. Index entries are less than `slack_bytes` before what they
    /// stand for.
    pub(super) fn new(
        segment: &Segment,
        file: io::Result<Arc<File>>,
        offset: i64,
        slack_bytes: usize,
        bytes_max: usize,
    ) -> Self {
        let end = segment.bytes();
        let stretch = segment.index().stretches(offset, end).next();
        let (position, stretch_end) = stretch.map_or((0, end), |(entry, end)| (entry.position, end));
        let bytes_to = |end: u64| usize::try_from(end - position).unwrap_or(usize::MAX);
        let (stretch_bytes, left_bytes) = (bytes_to(stretch_end), bytes_to(end));
        let first_in_full = true;
        Self { file, offset, position, slack_bytes, stretch_bytes, left_bytes, bytes_max, first_in_full }
    }

    /// Reads nothing rather than a first batch that is larger than the plan's bytes: for all but
    /// the first partition of a fetch (KIP-74).
    pub(crate) fn keep_to_limit(self) -> Self {
        Self { first_in_full: false, ..self }
    }

    /// At most as many bytes as [`Self::read`] returns, unless its first batch alone is larger.
    pub(crate) fn bytes_max(&self) -> usize {
        self.left_bytes.min(self.bytes_max)
    }

    /// The most memory that what [`Self::read`] returns keeps, a large first batch and what was read around it
    /// included.
    pub(crate) fn held_bytes_max(&self) -> usize {
        // A buffer of more than twice its contents is not kept.
        let contents = self.bytes_max().max(self.first_bytes_max());
        self.read_bytes_max().min(contents.saturating_mul(2))
    }

    /// The most that [`Self::read`] reads at once.
    pub(crate) fn read_bytes_max(&self) -> usize {
        self.buffer_bytes().max(self.first_bytes_max())
    }

    fn buffer_bytes(&self) -> usize {
        self.left_bytes.min(self.slack_bytes.saturating_add(self.bytes_max.max(BATCH_HEADER_BYTES)))
    }

    /// The most that a first batch has that is read although it is over the limit.
    fn first_bytes_max(&self) -> usize {
        if self.first_in_full { self.stretch_bytes } else { 0 }
    }

    /// Reads whole batches, beginning with the one that holds the offset: as many as fit into the
    /// plan's bytes and lie in one segment, and at least one unless [`Self::keep_to_limit`] was
    /// said (KIP-74: a large batch must not stop a consumer).
    ///
    /// # Errors
    /// Those of the file, and `InvalidData` when the segment does not hold what it held when it
    /// was written.
    pub(crate) fn read(self) -> io::Result<Bytes> {
        let buffer_bytes = self.buffer_bytes();
        let file = self.file?;
        let mut buffer = BytesMut::zeroed(buffer_bytes);
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
        if first_bytes > self.stretch_bytes.saturating_sub(start) {
            return Err(invalid_data());
        }
        if first_bytes > buffer.len() - start {
            drop(buffer);
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
        if 2 * (end - start) < buffer.len() {
            // A slice would keep all of the buffer until the answer is sent.
            return Ok(Bytes::copy_from_slice(&buffer[start..end]));
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
