//! Kafka Connect's REST calls (Kafka Connect user guide, "REST API"), as a worker of version 4.3.1 answers them.

mod connector;
mod life;
mod loggers;
mod plugins;
mod positions;
mod server;

mod base;
mod body;
mod name;

mod definitions;
mod error;
mod problems;
mod shapes;

use axum::Router;
use axum::routing::{get, post, put};

use crate::router::Handle;

pub(crate) use base::OverTls;
pub(crate) use error::{Error, not_found};

/// All but `/admin`.
pub(crate) fn routes() -> Router<Handle> {
    Router::new()
        .route("/", get(server::info))
        .route("/health", get(server::health))
        .route("/connectors", get(connector::list).post(connector::create))
        .route("/connectors/{name}", get(connector::info).delete(connector::delete))
        .route(
            "/connectors/{name}/config",
            get(connector::config).put(connector::put_config).patch(connector::patch_config),
        )
        .route("/connectors/{name}/status", get(connector::status))
        .route("/connectors/{name}/restart", post(life::restart))
        .route("/connectors/{name}/pause", put(life::pause))
        .route("/connectors/{name}/resume", put(life::resume))
        .route("/connectors/{name}/stop", put(life::stop))
        .route("/connectors/{name}/tasks", get(life::tasks))
        .route("/connectors/{name}/tasks/{task}/status", get(life::task_status))
        .route("/connectors/{name}/tasks/{task}/restart", post(life::restart_task))
        .route("/connectors/{name}/topics", get(positions::topics))
        .route("/connectors/{name}/topics/reset", put(positions::reset_topics))
        .route(
            "/connectors/{name}/offsets",
            get(positions::offsets).patch(positions::alter_offsets).delete(positions::reset_offsets),
        )
        .route("/connector-plugins", get(plugins::list))
        .route("/connector-plugins/{plugin}/config", get(plugins::config))
        .route("/connector-plugins/{plugin}/config/validate", put(plugins::validate))
}

/// What `admin.listeners` moves to a listener of its own.
pub(crate) fn admin_routes() -> Router<Handle> {
    Router::new()
        .route("/admin/loggers", get(loggers::list))
        .route("/admin/loggers/{logger}", get(loggers::get).put(loggers::set))
}
