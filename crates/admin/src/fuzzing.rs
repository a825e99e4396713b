//! The door for fuzzing, in its builds only: calls without a socket.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use http::Request;
use http::response::Parts;
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;
use prometheus_client::registry::Registry;

use crate::router::router;
use crate::{
    Cluster, Commands, Connectors, Exposition, KEYS, Level, Loggers, Options, Plugin, Serves, State, Troubles,
};

/// What answers calls, as it stands behind a listener.
pub struct Calls(TowerToHyperService<Router>);

impl fmt::Debug for Calls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Calls")
    }
}

impl Calls {
    /// Those of a worker whose keys are at their defaults.
    pub fn new(plugin: Plugin, connectors: Connectors, commands: Commands) -> Self {
        let (values, _) = config::parse(KEYS, &BTreeMap::new());
        let state = State {
            worker_id: "worker.example:8083".to_owned(),
            commit: String::new(),
            connectors,
            commands,
            plugin,
            cluster: Cluster::new(|| None),
            loggers: Loggers::new(Level::Info, &["sink"], |_, _| {}),
            troubles: Troubles::new(Vec::new),
            drain: pipeline::drain().1,
            metrics: Exposition::new(Registry::default(), || {}),
            options: Options::from_values(&values, &|_| Ok(Vec::new())).expect("defaults are good"),
        };
        Self(TowerToHyperService::new(router(Arc::new(state), Serves::All)))
    }

    /// The answer to one call.
    pub async fn answer(&self, request: Request<Bytes>) -> (Parts, Bytes) {
        let answer = self.0.call(request.map(Body::from)).await;
        let (head, body) = answer.unwrap_or_else(|never| match never {}).into_parts();
        (head, to_bytes(body, usize::MAX).await.expect("an answer has a body"))
    }
}
