//! All connectors of the process: who there is, what REST asks of them, and what survives a restart.
//!
//! ```text
//!  REST ─► admin::Commands ─► Registry ─┬─► plan: judged before anything is kept (settings)
//!                                       ├─► store: kept, by rename
//!                                       └─► Order ─► Life, one task for each connector ─► live, ports ─► workers
//!  REST, /readyz, /metrics ◄── board ◄──────────────────────┘
//! ```
//!
//! The registry keeps order among definitions and waits for no connector; a connector's task keeps order among what
//! is done to it. Both run on the control runtime; workers get what they are to do as messages.

mod commands;

mod board;
mod coming;
mod former;
mod life;
mod live;
mod ports;
mod store;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod trace;
mod used;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use admin::{Pairs, Requests, Target};
use pipeline::{Drain, Phase};
use receiver::{Door, Workers};
use sink::WorkerIntake;
use tokio::sync::{mpsc, oneshot};
use tokio::task::{AbortHandle, JoinHandle};

pub(crate) use board::Board;
pub(crate) use live::Memory;

use crate::settings::{Author, Connector, Definition, Ground, Plan};
use life::{Life, Order, Outcome};
use store::{Record, Store};

/// Orders that may wait for one connector; more are refused retryably.
const ORDERS_MAX: usize = 32;
/// What the end of the graceful time leaves to answering what still waits, and to the flush at least.
pub(crate) const LAST_ANSWERS: Duration = Duration::from_secs(1);

/// What all connectors stand on.
pub(crate) struct World {
    pub(crate) ground: Arc<Ground>,
    pub(crate) workers: Workers<WorkerIntake>,
    /// Of all connectors that have no budget of their own.
    pub(crate) memory: Memory,
    pub(crate) board: Arc<Board>,
    /// How far the process's end has come.
    pub(crate) drain: Drain,
    pub(crate) graceful: Duration,
    /// What fails at the first try ends the start, which says it.
    pub(crate) laptop: bool,
    /// Which connector has which port. As many as connectors have.
    pub(crate) holders: Mutex<BTreeMap<u16, String>>,
}

/// All connectors.
pub(crate) struct Registry {
    world: Arc<World>,
    store: Store,
    connectors_max: usize,
    entries: BTreeMap<String, Entry>,
    /// Tasks of connectors that were deleted, until they have ended.
    ending: Vec<JoinHandle<()>>,
    /// What takes longer to be judged than anybody waits, by the connector's name.
    judging: Vec<(String, AbortHandle)>,
    /// What the command line says, by name.
    given: BTreeMap<String, Definition>,
}

/// A connector, as far as the registry knows it.
struct Entry {
    definition: Definition,
    target: Target,
    /// The ports that its definition names.
    ports: Vec<u16>,
    orders: mpsc::Sender<Order>,
    life: JoinHandle<()>,
}

/// A connector that was started with the process.
#[derive(Debug)]
pub(crate) struct Started {
    pub(crate) name: String,
    pub(crate) topics: Vec<String>,
    pub(crate) format: String,
    pub(crate) memory_bytes: Option<usize>,
    /// Where it listens.
    pub(crate) addrs: [Option<SocketAddr>; 2],
    /// Why it does not do all that it should.
    pub(crate) failure: Option<String>,
}

impl World {
    /// Says which ports a connector has.
    fn hold(&self, name: &str, addrs: &[Option<SocketAddr>; 2]) {
        let mut holders = self.holders.lock().unwrap_or_else(PoisonError::into_inner);
        holders.retain(|_, holder| holder != name);
        holders.extend(addrs.iter().flatten().map(|addr| (addr.port(), name.to_owned())));
    }

    /// Another connector that has a port.
    fn holder(&self, port: u16, name: &str) -> Option<String> {
        let holders = self.holders.lock().unwrap_or_else(PoisonError::into_inner);
        holders.get(&port).filter(|holder| *holder != name).cloned()
    }
}

impl Registry {
    /// Starts what the command line names and what is kept; `Started` in the order of their names.
    ///
    /// # Errors
    ///
    /// The folder of definitions cannot be read.
    pub(crate) async fn start(
        world: Arc<World>,
        data_dir: &Path,
        connectors_max: usize,
        given: Vec<Connector>,
    ) -> std::io::Result<(Self, Vec<Started>)> {
        let (store, mut records) = Store::open(data_dir)?;
        let by_name =
            |connector: &Connector| (connector.definition.name.clone(), connector.definition.clone());
        let given_by_name = given.iter().map(by_name).collect();
        let mut registry = Self {
            world,
            store,
            connectors_max,
            entries: BTreeMap::new(),
            ending: Vec::new(),
            judging: Vec::new(),
            given: given_by_name,
        };
        let mut definitions = Vec::new();
        let mut default = None;
        for Connector { definition, initial, .. } in given {
            let record = records.remove(&definition.name);
            let is_default = definition.author == Author::Default;
            match registry.later(definition, initial, record) {
                Some((definition, target)) if is_default && definition.author == Author::Default => {
                    default = Some((definition, target));
                }
                Some(later) => definitions.push(later),
                None => {}
            }
        }
        for record in records.into_values() {
            definitions.extend(registry.kept(record));
        }
        let mut starting = Vec::new();
        for (definition, target) in definitions {
            let plan = registry.world.ground.plan(&definition).ok();
            starting.push(registry.admit(definition, target, plan.as_ref()));
        }
        if let Some((definition, target)) = default {
            let plan = registry.world.ground.plan(&definition).ok();
            let wanted = plan.as_ref().map(ports_of).unwrap_or_default();
            match registry
                .entries
                .iter()
                .find(|(_, entry)| entry.ports.iter().any(|port| wanted.contains(port)))
            {
                Some((other, _)) => {
                    tracing::info!(
                        connector = definition.name,
                        to = other,
                        "the default connector gives way"
                    );
                }
                None => starting.push(registry.admit(definition, target, plan.as_ref())),
            }
        }
        let mut started = Vec::new();
        for (mut connector, outcome) in starting {
            if let Ok(Outcome { addrs, failure }) = outcome.await {
                connector.addrs = addrs;
                connector.failure = failure;
            }
            started.push(connector);
        }
        started.sort_by(|one, other| one.name.cmp(&other.name));
        Ok((registry, started))
    }

