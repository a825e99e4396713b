//! One partition's log on disk: what produce appends, fetch and list-offsets read, and retention
//! removes.
//!
//! ```text
//! append ── batch (header, CRC) ── producers (sent before?) ── active segment ── file
//! read_plan ── index ── ReadPlan::read, without the lock ── whole batches
//! ```
//!
//! Batches are stored as they came; only the first 16 bytes are ours (offset, leader epoch).
//! Offsets have no gaps. Nothing is synced to the device: a killed process loses nothing, a power
//! cut may lose the newest records, and what is then torn is cut off at the next start.

mod batch;
mod files;
mod index;
mod producers;
mod read;
mod segment;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::fs;
use std::io::{self, IoSlice, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use batch::{Batch, BatchError, BatchHeader, PATCHED_BYTES};
pub(crate) use files::OpenFiles;
use producers::{Producers, Undo};
pub(crate) use read::ReadPlan;
use segment::{BatchReader, Segment};

/// The first offset that may be read, where records before it were deleted on request.
const START_OFFSET_FILE: &str = "start-offset";

/// Bounds of a partition's log.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LogConfig {
    /// A segment that would grow over this is closed. Default 64 MiB: the last segment is read in
    /// full at each start.
    pub(crate) segment_bytes: u64,
    /// Largest batch taken (`max.message.bytes`). Default 32 MiB.
    pub(crate) batch_bytes_max: usize,
    /// Bytes of a segment for one index entry of 24 bytes in memory. Default 16 KiB.
    pub(crate) index_interval_bytes: u64,
    /// Idempotent producers remembered. Default 512.
    pub(crate) producers_max: usize,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self {
            segment_bytes: 64 << 20,
            batch_bytes_max: 32 << 20,
            index_interval_bytes: 16 << 10,
            producers_max: 512,
        }
    }
}

/// What became of appended batches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Appended {
    /// The offset of the first record.
    pub(crate) base_offset: i64,
    /// All of it was here before (an idempotent producer sent it again); nothing was written.
    pub(crate) duplicate: bool,
}

