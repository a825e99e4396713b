//! From keys and client properties to what the way into Kafka needs, with every mistake named at once.

use std::collections::BTreeMap;
use std::time::Duration;

use config::{Key, Problem, Values};
use kafka_client::security::{Surroundings, TokenPlaces};
use kafka_client::{Lookups, ProducerSettings, Settings};
use otlp::json::Style;
use otlp::{Limits, Signal};

use crate::converter::Converter;
use crate::properties::Library;
use crate::record::Marks;
use crate::route::{Route, check_topic};

pub(crate) mod client;
mod keys;
mod marks;
#[cfg(test)]
mod tests;

pub use keys::*;

/// Bytes that a record adds to its value, and a batch to its only record, at most (KIP-98, "Message Format").
pub(crate) const RECORD_OVERHEAD_BYTES: usize = 256;

/// librdkafka, where it is in this build.
#[cfg(feature = "librdkafka")]
const LIBRDKAFKA: Option<Library> = Some(Library::Librdkafka);
#[cfg(not(feature = "librdkafka"))]
const LIBRDKAFKA: Option<Library> = None;

/// How record values are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// Text, in one of two JSON mappings.
    Json(Style),
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
    pub(crate) marks: Marks,
    pub(crate) limits: Limits,
    pub(crate) record_bytes_max: usize,
    pub(crate) output_bytes_max: usize,
    pub(crate) creation: Creation,
    /// The brokers to begin with, for messages.
    pub(crate) bootstrap: String,
    /// The producer's connections.
    pub(crate) client: Settings,
    /// What the producer does over them.
    pub(crate) produce: ProducerSettings,
    /// Producers for all workers; 0: one for each.
    pub(crate) instances: usize,
    /// The client that looks at topics and creates them.
    pub(crate) admin: Settings,
    /// The producer's properties by librdkafka's names, when that is to produce.
    #[cfg(feature = "librdkafka")]
    pub(crate) librdkafka: Option<BTreeMap<String, String>>,
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
    /// for its answer. `surroundings` are the files that properties name, and the variables of AWS; where tokens may
    /// come from is narrowed by the worker's keys.
    ///
    /// # Errors
    ///
    /// Every problem found, with its key.
    pub fn from_values(
        connector: &Values,
        worker: &Values,
        raw: &BTreeMap<String, String>,
        hold: Duration,
        surroundings: &Surroundings,
    ) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let route = route(connector, &mut problems);
        let format = match connector.text(&OTLP_MESSAGE_FORMAT) {
            Some("protobuf") => Format::Protobuf,
            Some("otlp_json") => Format::Json(Style::OtlpJson),
            _ => Format::Json(Style::Json),
        };
        let converter = converters(connector, worker, format, &mut problems);
        let marks = marks::marks(connector, worker, &mut problems);
        let creation = creation(connector, worker, raw, &mut problems);
        refuse_what_is_not_built(connector, raw, &mut problems);
        let policy = (worker.text(&OVERRIDE_POLICY).unwrap_or("All"), worker.list(&OVERRIDE_ALLOWLIST));
        client::check_overrides(policy, raw, &mut problems);
        let record_bytes = connector.size(&OTLP_RECORD_MAX_BYTES);
        let library = library(connector, worker, &mut problems);
        let bootstrap = worker.text(&BOOTSTRAP_SERVERS);
        let lookups = Lookups::new(connector.size(&KAFKA_LOOKUPS_MAX));
        let surroundings = &Surroundings { lookups, ..allowed(worker, surroundings) };
        let wanted =
            client::Wanted { raw, bootstrap, producer_client: library, hold, record_bytes, surroundings };
        let mut clients = client::clients(&wanted, &mut problems);
        let instances = either(connector, worker, &PRODUCER_INSTANCES);
        if Some(library) == LIBRDKAFKA && instances.size(&PRODUCER_INSTANCES) > 0 {
            let note = "producer.instances has no effect: librdkafka is one producer for all workers";
            clients.notes.push(note.to_owned());
        }
        if Some(library) == LIBRDKAFKA && !connector.list(&OTLP_RECORD_HEADERS).is_empty() {
            let why = "records have headers with producer.client = native alone; remove one of the two keys";
            problems.push(Problem::other(OTLP_RECORD_HEADERS.name, why));
        }
        let record_bytes_max =
            record_bytes.min(clients.produce.request_bytes_max.saturating_sub(RECORD_OVERHEAD_BYTES));
        problems.dedup();
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(Self {
            route,
            format,
            converter,
            marks,
            limits: Limits { elements: connector.size(&OTLP_REQUEST_MAX_ELEMENTS) as u64 },
            record_bytes_max,
            output_bytes_max: connector.size(&OTLP_REQUEST_OUTPUT_MAX_BYTES),
            creation,
            bootstrap: client::joined(&clients.client.bootstrap),
            client: clients.client,
            produce: clients.produce,
            instances: instances.size(&PRODUCER_INSTANCES),
            admin: clients.admin,
            #[cfg(feature = "librdkafka")]
            librdkafka: clients.librdkafka,
            notes: clients.notes,
        })
    }

    /// The topics.
    #[must_use]
    pub fn route(&self) -> &Route {
        &self.route
    }

    /// Names of the headers that requests bring along for their records, in the order of [`pipeline::Carried`].
    #[must_use]
    pub fn carried(&self) -> &[String] {
        &self.marks.carried
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

/// Where a key counts that may stand in both files: in the connector's, when it is there.
fn either<'a>(connector: &'a Values, worker: &'a Values, key: &Key) -> &'a Values {
    if connector.is_given(key) { connector } else { worker }
}

/// What the worker's keys leave of the places of tokens.
fn allowed(worker: &Values, surroundings: &Surroundings) -> Surroundings {
    let list = |key: &Key, before: &Option<Vec<String>>| match worker.is_given(key) {
        true => Some(worker.list(key).to_vec()),
        false => before.clone(),
    };
    let TokenPlaces { urls, files } = &surroundings.tokens;
    let tokens =
        TokenPlaces { urls: list(&OAUTH_ALLOWED_URLS, urls), files: list(&OAUTH_ALLOWED_FILES, files) };
    Surroundings { tokens, ..surroundings.clone() }
}

/// Which client produces; one that is not in this build is a mistake.
fn library(connector: &Values, worker: &Values, problems: &mut Vec<Problem>) -> Library {
    if either(connector, worker, &PRODUCER_CLIENT).text(&PRODUCER_CLIENT) != Some("librdkafka") {
        return Library::Native;
    }
    LIBRDKAFKA.unwrap_or_else(|| {
        let why = "librdkafka is not in this build: build it with --features librdkafka, or remove the key";
        problems.push(Problem::other(PRODUCER_CLIENT.name, why));
        Library::Native
    })
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
    let source = |key: &Key| either(connector, worker, key);
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
