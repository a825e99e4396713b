//! From one connector's definition, and the worker that it stands on, to what is to run, or every mistake at once.

use std::time::Duration;

use admin::{Pairs as Config, Target};
use config::{Key, Problem, Reason, Values};

use super::gather;
use super::memory::{self, Memory};
use super::origin::{Given, Origin, Pairs, values};
use super::owners::{self, Bounds};
use super::providers::{Providers, Trust};
use super::{keys, known, references};
use crate::files;

const REQUEST_MAX: &str = "otlp.request.max.bytes";
const POLICY: &str = "connector.client.config.override.policy";

/// A connector as somebody defined it, before it is judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Definition {
    pub(crate) name: String,
    /// The pairs as submitted, with `name` and `connector.class`: what REST shows. References are not resolved.
    pub(crate) config: Config,
    /// Who wrote it.
    pub(crate) author: Author,
    /// Pairs that the command line gives this connector: where these are repeated over REST, they are the owner's.
    pub(crate) owners: Config,
}

/// Who defined a connector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Author {
    /// A file of the command line.
    File(Origin),
    /// Nobody: the connector of a start that names none.
    Default,
    /// REST, now or before a restart.
    Rest,
}

/// What every connector's definition stands on. Holds secrets: no `Debug`.
#[derive(Clone)]
pub(crate) struct Ground {
    /// The worker's pairs, resolved.
    pub(super) worker: Pairs,
    /// Connectors' keys that count where a definition does not say otherwise.
    pub(super) beneath: Pairs,
    /// Connectors' keys that count over what files of the command line say.
    pub(super) over: Pairs,
    /// The same, of keys that the worker has too.
    pub(super) over_both: Pairs,
    pub(super) providers: Providers,
    /// The budget of the whole process.
    pub(super) memory_bytes: usize,
}

/// A connector that can run. Holds secrets: no `Debug`.
#[derive(Clone)]
pub(crate) struct Plan {
    /// Topic of each signal, in the order of `Signal::ALL`.
    pub(crate) topics: Vec<String>,
    /// `otlp.message.format`.
    pub(crate) format: String,
    /// A budget of its own; `None`: that of the process.
    pub(crate) memory: Option<Memory>,
    /// Unacknowledged requests of each signal.
    pub(crate) queue_size: usize,
    /// The largest record value.
    pub(crate) record_bytes_max: usize,
    /// What one request may take of its budget's reserve.
    pub(crate) reserve_bytes: usize,
    pub(crate) receiver: receiver::Config,
    pub(crate) sink: sink::Config,
    /// What deserves a word in the log, but no stop.
    pub(crate) words: Vec<String>,
}

/// A connector's pairs as they count, each with its origin, and what was found wrong with them so far.
pub(super) struct Judged {
    pub(super) pairs: Pairs,
    pub(super) plan: Option<Plan>,
    pub(super) problems: Vec<Problem>,
}

impl Ground {
    /// What a definition comes to.
    ///
    /// # Errors
    ///
    /// Every mistake in it; never none.
    pub(crate) fn plan(&self, definition: &Definition) -> Result<Plan, Vec<Problem>> {
        let judged = self.judge(definition, &Pairs::new());
        judged.plan.filter(|_| judged.problems.is_empty()).ok_or(judged.problems)
    }

    /// Everything that is wrong with pairs that come over REST.
    pub(crate) fn problems(&self, config: &Config) -> Vec<admin::Problem> {
        let name = config.get("name").cloned().unwrap_or_default();
        let definition =
            Definition { name, config: config.clone(), author: Author::Rest, owners: Config::new() };
        let problems = self.judge(&definition, &Pairs::new()).problems;
        problems.into_iter().map(|problem| shown(problem, config)).collect()
    }

