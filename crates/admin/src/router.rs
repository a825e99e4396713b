//! Which path leads where, and what all handlers read.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::get;
use pipeline::{Drain, Health};

use crate::{Commands, Connectors, Exposition, Loggers, Plugin, connect, health, metrics};

/// Largest body of a request: connector definitions are a few KiB.
const BODY_BYTES_MAX: usize = 1 << 20;

/// What the handlers read.
#[derive(Debug)]
pub struct State {
    /// `host:port` under which others reach this worker's REST calls.
    pub worker_id: String,
    /// What this build is; Connect's `commit`.
    pub commit: String,
    /// What runs.
    pub connectors: Connectors,
    /// The way to change what runs.
    pub commands: Commands,
    /// The class that connectors here have.
    pub plugin: Plugin,
    /// Which log lines are written.
    pub loggers: Loggers,
    /// What keeps the server from being ready.
    pub health: Arc<Health>,
    /// How far the shutdown has come.
    pub drain: Drain,
    /// What `/metrics` shows.
    pub metrics: Exposition,
}

pub(crate) type Handle = Arc<State>;

pub(crate) fn router(state: Handle) -> Router {
    Router::new()
        .merge(connect::routes())
        .route("/livez", get(health::livez))
        .route("/readyz", get(health::readyz))
        .route("/metrics", get(metrics::scrape))
        .fallback(connect::not_found)
        .method_not_allowed_fallback(connect::method_not_allowed)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(state)
}
