//! All sources of configuration become typed, checked values, or every mistake at once.
//!
//! ```text
//!  worker.properties ─┐                     ┌─► worker's pairs ────► judged, parsed ─┐
//!  connector file ────┼─► sources ─► gather ┤                                        ├─► Settings
//!  environment ───────┤   (text)   (later   └─► connector's pairs ─► judged, parsed ─┘   or Mistakes
//!  -o key=value ──────┘             wins)
//! ```

pub(crate) mod keys;

mod framework;
mod gather;
mod in_force;
mod known;
mod listener;
mod memory;
mod origin;
mod sources;
mod validate;

use std::collections::BTreeMap;
use std::num::NonZero;
use std::path::PathBuf;
use std::time::Duration;

use config::{Key, Problem, Values};
use tracing::level_filters::LevelFilter;

pub(crate) use in_force::InForce;
pub(crate) use listener::Listener;
pub(crate) use memory::Memory;
pub(crate) use origin::{Mistake, Mistakes, Origin, Pairs};
pub(crate) use validate::validate;

use crate::files;
use crate::logging::Log;
use gather::Gathered;
use origin::{Given, values};

/// Where configuration may come from.
#[derive(Debug, Default)]
pub(crate) struct Sources<'a> {
    /// Worker properties, then connector files.
    pub(crate) files: &'a [String],
    /// `-o`.
    pub(crate) options: &'a [String],
    /// The environment.
    pub(crate) environment: Vec<(String, String)>,
}

/// Everything that the process needs to know, checked. Holds secrets: no `Debug`.
pub(crate) struct Settings {
    /// Nothing was given that says otherwise: all listeners on loopback.
    pub(crate) laptop: bool,
    /// The port of the embedded broker, when it is to run.
    pub(crate) embedded: Option<u16>,
    /// Where Kafka is.
    pub(crate) bootstrap_servers: String,
    pub(crate) listeners: Vec<Listener>,
    /// How the REST API serves.
    pub(crate) rest: admin::Options,
    /// `host:port` under which others reach the REST API.
    pub(crate) worker_id: String,
    pub(crate) data_dir: PathBuf,
    pub(crate) threads: usize,
    pub(crate) log: Log,
    pub(crate) shutdown_delay: Duration,
    pub(crate) graceful_timeout: Duration,
    pub(crate) memory: Memory,
    /// Unacknowledged requests of each signal.
    pub(crate) queue_size: usize,
    /// The largest record value.
    pub(crate) record_bytes_max: usize,
    /// What was given to the worker.
    pub(crate) worker: Pairs,
    pub(crate) connector: Connector,
    pub(crate) receiver: receiver::Config,
    pub(crate) sink: sink::Config,
    /// All keys as text, for Kafka clients of other kinds.
    pub(crate) properties: BTreeMap<String, String>,
    /// What deserves a word in the log, but no stop.
    pub(crate) words: Vec<String>,
    /// The values that differ from the defaults.
    pub(crate) in_force: Vec<InForce>,
}

/// The connector to run.
#[derive(Debug, Clone)]
pub(crate) struct Connector {
    pub(crate) name: String,
    /// The pairs as submitted, and `name`: what REST shows.
    pub(crate) submitted: BTreeMap<String, String>,
    /// Topic of each signal, in the order of `Signal::ALL`.
    pub(crate) topics: Vec<String>,
    /// `otlp.message.format`.
    pub(crate) format: String,
}

impl<'a> Sources<'a> {
    /// Files and options from the command line, the rest from the process's environment.
    pub(crate) fn of_process(files: &'a [String], options: &'a [String]) -> Self {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Self { files, options, environment: std::env::vars_os().filter_map(text).collect() }
    }
}