    /// `origins` says where pairs of the definition were given.
    pub(super) fn judge(&self, definition: &Definition, origins: &Pairs) -> Judged {
        let mut problems = Vec::new();
        let own = self.resolved(definition, origins, &mut problems);
        let mut pairs = self.beneath.clone();
        if definition.author == Author::Rest {
            pairs.extend(self.over.clone());
            pairs.extend(own.clone());
        } else {
            pairs.extend(own.clone());
            pairs.extend(self.over.clone());
            let both = self.over_both.iter().filter(|(key, _)| own.contains_key(*key));
            pairs.extend(both.map(|(key, given)| (key.clone(), given.clone())));
        }
        let overridden = definition.author != Author::Rest && self.over.contains_key(keys::MEMORY_MAX.name);
        let own_memory = own.contains_key(keys::MEMORY_MAX.name) && !overridden;
        let mut check = Check::new(&self.worker, pairs, problems);
        let plan = check.plan(own_memory, self.memory_bytes);
        let Check { connector: pairs, mut problems, .. } = check;
        references::hide(&mut problems, &[&pairs, &self.worker]);
        Judged { pairs, plan, problems }
    }

    fn resolved(&self, definition: &Definition, origins: &Pairs, problems: &mut Vec<Problem>) -> Pairs {
        let trust = |key: &String, value: &String| {
            let owners = definition.author != Author::Rest || definition.owners.get(key) == Some(value);
            if owners { Trust::Owner } else { Trust::Rest }
        };
        let owners = definition.config.iter().filter(|(key, value)| trust(key, value) == Trust::Owner);
        let owners = owners.map(|(key, _)| key).chain(self.beneath.keys()).chain(self.over.keys());
        let bounds = Bounds {
            policy_is_given: self.worker.contains_key(POLICY),
            has_login: owners::has_login(&self.worker, owners),
        };
        let mut pairs = Pairs::new();
        for (key, value) in &definition.config {
            let trust = trust(key, value);
            if trust == Trust::Rest
                && !owners::says_the_same(&self.worker, key, value)
                && let Some(why) = bounds.refuse(key)
            {
                problems.push(Problem::other(key, why));
                continue;
            }
            let inherited = || self.beneath.get(key).filter(|given| given.shown() == value);
            let origin = origins.get(key).or_else(inherited);
            let origin = origin.map_or(Origin::Default, |given| given.origin.clone());
            match self.providers.resolve(value, trust) {
                Ok(resolved) => drop(pairs.insert(key.clone(), Given::resolved(value, resolved, origin))),
                Err(why) => problems.push(Problem::other(key, why)),
            }
        }
        pairs
    }
}

/// A problem as REST shows it: in Connect's words, with the value as it was submitted.
pub(crate) fn shown(problem: Problem, config: &Config) -> admin::Problem {
    admin::Problem {
        message: match &problem.reason {
            Reason::Other(what) => what.clone(),
            Reason::Invalid { .. } | Reason::Unknown { .. } => problem.to_string(),
        },
        value: config.get(&problem.key).cloned(),
        key: problem.key,
    }
}

/// A connector's file, or the default, as a definition; `name` as all sources together give it.
pub(super) fn definition(
    ground: &Ground,
    file: &gather::ConnectorFile,
    is_default: bool,
) -> (Definition, Target) {
    let own = file.pairs.get(keys::NAME.name);
    let over = ground.over.get(keys::NAME.name).or(own).or_else(|| ground.beneath.get(keys::NAME.name));
    let name = over.map_or_else(
        || keys::NAME.default.unwrap_or_default().to_owned(),
        |given| given.value.trim().to_owned(),
    );
    let mut config = values(&file.pairs);
    config.insert(keys::NAME.name.to_owned(), name.clone());
    // Over REST a definition must have its class: without it, it could be neither patched nor put back as it was read.
    let others = || {
        ground.over.get(keys::CONNECTOR_CLASS.name).or_else(|| ground.beneath.get(keys::CONNECTOR_CLASS.name))
    };
    config.entry(keys::CONNECTOR_CLASS.name.to_owned()).or_insert_with(|| {
        others().map_or_else(
            || keys::CONNECTOR_CLASS.default.unwrap_or_default().to_owned(),
            |given| given.shown().to_owned(),
        )
    });
    let origin = file.pairs.values().next().map_or(Origin::Default, |given| given.origin.clone());
    let author = if is_default { Author::Default } else { Author::File(origin) };
    (Definition { name, owners: config.clone(), config, author }, file.initial)
}

