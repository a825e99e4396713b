//! One segment file of a partition: a run of batches, named after its first offset.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use super::LogConfig;
use super::batch::{BATCH_HEADER_BYTES, Batch, BatchHeader};
use super::files::{OpenFiles, SegmentId};
use super::index::{self, Index, NO_TIMESTAMP, Summary};
use super::producers::Producers;

/// Read at once while a segment is scanned.
const SCAN_BYTES: usize = 1 << 20;

/// What is known of a segment without reading it.
#[derive(Debug)]
pub(super) struct Segment {
    id: SegmentId,
    path: PathBuf,
    summary: Summary,
}

impl Segment {
    /// A new, empty segment file; the directory must not have one of that base offset.
    pub(super) fn create(dir: &Path, base_offset: i64, files: &OpenFiles) -> io::Result<Self> {
        let segment = Self::empty(dir, base_offset, files);
        File::options().create_new(true).append(true).open(&segment.path)?;
        Ok(segment)
    }

    /// The last segment, to which more will be appended: reads all of it, and cuts off what is not
    /// a whole, sound batch.
    pub(super) fn open_active(
        dir: &Path,
        base_offset: i64,
        config: &LogConfig,
        files: &OpenFiles,
        producers: &mut Producers,
    ) -> io::Result<Self> {
        let mut segment = Self::empty(dir, base_offset, files);
        let file = segment.file(files)?;
        let file_bytes = file.metadata()?.len();
        segment.scan(&file, file_bytes, config, producers)?;
        let cut_bytes = file_bytes - segment.bytes();
        if cut_bytes > 0 {
            file.set_len(segment.bytes())?;
            tracing::warn!(
                segment = %segment.path.display(), cut_bytes, kept_bytes = segment.bytes(),
                "cut a torn or damaged tail off the log"
            );
        }
        Ok(segment)
    }

    /// A segment before the last: from its index file, or by reading it where that is of no use.
    pub(super) fn open_closed(
        dir: &Path,
        base_offset: i64,
        config: &LogConfig,
        files: &OpenFiles,
        producers: &mut Producers,
    ) -> io::Result<Self> {
        let mut segment = Self::empty(dir, base_offset, files);
        let file_bytes = fs::metadata(&segment.path)?.len();
        if let Some((summary, known)) = index::load(&segment.index_path(), config.producers_max)
            && summary.base_offset == base_offset
            && summary.bytes == file_bytes
        {
            *producers = known;
            segment.summary = summary;
            return Ok(segment);
        }
        tracing::info!(segment = %segment.path.display(), file_bytes, "no index of the segment, reading it");
        let file = segment.file(files)?;
        segment.scan(&file, file_bytes, config, producers)?;
        if segment.bytes() == file_bytes {
            segment.store_index(producers);
        } else {
            // Left on disk for whoever wants to look; every start reads and reports it again.
            tracing::error!(
                segment = %segment.path.display(), lost_bytes = file_bytes - segment.bytes(),
                "a closed segment is damaged, what follows the damage is skipped"
            );
        }
        Ok(segment)
    }

    fn empty(dir: &Path, base_offset: i64, files: &OpenFiles) -> Self {
        Self {
            id: files.segment_id(),
            path: dir.join(format!("{base_offset:020}.log")),
            summary: Summary {
                base_offset,
                next_offset: base_offset,
                bytes: 0,
                max_timestamp: NO_TIMESTAMP,
                index: Index::default(),
            },
        }
    }

    fn scan(
        &mut self,
        file: &File,
        file_bytes: u64,
        config: &LogConfig,
        producers: &mut Producers,
    ) -> io::Result<()> {
        let mut batches = BatchReader::new(file, 0, file_bytes, SCAN_BYTES);
        while let Some(batch) = batches.next()? {
            let Ok(Batch { header, .. }) = Batch::read(batch) else { break };
            // The CRC does not cover the offset, but offsets have no gaps.
            if header.base_offset != self.next_offset() {
                break;
            }
            self.push(&header, header.base_offset, config.index_interval_bytes);
            producers.note(&header, header.base_offset);
            producers.trim();
        }
        Ok(())
    }

    /// Takes note of a batch that was appended to the file.
    pub(super) fn push(&mut self, header: &BatchHeader, base_offset: i64, interval_bytes: u64) {
        let summary = &mut self.summary;
        summary.index.push(header, base_offset, summary.bytes, interval_bytes);
        summary.bytes += header.total_bytes() as u64;
        summary.next_offset = base_offset + i64::from(header.last_offset_delta) + 1;
        summary.max_timestamp = summary.max_timestamp.max(header.max_timestamp);
    }