/// Reads, merges and checks everything.
///
/// # Errors
///
/// Every mistake of all sources together.
pub(crate) fn load(sources: &Sources<'_>) -> Result<Settings, Mistakes> {
    let (gathered, mut mistakes) = gather::gather(sources);
    let mut check = Check::new(gathered);
    let settings = check.settings();
    let Check { gathered, problems, words, .. } = check;
    let pairs = [&gathered.connector, &gathered.worker];
    for problem in problems {
        let mistake = Mistake::of(problem, &pairs);
        if !mistakes.contains(&mistake) {
            mistakes.push(mistake);
        }
    }
    match settings {
        Some(settings) if mistakes.is_empty() => Ok(Settings { words, ..settings }),
        _ => Err(Mistakes(mistakes)),
    }
}

/// A check under way: what was given, and what was found wrong so far.
struct Check {
    gathered: Gathered,
    worker_keys: Vec<&'static Key>,
    connector_keys: Vec<&'static Key>,
    problems: Vec<Problem>,
    words: Vec<String>,
}

impl Check {
    fn new(gathered: Gathered) -> Self {
        Self {
            gathered,
            worker_keys: keys::worker(),
            connector_keys: keys::connector(),
            problems: Vec::new(),
            words: Vec::new(),
        }
    }

    /// `None` only when there are problems.
    fn settings(&mut self) -> Option<Settings> {
        self.judge_names();
        let embedded = self.embedded_broker();
        let worker = self.parse(&self.worker_keys.clone(), |gathered| &gathered.worker);
        let memory_bytes = self.memory_bytes();
        let connector = self.parse(&self.connector_keys.clone(), |gathered| &gathered.connector);
        if connector.int(&keys::TASKS_MAX) > 1 {
            self.words.push("tasks.max: one task is enough, it uses all worker threads".to_owned());
        }

        let size = |name| size(&self.connector_keys, &connector, name);
        let record_bytes_max = size("otlp.record.max.bytes");
        let memory = Memory::new(memory_bytes, size("otlp.request.max.bytes"), record_bytes_max);
        let queue_size = size("otlp.message.queue.size");
        let hold = Duration::from_millis(size("otlp.request.hold.ms") as u64);
        let surroundings = files::surroundings();
        let properties = values(&self.gathered.properties());
        let receiver = receiver::Config::from_values(&connector, &*surroundings.read);
        let sink = sink::Config::from_values(&connector, &worker, &properties, hold, &surroundings);
        let listeners = listener::listeners(&worker, &self.gathered.worker, &surroundings.read);
        let rest = admin::Options::from_values(&worker, &*surroundings.read);
        let topics = ["traces", "metrics", "logs", "profiles"]
            .map(|signal| self.text(&connector, &format!("kafka.topic.{signal}")));
        let format = self.text(&connector, "otlp.message.format");
        let in_force = in_force::in_force(&[
            (&self.worker_keys, &self.gathered.worker),
            (&self.connector_keys, &self.gathered.connector),
        ]);

        let memory = self.keep(memory.map_err(|problem| vec![problem]))?;
        let receiver = self.keep(receiver);
        let sink = self.keep(sink);
        let listeners = self.keep(listeners);
        let rest = self.keep(rest);
        let (mut receiver, sink, listeners, rest) = (receiver?, sink?, listeners?, rest?);
        if let Err(name) = receiver.carry(sink.carried()) {
            let what = format!("no header of a request can have the name {name}");
            self.problems.push(Problem::other(sink::config::OTLP_RECORD_HEADERS.name, what));
        }
        let name = connector.text(&keys::NAME).unwrap_or_default().to_owned();
        let mut submitted = values(&self.gathered.submitted);
        submitted.insert("name".to_owned(), name.clone());
        Some(Settings {
            laptop: self.gathered.laptop,
            embedded,
            bootstrap_servers: self.gathered.worker.get("bootstrap.servers")?.value.clone(),
            worker_id: listener::advertised(&worker, listeners.first()?),
            listeners,
            rest,
            data_dir: PathBuf::from(worker.text(&keys::DATA_DIR).unwrap_or_default()),
            threads: threads(&worker),
            log: log(&worker),
            shutdown_delay: worker.millis(&keys::SHUTDOWN_DELAY),
            graceful_timeout: worker.millis(&keys::GRACEFUL_TIMEOUT),
            memory,
            queue_size,
            record_bytes_max,
            worker: self.gathered.worker.clone(),
            connector: Connector { name, submitted, topics: topics.into(), format },
            receiver,
            sink,
            properties,
            words: Vec::new(),
            in_force,
        })
    }

