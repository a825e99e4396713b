//! What runs, as the worker publishes it and the REST calls read it.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::watch;

/// A connector as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connector {
    /// The pairs as submitted, and `name`; nothing resolved, nothing added.
    pub config: BTreeMap<String, String>,
    /// The connector's own state.
    pub state: RunState,
    /// Its tasks, by number.
    pub tasks: Vec<Task>,
}

/// A task as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// The task's state.
    pub state: RunState,
}

/// Kafka Connect's states, as far as this version has them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunState {
    /// In service.
    Running,
    /// Not in service until somebody does something about `trace`.
    Failed {
        /// Why; never empty.
        trace: String,
    },
}

impl RunState {
    /// The word for it in Connect's answers.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Running => "RUNNING",
            Self::Failed { .. } => "FAILED",
        }
    }

    /// Connect's `trace`, which only a failed part has.
    #[must_use]
    pub fn trace(&self) -> Option<&str> {
        match self {
            Self::Running => None,
            Self::Failed { trace } => Some(trace),
        }
    }
}

/// All connectors by name.
type ByName = Arc<BTreeMap<String, Connector>>;

/// Sees what runs; any number of holders.
#[derive(Debug, Clone)]
pub struct Connectors(watch::Receiver<ByName>);

/// Says what runs; one holder.
#[derive(Debug)]
pub struct Publisher(watch::Sender<ByName>);

/// A publisher with nothing running, and its first observer.
#[must_use]
pub fn connectors() -> (Publisher, Connectors) {
    let (sender, receiver) = watch::channel(ByName::default());
    (Publisher(sender), Connectors(receiver))
}

impl Publisher {
    /// Puts `connector` in the place of what ran under `name`.
    pub fn publish(&self, name: &str, connector: Connector) {
        self.0.send_modify(|all| {
            Arc::make_mut(all).insert(name.to_owned(), connector);
        });
    }
}

impl Connectors {
    /// All connectors at this moment.
    #[must_use]
    pub fn now(&self) -> Arc<BTreeMap<String, Connector>> {
        Arc::clone(&self.0.borrow())
    }
}
