//! What all connectors are at the moment, for REST, `/readyz` and `/metrics`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use admin::{Connector, Pairs, Part, Publisher, RunState, Target};
use otlp::Signal;
use pipeline::{Budget, Families, Gate, Metrics, Shared, SignalMetrics};
use sink::Sink;

use crate::reference_metrics::Messages;

/// Everything that is shown of connectors; each is written by its own task, under its ticket.
#[derive(Debug)]
pub(crate) struct Board {
    publisher: Publisher,
    worker_id: Arc<str>,
    families: Families,
    /// One entry for each connector that there is: as many as `connectors.max`.
    entries: Mutex<Entries>,
}

#[derive(Debug, Default)]
struct Entries {
    by_name: BTreeMap<String, Entry>,
    tickets: u64,
    /// Items that connectors had stored that are no more.
    stored: u64,
}

/// Counts of Kafka clients by their names: what each is, and how many there are of each connector.
pub(crate) type ClientCounts = BTreeMap<&'static str, (&'static str, Vec<(String, u64)>)>;

/// The right to say what a connector is, until it is deleted.
#[derive(Debug)]
pub(super) struct Ticket {
    pub(super) name: String,
    number: u64,
}

#[derive(Debug)]
struct Entry {
    ticket: u64,
    /// As it was submitted last.
    config: Pairs,
    metrics: Arc<Metrics>,
    /// What is in force; `None` while nothing runs.
    live: Option<Live>,
    /// Whose places requests take, or took last: some may yet be in flight when nothing is in force any more.
    gate: Option<Arc<Gate>>,
    /// Counts of Kafka clients that were replaced.
    carried: BTreeMap<&'static str, u64>,
    /// Whether it is meant to be in service.
    wanted: bool,
    failure: Option<String>,
}

#[derive(Debug, Clone)]
struct Live {
    shared: Arc<Shared>,
    sink: Arc<Sink>,
}

/// What there is to say of a connector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Face {
    pub(super) target: Target,
    pub(super) state: RunState,
    /// `None`: it has no task.
    pub(super) task: Option<RunState>,
    pub(super) topics: BTreeSet<String>,
}

impl Board {
    pub(crate) fn new(publisher: Publisher, worker_id: &str, families: Families) -> Self {
        Self { publisher, worker_id: worker_id.into(), families, entries: Mutex::default() }
    }

    /// Takes on a connector, with counters of its own.
    pub(super) fn add(&self, name: &str, config: &Pairs) -> (Ticket, Arc<Metrics>) {
        let mut entries = self.entries();
        entries.tickets += 1;
        let number = entries.tickets;
        let metrics = Arc::new(self.families.of(name));
        let entry = Entry {
            ticket: number,
            config: config.clone(),
            metrics: Arc::clone(&metrics),
            live: None,
            gate: None,
            carried: BTreeMap::new(),
            wanted: true,
            failure: None,
        };
        entries.by_name.insert(name.to_owned(), entry);
        (Ticket { name: name.to_owned(), number }, metrics)
    }

    /// Takes a connector away; what its task still says is not shown.
    pub(super) fn remove(&self, name: &str) {
        let mut entries = self.entries();
        if let Some(entry) = entries.by_name.remove(name) {
            entries.stored += stored(&entry.metrics);
            self.families.forget(&entry.metrics);
        }
        self.publisher.remove(name);
    }

    /// Shows what a connector is.
    pub(super) fn show(&self, ticket: &Ticket, face: Face) {
        let mut entries = self.entries();
        let Some(entry) = entries.of(ticket) else { return };
        entry.wanted = face.target == Target::Started;
        entry.failure = [Some(&face.state), face.task.as_ref()]
            .into_iter()
            .flatten()
            .find_map(RunState::trace)
            .map(str::to_owned);
        let part = |state| Part { state, worker_id: Arc::clone(&self.worker_id) };
        let Face { target, state, task, topics } = face;
        let tasks = task.into_iter().map(part).collect();
        let config = entry.config.clone();
        let connector = Connector { config, target, part: part(state), tasks, topics };
        let known = self.publisher.now();
        if known.connectors.get(&ticket.name).is_none_or(|known| **known != connector) {
            self.publisher.publish(&ticket.name, connector);
        }
    }

    /// Shows what a connector is to be, which its task may have no time for yet.
    pub(super) fn submitted(&self, name: &str, config: &Pairs) {
        let mut entries = self.entries();
        let Some(entry) = entries.by_name.get_mut(name) else { return };
        entry.config.clone_from(config);
        if let Some(known) = self.publisher.now().connectors.get(name) {
            self.publisher.publish(name, Connector { config: config.clone(), ..Connector::clone(known) });
        }
    }

    /// Shows as restarting what is about to be.
    pub(super) fn restarting(&self, name: &str, connector: bool, tasks: bool) -> Option<Arc<Connector>> {
        let _entries = self.entries();
        let known = self.publisher.now();
        let known = known.connectors.get(name)?;
        let mut shown = Connector::clone(known);
        if connector {
            shown.part.state = RunState::Restarting;
        }
        for task in shown.tasks.iter_mut().filter(|_| tasks) {
            task.state = RunState::Restarting;
        }
        self.publisher.publish(name, shown.clone());
        Some(Arc::new(shown))
    }