    /// Whether the command line's definition counts, or what REST has made of it since.
    fn later(
        &self,
        definition: Definition,
        initial: Target,
        record: Option<Record>,
    ) -> Option<(Definition, Target)> {
        let Some(record) = record else { return Some((definition, initial)) };
        let name = &definition.name;
        let unchanged = record.given.as_ref().is_some_and(|given| is_same(given, &definition.config));
        if !unchanged && definition.author != Author::Default {
            tracing::warn!(
                connector = name,
                "the command line says something else of this connector than when REST changed it: the command \
                 line counts, and the change is forgotten"
            );
            if let Err(error) = self.store.remove(name) {
                tracing::error!(connector = name, %error, "the change cannot be forgotten");
            }
            return Some((definition, initial));
        }
        match record.config {
            None => {
                tracing::info!(connector = name, "it was deleted over REST, and stays so");
                None
            }
            Some(config) if config == definition.config => Some((definition, record.target)),
            Some(config) => Some((Definition { config, author: Author::Rest, ..definition }, record.target)),
        }
    }

    /// A connector that only the store knows.
    fn kept(&self, record: Record) -> Option<(Definition, Target)> {
        let Record { name, config, target, .. } = record;
        let Some(config) = config else {
            // What it was to keep away is not on the command line any more.
            if let Err(error) = self.store.remove(&name) {
                tracing::warn!(connector = name, %error, "an old definition cannot be removed");
            }
            return None;
        };
        let definition = Definition { name, config, author: Author::Rest, owners: Pairs::new() };
        Some((definition, target))
    }

    /// Takes a connector on and starts its task.
    fn admit(
        &mut self,
        definition: Definition,
        target: Target,
        plan: Option<&Plan>,
    ) -> (Started, oneshot::Receiver<Outcome>) {
        let name = definition.name.clone();
        let (orders, waiting) = mpsc::channel(ORDERS_MAX);
        let (done, outcome) = oneshot::channel();
        let ticket = self.world.board.add(&name, &definition.config);
        let life = Life::new(Arc::clone(&self.world), ticket, definition.clone(), target);
        let life = tokio::spawn(life.live(waiting));
        // There is room: it is the first.
        drop(orders.try_send(Order::Apply(Box::new(definition.clone()), done)));
        let started = Started {
            name: name.clone(),
            topics: plan.map(|plan| plan.topics.clone()).unwrap_or_default(),
            format: plan.map(|plan| plan.format.clone()).unwrap_or_default(),
            memory_bytes: plan.and_then(|plan| plan.memory).map(|memory| memory.total_bytes),
            addrs: [None, None],
            failure: None,
        };
        let ports = plan.map(ports_of).unwrap_or_default();
        self.entries.insert(name, Entry { definition, target, ports, orders, life });
        (started, outcome)
    }

    /// Answers REST until the process leaves, then sees all connectors out.
    pub(crate) async fn run(mut self, mut requests: Requests) {
        let mut drain = self.world.drain.clone();
        loop {
            tokio::select! {
                biased;
                () = drain.reached(Phase::Draining) => break,
                request = requests.next() => match request {
                    Some(request) => self.answer(request).await,
                    None => break,
                },
            }
        }
        // From here on whoever asks is told that the worker is closing.
        drop(requests);
        drain.reached(Phase::Draining).await;
        let lives = std::mem::take(&mut self.entries).into_values().map(|entry| entry.life);
        for life in lives.chain(std::mem::take(&mut self.ending)) {
            if life.await.is_err() {
                tracing::error!("the task of a connector ended by a panic");
            }
        }
    }
}

/// Whether the command line says what it said when REST changed the connector. What was kept before definitions had a
/// class of their own says nothing of it.
fn is_same(given: &BTreeMap<String, String>, now: &BTreeMap<String, String>) -> bool {
    const CLASS: &str = "connector.class";
    let others = now.iter().filter(|(key, _)| given.contains_key(CLASS) || *key != CLASS);
    given.iter().eq(others)
}

/// The ports that a plan names; 0 is any that is free.
fn ports_of(plan: &Plan) -> Vec<u16> {
    let ports = [Door::Grpc, Door::Http].map(|door| plan.receiver.address(door).map(|address| address.port));
    ports.into_iter().flatten().filter(|port| *port != 0).collect()
}