    fn judge_names(&mut self) {
        let Self { gathered, worker_keys, connector_keys, problems, words } = self;
        known::judge_worker(&gathered.worker, worker_keys, problems, words);
        known::judge_connector(&gathered.connector, connector_keys, problems, words);
    }

    /// Without `bootstrap.servers` the embedded broker runs, and Kafka is there.
    fn embedded_broker(&mut self) -> Option<u16> {
        const KEY: &str = "bootstrap.servers";
        // An empty value is a mistake, such as a variable that was not set, and no wish for the embedded broker.
        if self.gathered.worker.contains_key(KEY) {
            return None;
        }
        let (values, _) = config::parse(&[&keys::DEV_BROKER_PORT], &values(&self.gathered.worker));
        let port = u16::try_from(values.int(&keys::DEV_BROKER_PORT)).unwrap_or(0);
        let given = Given { value: format!("127.0.0.1:{port}"), origin: Origin::Default };
        self.gathered.worker.insert(KEY.to_owned(), given);
        Some(port)
    }

    /// The budget; and, where nobody gave it, the largest request, which takes at most a quarter of it.
    fn memory_bytes(&mut self) -> usize {
        const REQUEST_MAX: &str = "otlp.request.max.bytes";
        let (given, _) = config::parse(&[&keys::MEMORY_MAX], &values(&self.gathered.connector));
        let total = if given.is_given(&keys::MEMORY_MAX) {
            given.size(&keys::MEMORY_MAX)
        } else {
            memory::default_bytes(memory::cgroup_limit(&files::text))
        };
        let key = self.connector_keys.iter().find(|key| key.name == REQUEST_MAX);
        let default = key.and_then(|key| key.default?.parse::<usize>().ok());
        if default.is_some_and(|default| total / 4 < default) {
            let quarter = Given { value: (total / 4).to_string(), origin: Origin::Default };
            self.gathered.connector.entry(REQUEST_MAX.to_owned()).or_insert(quarter);
        }
        total
    }

    fn parse(&mut self, keys: &[&'static Key], pairs: impl Fn(&Gathered) -> &Pairs) -> Values {
        let (values, problems) = config::parse(keys, &values(pairs(&self.gathered)));
        self.problems.extend(problems);
        values
    }

    fn keep<T>(&mut self, result: Result<T, Vec<Problem>>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(mut problems) => {
                // Of a key that fails its own check, no more needs to be said.
                problems.retain(|problem| !self.problems.iter().any(|known| known.key == problem.key));
                self.problems.extend(problems);
                None
            }
        }
    }

    fn text(&self, connector: &Values, name: &str) -> String {
        let key = self.connector_keys.iter().find(|key| key.name == name);
        key.and_then(|key| connector.text(key)).unwrap_or_default().to_owned()
    }
}

fn size(keys: &[&'static Key], values: &Values, name: &str) -> usize {
    keys.iter().find(|key| key.name == name).map_or(0, |key| values.size(key))
}

fn threads(worker: &Values) -> usize {
    if worker.is_given(&keys::WORKER_THREADS) {
        return worker.size(&keys::WORKER_THREADS);
    }
    std::thread::available_parallelism().map_or(1, NonZero::get)
}

fn log(worker: &Values) -> Log {
    Log {
        json: worker.text(&keys::LOG_FORMAT) == Some("json"),
        level: match worker.text(&keys::LOG_LEVEL) {
            Some("error") => LevelFilter::ERROR,
            Some("warn") => LevelFilter::WARN,
            Some("debug") => LevelFilter::DEBUG,
            Some("trace") => LevelFilter::TRACE,
            _ => LevelFilter::INFO,
        },
    }
}

#[cfg(test)]
mod tests;
