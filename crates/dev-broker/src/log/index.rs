//! Where in a segment an offset or a timestamp lies: one entry for many batches in memory, and a
//! file beside each closed segment, so that a start need not read the segment itself.

use std::fs;
use std::io;
use std::path::Path;

use bytes::{Buf, BufMut};

use super::batch::BatchHeader;
use super::producers::Producers;

/// Marks an index file and its version.
const MAGIC: &[u8; 8] = b"o2k-idx1";
/// Nothing we write comes near it; a larger file is not ours.
const FILE_BYTES_MAX: u64 = 256 << 20;
/// The timestamp of records that carry none.
pub(super) const NO_TIMESTAMP: i64 = -1;

/// A sparse index: an entry is the first batch of a stretch of at least the interval's bytes.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Index {
    entries: Vec<Entry>,
}

/// A stretch of a segment, from this entry to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) base_offset: i64,
    pub(super) position: u64,
    /// The greatest timestamp of the stretch.
    pub(super) max_timestamp: i64,
}

impl Index {
    /// Takes in the batch at `position`, which follows the last one.
    pub(super) fn push(
        &mut self,
        header: &BatchHeader,
        base_offset: i64,
        position: u64,
        interval_bytes: u64,
    ) {
        match self.entries.last_mut() {
            Some(last) if position - last.position < interval_bytes => {
                last.max_timestamp = last.max_timestamp.max(header.max_timestamp);
            }
            _ => {
                self.entries.push(Entry { base_offset, position, max_timestamp: header.max_timestamp });
            }
        }
    }

    /// Stretches as (entry, position of the end), from the one that holds `offset` on; the last
    /// ends at `end`.
    pub(super) fn stretches(&self, offset: i64, end: u64) -> impl Iterator<Item = (Entry, u64)> {
        let first = self.entries.partition_point(|entry| entry.base_offset <= offset).saturating_sub(1);
        self.entries
            .iter()
            .enumerate()
            .skip(first)
            .map(move |(at, entry)| (*entry, self.entries.get(at + 1).map_or(end, |next| next.position)))
    }
}

/// All that a start wants to know of a closed segment.
#[derive(Debug)]
pub(super) struct Summary {
    pub(super) base_offset: i64,
    pub(super) next_offset: i64,
    pub(super) bytes: u64,
    pub(super) max_timestamp: i64,
    pub(super) index: Index,
}

/// Writes the index file of a closed segment, with the producers as the segment leaves them.
pub(super) fn store(path: &Path, summary: &Summary, producers: &Producers) -> io::Result<()> {
    let mut out = Vec::with_capacity(64 + summary.index.entries.len() * 24);
    out.put_slice(MAGIC);
    out.put_i64(summary.base_offset);
    out.put_i64(summary.next_offset);
    out.put_u64(summary.bytes);
    out.put_i64(summary.max_timestamp);
    out.put_u64(summary.index.entries.len() as u64);
    for entry in &summary.index.entries {
        out.put_i64(entry.base_offset);
        out.put_u64(entry.position);
        out.put_i64(entry.max_timestamp);
    }
    producers.encode(&mut out);
    out.put_u32(kafka_wire::crc32c([&out[..]]));
    fs::write(path, out)
}

/// Reads an index file; `None` when it is absent, torn, or of another version.
pub(super) fn load(path: &Path, producers_max: usize) -> Option<(Summary, Producers)> {
    if fs::metadata(path).ok()?.len() > FILE_BYTES_MAX {
        return None;
    }
    let file = fs::read(path).ok()?;
    let (mut body, crc) = file.split_last_chunk::<4>()?;
    if kafka_wire::crc32c([body]) != u32::from_be_bytes(*crc) {
        return None;
    }
    body = body.strip_prefix(MAGIC)?;
    let mut summary = Summary {
        base_offset: body.try_get_i64().ok()?,
        next_offset: body.try_get_i64().ok()?,
        bytes: body.try_get_u64().ok()?,
        max_timestamp: body.try_get_i64().ok()?,
        index: Index::default(),
    };
    for _ in 0..body.try_get_u64().ok()? {
        summary.index.entries.push(Entry {
            base_offset: body.try_get_i64().ok()?,
            position: body.try_get_u64().ok()?,
            max_timestamp: body.try_get_i64().ok()?,
        });
    }
    let producers = Producers::decode(&mut body, producers_max)?;
    body.is_empty().then_some((summary, producers))
}
