//! What runs, as the worker publishes it and the REST calls read it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::sync::watch;

/// A connector's pairs as submitted: strings, ordered by key; references such as `${file:…}` unresolved.
pub type Pairs = BTreeMap<String, String>;

/// Everything that runs, at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// All connectors by name.
    pub connectors: BTreeMap<String, Arc<Connector>>,
}

/// A connector as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connector {
    /// The pairs as submitted, with `name` and `connector.class`; nothing resolved.
    pub config: Pairs,
    /// What its users want it to be.
    pub target: Target,
    /// The connector's own state.
    pub part: Part,
    /// Its tasks, by number; none while it is stopped.
    pub tasks: Vec<Part>,
    /// Topics that have records of it, since its start or the last reset.
    pub topics: BTreeSet<String>,
}

/// A connector itself, or one of its tasks, as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Its state.
    pub state: RunState,
    /// `host:port` of the worker that runs it.
    pub worker_id: Arc<str>,
}

/// What a connector's users want it to be; it survives restarts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Target {
    /// In service.
    #[default]
    Started,
    /// Its ports stay open and refuse retryably.
    Paused,
    /// Its ports are released, and it has no tasks.
    Stopped,
}

/// Kafka Connect's states.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunState {
    /// Not begun yet.
    Unassigned,
    /// In service.
    Running,
    /// Its ports stay open and refuse retryably.
    Paused,
    /// Its ports are released. Tasks are never in this state: a stopped connector has none.
    Stopped,
    /// On its way to another state.
    Restarting,
    /// Not in service until somebody does something about `trace`.
    Failed {
        /// Why; never empty.
        trace: String,
    },
}

impl Target {
    /// The word for it in Connect's own records of target states.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Started => "STARTED",
            Self::Paused => "PAUSED",
            Self::Stopped => "STOPPED",
        }
    }

    /// The target of that name, in any case.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        [Self::Started, Self::Paused, Self::Stopped]
            .into_iter()
            .find(|target| target.name().eq_ignore_ascii_case(name))
    }

    /// The target that an `initial_state` asks for: RUNNING, PAUSED or STOPPED, in any case.
    #[must_use]
    pub fn of_initial_state(word: &str) -> Option<Self> {
        [("RUNNING", Self::Started), ("PAUSED", Self::Paused), ("STOPPED", Self::Stopped)]
            .into_iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(word))
            .map(|(_, target)| target)
    }
}

impl RunState {
    /// The word for it in Connect's answers.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Unassigned => "UNASSIGNED",
            Self::Running => "RUNNING",
            Self::Paused => "PAUSED",
            Self::Stopped => "STOPPED",
            Self::Restarting => "RESTARTING",
            Self::Failed { .. } => "FAILED",
        }
    }

    /// Connect's `trace`, which only a failed part has.
    #[must_use]
    pub fn trace(&self) -> Option<&str> {
        match self {
            Self::Failed { trace } => Some(trace),
            Self::Unassigned | Self::Running | Self::Paused | Self::Stopped | Self::Restarting => None,
        }
    }

    /// Whether it is [`RunState::Failed`].
    #[must_use]
    pub fn is_failed(&self) -> bool {
        matches!(self, Self::Failed { .. })
    }
}

/// Sees what runs; any number of holders.
#[derive(Debug, Clone)]
pub struct Connectors(watch::Receiver<Arc<Snapshot>>);

/// Says what runs; one holder.
#[derive(Debug)]
pub struct Publisher(watch::Sender<Arc<Snapshot>>);

/// A publisher with nothing running, and its first observer.
#[must_use]
pub fn connectors() -> (Publisher, Connectors) {
    let (sender, receiver) = watch::channel(Arc::default());
    (Publisher(sender), Connectors(receiver))
}

impl Publisher {
    /// Puts `connector` in the place of what ran under `name`.
    pub fn publish(&self, name: &str, connector: Connector) {
        self.0.send_modify(|all| {
            Arc::make_mut(all).connectors.insert(name.to_owned(), Arc::new(connector));
        });
    }

    /// Takes `name` away.
    pub fn remove(&self, name: &str) {
        self.0.send_modify(|all| {
            Arc::make_mut(all).connectors.remove(name);
        });
    }

    /// What was published last.
    #[must_use]
    pub fn now(&self) -> Arc<Snapshot> {
        Arc::clone(&self.0.borrow())
    }
}

impl Connectors {
    /// Everything at this moment.
    #[must_use]
    pub fn now(&self) -> Arc<Snapshot> {
        Arc::clone(&self.0.borrow())
    }
}
