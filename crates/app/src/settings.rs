//! All sources of configuration become typed, checked values, or every mistake at once.
//!
//! ```text
//!  worker.properties ─┐                     ┌─► worker's pairs ───────────────────────► judged, parsed ─► Settings
//!  environment ───────┼─► sources ─► gather ┤        │ Ground                                          or Mistakes
//!  -o key=value ──────┤   (text)   (later   └─► connectors' files ─┐
//!  connector files ───┘             wins)                REST ─────┴─► Definition ─► plan: resolved, ─► Plan
//!                                                                                   judged, parsed    or Problems
//! ```

pub(crate) mod keys;

mod framework;
mod gather;
mod in_force;
mod known;
mod listener;
mod memory;
mod origin;
mod owners;
mod plan;
mod providers;
mod references;
mod sources;

use std::collections::BTreeMap;
use std::num::NonZero;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use admin::Target;
use config::{Problem, Values};
use tracing::level_filters::LevelFilter;

pub(crate) use in_force::InForce;
pub(crate) use listener::Listener;
pub(crate) use memory::Memory;
pub(crate) use origin::{Mistake, Mistakes, Origin};
pub(crate) use plan::{Author, Definition, Ground, Plan, shown};

use crate::files;
use crate::logging::Log;
use gather::Gathered;
use origin::{Given, Pairs, What, values};
use providers::{Environment, Providers, Trust};

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
    /// The budget of all connectors that have none of their own.
    pub(crate) memory: Memory,
    /// How many connectors there may be.
    pub(crate) connectors_max: usize,
    /// What definitions of connectors stand on.
    pub(crate) ground: Arc<Ground>,
    /// The connectors of the command line, or the one of a start that names none.
    pub(crate) connectors: Vec<Connector>,
    /// Topics of the first connector, in the order of `Signal::ALL`; those of a default one where there is none.
    pub(crate) topics: Vec<String>,
    /// All keys of the worker as text, for Kafka clients of other kinds.
    pub(crate) properties: BTreeMap<String, String>,
    /// What deserves a word in the log, but no stop.
    pub(crate) words: Vec<String>,
    /// The values that differ from the defaults.
    pub(crate) in_force: Vec<InForce>,
}

/// A connector to run from the start.
pub(crate) struct Connector {
    pub(crate) definition: Definition,
    /// What it is to be, where nobody has said otherwise since.
    pub(crate) initial: Target,
    pub(crate) plan: Plan,
}

impl Settings {
    /// The largest record value of the connectors that are known at the start.
    pub(crate) fn record_bytes_max(&self) -> usize {
        self.connectors.iter().map(|connector| connector.plan.record_bytes_max).max().unwrap_or(0)
    }
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
    let (gathered, mistakes) = gather::gather(sources);
    let mut check = Check { mistakes, ..Check::default() };
    let environment = sources.environment.iter().cloned().collect();
    let settings = check.settings(gathered, &environment);
    match settings {
        Some(settings) if check.mistakes.is_empty() => Ok(Settings { words: check.words, ..settings }),
        _ => Err(Mistakes(check.mistakes)),
    }
}

/// A check under way: what was found so far.
#[derive(Default)]
struct Check {
    mistakes: Vec<Mistake>,
    words: Vec<String>,
    in_force: Vec<InForce>,
}

impl Check {
    /// `None` only when there are mistakes.
    fn settings(&mut self, mut gathered: Gathered, environment: &Environment) -> Option<Settings> {
        let (worker_keys, mut problems) = (keys::worker(), Vec::new());
        known::judge_worker(&gathered.worker, &worker_keys, &mut self.words);
        let providers = Providers::from_pairs(&gathered.worker, environment, &mut problems);
        let Gathered { worker, beneath, over, over_both, .. } = &mut gathered;
        for pairs in [worker, beneath, over, over_both] {
            resolve(pairs, &providers).into_iter().for_each(|mistake| self.add(mistake));
        }
        let embedded = embedded_broker(&mut gathered.worker);
        let (worker, found) = config::parse(&worker_keys, &values(&gathered.worker));
        problems.extend(found);
        let read = files::surroundings().read;
        let listeners = keep(listener::listeners(&worker, &gathered.worker, &read), &mut problems);
        let rest = keep(admin::Options::from_values(&worker, &*read), &mut problems);
        self.in_force.extend(in_force::in_force(&[(&worker_keys, &gathered.worker)]));
        let Gathered { worker: pairs, beneath, over, over_both, files, has_worker_file, laptop } = gathered;
        references::hide(&mut problems, &[&pairs]);
        self.mistake(problems, &[&pairs]);
        let memory_bytes = memory_bytes(&over, &beneath);
        let ground = Arc::new(Ground { worker: pairs, beneath, over, over_both, providers, memory_bytes });
        let connectors = self.connectors(&ground, &files, has_worker_file);
        let (listeners, rest, connectors) = (listeners?, rest?, connectors?);
        let properties = gather::properties(&ground.worker, &ground.over);
        let default = default_plan(&ground);
        let plans = || connectors.iter().map(|connector| &connector.plan).chain(&default);
        Some(Settings {
            laptop,
            embedded,
            bootstrap_servers: ground.worker.get("bootstrap.servers")?.value.clone(),
            worker_id: listener::advertised(&worker, listeners.first()?),
            listeners,
            rest,
            data_dir: PathBuf::from(worker.text(&keys::DATA_DIR).unwrap_or_default()),
            threads: threads(&worker),
            log: log(&worker),
            shutdown_delay: worker.millis(&keys::SHUTDOWN_DELAY),
            graceful_timeout: worker.millis(&keys::GRACEFUL_TIMEOUT),
            memory: Memory {
                total_bytes: memory_bytes,
                // As much as the largest request of any of them takes, and of one that comes over REST.
                reserve_bytes: plans().map(|plan| plan.reserve_bytes).max().unwrap_or(memory_bytes / 2),
            },
            connectors_max: worker.size(&keys::CONNECTORS_MAX),
            topics: plans().next().map(|plan| plan.topics.clone()).unwrap_or_default(),
            properties: values(&properties),
            ground,
            connectors,
            words: Vec::new(),
            in_force: std::mem::take(&mut self.in_force),
        })
    }