/// A check under way: what was given, and what was found wrong so far.
struct Check<'a> {
    worker: &'a Pairs,
    connector: Pairs,
    worker_keys: Vec<&'static Key>,
    connector_keys: Vec<&'static Key>,
    problems: Vec<Problem>,
    words: Vec<String>,
}

impl<'a> Check<'a> {
    fn new(worker: &'a Pairs, connector: Pairs, problems: Vec<Problem>) -> Self {
        let (worker_keys, connector_keys) = (keys::worker(), keys::connector());
        Self { worker, connector, worker_keys, connector_keys, problems, words: Vec::new() }
    }

    /// `None` only when there are problems.
    fn plan(&mut self, own_memory: bool, process_bytes: usize) -> Option<Plan> {
        known::judge_connector(&self.connector, &self.connector_keys, &mut self.problems, &mut self.words);
        // What the worker's pairs themselves have wrong was said when it started.
        let (worker, _) = config::parse(&self.worker_keys, &values(self.worker));
        let own = if own_memory { self.own_memory() } else { Some(process_bytes) };
        // From a budget that is none follows nothing that could be said of other keys.
        if let Some(total) = own {
            self.fit_request(total);
        }
        let total = own.unwrap_or(process_bytes);
        let (connector, problems) = config::parse(&self.connector_keys, &values(&self.connector));
        self.problems.extend(problems);
        if connector.int(&keys::TASKS_MAX) > 1 {
            self.words.push("tasks.max: one task is enough, it uses all worker threads".to_owned());
        }
        let size = |name| self.size(&connector, name);
        let (request, record_bytes_max) = (size(REQUEST_MAX), size("otlp.record.max.bytes"));
        let queue_size = size("otlp.message.queue.size");
        let hold = Duration::from_millis(size("otlp.request.hold.ms") as u64);
        let surroundings = files::surroundings();
        let properties = values(&gather::properties(self.worker, &self.connector));
        let memory = Memory::new(total, request, record_bytes_max);
        let receiver = receiver::Config::from_values(&connector, &*surroundings.read);
        let sink = sink::Config::from_values(&connector, &worker, &properties, hold, &surroundings);
        let topics = ["traces", "metrics", "logs", "profiles"]
            .map(|signal| self.text(&connector, &format!("kafka.topic.{signal}")));
        let format = self.text(&connector, "otlp.message.format");

        let memory = self.keep(memory.map_err(|problem| vec![problem]));
        let receiver = self.keep(receiver);
        let sink = self.keep(sink);
        let (memory, mut receiver, sink) = (memory?, receiver?, sink?);
        if let Err(name) = receiver.carry(sink.carried()) {
            let what = format!("no header of a request can have the name {name}");
            self.problems.push(Problem::other(sink::config::OTLP_RECORD_HEADERS.name, what));
        }
        Some(Plan {
            topics: topics.into(),
            format,
            memory: own_memory.then_some(memory),
            queue_size,
            record_bytes_max,
            reserve_bytes: memory.reserve_bytes,
            receiver,
            sink,
            words: std::mem::take(&mut self.words),
        })
    }

    /// The connector's own budget; `None` when what it gives is none.
    fn own_memory(&self) -> Option<usize> {
        let (given, _) = config::parse(&[&keys::MEMORY_MAX], &values(&self.connector));
        given.is_given(&keys::MEMORY_MAX).then(|| given.size(&keys::MEMORY_MAX))
    }

    /// Where nobody gave it, the largest request takes at most a quarter of the budget.
    fn fit_request(&mut self, total: usize) {
        if let Some(quarter) = memory::request_default(&self.connector_keys, REQUEST_MAX, total) {
            let given = Given::new(quarter.to_string(), Origin::Default);
            self.connector.entry(REQUEST_MAX.to_owned()).or_insert(given);
        }
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

    fn size(&self, connector: &Values, name: &str) -> usize {
        self.connector_keys.iter().find(|key| key.name == name).map_or(0, |key| connector.size(key))
    }

    fn text(&self, connector: &Values, name: &str) -> String {
        let key = self.connector_keys.iter().find(|key| key.name == name);
        key.and_then(|key| connector.text(key)).unwrap_or_default().to_owned()
    }
}
