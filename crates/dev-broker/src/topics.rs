//! The topics of the embedded broker on disk: which there are, their partitions' logs, their
//! configuration, and what retention leaves of them.
//!
//! ```text
//! <dir>/~lock                 held while a broker uses the directory
//! <dir>/<topic>/~topic        id, number of partitions, configuration
//! <dir>/<topic>/<partition>/  segments, see `log`
//! <dir>/~…                    a topic that is being made or removed; cleared at start
//! ```
//!
//! A topic's name may not hold a `~`, so that none of these can be one.

mod meta;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{SystemTime, UNIX_EPOCH};

use uuid::Uuid;

use crate::log::{Log, LogConfig, OpenFiles};
use meta::Meta;

/// Bounds of the store, and what topics get that do not say otherwise.
#[derive(Debug, Clone)]
pub(crate) struct TopicsConfig {
    /// Topics at most. Default 1,000.
    pub(crate) topics_max: usize,
    /// Partitions of all topics at most. Default 10,000.
    pub(crate) partitions_max: usize,
    /// Segment files open at once. Default 256.
    pub(crate) open_files_max: usize,
    /// `retention.bytes` of topics without one, a partition; `None`: no bound. Default 1 GiB.
    pub(crate) retention_bytes: Option<u64>,
    /// `retention.ms` of topics without one; `None`: no bound. Default 7 days.
    pub(crate) retention_ms: Option<i64>,
    /// Bounds of each partition's log; `segment.bytes` and `max.message.bytes` of a topic win.
    pub(crate) log: LogConfig,
}

impl Default for TopicsConfig {
    fn default() -> Self {
        Self {
            topics_max: 1000,
            partitions_max: 10_000,
            open_files_max: 256,
            retention_bytes: Some(1 << 30),
            retention_ms: Some(7 * 24 * 60 * 60 * 1000),
            log: LogConfig::default(),
        }
    }
}

/// Why a topic was not made or changed. It is as before then.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TopicError {
    /// There is a topic of that name.
    #[error("topic exists")]
    Exists,
    /// There is no topic of that name.
    #[error("no such topic")]
    NotFound,
    /// Not 1 to 249 of `[a-zA-Z0-9._-]`, or `.` or `..`.
    #[error("invalid topic name")]
    InvalidName,
    /// No partitions, or not more than there are.
    #[error("invalid number of partitions")]
    InvalidPartitions,
    /// A configuration value that its key does not allow.
    #[error("invalid value of {key}")]
    InvalidConfig { key: String },
    /// More topics or partitions than the broker keeps.
    #[error("more than {topics_max} topics or {partitions_max} partitions")]
    TooMany { topics_max: usize, partitions_max: usize },
    /// The disk refused.
    #[error("cannot write the topic")]
    Storage(#[from] io::Error),
}

impl TopicError {
    /// The error code of the Kafka protocol.
    pub(crate) fn code(&self) -> i16 {
        match self {
            Self::NotFound => 3,              // UNKNOWN_TOPIC_OR_PARTITION
            Self::InvalidName => 17,          // INVALID_TOPIC_EXCEPTION
            Self::Exists => 36,               // TOPIC_ALREADY_EXISTS
            Self::InvalidPartitions => 37,    // INVALID_PARTITIONS
            Self::InvalidConfig { .. } => 40, // INVALID_CONFIG
            Self::TooMany { .. } => 44,       // POLICY_VIOLATION
            Self::Storage(_) => 56,           // KAFKA_STORAGE_ERROR
        }
    }
}

/// All topics of the broker.
#[derive(Debug)]
pub(crate) struct Topics {
    dir: PathBuf,
    config: TopicsConfig,
    files: Arc<OpenFiles>,
    known: RwLock<Known>,
    /// Held while topics are made, changed or removed, so that the map is locked for moments only.
    changes: Mutex<()>,
    /// Keeps other processes away from the directory.
    _lock: File,
}

#[derive(Debug, Default)]
struct Known {
    by_name: BTreeMap<String, Arc<Topic>>,
    names: BTreeMap<Uuid, String>,
}

impl Topics {
    /// Opens the topics in `dir`, which need not exist.
    ///
    /// # Errors
    /// Those of the disk; `ResourceBusy` when another process has the directory open. A topic
    /// whose description cannot be read is reported in the log and left out.
    pub(crate) fn open(dir: &Path, config: TopicsConfig) -> io::Result<Self> {
        fs::create_dir_all(dir)?;
        let lock = lock(dir)?;
        let files = Arc::new(OpenFiles::new(config.open_files_max));
        let mut known = Known::default();
        for entry in fs::read_dir(dir)? {
            let entry = entry?;
            let name = entry.file_name();
            let Some(name) = name.to_str() else { continue };
            if !entry.file_type()?.is_dir() {
                continue;
            }
            if name.starts_with('~') {
                fs::remove_dir_all(entry.path())?;
            } else if is_topic_name(name) {
                match Meta::load(&entry.path()) {
                    Ok(meta) => known.insert(name, Topic::open(&entry.path(), meta, &config, &files)?),
                    Err(error) => {
                        tracing::error!(topic = name, %error, "cannot read the topic's description, leaving it out");
                    }
                }
            }
        }
        let known = RwLock::new(known);
        Ok(Self { dir: dir.to_owned(), config, files, known, changes: Mutex::default(), _lock: lock })
    }

