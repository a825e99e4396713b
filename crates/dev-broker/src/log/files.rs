//! The segment files that are open at the moment: a bounded cache over all partitions, so that ten
//! thousand partitions need no more descriptors than the few hundred used last.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// Open segment files, at most `files_max`; the one unused for longest is closed for a new one.
///
/// A file handed out stays open until its last user is done with it, also when it has left the
/// cache or the disk.
#[derive(Debug)]
pub(crate) struct OpenFiles {
    files_max: usize,
    cache: Mutex<Cache>,
}

#[derive(Debug, Default)]
struct Cache {
    by_segment: HashMap<SegmentId, Cached>,
    segments: u64,
    uses: u64,
}

#[derive(Debug)]
struct Cached {
    file: Arc<File>,
    last_use: u64,
}

/// Names a segment within the process; never given twice, unlike a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct SegmentId(u64);

impl OpenFiles {
    /// A cache of at most `files_max` files, at least one.
    pub(crate) fn new(files_max: usize) -> Self {
        Self { files_max: files_max.max(1), cache: Mutex::default() }
    }

    pub(super) fn segment_id(&self) -> SegmentId {
        let mut cache = self.lock();
        cache.segments += 1;
        SegmentId(cache.segments)
    }

    /// The segment's file, for positioned reads and appending writes.
    pub(super) fn file(&self, segment: SegmentId, path: &Path) -> io::Result<Arc<File>> {
        let mut cache = self.lock();
        cache.uses += 1;
        let last_use = cache.uses;
        if let Some(cached) = cache.by_segment.get_mut(&segment) {
            cached.last_use = last_use;
            return Ok(Arc::clone(&cached.file));
        }
        let file = Arc::new(File::options().read(true).append(true).open(path)?);
        if cache.by_segment.len() >= self.files_max
            && let Some(oldest) = cache.by_segment.iter().min_by_key(|(_, cached)| cached.last_use)
        {
            let oldest = *oldest.0;
            cache.by_segment.remove(&oldest);
        }
        cache.by_segment.insert(segment, Cached { file: Arc::clone(&file), last_use });
        Ok(file)
    }

    /// Closes the file of a segment that is gone.
    pub(super) fn forget(&self, segment: SegmentId) {
        self.lock().by_segment.remove(&segment);
    }

    #[cfg(test)]
    pub(super) fn open_count(&self) -> usize {
        self.lock().by_segment.len()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
