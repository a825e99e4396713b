//! All sources in one: later wins, each key in the map of the part that obeys it.

use admin::Target;

use super::origin::{Given, Mistake, Origin, Pairs};
use super::{Sources, keys, known, sources};

/// What the first word of a command line may have been meant to be.
const COMMANDS: [&str; 4] = ["run", "check", "tail", "broker"];

/// What was given, before it is judged.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    pub(super) worker: Pairs,
    /// Connectors' keys in the worker's file, and what a laptop sets: where a connector does not say otherwise.
    pub(super) beneath: Pairs,
    /// Connectors' keys of environment and `-o`: over what the command line's files say of a connector.
    pub(super) over: Pairs,
    /// The same of keys that the worker has too: only over what a connector's file says itself.
    pub(super) over_both: Pairs,
    /// What the command line's files say, each of one connector.
    pub(super) files: Vec<ConnectorFile>,
    /// There is a worker's file: what it runs is what it is told to run.
    pub(super) has_worker_file: bool,
    /// No file and no Kafka was named: everything stays on this machine.
    pub(super) laptop: bool,
}

/// A connector's file.
#[derive(Debug, Default)]
pub(super) struct ConnectorFile {
    /// Its pairs.
    pub(super) pairs: Pairs,
    /// `initial_state`.
    pub(super) initial: Target,
}

/// Reads the sources: files, then environment, then `-o`.
pub(super) fn gather(sources: &Sources<'_>) -> (Gathered, Vec<Mistake>) {
    let mut mistakes = Vec::new();
    let mut gathered = Gathered::default();
    let (worker_file, connector_files) = match sources.files {
        [first, rest @ ..] if !first.ends_with(".json") => (Some(first), rest),
        all => (None, all),
    };
    if let Some(path) = worker_file {
        gathered.has_worker_file = true;
        let pairs = sources::properties_file(path, &mut mistakes);
        gathered.route(pairs, Place::Beneath);
        if let (Some(mistake), Some(command)) = (mistakes.last_mut(), config::nearest(path, COMMANDS)) {
            mistake.add(&format!("; did you mean the command {command}?"));
        }
    }
    for path in connector_files {
        gathered.files.push(sources::connector_file(path, &mut mistakes));
    }
    gathered.route(sources::environment(sources.environment.iter().cloned()), Place::Over);
    gathered.route(sources::options(sources.options, &mut mistakes), Place::Over);
    gathered.laptop = sources.files.is_empty() && !gathered.worker.contains_key("bootstrap.servers");
    if gathered.laptop {
        gathered.stay_on_this_machine();
    }
    (gathered, mistakes)
}

/// Whether a source is under the connectors' files, or over them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Beneath,
    Over,
}

impl Gathered {
    /// Puts each pair where its key is obeyed.
    fn route(&mut self, pairs: Pairs, place: Place) {
        let worker_keys = keys::worker();
        let connector_keys = keys::connector();
        for (name, given) in pairs {
            let workers = worker_keys.iter().any(|key| key.name == name);
            let connectors = known::is_connectors(&name, &connector_keys);
            match (workers, connectors) {
                (true, true) if place == Place::Over => {
                    self.over_both.insert(name.clone(), given.clone());
                    self.worker.insert(name, given);
                }
                (false, true) if place == Place::Over => drop(self.over.insert(name, given)),
                (false, true) => drop(self.beneath.insert(name, given)),
                (_, false) | (true, true) => drop(self.worker.insert(name, given)),
            }
        }
    }

    fn stay_on_this_machine(&mut self) {
        const LOOPBACK: &str = "127.0.0.1";
        let given = |value: &str| Given::new(value, Origin::Default);
        let older =
            [&keys::REST_HOST_NAME, &keys::REST_PORT].iter().any(|key| self.worker.contains_key(key.name));
        let (rest, value) = if older {
            (keys::REST_HOST_NAME.name, LOOPBACK)
        } else {
            (keys::LISTENERS.name, "http://127.0.0.1:8083")
        };
        self.worker.entry(rest.to_owned()).or_insert_with(|| given(value));
        self.worker.entry(keys::SHUTDOWN_DELAY.name.to_owned()).or_insert_with(|| given("0"));
        self.beneath.entry("otlp.bind.address".to_owned()).or_insert_with(|| given(LOOPBACK));
    }
}

/// All pairs that the sink may look at by prefix: the worker's, and over them the connector's, which has no
/// say about the worker's clients but by `producer.override.` and its like.
pub(super) fn properties(worker: &Pairs, connector: &Pairs) -> Pairs {
    let clients = |name: &str| {
        let client = ["producer.", "admin.", "consumer."].iter().find_map(|prefix| name.strip_prefix(prefix));
        client.is_some_and(|rest| !rest.starts_with("override."))
            || ["security.", "sasl.", "ssl."].iter().any(|prefix| name.starts_with(prefix))
    };
    let mut all = worker.clone();
    let own = connector.iter().filter(|(name, _)| !clients(name));
    all.extend(own.map(|(name, given)| (name.clone(), given.clone())));
    all
}
