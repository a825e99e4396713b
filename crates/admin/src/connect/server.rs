//! `GET /` and `GET /health`: which Connect this is like, and whether it takes calls.

use axum::Json;
use axum::extract::State as Shared;
use http::StatusCode;
use pipeline::Phase;
use serde::Serialize;

use crate::router::Handle;

/// The level of Connect's REST calls that clients may expect; they switch features by its first two numbers.
const CONNECT_VERSION: &str = "4.3.1";

#[derive(Serialize)]
pub(super) struct ServerInfo {
    version: &'static str,
    commit: String,
    kafka_cluster_id: Option<String>,
}

pub(super) async fn info(Shared(state): Shared<Handle>) -> Json<ServerInfo> {
    let kafka_cluster_id = state.cluster.id();
    Json(ServerInfo { version: CONNECT_VERSION, commit: state.commit.clone(), kafka_cluster_id })
}

/// Connect's `WorkerStatus`.
#[derive(Serialize)]
pub(super) struct WorkerStatus {
    status: &'static str,
    message: &'static str,
}

/// Whether this worker takes calls; whether exports would be stored is what `/readyz` says.
pub(super) async fn health(Shared(state): Shared<Handle>) -> (StatusCode, Json<WorkerStatus>) {
    let (code, status, message) = if state.drain.phase() != Phase::Serving {
        (StatusCode::SERVICE_UNAVAILABLE, "unhealthy", "Worker is shutting down.")
    } else if state.commands.are_answered() {
        let message = "Worker has completed startup and is ready to handle requests.";
        (StatusCode::OK, "healthy", message)
    } else {
        let message = "Worker was unable to handle this request and may be unable to handle other requests.";
        (StatusCode::INTERNAL_SERVER_ERROR, "unhealthy", message)
    };
    (code, Json(WorkerStatus { status, message }))
}