    /// The topic of that name.
    pub(crate) fn get(&self, name: &str) -> Option<Arc<Topic>> {
        self.read().by_name.get(name).map(Arc::clone)
    }

    /// The topic of that id, with its name.
    pub(crate) fn by_id(&self, id: Uuid) -> Option<(String, Arc<Topic>)> {
        let known = self.read();
        let name = known.names.get(&id)?;
        known.by_name.get(name).map(|topic| (name.clone(), Arc::clone(topic)))
    }

    /// All topics, by name.
    pub(crate) fn list(&self) -> Vec<(String, Arc<Topic>)> {
        self.read().by_name.iter().map(|(name, topic)| (name.clone(), Arc::clone(topic))).collect()
    }

    /// Makes a topic. Once this returns, it is there after a restart too.
    pub(crate) fn create(
        &self,
        name: &str,
        partitions: u32,
        configs: BTreeMap<String, String>,
    ) -> Result<Arc<Topic>, TopicError> {
        let _changes = self.changes();
        let partitions = self.check_create(name, partitions, &configs)?;
        let meta = Meta { id: Uuid::new_v4(), partitions, configs };
        let new_dir = self.dir.join(format!("~new-{}", meta.id));
        let dir = self.dir.join(name);
        fs::create_dir(&new_dir)?;
        meta.store(&new_dir)?;
        fs::rename(&new_dir, &dir)?;
        let topic = Topic::open(&dir, meta, &self.config, &self.files)?;
        self.write().insert(name, Arc::clone(&topic));
        Ok(topic)
    }

    /// Says what [`Self::create`] would refuse; else the number of partitions.
    pub(crate) fn check_create(
        &self,
        name: &str,
        partitions: u32,
        configs: &BTreeMap<String, String>,
    ) -> Result<usize, TopicError> {
        if !is_topic_name(name) {
            return Err(TopicError::InvalidName);
        }
        let partitions = partition_count(partitions)?;
        meta::check_configs(configs)?;
        if self.read().by_name.contains_key(name) {
            return Err(TopicError::Exists);
        }
        self.check_room(1, partitions)?;
        if self.dir.join(name).exists() {
            // A topic that was left out at start, or one whose name differs in case only.
            return Err(io::Error::from(io::ErrorKind::AlreadyExists).into());
        }
        Ok(partitions)
    }

    /// Removes a topic with its records; false when there is none, or when the disk refuses.
    pub(crate) fn delete(&self, name: &str) -> bool {
        let _changes = self.changes();
        let Some(topic) = self.get(name) else { return false };
        let gone = self.dir.join(format!("~gone-{}", topic.id));
        if let Err(error) = fs::rename(self.dir.join(name), &gone) {
            tracing::error!(topic = name, %error, "cannot delete the topic");
            return false;
        }
        self.write().remove(name, topic.id);
        for log in topic.read().logs.iter() {
            lock_log(log).mark_deleted();
        }
        if let Err(error) = fs::remove_dir_all(&gone) {
            tracing::warn!(topic = name, %error, "cannot remove a deleted topic's files, the next start will");
        }
        true
    }

    /// Gives a topic more partitions, `total` with those that it has.
    pub(crate) fn add_partitions(&self, name: &str, total: u32) -> Result<(), TopicError> {
        let _changes = self.changes();
        let (topic, added) = self.check_partitions(name, total)?;
        let total = added.end;
        let configs = topic.configs();
        let dir = self.dir.join(name);
        let log_config = meta::log_config(&configs, &self.config);
        let added = open_logs(&dir, added, log_config, &self.files)?;
        Meta { id: topic.id, partitions: total, configs }.store(&dir)?;
        topic.write().logs.extend(added);
        Ok(())
    }

    /// Says what [`Self::add_partitions`] would refuse; else the topic, and the partitions that it would get.
    pub(crate) fn check_partitions(
        &self,
        name: &str,
        total: u32,
    ) -> Result<(Arc<Topic>, Range<usize>), TopicError> {
        let total = partition_count(total)?;
        let topic = self.get(name).ok_or(TopicError::NotFound)?;
        let present = topic.partitions();
        if total <= present {
            return Err(TopicError::InvalidPartitions);
        }
        self.check_room(0, total - present)?;
        Ok((topic, present..total))
    }

    /// Sets configuration values of a topic, or with `None` takes them back to their default.
    pub(crate) fn alter_configs(
        &self,
        name: &str,
        changes: BTreeMap<String, Option<String>>,
    ) -> Result<(), TopicError> {
        let _changes = self.changes();
        let (topic, configs) = self.check_configs(name, changes)?;
        let log_config = meta::log_config(&configs, &self.config);
        Meta { id: topic.id, partitions: topic.partitions(), configs: configs.clone() }
            .store(&self.dir.join(name))?;
        let mut state = topic.write();
        for log in &state.logs {
            lock_log(log).set_config(log_config);
        }
        state.configs = configs;
        Ok(())
    }