    /// Writes the index file, now that nothing more comes. Without it the next start reads the
    /// segment, so a failure is only logged.
    pub(super) fn store_index(&self, producers: &Producers) {
        if let Err(error) = index::store(&self.index_path(), &self.summary, producers) {
            tracing::warn!(segment = %self.path.display(), %error, "cannot write the index of a segment");
        }
    }

    /// Removes the files. A reader that has the segment open can read on.
    ///
    /// # Errors
    /// Those of the disk; the records are all there then, and it may be tried again. Files that are gone already are
    /// no error: nobody could ever remove them.
    pub(super) fn remove(&self, files: &OpenFiles) -> io::Result<()> {
        // The records last: a segment without index is only slower to open.
        for path in [&self.index_path(), &self.path] {
            match fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        files.forget(self.id);
        Ok(())
    }

    pub(super) fn file(&self, files: &OpenFiles) -> io::Result<Arc<File>> {
        files.file(self.id, &self.path)
    }

    /// Closes the file, now or when its last reader is done.
    pub(super) fn forget(&self, files: &OpenFiles) {
        files.forget(self.id);
    }

    /// The time of its newest record in ms since 1970, or of the last write where that is later:
    /// records with old timestamps, or none, are kept as long as others after they came.
    pub(super) fn newest_ms(&self) -> io::Result<i64> {
        let modified = match fs::metadata(&self.path) {
            Ok(metadata) => metadata.modified()?,
            // Somebody removed it: what is left of it must not keep all that follows.
            Err(error) if error.kind() == io::ErrorKind::NotFound => UNIX_EPOCH,
            Err(error) => return Err(error),
        };
        let since = modified.duration_since(UNIX_EPOCH).unwrap_or_default();
        let written = i64::try_from(since.as_millis()).unwrap_or(i64::MAX);
        Ok(self.max_timestamp().max(written))
    }

    pub(super) fn base_offset(&self) -> i64 {
        self.summary.base_offset
    }

    pub(super) fn next_offset(&self) -> i64 {
        self.summary.next_offset
    }

    pub(super) fn bytes(&self) -> u64 {
        self.summary.bytes
    }

    pub(super) fn max_timestamp(&self) -> i64 {
        self.summary.max_timestamp
    }

    pub(super) fn index(&self) -> &Index {
        &self.summary.index
    }

    fn index_path(&self) -> PathBuf {
        self.path.with_extension("index")
    }
}

/// Reads the batches of a stretch of a segment one by one, with one buffer.
#[derive(Debug)]
pub(super) struct BatchReader<'a> {
    file: &'a File,
    /// Where the next bytes come from.
    position: u64,
    end: u64,
    read_bytes: usize,
    buffer: Vec<u8>,
    consumed: usize,
}

impl<'a> BatchReader<'a> {
    /// Reads from `position` to `end`, `read_bytes` at once.
    pub(super) fn new(file: &'a File, position: u64, end: u64, read_bytes: usize) -> Self {
        Self { file, position, end, read_bytes, buffer: Vec::new(), consumed: 0 }
    }

    /// The next batch, by its length alone; `None` at the end or where no whole batch follows.
    pub(super) fn next(&mut self) -> io::Result<Option<&[u8]>> {
        if !self.fill(BATCH_HEADER_BYTES)? {
            return Ok(None);
        }
        let Ok(header) = BatchHeader::read(&self.buffer[self.consumed..]) else { return Ok(None) };
        if !self.fill(header.total_bytes())? {
            return Ok(None);
        }
        let start = self.consumed;
        self.consumed += header.total_bytes();
        Ok(Some(&self.buffer[start..self.consumed]))
    }

    /// Has at least `bytes` in the buffer, or says that the stretch ends before.
    fn fill(&mut self, bytes: usize) -> io::Result<bool> {
        let buffered = self.buffer.len() - self.consumed;
        if buffered >= bytes {
            return Ok(true);
        }
        let left = usize::try_from(self.end - self.position).unwrap_or(usize::MAX);
        if left < bytes - buffered {
            return Ok(false);
        }
        self.buffer.drain(..self.consumed);
        self.consumed = 0;
        let more = left.min((bytes - buffered).max(self.read_bytes));
        self.buffer.resize(buffered + more, 0);
        self.file.read_exact_at(&mut self.buffer[buffered..], self.position)?;
        self.position += more as u64;
        Ok(true)
    }
}
