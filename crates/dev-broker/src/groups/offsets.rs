//! The committed offsets of all groups: a map in memory and a file that every commit is appended
//! to, rewritten when most of it is history.
//!
//! ```text
//! record:  length u32 | CRC-32C u32 | payload        integers big-endian
//! payload: 1 group topic partition i32 offset i64 leader-epoch i32 committed-ms i64 metadata
//!          2 group        all offsets of the group are gone
//!          3 topic        all offsets of the topic are gone
//! text:    length u16 | UTF-8
//! ```

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use bytes::{Buf, BufMut};

/// A file smaller than this is not rewritten.
const COMPACT_BYTES_MIN: u64 = 1 << 20;
/// A file is rewritten when it has grown to this many times its size after the last time.
const COMPACT_GROWTH: u64 = 4;
/// Length and CRC.
const RECORD_HEAD_BYTES: usize = 8;

const COMMIT: u8 = 1;
const REMOVE_GROUP: u8 = 2;
const REMOVE_TOPIC: u8 = 3;

/// Where a group is in a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CommittedOffset {
    /// The next record to be read.
    pub(crate) offset: i64,
    /// As the client gave it; -1: unknown.
    pub(crate) leader_epoch: i32,
    /// Text of the client's.
    pub(crate) metadata: String,
    /// When it was committed, ms since 1970.
    pub(crate) committed_ms: i64,
}

pub(super) type TopicOffsets = BTreeMap<i32, CommittedOffset>;
pub(super) type GroupOffsets = BTreeMap<String, TopicOffsets>;

/// All committed offsets.
#[derive(Debug)]
pub(super) struct Offsets {
    path: PathBuf,
    file: File,
    file_bytes: u64,
    compact_at_bytes: u64,
    /// The file may hold more than `file_bytes`, left by a failed write.
    torn: bool,
    by_group: BTreeMap<String, GroupOffsets>,
    count: usize,
}

impl Offsets {
    /// Reads the file at `path`, which need not exist. From the first record on that is torn or
    /// damaged the file is cut off.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error),
        };
        let file = File::options().create(true).append(true).open(path)?;
        let mut offsets = Self {
            path: path.to_owned(),
            file,
            file_bytes: 0,
            compact_at_bytes: COMPACT_BYTES_MIN,
            torn: false,
            by_group: BTreeMap::new(),
            count: 0,
        };
        let mut rest = &bytes[..];
        while let Some(payload) = next_record(&mut rest) {
            if offsets.replay(payload).is_none() {
                break;
            }
            offsets.file_bytes = (bytes.len() - rest.len()) as u64;
        }
        let cut_bytes = bytes.len() as u64 - offsets.file_bytes;
        if cut_bytes > 0 {
            offsets.file.set_len(offsets.file_bytes)?;
            tracing::warn!(
                path = %path.display(), cut_bytes, kept_bytes = offsets.file_bytes,
                "cut a torn or damaged tail off the committed offsets"
            );
        }
        offsets.compact_if_grown();
        Ok(offsets)
    }

    /// How many offsets there are, of all groups.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    pub(super) fn group(&self, group: &str) -> Option<&GroupOffsets> {
        self.by_group.get(group)
    }

    pub(super) fn groups(&self) -> impl Iterator<Item = (&String, &GroupOffsets)> {
        self.by_group.iter()
    }

    /// Stores offsets of a group, all or none.
    pub(super) fn commit(
        &mut self,
        group: &str,
        commits: Vec<(String, i32, CommittedOffset)>,
    ) -> io::Result<()> {
        let mut records = Vec::new();
        for (topic, partition, committed) in &commits {
            put_commit(&mut records, group, topic, *partition, committed);
        }
        self.append(&records)?;
        for (topic, partition, committed) in commits {
            self.insert(group, topic, partition, committed);
        }
        self.compact_if_grown();
        Ok(())
    }

    /// Forgets all offsets of a group.
    pub(super) fn remove_group(&mut self, group: &str) -> io::Result<()> {
        if self.by_group.contains_key(group) {
            self.append(&removal(REMOVE_GROUP, group))?;
            self.forget_group(group);
        }
        Ok(())
    }

    /// Forgets what all groups committed for a topic.
    pub(super) fn remove_topic(&mut self, topic: &str) -> io::Result<()> {
        if self.by_group.values().any(|topics| topics.contains_key(topic)) {
            self.append(&removal(REMOVE_TOPIC, topic))?;
            self.forget_topic(topic);
        }
        Ok(())
    }

    fn append(&mut self, records: &[u8]) -> io::Result<()> {
        if self.torn {
            self.file.set_len(self.file_bytes)?;
            self.torn = false;
        }
        if let Err(error) = self.file.write_all(records) {
            self.torn = self.file.set_len(self.file_bytes).is_err();
            return Err(error);
        }
        self.file_bytes += records.len() as u64;
        Ok(())
    }

    /// Rewrites the file with what still counts, once it has grown enough. When that fails, the
    /// old file goes on, and the next try is when it has doubled.
    fn compact_if_grown(&mut self) {
        if self.file_bytes < self.compact_at_bytes {
            return;
        }
        match self.compact() {
            Ok(()) => self.compact_at_bytes = COMPACT_BYTES_MIN.max(self.file_bytes * COMPACT_GROWTH),
            Err(error) => {
                self.compact_at_bytes = self.file_bytes * 2;
                tracing::warn!(path = %self.path.display(), %error, "cannot rewrite the committed offsets");
            }
        }
    }

    fn compact(&mut self) -> io::Result<()> {
        let mut records = Vec::new();
        for (group, topics) in &self.by_group {
            for (topic, partitions) in topics {
                for (partition, committed) in partitions {
                    put_commit(&mut records, group, topic, *partition, committed);
                }
            }
        }
        let new_path = self.path.with_extension("new");
        let mut file = File::create(&new_path)?;
        file.write_all(&records)?;
        // The rename must not reach the device before the contents.
        file.sync_all()?;
        let appending = File::options().append(true).open(&new_path)?;
        fs::rename(&new_path, &self.path)?;
        self.file = appending;
        self.file_bytes = records.len() as u64;
        self.torn = false;
        Ok(())
    }

    fn replay(&mut self, mut payload: &[u8]) -> Option<()> {
        let payload = &mut payload;
        match payload.try_get_u8().ok()? {
            COMMIT => {
                let (group, topic) = (take_text(payload)?, take_text(payload)?);
                let partition = payload.try_get_i32().ok()?;
                let committed = CommittedOffset {
                    offset: payload.try_get_i64().ok()?,
                    leader_epoch: payload.try_get_i32().ok()?,
                    committed_ms: payload.try_get_i64().ok()?,
                    metadata: take_text(payload)?,
                };
                self.insert(&group, topic, partition, committed);
            }
            REMOVE_GROUP => self.forget_group(&take_text(payload)?),
            REMOVE_TOPIC => self.forget_topic(&take_text(payload)?),
            _ => return None,
        }
        payload.is_empty().then_some(())
    }

    fn insert(&mut self, group: &str, topic: String, partition: i32, committed: CommittedOffset) {
        if !self.by_group.contains_key(group) {
            self.by_group.insert(group.to_owned(), BTreeMap::new());
        }
        let Some(topics) = self.by_group.get_mut(group) else { return };
        if topics.entry(topic).or_default().insert(partition, committed).is_none() {
            self.count += 1;
        }
    }

    fn forget_group(&mut self, group: &str) {
        let topics = self.by_group.remove(group).unwrap_or_default();
        self.count -= topics.values().map(BTreeMap::len).sum::<usize>();
    }

    fn forget_topic(&mut self, topic: &str) {
        for topics in self.by_group.values_mut() {
            self.count -= topics.remove(topic).map_or(0, |partitions| partitions.len());
        }
        self.by_group.retain(|_, topics| !topics.is_empty());
    }
}

