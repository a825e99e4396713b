//! `GET /`: which Connect this is like.

use axum::Json;
use axum::extract::State as Shared;
use serde::Serialize;

use crate::router::Handle;

/// The level of Connect's REST calls that clients may expect; they switch features by its first two numbers.
const CONNECT_VERSION: &str = "4.1.0";

#[derive(Serialize)]
pub(super) struct ServerInfo {
    version: &'static str,
    commit: String,
    kafka_cluster_id: Option<String>,
}

pub(super) async fn info(Shared(state): Shared<Handle>) -> Json<ServerInfo> {
    let kafka_cluster_id = state.connectors.now().kafka_cluster_id.clone();
    Json(ServerInfo { version: CONNECT_VERSION, commit: state.commit.clone(), kafka_cluster_id })
}
