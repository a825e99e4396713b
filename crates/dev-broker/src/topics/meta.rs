//! What a topic is apart from its records: id, partitions, configuration; its file, and the
//! configuration keys that the embedded broker obeys.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

use uuid::Uuid;

use super::{TopicError, TopicsConfig};
use crate::log::LogConfig;

const FILE: &str = "~topic";
const VERSION: &str = "1";

/// Configuration entries a topic may have; Kafka knows about thirty keys.
const CONFIGS_MAX: usize = 64;
const CONFIG_KEY_BYTES_MAX: usize = 249;
const CONFIG_VALUE_BYTES_MAX: usize = 4096;

/// The description of a topic, one line a fact: `key value`, values without line breaks.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Meta {
    pub(super) id: Uuid,
    pub(super) partitions: usize,
    pub(super) configs: BTreeMap<String, String>,
}

impl Meta {
    /// Reads the description in a topic's directory.
    pub(super) fn load(dir: &Path) -> io::Result<Self> {
        let text = fs::read_to_string(dir.join(FILE))?;
        Self::parse(&text)
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "not a topic's description"))
    }

    /// Writes the description, in one step as seen by a later start.
    pub(super) fn store(&self, dir: &Path) -> io::Result<()> {
        let new = dir.join(format!("{FILE}.new"));
        let mut file = File::create(&new)?;
        file.write_all(self.format().as_bytes())?;
        file.sync_all()?;
        fs::rename(new, dir.join(FILE))
    }

    fn format(&self) -> String {
        let mut text = format!("version {VERSION}\nid {}\npartitions {}\n", self.id, self.partitions);
        for (key, value) in &self.configs {
            // Keys have no spaces (`check_configs`), values may be anything.
            let value = value.replace('\\', "\\\\").replace('\n', "\\n").replace('\r', "\\r");
            writeln!(text, "config {key} {value}").expect("a String takes any text");
        }
        // So that a file that was cut off is not taken for one with fewer settings.
        text.push_str("end\n");
        text
    }

    fn parse(text: &str) -> Option<Self> {
        let mut facts = BTreeMap::new();
        let mut configs = BTreeMap::new();
        for line in text.strip_suffix("end\n")?.split_terminator('\n') {
            let (key, value) = line.split_once(' ')?;
            if key == "config" {
                let (key, value) = value.split_once(' ')?;
                configs.insert(key.to_owned(), unescape(value)?);
            } else {
                facts.insert(key, value);
            }
        }
        if *facts.get("version")? != VERSION {
            return None;
        }
        Some(Self {
            id: facts.get("id")?.parse().ok()?,
            partitions: facts.get("partitions")?.parse().ok().filter(|partitions| *partitions > 0)?,
            configs,
        })
    }
}

fn unescape(value: &str) -> Option<String> {
    let mut text = String::with_capacity(value.len());
    let mut chars = value.chars();
    while let Some(char) = chars.next() {
        text.push(match char {
            '\\' => match chars.next()? {
                'n' => '\n',
                'r' => '\r',
                '\\' => '\\',
                _ => return None,
            },
            char => char,
        });
    }
    Some(text)
}

/// How long records of a topic are kept.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Retention {
    pub(super) bytes: Option<u64>,
    pub(super) ms: Option<i64>,
}

/// Checks a topic's whole configuration. Any key is kept, so that tools can set and read what
/// they know; the values of those that are obeyed must make sense.
pub(super) fn check_configs(configs: &BTreeMap<String, String>) -> Result<(), TopicError> {
    let invalid =
        |key: &str| Err(TopicError::InvalidConfig { key: key.chars().take(CONFIG_KEY_BYTES_MAX).collect() });
    for (at, (key, value)) in configs.iter().enumerate() {
        let is_key = (1..=CONFIG_KEY_BYTES_MAX).contains(&key.len())
            && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'));
        if at >= CONFIGS_MAX || !is_key || value.len() > CONFIG_VALUE_BYTES_MAX {
            return invalid(key);
        }
        let number = value.trim().parse::<i64>();
        let sound = match key.as_str() {
            "retention.ms" | "retention.bytes" => number.is_ok_and(|number| number >= -1),
            // Kafka's least is 14 bytes, which would be a file a batch.
            "segment.bytes" => number.is_ok_and(|number| (1024..=1 << 31).contains(&number)),
            "max.message.bytes" => number.is_ok_and(|number| (0..=i64::from(i32::MAX)).contains(&number)),
            "cleanup.policy" => value.split(',').all(|policy| matches!(policy.trim(), "delete" | "compact")),
            _ => true,
        };
        if !sound {
            return invalid(key);
        }
    }
    Ok(())
}

/// The bounds of a topic's logs.
pub(super) fn log_config(configs: &BTreeMap<String, String>, defaults: &TopicsConfig) -> LogConfig {
    let mut config = defaults.log;
    if let Some(bytes) = number(configs, "segment.bytes") {
        config.segment_bytes = bytes.unsigned_abs();
    }
    if let Some(bytes) = number(configs, "max.message.bytes") {
        config.batch_bytes_max = usize::try_from(bytes).unwrap_or(config.batch_bytes_max);
    }
    config
}

/// What of a topic is kept. A compacted topic is kept whole: compaction is not offered, and
/// removing its records by age would lose what their owner expects to find.
pub(super) fn retention(configs: &BTreeMap<String, String>, defaults: &TopicsConfig) -> Retention {
    let policy = configs.get("cleanup.policy").map_or("delete", String::as_str);
    if !policy.split(',').any(|policy| policy.trim() == "delete") {
        return Retention { bytes: None, ms: None };
    }
    let bytes = match number(configs, "retention.bytes") {
        Some(bytes) => u64::try_from(bytes).ok(),
        None => defaults.retention_bytes,
    };
    let ms = match number(configs, "retention.ms") {
        Some(ms) => (ms >= 0).then_some(ms),
        None => defaults.retention_ms,
    };
    Retention { bytes, ms }
}

fn number(configs: &BTreeMap<String, String>, key: &str) -> Option<i64> {
    configs.get(key)?.trim().parse().ok()
}
