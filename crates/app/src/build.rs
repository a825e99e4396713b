//! From settings to a server whose every address is bound and whose connectors have started.

use std::sync::Arc;

use admin::{Cluster, Exposition, Loggers, Requests, State, Troubles, commands, connectors};
use anyhow::{Context, anyhow, bail};
use pipeline::{Families, Switch, drain};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use receiver::{Ended, Workers};

use crate::advice::{Asker, cannot_listen};
use crate::banner::{Banner, Kafka, Receives};
use crate::connectors::{Board, Memory, Registry as Connectors, Started, World};
use crate::embedded::{self, Embedded};
use crate::plugin;
use crate::producers::Producers;
use crate::reference_metrics::ReferenceMetrics;
use crate::settings::{Settings, keys};

/// Everything that [`crate::run`] sees to.
pub(crate) struct Server {
    pub(crate) switch: Switch,
    pub(crate) board: Arc<Board>,
    pub(crate) connectors: Connectors,
    /// The end of the threads that receive.
    pub(crate) ended: Ended,
    pub(crate) rest: Vec<admin::Bound>,
    pub(crate) state: Arc<State>,
    pub(crate) requests: Requests,
    pub(crate) embedded: Option<Embedded>,
    pub(crate) banner: Banner,
}

/// Binds and starts everything.
///
/// # Errors
///
/// One line for the user for the first address that is taken, or what else keeps a part from starting. A port of a
/// connector keeps only a laptop from starting; elsewhere the connector tries again, and its status says so.
pub(crate) async fn build(settings: Settings, loggers: Loggers) -> anyhow::Result<Server> {
    let record_bytes_max = settings.record_bytes_max();
    let mut rest = Vec::new();
    for listener in settings.listeners {
        let bound = admin::bind(listener.addr, listener.serves, listener.tls).await.map_err(|error| {
            let at = error.addr.to_string();
            anyhow!(cannot_listen(Asker::Rest, listener.key, &at, error.addr.port(), &error.source))
        })?;
        rest.push(bound);
    }
    let embedded = match settings.embedded {
        Some(port) => Some(Embedded::start(port, &settings.data_dir, record_bytes_max).await?),
        None => None,
    };
    let (switch, drain) = drain();
    let (publisher, running) = connectors();
    let board = Arc::new(Board::new(publisher, &settings.worker_id, Families::default()));
    let memory = Memory::new(settings.memory.total_bytes, settings.memory.reserve_bytes);
    let metrics = exposition(&board, &memory);
    let (workers, ended) = Workers::start(settings.threads).context("no threads to receive")?;
    let world = Arc::new(World {
        ground: Arc::clone(&settings.ground),
        workers,
        memory,
        board: Arc::clone(&board),
        drain: drain.clone(),
        graceful: settings.graceful_timeout,
        laptop: settings.laptop,
        holders: std::sync::Mutex::default(),
    });
    let started =
        Connectors::start(world, &settings.data_dir, settings.connectors_max, settings.connectors).await;
    let (connectors, started) = started
        .with_context(|| format!("{}: cannot read {}", keys::DATA_DIR.name, settings.data_dir.display()))?;
    if let (true, Some(why)) = (settings.laptop, started.iter().find_map(|one| one.failure.as_ref())) {
        bail!("{why}");
    }
    let kafka = match &embedded {
        Some(broker) => Kafka::Embedded { addr: broker.addr(), data: embedded::folder(&settings.data_dir) },
        None => Kafka::Cluster { bootstrap_servers: settings.bootstrap_servers },
    };
    let banner = Banner {
        rest: rest.iter().map(admin::Bound::addr).collect(),
        kafka,
        memory_bytes: memory_bytes(&started, settings.memory.total_bytes),
        connectors: started.into_iter().map(receives).collect(),
        laptop: settings.laptop,
    };
    let (commands, requests) = commands();
    let troubles = Arc::clone(&board);
    let state = Arc::new(State {
        worker_id: settings.worker_id,
        commit: env!("CARGO_PKG_VERSION").to_owned(),
        connectors: running,
        commands,
        plugin: plugin::plugin(plugin::validate(settings.ground)),
        cluster: {
            let board = Arc::clone(&board);
            Cluster::new(move || board.kafka_cluster_id())
        },
        loggers,
        troubles: Troubles::new(move || troubles.troubles()),
        drain,
        metrics,
        options: settings.rest,
    });
    Ok(Server { switch, board, connectors, ended, rest, state, requests, embedded, banner })
}

/// The counters of the data path and what this build is.
fn exposition(board: &Arc<Board>, memory: &Memory) -> Exposition {
    let mut registry = Registry::default();
    board.families().register(&mut registry);
    let build = Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]);
    registry.register("otlp2kafka_build", "What this build is", build);
    registry.register_collector(Box::new(Producers(Arc::clone(board))));
    registry.register_collector(Box::new(ReferenceMetrics(Arc::clone(board))));
    let (board, process) = (Arc::clone(board), Arc::clone(&memory.budget));
    Exposition::new(registry, move || board.refresh(&process))
}

/// The bytes that requests of all connectors may hold: of budgets of their own, and of the one of the others.
fn memory_bytes(started: &[Started], process: usize) -> usize {
    let own = started.iter().filter_map(|one| one.memory_bytes);
    let shared = started.is_empty() || started.iter().any(|one| one.memory_bytes.is_none());
    own.sum::<usize>() + if shared { process } else { 0 }
}

fn receives(started: Started) -> Receives {
    let Started { name, topics, format, addrs: [grpc, http], failure, .. } = started;
    Receives { name, grpc, http, topics, format, failure }
}
