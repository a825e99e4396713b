//! The one connector class of this worker: its names, its keys, and the check of a connector's pairs.

use std::fmt;
use std::sync::Arc;

use config::Key;

use crate::Pairs;

/// One thing wrong with a connector's pairs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The key.
    pub key: String,
    /// Its value as given, shown in no message unless `message` has it: it may be a secret.
    pub value: Option<String>,
    /// What is wrong, a whole sentence in Kafka Connect's words where it has words for it.
    pub message: String,
}

/// Finds everything that is wrong with a connector's pairs; may read files, so it is called where it may block.
pub type Validate = Arc<dyn Fn(&Pairs) -> Vec<Problem> + Send + Sync>;

/// A connector class as `/connector-plugins` shows it.
#[derive(Clone)]
pub struct Plugin {
    /// Its full name.
    pub class: &'static str,
    /// The class of its tasks.
    pub task_class: &'static str,
    /// Short names that stand for it.
    pub aliases: &'static [&'static str],
    /// Its version.
    pub version: &'static str,
    /// Keys of its own.
    pub keys: Vec<&'static Key>,
    /// Keys that Kafka Connect gives every source connector, in Connect's order.
    pub framework_keys: Vec<&'static Key>,
    /// Converters that a connector may name.
    pub converters: &'static [&'static str],
    /// Converters of headers that a connector may name.
    pub header_converters: &'static [&'static str],
    /// What is said of a property of Kafka's clients, which a connector may override.
    pub client_property: fn(&str) -> Option<String>,
    /// The check that creation and `validate` share.
    pub validate: Validate,
}

impl fmt::Debug for Plugin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plugin").field("class", &self.class).finish_non_exhaustive()
    }
}

impl Plugin {
    /// Whether `name` is this class: in full, or by an alias.
    #[must_use]
    pub fn is_named(&self, name: &str) -> bool {
        name == self.class || self.aliases.contains(&name)
    }
}
