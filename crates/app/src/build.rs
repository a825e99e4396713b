//! From settings to a server whose every address is bound and whose parts know one another; nothing runs yet.

use std::collections::BTreeSet;
use std::sync::Arc;

use admin::{
    Connector, Exposition, Loggers, Part, Publisher, Requests, RunState, State, Target, commands, connectors,
};
use anyhow::anyhow;
use pipeline::{Budget, Gate, Health, Metrics, Shared, Switch, drain};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use receiver::BindError;
use sink::Sink;

use crate::advice::{Asker, cannot_listen};
use crate::banner::{Banner, Kafka};
use crate::embedded::{self, Embedded};
use crate::plugin;
use crate::producers::Producers;
use crate::settings::Settings;

/// Everything that [`crate::run`] sets going.
pub(crate) struct Server {
    pub(crate) shared: Arc<Shared>,
    pub(crate) switch: Switch,
    pub(crate) sink: Arc<Sink>,
    pub(crate) receiver: receiver::Bound,
    pub(crate) rest: Vec<admin::Bound>,
    pub(crate) state: Arc<State>,
    pub(crate) publisher: Publisher,
    pub(crate) requests: Requests,
    pub(crate) embedded: Option<Embedded>,
    pub(crate) banner: Banner,
}

/// Binds and connects everything.
///
/// # Errors
///
/// One line for the user for the first address that is taken, or what else keeps a part from starting.
pub(crate) async fn build(settings: Settings, loggers: Loggers) -> anyhow::Result<Server> {
    let receiver = receiver::bind(settings.receiver).map_err(|error| explain(&error))?;
    let mut rest = Vec::new();
    for listener in settings.listeners {
        let bound = admin::bind(listener.addr, listener.serves, listener.tls).await.map_err(|error| {
            let at = error.addr.to_string();
            anyhow!(cannot_listen(Asker::Rest, listener.key, &at, error.addr.port(), &error.source))
        })?;
        rest.push(bound);
    }
    let embedded = match settings.embedded {
        Some(port) => Some(Embedded::start(port, &settings.data_dir, settings.record_bytes_max).await?),
        None => None,
    };
    let (switch, drain) = drain();
    let shared = Arc::new(Shared {
        budget: Budget::new(settings.memory.total_bytes, settings.memory.reserve_bytes),
        gate: Gate::new(settings.queue_size),
        metrics: Arc::new(Metrics::default()),
        health: Arc::new(Health::default()),
        drain: drain.clone(),
    });
    let sink = Sink::open(settings.sink, Arc::clone(&shared))?;
    let kafka = match &embedded {
        Some(broker) => Kafka::Embedded { addr: broker.addr(), data: embedded::folder(&settings.data_dir) },
        None => Kafka::Cluster { bootstrap_servers: settings.bootstrap_servers },
    };
    let banner = Banner {
        grpc: receiver.grpc_addr(),
        http: receiver.http_addr(),
        rest: rest.iter().map(admin::Bound::addr).collect(),
        kafka,
        topics: settings.connector.topics,
        format: settings.connector.format,
        memory_bytes: settings.memory.total_bytes,
        laptop: settings.laptop,
    };
    let (publisher, running) = connectors();
    let part = Part { state: RunState::Running, worker_id: settings.worker_id.as_str().into() };
    publisher.publish(
        &settings.connector.name,
        Connector {
            config: settings.connector.submitted,
            target: Target::Started,
            part: part.clone(),
            tasks: vec![part],
            topics: BTreeSet::new(),
        },
    );
    let (commands, requests) = commands();
    let state = Arc::new(State {
        worker_id: settings.worker_id,
        commit: env!("CARGO_PKG_VERSION").to_owned(),
        connectors: running,
        commands,
        plugin: plugin::plugin(plugin::validate(settings.worker)),
        loggers,
        health: Arc::clone(&shared.health),
        drain,
        metrics: exposition(&shared, &sink),
        options: settings.rest,
    });
    Ok(Server { shared, switch, sink, receiver, rest, state, publisher, requests, embedded, banner })
}

/// The counters of the data path and what this build is.
fn exposition(shared: &Arc<Shared>, sink: &Arc<Sink>) -> Exposition {
    let mut registry = Registry::default();
    shared.metrics.register(&mut registry);
    let build = Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]);
    registry.register("otlp2kafka_build", "What this build is", build);
    registry.register_collector(Box::new(Producers(Arc::clone(sink))));
    let shared = Arc::clone(shared);
    Exposition::new(registry, move || shared.metrics.refresh(&shared.budget, &shared.gate))
}

fn explain(error: &BindError) -> anyhow::Error {
    match error {
        BindError::Address { address, .. } => anyhow!(
            "otlp.bind.address: {address} is neither an address nor a name that has one; 0.0.0.0 stands for \
             all addresses of this machine"
        ),
        BindError::Listen { key, port, address, source } => {
            let at = if address.contains(':') {
                format!("[{address}]:{port}")
            } else {
                format!("{address}:{port}")
            };
            anyhow!(cannot_listen(Asker::Receiver, key, &at, *port, source))
        }
    }
}