fn put_commit(out: &mut Vec<u8>, group: &str, topic: &str, partition: i32, committed: &CommittedOffset) {
    put_record(out, |payload| {
        payload.put_u8(COMMIT);
        put_text(payload, group);
        put_text(payload, topic);
        payload.put_i32(partition);
        payload.put_i64(committed.offset);
        payload.put_i32(committed.leader_epoch);
        payload.put_i64(committed.committed_ms);
        put_text(payload, &committed.metadata);
    });
}

fn removal(kind: u8, name: &str) -> Vec<u8> {
    let mut record = Vec::new();
    put_record(&mut record, |payload| {
        payload.put_u8(kind);
        put_text(payload, name);
    });
    record
}

fn put_record(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend([0; RECORD_HEAD_BYTES]);
    write(out);
    let (head, payload) = out[start..].split_at_mut(RECORD_HEAD_BYTES);
    let length = u32::try_from(payload.len()).expect("three texts of 64 KiB at most");
    head[..4].copy_from_slice(&length.to_be_bytes());
    head[4..].copy_from_slice(&kafka_wire::crc32c([&*payload]).to_be_bytes());
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    out.put_u16(u16::try_from(text.len()).expect("ids, names and metadata are bounded by the coordinator"));
    out.put_slice(text.as_bytes());
}

fn next_record<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (head, behind) = rest.split_at_checked(RECORD_HEAD_BYTES)?;
    let length = u32::from_be_bytes([head[0], head[1], head[2], head[3]]);
    let crc = u32::from_be_bytes([head[4], head[5], head[6], head[7]]);
    let (payload, behind) = behind.split_at_checked(usize::try_from(length).ok()?)?;
    if kafka_wire::crc32c([payload]) != crc {
        return None;
    }
    *rest = behind;
    Some(payload)
}

fn take_text(payload: &mut &[u8]) -> Option<String> {
    let length = usize::from(payload.try_get_u16().ok()?);
    let (text, behind) = payload.split_at_checked(length)?;
    *payload = behind;
    String::from_utf8(text.to_vec()).ok()
}