    /// Says what [`Self::alter_configs`] would refuse; else the topic, and the configuration that it would get.
    pub(crate) fn check_configs(
        &self,
        name: &str,
        changes: BTreeMap<String, Option<String>>,
    ) -> Result<(Arc<Topic>, BTreeMap<String, String>), TopicError> {
        let topic = self.get(name).ok_or(TopicError::NotFound)?;
        let mut configs = topic.configs();
        for (key, value) in changes {
            match value {
                Some(value) => configs.insert(key, value),
                None => configs.remove(&key),
            };
        }
        meta::check_configs(&configs)?;
        Ok((topic, configs))
    }

    /// Removes what is over `retention.ms` and `retention.bytes`; to be called every minute or so.
    pub(crate) fn retain(&self) {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.retain_at(i64::try_from(since.as_millis()).unwrap_or(i64::MAX));
    }

    fn retain_at(&self, now_ms: i64) {
        for (name, topic) in self.list() {
            let retention = meta::retention(&topic.configs(), &self.config);
            let min_timestamp = retention.ms.map(|ms| now_ms.saturating_sub(ms));
            for partition in 0.. {
                let Some(log) = topic.partition(partition) else { break };
                if let Err(error) = lock_log(&log).retain(retention.bytes, min_timestamp) {
                    tracing::error!(topic = name, partition, %error, "cannot remove old records");
                }
            }
        }
    }

    fn check_room(&self, topics: usize, partitions: usize) -> Result<(), TopicError> {
        let known = self.read();
        let present: usize = known.by_name.values().map(|topic| topic.partitions()).sum();
        let TopicsConfig { topics_max, partitions_max, .. } = self.config;
        if known.by_name.len() + topics > topics_max || present.saturating_add(partitions) > partitions_max {
            return Err(TopicError::TooMany { topics_max, partitions_max });
        }
        Ok(())
    }

    fn changes(&self) -> MutexGuard<'_, ()> {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self) -> RwLockReadGuard<'_, Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Known> {
        self.known.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn insert(&mut self, name: &str, topic: Arc<Topic>) {
        self.names.insert(topic.id, name.to_owned());
        self.by_name.insert(name.to_owned(), topic);
    }

    fn remove(&mut self, name: &str, id: Uuid) {
        self.names.remove(&id);
        self.by_name.remove(name);
    }
}

/// One topic. It may be deleted while somebody holds it; its logs refuse then.
#[derive(Debug)]
pub(crate) struct Topic {
    pub(crate) id: Uuid,
    state: RwLock<State>,
}

#[derive(Debug)]
struct State {
    logs: Vec<Arc<Mutex<Log>>>,
    configs: BTreeMap<String, String>,
}

impl Topic {
    /// The log of a partition.
    pub(crate) fn partition(&self, partition: i32) -> Option<Arc<Mutex<Log>>> {
        self.read().logs.get(usize::try_from(partition).ok()?).map(Arc::clone)
    }

    /// How many partitions there are, numbered from 0.
    pub(crate) fn partitions(&self) -> usize {
        self.read().logs.len()
    }

    /// The configuration that was set, as it was written; without defaults.
    pub(crate) fn configs(&self) -> BTreeMap<String, String> {
        self.read().configs.clone()
    }

    fn open(dir: &Path, meta: Meta, config: &TopicsConfig, files: &Arc<OpenFiles>) -> io::Result<Arc<Self>> {
        let log_config = meta::log_config(&meta.configs, config);
        let logs = open_logs(dir, 0..meta.partitions, log_config, files)?;
        Ok(Arc::new(Self { id: meta.id, state: RwLock::new(State { logs, configs: meta.configs }) }))
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Kafka's rule for topic names, which also keeps them usable as directory names.
fn is_topic_name(name: &str) -> bool {
    (1..=249).contains(&name.len())
        && name != "."
        && name != ".."
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
}

fn partition_count(partitions: u32) -> Result<usize, TopicError> {
    // Partitions are numbered with an i32 on the wire.
    if partitions == 0 || i32::try_from(partitions).is_err() {
        return Err(TopicError::InvalidPartitions);
    }
    usize::try_from(partitions).map_err(|_| TopicError::InvalidPartitions)
}

fn open_logs(
    dir: &Path,
    partitions: Range<usize>,
    config: LogConfig,
    files: &Arc<OpenFiles>,
) -> io::Result<Vec<Arc<Mutex<Log>>>> {
    partitions
        .map(|partition| {
            let log = Log::open(&dir.join(partition.to_string()), config, Arc::clone(files))?;
            Ok(Arc::new(Mutex::new(log)))
        })
        .collect()
}

fn lock_log(log: &Mutex<Log>) -> MutexGuard<'_, Log> {
    log.lock().unwrap_or_else(PoisonError::into_inner)
}

fn lock(dir: &Path) -> io::Result<File> {
    let file = File::options().create(true).truncate(false).write(true).open(dir.join("~lock"))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            Err(io::Error::new(io::ErrorKind::ResourceBusy, "another process uses the data directory"))
        }
        Err(TryLockError::Error(error)) => Err(error),
    }
}
