//! From keys and client properties to what the way into Kafka needs, with every mistake named at once.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use config::{Key, Problem, Values};
use otlp::{Limits, Signal};

use crate::converter::Converter;
use crate::properties::{self, Client};
use crate::route::{Route, check_topic};

mod client;
mod keys;
#[cfg(test)]
mod tests;

pub use keys::*;

/// Bytes that a record adds to its value, and a batch to its only record, at most (KIP-98, "Message Format").
pub(crate) const RECORD_OVERHEAD_BYTES: usize = 256;

/// How record values are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// The Protobuf JSON mapping.
    Json,
    /// The request's wire bytes.
    Protobuf,
}

/// How topics that are missing are created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Creation {
    pub(crate) enabled: bool,
    /// -1: the brokers' default.
    pub(crate) partitions: i32,
    /// -1: the brokers' default.
    pub(crate) replication: i32,
    /// Settings of the topics.
    pub(crate) settings: Vec<(String, String)>,
}

/// The checked configuration of the way into Kafka. Holds passwords: its `Debug` shows none.
#[derive(Clone)]
pub struct Config {
    pub(crate) route: Route,
    pub(crate) format: Format,
    pub(crate) converter: Converter,
    pub(crate) limits: Limits,
    pub(crate) record_bytes_max: usize,
    pub(crate) output_bytes_max: usize,
    pub(crate) creation: Creation,
    pub(crate) bootstrap: String,
    pub(crate) producer: BTreeMap<String, String>,
    pub(crate) admin: BTreeMap<String, String>,
    pub(crate) notes: Vec<String>,
}

impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Config")
            .field("bootstrap", &self.bootstrap)
            .field("route", &self.route)
            .field("format", &self.format)
            .finish_non_exhaustive()
    }
}

impl Config {
    /// Puts the configuration of one connector together.
    ///
    /// `connector` are the values of [`KEYS`], `worker` those of [`WORKER_KEYS`], `raw` all keys of both files
    /// as text: the client properties are taken from there. `hold` is the longest time that a request waits
    /// for its answer. `read` reads a file that a property names.
    ///
    /// # Errors
    ///
    /// Every problem found, with its key.
    pub fn from_values(
        connector: &Values,
        worker: &Values,
        raw: &BTreeMap<String, String>,
        hold: Duration,
        read: &dyn Fn(&str) -> io::Result<Vec<u8>>,
    ) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let route = route(connector, &mut problems);
        let format = match connector.text(&OTLP_MESSAGE_FORMAT) {
            Some("protobuf") => Format::Protobuf,
            _ => Format::Json,
        };
        let converter = converters(connector, worker, format, &mut problems);
        let creation = creation(connector, worker, raw, &mut problems);
        refuse_what_is_not_built(connector, raw, &mut problems);
        client::check_overrides(worker.text(&OVERRIDE_POLICY).unwrap_or("All"), raw, &mut problems);
        let clients = client::clients(worker.text(&BOOTSTRAP_SERVERS), raw, hold, read, &mut problems);
        let record_bytes_max = connector
            .size(&OTLP_RECORD_MAX_BYTES)
            .min(clients.request_bytes_max.saturating_sub(RECORD_OVERHEAD_BYTES));
        problems.dedup();
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(Self {
            route,
            format,
            converter,
            limits: Limits { elements: connector.size(&OTLP_REQUEST_MAX_ELEMENTS) as u64 },
            record_bytes_max,
            output_bytes_max: connector.size(&OTLP_REQUEST_OUTPUT_MAX_BYTES),
            creation,
            bootstrap: clients.producer.get("bootstrap.servers").cloned().unwrap_or_default(),
            producer: clients.producer,
            admin: clients.admin,
            notes: clients.notes,
        })
    }

    /// The topics.
    #[must_use]
    pub fn route(&self) -> &Route {
        &self.route
    }

    /// The brokers to begin with.
    #[must_use]
    pub fn bootstrap(&self) -> &str {
        &self.bootstrap
    }

    /// What the user should know, in sentences: properties without effect, and weakened promises.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.notes
    }
}