    /// What a connector was last.
    pub(super) fn face(&self, name: &str) -> Option<Arc<Connector>> {
        self.publisher.now().connectors.get(name).cloned()
    }

    /// What is in force for a connector from now on.
    pub(super) fn set_live(&self, ticket: &Ticket, live: Option<(&Arc<Shared>, &Arc<Sink>)>) {
        let mut entries = self.entries();
        let Some(entry) = entries.of(ticket) else { return };
        if let Some((shared, _)) = live {
            entry.gate = Some(Arc::clone(&shared.gate));
        }
        let live = live.map(|(shared, sink)| Live { shared: Arc::clone(shared), sink: Arc::clone(sink) });
        let before = std::mem::replace(&mut entry.live, live);
        for (name, _, count) in before.iter().flat_map(|before| before.sink.client_counts()) {
            *entry.carried.entry(name).or_default() += count;
        }
    }

    /// Why exports sent now would not be stored: nothing, while any of the connectors that should be in service is.
    pub(crate) fn troubles(&self) -> Vec<(String, String)> {
        let entries = self.entries();
        let wanted: Vec<_> = entries.by_name.iter().filter(|(_, entry)| entry.wanted).collect();
        let mut troubles = Vec::new();
        for (name, entry) in &wanted {
            let part =
                |part: &str| if wanted.len() == 1 { part.to_owned() } else { format!("{name}: {part}") };
            let before = troubles.len();
            troubles.extend(entry.failure.iter().map(|why| (part("connector"), why.clone())));
            let health = entry.live.iter().flat_map(|live| live.shared.health.troubles());
            troubles.extend(health.map(|(which, why)| (part(which), why)));
            if entry.failure.is_none() && entry.live.is_none() {
                troubles.push((part("connector"), "it has not started yet".to_owned()));
            }
            if troubles.len() == before {
                return Vec::new();
            }
        }
        troubles
    }

    /// Brings the gauges that nobody keeps up to date. `process` is the budget that connectors share.
    pub(crate) fn refresh(&self, process: &Arc<Budget>) {
        let entries = self.entries();
        let mut budgets = vec![Arc::clone(process)];
        for entry in entries.by_name.values() {
            if let Some(gate) = &entry.gate {
                entry.metrics.refresh(gate);
            }
            let Some(live) = &entry.live else { continue };
            if !budgets.iter().any(|known| Arc::ptr_eq(known, &live.shared.budget)) {
                budgets.push(Arc::clone(&live.shared.budget));
            }
        }
        let sum = |of: fn(&Budget) -> usize| budgets.iter().map(|budget| of(budget)).sum();
        self.families.refresh(sum(Budget::used_bytes), sum(Budget::total_bytes));
    }

    /// What the Kafka clients of all connectors have counted: each count with its name and what it is, by connector.
    pub(crate) fn client_counts(&self) -> ClientCounts {
        let entries = self.entries();
        let mut all = ClientCounts::new();
        for (connector, entry) in &entries.by_name {
            for (name, help, count) in entry.live.iter().flat_map(|live| live.sink.client_counts()) {
                let count = count + entry.carried.get(name).copied().unwrap_or(0);
                all.entry(name).or_insert_with(|| (help, Vec::new())).1.push((connector.clone(), count));
            }
        }
        all
    }

    /// The id of the Kafka cluster, as the first connector that has seen it says.
    pub(crate) fn kafka_cluster_id(&self) -> Option<String> {
        let entries = self.entries();
        entries.by_name.values().find_map(|entry| entry.live.as_ref()?.sink.kafka_cluster_id())
    }

    /// What each connector has counted of its requests.
    pub(crate) fn messages(&self) -> Vec<(String, Messages)> {
        let entries = self.entries();
        let of = |entry: &Entry| {
            let counts =
                |of: fn(&SignalMetrics) -> u64| Signal::ALL.map(|signal| of(entry.metrics.signal(signal)));
            let gate = entry.live.as_ref().map(|live| &live.shared.gate);
            Messages {
                received: counts(SignalMetrics::requests),
                refused: counts(SignalMetrics::requests_refused),
                waiting: Signal::ALL.map(|signal| gate.map_or(0, |gate| gate.taken(signal))),
                places: gate.map_or(0, |gate| gate.places()),
                records: counts(SignalMetrics::records_stored).iter().sum(),
            }
        };
        entries.by_name.iter().map(|(name, entry)| (name.clone(), of(entry))).collect()
    }

    /// Items of all connectors that Kafka has acknowledged since the start; those of deleted ones count.
    pub(crate) fn stored(&self) -> u64 {
        let entries = self.entries();
        entries.stored + entries.by_name.values().map(|entry| stored(&entry.metrics)).sum::<u64>()
    }

    pub(crate) fn families(&self) -> &Families {
        &self.families
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn stored(metrics: &Metrics) -> u64 {
    Signal::ALL.iter().map(|signal| metrics.signal(*signal).items_stored()).sum()
}

impl Entries {
    /// `None` when the connector is deleted, also when another one has its name by now.
    fn of(&mut self, ticket: &Ticket) -> Option<&mut Entry> {
        self.by_name.get_mut(&ticket.name).filter(|entry| entry.ticket == ticket.number)
    }
}