    /// The connectors of the command line; where it names none, and no worker's file, the default.
    fn connectors(
        &mut self,
        ground: &Ground,
        files: &[gather::ConnectorFile],
        has_worker_file: bool,
    ) -> Option<Vec<Connector>> {
        let default = [gather::ConnectorFile::default()];
        let is_default = files.is_empty() && !has_worker_file;
        let files = if is_default { &default } else { files };
        let mut connectors: Vec<Connector> = Vec::new();
        let keys = keys::connector();
        for file in files {
            let (definition, initial) = plan::definition(ground, file, is_default);
            let judged = ground.judge(&definition, &file.pairs);
            if connectors.iter().any(|other| other.definition.name == definition.name) {
                let origin = match &definition.author {
                    Author::File(origin) => origin.clone(),
                    Author::Default | Author::Rest => Origin::Default,
                };
                let why = format!("there is another connector called {}", definition.name);
                self.mistakes.push(Mistake::text(origin, why));
            }
            self.in_force.extend(in_force::in_force(&[(&keys, &judged.pairs)]));
            self.mistake(judged.problems, &[&judged.pairs, &file.pairs, &ground.worker]);
            if let Some(mut plan) = judged.plan {
                self.words.append(&mut plan.words);
                connectors.push(Connector { definition, initial, plan });
            }
        }
        (connectors.len() == files.len()).then_some(connectors)
    }

    fn mistake(&mut self, problems: Vec<Problem>, pairs: &[&Pairs]) {
        for problem in problems {
            self.add(Mistake::of(problem, pairs));
        }
    }

    /// Once, wherever it shows.
    fn add(&mut self, mistake: Mistake) {
        if !self.mistakes.contains(&mistake) {
            self.mistakes.push(mistake);
        }
    }
}

/// Puts what is referred to in place of references in pairs of the worker's owner. Those that lead nowhere are taken out.
fn resolve(pairs: &mut Pairs, providers: &Providers) -> Vec<Mistake> {
    let mut mistakes = Vec::new();
    pairs.retain(|key, given| {
        if key.starts_with("config.providers") {
            return true;
        }
        match providers.resolve(&given.value, Trust::Owner) {
            Ok(value) => *given = Given::resolved(&given.value, value, given.origin.clone()),
            Err(why) => {
                let what = What::Key(Problem::other(key, why));
                mistakes.push(Mistake { origin: given.origin.clone(), what });
                return false;
            }
        }
        true
    });
    mistakes
}

/// A connector that says nothing itself.
fn default_plan(ground: &Ground) -> Option<Plan> {
    let (definition, _) = plan::definition(ground, &gather::ConnectorFile::default(), true);
    ground.plan(&definition).ok()
}

/// Without `bootstrap.servers` the embedded broker runs, and Kafka is there.
fn embedded_broker(worker: &mut Pairs) -> Option<u16> {
    const KEY: &str = "bootstrap.servers";
    // An empty value is a mistake, such as a variable that was not set, and no wish for the embedded broker.
    if worker.contains_key(KEY) {
        return None;
    }
    let (values, _) = config::parse(&[&keys::DEV_BROKER_PORT], &values(worker));
    let port = u16::try_from(values.int(&keys::DEV_BROKER_PORT)).unwrap_or(0);
    let given = Given::new(format!("127.0.0.1:{port}"), Origin::Default);
    worker.insert(KEY.to_owned(), given);
    Some(port)
}

/// The budget of the process: what its owner says outside of connectors' files, or the default.
fn memory_bytes(over: &Pairs, beneath: &Pairs) -> usize {
    let key = &keys::MEMORY_MAX;
    let given = over.get(key.name).or_else(|| beneath.get(key.name));
    let raw = given.map(|given| (key.name.to_owned(), given.value.clone())).into_iter().collect();
    let (values, _) = config::parse(&[key], &raw);
    if values.is_given(key) {
        values.size(key)
    } else {
        memory::default_bytes(memory::cgroup_limit(&files::text))
    }
}

fn keep<T>(result: Result<T, Vec<Problem>>, problems: &mut Vec<Problem>) -> Option<T> {
    match result {
        Ok(value) => Some(value),
        Err(mut found) => {
            // Of a key that fails its own check, no more needs to be said.
            found.retain(|problem| !problems.iter().any(|known| known.key == problem.key));
            problems.extend(found);
            None
        }
    }
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
