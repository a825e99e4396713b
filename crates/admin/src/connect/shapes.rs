//! The bodies of answers about connectors, field by field as Connect writes them.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{Connector, Part, Plugin};

/// Connect's `ConnectorInfo`.
#[derive(Serialize)]
pub(super) struct ConnectorInfo {
    name: String,
    config: BTreeMap<String, String>,
    tasks: Vec<TaskId>,
    #[serde(rename = "type")]
    kind: &'static str,
}

/// Connect's `ConnectorTaskId`.
#[derive(Serialize)]
struct TaskId {
    connector: String,
    task: usize,
}

/// Connect's `TaskInfo`.
#[derive(Serialize)]
pub(super) struct TaskInfo {
    id: TaskId,
    config: BTreeMap<String, String>,
}

/// Connect's `ConnectorStateInfo`.
#[derive(Serialize)]
pub(super) struct StateInfo {
    name: String,
    connector: PartState,
    tasks: Vec<TaskState>,
    #[serde(rename = "type")]
    kind: &'static str,
}

/// What `expand` asks for.
#[derive(Serialize)]
pub(super) struct Expanded {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) status: Option<StateInfo>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) info: Option<ConnectorInfo>,
}

/// The state of a connector or task. Clients decode it as strings only: no number, no null.
#[derive(Serialize)]
struct PartState {
    state: &'static str,
    worker_id: String,
    version: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace: Option<String>,
}

#[derive(Serialize)]
pub(super) struct TaskState {
    id: i32,
    #[serde(flatten)]
    part: PartState,
}

/// OTLP comes in from outside Kafka, so every connector here is one of these.
pub(super) const KIND: &str = "source";

impl ConnectorInfo {
    pub(super) fn new(name: &str, connector: &Connector) -> Self {
        let task = |task| TaskId { connector: name.to_owned(), task };
        Self {
            name: name.to_owned(),
            config: connector.config.clone(),
            tasks: (0..connector.tasks.len()).map(task).collect(),
            kind: KIND,
        }
    }
}

impl TaskInfo {
    pub(super) fn new(name: &str, task: usize, connector: &Connector, plugin: &Plugin) -> Self {
        let mut config = connector.config.clone();
        config.insert("task.class".to_owned(), plugin.task_class.to_owned());
        Self { id: TaskId { connector: name.to_owned(), task }, config }
    }
}

impl StateInfo {
    pub(super) fn new(name: &str, connector: &Connector, plugin: &Plugin) -> Self {
        let task = |(id, task)| TaskState::new(id, task, plugin);
        Self {
            name: name.to_owned(),
            connector: PartState::new(&connector.part, plugin),
            tasks: (0..).zip(&connector.tasks).map(task).collect(),
            kind: KIND,
        }
    }
}

impl TaskState {
    pub(super) fn new(id: i32, part: &Part, plugin: &Plugin) -> Self {
        Self { id, part: PartState::new(part, plugin) }
    }
}

impl PartState {
    fn new(part: &Part, plugin: &Plugin) -> Self {
        Self {
            state: part.state.name(),
            worker_id: part.worker_id.to_string(),
            version: plugin.version,
            trace: part.state.trace().map(str::to_owned),
        }
    }
}
