//! All sources in one: later wins, each key in the map of the part that obeys it.

use super::origin::{Given, Mistake, Origin, Pairs};
use super::{Sources, keys, known, sources};

/// What the first word of a command line may have been meant to be.
const COMMANDS: [&str; 4] = ["run", "check", "tail", "broker"];

/// What was given, before it is judged.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    pub(super) worker: Pairs,
    pub(super) connector: Pairs,
    /// The connector file's own pairs.
    pub(super) submitted: Pairs,
    /// No file and no Kafka was named: everything stays on this machine.
    pub(super) laptop: bool,
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
        gathered.route(sources::properties_file(path, &mut mistakes));
        if let (Some(mistake), Some(command)) = (mistakes.last_mut(), config::nearest(path, COMMANDS)) {
            mistake.add(&format!("; did you mean the command {command}?"));
        }
    }
    if let Some(path) = connector_files.first() {
        gathered.submitted = sources::connector_file(path, &mut mistakes);
        gathered.connector.extend(gathered.submitted.clone());
    }
    if let [first, others @ ..] = connector_files {
        for path in others {
            let why = format!("this version runs one connector, and {first} is it");
            mistakes.push(Mistake::text(Origin::File(path.clone()), why));
        }
    }
    gathered.route(sources::environment(sources.environment.iter().cloned()));
    gathered.route(sources::options(sources.options, &mut mistakes));
    gathered.laptop = sources.files.is_empty() && !gathered.worker.contains_key("bootstrap.servers");
    if gathered.laptop {
        gathered.stay_on_this_machine();
    }
    (gathered, mistakes)
}

impl Gathered {
    /// Puts each pair where its key is obeyed; keys of both parts override what the connector's file says.
    fn route(&mut self, pairs: Pairs) {
        let worker_keys = keys::worker();
        let connector_keys = keys::connector();
        for (name, given) in pairs {
            let workers = worker_keys.iter().any(|key| key.name == name);
            let connectors = known::is_connectors(&name, &connector_keys);
            let overridden = workers && connectors && self.connector.contains_key(&name);
            if overridden || (connectors && !workers) {
                self.connector.insert(name.clone(), given.clone());
            }
            if workers || !connectors {
                self.worker.insert(name, given);
            }
        }
    }

    fn stay_on_this_machine(&mut self) {
        const LOOPBACK: &str = "127.0.0.1";
        let given = |value: &str| Given { value: value.to_owned(), origin: Origin::Default };
        let older =
            [&keys::REST_HOST_NAME, &keys::REST_PORT].iter().any(|key| self.worker.contains_key(key.name));
        let (rest, value) = if older {
            (keys::REST_HOST_NAME.name, LOOPBACK)
        } else {
            (keys::LISTENERS.name, "http://127.0.0.1:8083")
        };
        self.worker.entry(rest.to_owned()).or_insert_with(|| given(value));
        self.worker.entry(keys::SHUTDOWN_DELAY.name.to_owned()).or_insert_with(|| given("0"));
        self.connector.entry("otlp.bind.address".to_owned()).or_insert_with(|| given(LOOPBACK));
    }

    /// All pairs that the sink may look at by prefix: the worker's, and over them the connector's, which has no
    /// say about the worker's clients but by `producer.override.` and its like.
    pub(super) fn properties(&self) -> Pairs {
        let clients = |name: &str| {
            let client =
                ["producer.", "admin.", "consumer."].iter().find_map(|prefix| name.strip_prefix(prefix));
            client.is_some_and(|rest| !rest.starts_with("override."))
                || ["security.", "sasl.", "ssl."].iter().any(|prefix| name.starts_with(prefix))
        };
        let mut all = self.worker.clone();
        let own = self.connector.iter().filter(|(name, _)| !clients(name));
        all.extend(own.map(|(name, given)| (name.clone(), given.clone())));
        all
    }
}
