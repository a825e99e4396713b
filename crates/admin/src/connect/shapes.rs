//! The bodies of answers about connectors, field by field as Connect writes them.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{Connector, Part};

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

/// Connect's `ConnectorStateInfo`.
#[derive(Serialize)]
pub(super) struct StateInfo {
    name: String,
    connector: PartState,
    tasks: Vec<TaskState>,
    #[serde(rename = "type")]
    kind: &'static str,
}

/// The state of a connector or task. Clients decode it as strings only: no number, no null.
#[derive(Serialize)]
struct PartState {
    state: &'static str,
    worker_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace: Option<String>,
}

#[derive(Serialize)]
struct TaskState {
    id: usize,
    #[serde(flatten)]
    part: PartState,
}

/// OTLP comes in from outside Kafka, so every connector here is one of these.
const KIND: &str = "source";

impl ConnectorInfo {
    pub(super) fn new(name: &str, connector: &Connector) -> Self {
        let task = |(task, _)| TaskId { connector: name.to_owned(), task };
        Self {
            name: name.to_owned(),
            config: connector.config.clone(),
            tasks: connector.tasks.iter().enumerate().map(task).collect(),
            kind: KIND,
        }
    }
}

impl StateInfo {
    pub(super) fn new(name: &str, connector: &Connector) -> Self {
        let part = |part: &Part| PartState {
            state: part.state.name(),
            worker_id: part.worker_id.to_string(),
            trace: part.state.trace().map(str::to_owned),
        };
        Self {
            name: name.to_owned(),
            connector: part(&connector.part),
            tasks: connector
                .tasks
                .iter()
                .enumerate()
                .map(|(id, task)| TaskState { id, part: part(task) })
                .collect(),
            kind: KIND,
        }
    }
}