fn route(connector: &Values, problems: &mut Vec<Problem>) -> Route {
    let keys: [&Key; 4] =
        [&KAFKA_TOPIC_TRACES, &KAFKA_TOPIC_METRICS, &KAFKA_TOPIC_LOGS, &KAFKA_TOPIC_PROFILES];
    Route::new(Signal::ALL.map(|signal| {
        let key = keys[signal.index()];
        let name = connector.text(key).unwrap_or_default();
        if let Err(why) = check_topic(name) {
            problems.push(Problem::invalid(key.name, Some(name), why));
        }
        name.to_owned()
    }))
}

fn converters(connector: &Values, worker: &Values, format: Format, problems: &mut Vec<Problem>) -> Converter {
    let source = |key: &Key| if connector.is_given(key) { connector } else { worker };
    for key in [&KEY_CONVERTER, &HEADER_CONVERTER] {
        if let Err(problem) = Converter::of_nothing(key.name, source(key).text(key)) {
            problems.push(problem);
        }
    }
    // Connect takes a converter's settings from where the converter is named.
    let values = source(&VALUE_CONVERTER);
    let schemas = values.bool(&VALUE_CONVERTER_SCHEMAS_ENABLE);
    let class = values.text(&VALUE_CONVERTER);
    Converter::of_values(VALUE_CONVERTER.name, class, format == Format::Protobuf, schemas).unwrap_or_else(
        |problem| {
            problems.push(problem);
            Converter::default()
        },
    )
}

fn creation(
    connector: &Values,
    worker: &Values,
    raw: &BTreeMap<String, String>,
    problems: &mut Vec<Problem>,
) -> Creation {
    const PREFIX: &str = "topic.creation.default.";
    let number = |key: &Key| i32::try_from(connector.int(key)).unwrap_or(-1);
    for key in [&TOPIC_CREATION_DEFAULT_PARTITIONS, &TOPIC_CREATION_DEFAULT_REPLICATION_FACTOR] {
        if connector.int(key) == 0 {
            problems.push(Problem::invalid(key.name, Some("0"), "Value must be larger than 0, or -1"));
        }
    }
    for group in connector.list(&TOPIC_CREATION_GROUPS).iter().filter(|group| *group != "default") {
        let why = "only the group default is supported; create the topics beforehand";
        problems.push(Problem::invalid(TOPIC_CREATION_GROUPS.name, Some(group), why));
    }
    let ours = [&TOPIC_CREATION_DEFAULT_PARTITIONS, &TOPIC_CREATION_DEFAULT_REPLICATION_FACTOR];
    let settings = raw
        .iter()
        .filter(|(key, _)| !ours.iter().any(|our| our.name == key.as_str()))
        .filter_map(|(key, value)| Some((key.strip_prefix(PREFIX)?.to_owned(), value.trim().to_owned())))
        .collect();
    Creation {
        enabled: worker.bool(&TOPIC_CREATION_ENABLE),
        partitions: number(&TOPIC_CREATION_DEFAULT_PARTITIONS),
        replication: number(&TOPIC_CREATION_DEFAULT_REPLICATION_FACTOR),
        settings,
    }
}

/// A transform that is left out alters data without a word: it stops the start.
fn refuse_what_is_not_built(connector: &Values, raw: &BTreeMap<String, String>, problems: &mut Vec<Problem>) {
    for key in [&TRANSFORMS, &PREDICATES] {
        let given = connector.list(key);
        let named: Vec<String> = match raw.get(key.name) {
            Some(text) if given.is_empty() => text.split(',').map(|name| name.trim().to_owned()).collect(),
            _ => given.to_vec(),
        };
        for name in named.iter().filter(|name| !name.is_empty()) {
            let full = format!("{}.{name}.type", key.name);
            let class = raw.get(&full).map_or("of no type", String::as_str);
            problems.push(Problem::other(key.name, format!("{name} ({class}) is not built in; remove it")));
        }
    }
}