/// Why batches were not appended. Nothing of the request is in the log then.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AppendError {
    /// Not a record batch, or not the one that the producer made.
    #[error("corrupt record batch")]
    Corrupt(#[source] BatchError),
    /// A message set of before Kafka 0.11.
    #[error("message format {magic} is not supported, only 2")]
    MessageFormat { magic: i8 },
    /// A sound batch with contents that make no sense.
    #[error("invalid record batch: {reason}")]
    InvalidRecord { reason: &'static str },
    /// A batch over `max.message.bytes`.
    #[error("record batch of {bytes} bytes, at most {bytes_max} are taken")]
    TooLarge { bytes: usize, bytes_max: usize },
    /// A batch of a transaction, or a control batch.
    #[error("transactions are not supported")]
    Transactional,
    /// A batch of the producer is missing before this one.
    #[error("producer {producer_id} sent sequence {found}, expected {expected}")]
    OutOfOrderSequence { producer_id: i64, expected: i32, found: i32 },
    /// The producer has been replaced by one with a newer epoch.
    #[error("producer {producer_id} sent epoch {found}, current is {current}")]
    InvalidProducerEpoch { producer_id: i64, current: i16, found: i16 },
    /// The topic was deleted.
    #[error("the partition was deleted")]
    Deleted,
    /// The disk refused; the log is as it was.
    #[error("cannot write to the log")]
    Storage(#[from] io::Error),
}

impl AppendError {
    /// The error code of the Kafka protocol.
    pub(crate) fn code(&self) -> i16 {
        match self {
            Self::Corrupt(_) => 2,                                  // CORRUPT_MESSAGE
            Self::Deleted => 3,                                     // UNKNOWN_TOPIC_OR_PARTITION
            Self::TooLarge { .. } => 10,                            // MESSAGE_TOO_LARGE
            Self::MessageFormat { .. } => 43,                       // UNSUPPORTED_FOR_MESSAGE_FORMAT
            Self::OutOfOrderSequence { .. } => 45,                  // OUT_OF_ORDER_SEQUENCE_NUMBER
            Self::InvalidProducerEpoch { .. } => 47,                // INVALID_PRODUCER_EPOCH
            Self::Storage(_) => 56, // KAFKA_STORAGE_ERROR, which clients retry
            Self::InvalidRecord { .. } | Self::Transactional => 87, // INVALID_RECORD
        }
    }
}

impl From<BatchError> for AppendError {
    fn from(error: BatchError) -> Self {
        match error {
            BatchError::Magic { magic: magic @ (0 | 1) } => Self::MessageFormat { magic },
            error => Self::Corrupt(error),
        }
    }
}

/// The log of one partition.
#[derive(Debug)]
pub(crate) struct Log {
    dir: PathBuf,
    config: LogConfig,
    files: Arc<OpenFiles>,
    closed: VecDeque<Segment>,
    active: Segment,
    start_offset: i64,
    producers: Producers,
    /// The active file may hold more than `active` knows, left by a failed write.
    torn: bool,
    deleted: bool,
    /// Bytes after which the next write fails.
    #[cfg(test)]
    write_fault: Option<usize>,
}

impl Log {
    /// Opens the log in `dir`, or makes an empty one.
    ///
    /// Reads the last segment and the index files of the others. A torn tail is cut off, and a
    /// segment without a good index is read instead.
    pub(crate) fn open(dir: &Path, config: LogConfig, files: Arc<OpenFiles>) -> io::Result<Self> {
        fs::create_dir_all(dir)?;
        let mut bases = segment_bases(dir)?;
        let mut producers = Producers::new(config.producers_max);
        let last = bases.pop();
        let mut closed = VecDeque::with_capacity(bases.len());
        for base in bases {
            closed.push_back(Segment::open_closed(dir, base, &config, &files, &mut producers)?);
        }
        let active = match last {
            Some(base) => Segment::open_active(dir, base, &config, &files, &mut producers)?,
            None => Segment::create(dir, 0, &files)?,
        };
        let first = closed.front().unwrap_or(&active).base_offset();
        let start_offset = load_start_offset(dir)?.max(first).min(active.next_offset());
        Ok(Self {
            dir: dir.to_owned(),
            config,
            files,
            closed,
            active,
            start_offset,
            producers,
            torn: false,
            deleted: false,
            #[cfg(test)]
            write_fault: None,
        })
    }

    /// Appends the batches of a produce request's partition, all or none.
    pub(crate) fn append(&mut self, records: &[u8]) -> Result<Appended, AppendError> {
        if self.deleted {
            return Err(AppendError::Deleted);
        }
        let batches = batch::check_all(records, self.config.batch_bytes_max)?;
        let mut undo = Undo::default();
        let placed = self.place(&batches, &mut undo);
        let written = placed.and_then(|placed| {
            if !placed.fresh.is_empty() {
                self.write(&placed.fresh)?;
            }
            Ok(Appended { base_offset: placed.base_offset, duplicate: placed.fresh.is_empty() })
        });
        match written {
            Ok(_) => self.producers.trim(),
            Err(_) => self.producers.restore(undo),
        }
        written
    }

    /// The first offset that can be read.
    pub(crate) fn start_offset(&self) -> i64 {
        self.start_offset
    }

    /// The offset that the next record gets; with one replica this is the high watermark too.
    pub(crate) fn next_offset(&self) -> i64 {
        self.active.next_offset()
    }

    /// Plans a read of the batches from `offset` on; `None` when there are none, so also when the
    /// offset is out of range.
    pub(crate) fn read_plan(&self, offset: i64, bytes_max: usize) -> Option<ReadPlan> {
        if self.deleted || offset < self.start_offset || offset >= self.next_offset() {
            return None;
        }
        let segment = self.segments().find(|segment| offset < segment.next_offset())?;
        let slack_bytes = usize::try_from(self.config.index_interval_bytes).unwrap_or(usize::MAX);
        Some(ReadPlan::new(segment, segment.file(&self.files), offset, slack_bytes, bytes_max))
    }

    /// The first record whose timestamp (ms) is at least `timestamp`, as (offset, timestamp);
    /// `None` when all are older. In a compressed batch only the batch is found.
    pub(crate) fn offset_for_time(&self, timestamp: i64) -> Option<(i64, i64)> {
        let start = self.start_offset;
        let segments = self
            .segments()
            .filter(|segment| segment.max_timestamp() >= timestamp && segment.next_offset() > start);
        for segment in segments {
            for (entry, end) in segment.index().stretches(start, segment.bytes()) {
                if entry.max_timestamp < timestamp {
                    continue;
                }
                let found = self.find(segment, entry.position, end, |batch| {
                    batch::first_record_at(batch, timestamp, start)
                });
                match found {
                    Ok(None) => {}
                    Ok(Some(found)) => return Some(found),
                    Err(error) => {
                        tracing::error!(dir = %self.dir.display(), %error, "cannot read the log");
                        return Some((entry.base_offset.max(start), entry.max_timestamp));
                    }
                }
            }
        }
        None
    }

    /// The record with the greatest timestamp, the first where several have it, as
    /// (offset, timestamp); `None` for an empty log. In a compressed batch only the batch is found.
    pub(crate) fn max_timestamp(&self) -> Option<(i64, i64)> {
        let start = self.start_offset;
        let mut greatest = None;
        for segment in self.segments().filter(|segment| segment.next_offset() > start) {
            for (entry, end) in segment.index().stretches(start, segment.bytes()) {
                let mut max_timestamp = entry.max_timestamp;
                if entry.base_offset < start {
                    // Part of the stretch is deleted: only what is left of it counts.
                    let mut left = None;
                    let read = self.find(segment, entry.position, end, |batch| {
                        let header = BatchHeader::read(batch).ok()?;
                        if header.last_offset() >= start {
                            left = left.max(Some(header.max_timestamp));
                        }
                        None::<()>
                    });
                    max_timestamp = read.ok().and(left).unwrap_or(max_timestamp);
                }
                greatest = greatest.max(Some(max_timestamp));
            }
        }
        let greatest = greatest?;
        self.offset_for_time(greatest).or(Some((start, greatest)))
    }

    /// Makes `offset` the first one, at most the next to be given; returns the first offset then.
    /// Records before it are gone for readers at once, from disk with their segment.
    pub(crate) fn delete_records_before(&mut self, offset: i64) -> io::Result<i64> {
        let start_offset = offset.clamp(self.start_offset, self.next_offset());
        if start_offset > self.start_offset && !self.deleted {
            let path = self.dir.join(START_OFFSET_FILE);
            let new_path = path.with_extension("new");
            fs::write(&new_path, start_offset.to_string())?;
            fs::rename(new_path, path)?;
            self.start_offset = start_offset;
            if let Err(error) = self.remove_while(|log, _| Ok(log.first_is_deleted())) {
                tracing::warn!(dir = %self.dir.display(), %error, "cannot remove deleted records, retention will");
            }
        }
        Ok(self.start_offset)
    }

    /// Removes the oldest segments: as long as `bytes` remain without them, those whose newest record
    /// and last write are older than `min_timestamp` (ms), and what a deletion could not remove.
    pub(crate) fn retain(&mut self, bytes: Option<u64>, min_timestamp: Option<i64>) -> io::Result<()> {
        if self.deleted {
            return Ok(());
        }
        let expired = |segment: &Segment| match min_timestamp {
            Some(min_timestamp) => segment.newest_ms().map(|newest| newest < min_timestamp),
            None => Ok(false),
        };
        if self.active.bytes() > 0 && expired(&self.active)? {
            self.mend()?;
            self.roll()?;
        }
        self.remove_while(|log, first| {
            let rest = log.segments().map(Segment::bytes).sum::<u64>() - first.bytes();
            Ok(log.first_is_deleted() || bytes.is_some_and(|bytes| rest >= bytes) || expired(first)?)
        })
    }

    /// Other bounds from now on, as the topic's configuration changes.
    pub(crate) fn set_config(&mut self, config: LogConfig) {
        self.config = LogConfig { index_interval_bytes: self.config.index_interval_bytes, ..config };
    }

    /// Takes no more and gives no more: the topic is being deleted, and a new one of the same name
    /// may take its place on disk.
    pub(crate) fn mark_deleted(&mut self) {
        self.deleted = true;
        for segment in self.segments() {
            segment.forget(&self.files);
        }
    }
}

/// What of a request is to be written, and where it went.
struct Placed<'a> {
    base_offset: i64,
    fresh: Vec<Batch<'a>>,
}

impl Log {
    fn segments(&self) -> impl Iterator<Item = &Segment> {
        self.closed.iter().chain(std::iter::once(&self.active))
    }

    /// Whether nothing from the first segment can be read any more. What is damaged ends early, and counts up to the
    /// next segment: it stays for whoever wants to look.
    fn first_is_deleted(&self) -> bool {
        self.segments().nth(1).is_some_and(|second| second.base_offset() <= self.start_offset)
    }

    /// Gives each batch its offset, and sorts out those that were here before. Producers are
    /// changed at once, so that a second batch of the same request is judged after the first.
    fn place<'a>(&mut self, batches: &[Batch<'a>], undo: &mut Undo) -> Result<Placed<'a>, AppendError> {
        let mut placed: Option<i64> = None;
        let mut fresh = Vec::with_capacity(batches.len());
        let mut next_offset = self.next_offset();
        for Batch { header, bytes } in batches {
            let base_offset = match self.producers.check(header)? {
                Some(base_offset) => base_offset,
                None => {
                    self.producers.save(header, undo);
                    self.producers.note(header, next_offset);
                    let base_offset = next_offset;
                    next_offset = next_offset
                        .checked_add(i64::from(header.records_count))
                        .ok_or(AppendError::InvalidRecord { reason: "no offsets left" })?;
                    fresh.push(Batch { header: BatchHeader { base_offset, ..*header }, bytes });
                    base_offset
                }
            };
            placed.get_or_insert(base_offset);
        }
        Ok(Placed { base_offset: placed.unwrap_or(next_offset), fresh })
    }

    /// Writes the batches with one vectored write; after an error the file is as before.
    fn write(&mut self, batches: &[Batch<'_>]) -> io::Result<()> {
        self.mend()?;
        let bytes: u64 = batches.iter().map(|batch| batch.bytes.len() as u64).sum();
        if self.active.bytes() > 0 && self.active.bytes() + bytes > self.config.segment_bytes {
            self.roll()?;
        }
        let file = self.active.file(&self.files)?;
        let heads: Vec<_> = batches.iter().map(|batch| batch::patch(&batch.header)).collect();
        let mut slices = Vec::with_capacity(2 * batches.len());
        for (head, batch) in heads.iter().zip(batches) {
            slices.push(IoSlice::new(head));
            slices.push(IoSlice::new(&batch.bytes[PATCHED_BYTES..]));
        }
        #[cfg(test)]
        let file = tests::Faulty { file, fault: self.write_fault.take() };
        #[cfg(test)]
        let mut file = &file;
        #[cfg(not(test))]
        let mut file = &*file;
        if let Err(error) = write_vectored_all(&mut file, &mut slices) {
            self.torn = true;
            if let Err(error) = self.mend() {
                tracing::error!(dir = %self.dir.display(), %error, "cannot take back a failed write, trying again before the next");
            }
            return Err(error);
        }
        for Batch { header, .. } in batches {
            self.active.push(header, header.base_offset, self.config.index_interval_bytes);
        }
        Ok(())
    }

    /// Cuts off what a failed write left behind.
    fn mend(&mut self) -> io::Result<()> {
        if self.torn {
            self.active.file(&self.files)?.set_len(self.active.bytes())?;
            self.torn = false;
        }
        Ok(())
    }

    fn roll(&mut self) -> io::Result<()> {
        let fresh = Segment::create(&self.dir, self.next_offset(), &self.files)?;
        let closed = std::mem::replace(&mut self.active, fresh);
        closed.store_index(&self.producers);
        self.closed.push_back(closed);
        Ok(())
    }

    /// Removes the first segment as long as `gone` says so; the active one always stays.
    fn remove_while(&mut self, gone: impl Fn(&Self, &Segment) -> io::Result<bool>) -> io::Result<()> {
        while let Some(first) = self.closed.front()
            && gone(self, first)?
        {
            // Forgotten only once it is gone: what cannot be removed now stays, and is tried again.
            first.remove(&self.files)?;
            self.start_offset = self.start_offset.max(first.next_offset());
            self.closed.pop_front();
        }
        let first = self.closed.front().unwrap_or(&self.active).base_offset();
        self.start_offset = self.start_offset.max(first);
        Ok(())
    }

    /// Shows the batches of a stretch to `look` until it has found something.
    fn find<T>(
        &self,
        segment: &Segment,
        position: u64,
        end: u64,
        mut look: impl FnMut(&[u8]) -> Option<T>,
    ) -> io::Result<Option<T>> {
        let file = segment.file(&self.files)?;
        let read_bytes = usize::try_from(self.config.index_interval_bytes).unwrap_or(usize::MAX);
        let mut batches = BatchReader::new(&file, position, end, read_bytes);
        while let Some(batch) = batches.next()? {
            if let Some(found) = look(batch) {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }
}

/// Writes all of `slices`; those after the first short write may be in parts.
fn write_vectored_all(file: &mut impl Write, mut slices: &mut [IoSlice<'_>]) -> io::Result<()> {
    while !slices.is_empty() {
        match file.write_vectored(slices) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => IoSlice::advance_slices(&mut slices, written),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// The base offsets of the segment files in `dir`, ascending.
fn segment_bases(dir: &Path) -> io::Result<Vec<i64>> {
    let mut bases = Vec::new();
    for entry in fs::read_dir(dir)? {
        let name = entry?.file_name();
        let base =
            name.to_str().and_then(|name| name.strip_suffix(".log")).and_then(|base| base.parse().ok());
        bases.extend(base.filter(|base: &i64| *base >= 0));
    }
    bases.sort_unstable();
    Ok(bases)
}

fn load_start_offset(dir: &Path) -> io::Result<i64> {
    match fs::read_to_string(dir.join(START_OFFSET_FILE)) {
        Ok(text) => Ok(text.trim().parse().unwrap_or(0)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
        Err(error) => Err(error),
    }
}
