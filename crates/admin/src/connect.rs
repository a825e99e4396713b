//! Kafka Connect's REST calls, as far as this version has them (Kafka Connect user guide, "REST API").

mod connector;
mod error;
mod loggers;
mod server;
mod shapes;

use axum::Router;
use axum::routing::get;

use crate::router::Handle;

pub(crate) use error::{method_not_allowed, not_found};

pub(crate) fn routes() -> Router<Handle> {
    Router::new()
        .route("/", get(server::info))
        .route("/connectors", get(connector::list))
        .route("/connectors/{name}", get(connector::info))
        .route("/connectors/{name}/config", get(connector::config))
        .route("/connectors/{name}/status", get(connector::status))
        .route("/admin/loggers", get(loggers::list))
        .route("/admin/loggers/{logger}", get(loggers::get).put(loggers::set))
}
