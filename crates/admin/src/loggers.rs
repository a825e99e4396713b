//! `/admin/loggers`: which log lines are written, by part of the program, changed while it runs.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

/// Levels that were set at run time, by logger; more are refused.
const LEVELS_MAX: usize = 256;

/// Log4j's levels, which Connect's calls name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Nothing.
    Off,
    /// As [`Level::Error`]; no line of ours is fatal.
    Fatal,
    /// Data lost, or a person needed.
    Error,
    /// Odd, nothing lost.
    Warn,
    /// The process's life.
    Info,
    /// For those who look for a mistake.
    Debug,
    /// Each request.
    Trace,
    /// Everything.
    All,
}

impl Level {
    const BY_NAME: [(&'static str, Self); 8] = [
        ("OFF", Self::Off),
        ("FATAL", Self::Fatal),
        ("ERROR", Self::Error),
        ("WARN", Self::Warn),
        ("INFO", Self::Info),
        ("DEBUG", Self::Debug),
        ("TRACE", Self::Trace),
        ("ALL", Self::All),
    ];

    /// The level of that name, in any case.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        Self::BY_NAME.into_iter().find(|(word, _)| word.eq_ignore_ascii_case(name)).map(|(_, level)| level)
    }

    /// Its name in Connect's answers.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::BY_NAME.iter().find(|(_, level)| *level == self).map_or("", |(name, _)| name)
    }
}

/// Puts levels in force: that of the root, and those of parts of the program.
type Apply = Box<dyn Fn(Level, &BTreeMap<String, Level>) + Send + Sync>;

/// The levels in force, and the way to change them.
pub struct Loggers {
    set: Mutex<Set>,
    apply: Apply,
}

#[derive(Debug, Clone)]
struct Set {
    root: Changed,
    others: BTreeMap<String, Changed>,
}

/// A level, and when it was set, in milliseconds since 1970; `None` at the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Changed {
    pub(crate) level: Level,
    pub(crate) last_modified: Option<u64>,
}

/// Connect's name of the logger above all.
const ROOT: &str = "root";

impl fmt::Debug for Loggers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loggers").field("set", &self.set).finish_non_exhaustive()
    }
}

impl Loggers {
    /// Levels as the process was started with, for `parts` each like the root; `apply` puts changed ones in force.
    #[must_use]
    pub fn new(
        root: Level,
        parts: &[&str],
        apply: impl Fn(Level, &BTreeMap<String, Level>) + Send + Sync + 'static,
    ) -> Self {
        let start = Changed { level: root, last_modified: None };
        let others = parts.iter().map(|part| ((*part).to_owned(), start)).collect();
        Self { set: Mutex::new(Set { root: start, others }), apply: Box::new(apply) }
    }

    /// All levels, by logger.
    pub(crate) fn all(&self) -> BTreeMap<String, Changed> {
        let set = self.set.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all = set.others.clone();
        all.insert(ROOT.to_owned(), set.root);
        all
    }

    /// The level of one logger that is known.
    pub(crate) fn get(&self, name: &str) -> Option<Changed> {
        self.all().get(name).copied()
    }

    /// Sets a logger and all below it; the names of those that were on another level, or `None` when there are
    /// too many already.
    pub(crate) fn set(&self, name: &str, level: Level) -> Option<Vec<String>> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let changed = Changed { level, last_modified: u64::try_from(now.as_millis()).ok() };
        let mut set = self.set.lock().unwrap_or_else(PoisonError::into_inner);
        let Set { root, others } = &mut *set;
        if name != ROOT && !others.contains_key(name) {
            if others.len() >= LEVELS_MAX {
                return None;
            }
            others.insert(name.to_owned(), *root);
        }
        let below = |other: &str| {
            name == ROOT
                || other.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
        };
        let mut touched = Vec::new();
        if name == ROOT && root.level != level {
            *root = changed;
            touched.push(ROOT.to_owned());
        }
        for (other, its) in others.iter_mut().filter(|(other, its)| below(other) && its.level != level) {
            *its = changed;
            touched.push(other.clone());
        }
        touched.sort();
        let levels = others.iter().map(|(name, changed)| (name.clone(), changed.level)).collect();
        (self.apply)(root.level, &levels);
        Some(touched)
    }
}
