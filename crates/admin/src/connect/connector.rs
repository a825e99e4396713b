//! `GET /connectors` and below: what runs, what it was given, how it is.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Path, State as Shared};

use super::error::Error;
use super::shapes::{ConnectorInfo, StateInfo};
use crate::router::Handle;

pub(super) async fn list(Shared(state): Shared<Handle>) -> Json<Vec<String>> {
    Json(state.connectors.now().connectors.keys().cloned().collect())
}

pub(super) async fn info(
    Shared(state): Shared<Handle>,
    Path(name): Path<String>,
) -> Result<Json<ConnectorInfo>, Error> {
    let all = state.connectors.now();
    let connector = all.connectors.get(&name).ok_or_else(|| missing(&name))?;
    Ok(Json(ConnectorInfo::new(&name, connector)))
}

pub(super) async fn config(
    Shared(state): Shared<Handle>,
    Path(name): Path<String>,
) -> Result<Json<BTreeMap<String, String>>, Error> {
    let all = state.connectors.now();
    let connector = all.connectors.get(&name).ok_or_else(|| missing(&name))?;
    Ok(Json(connector.config.clone()))
}

pub(super) async fn status(
    Shared(state): Shared<Handle>,
    Path(name): Path<String>,
) -> Result<Json<StateInfo>, Error> {
    let all = state.connectors.now();
    let connector = all
        .connectors
        .get(&name)
        .ok_or_else(|| Error::missing(format!("No status found for connector {name}")))?;
    Ok(Json(StateInfo::new(&name, connector)))
}

fn missing(name: &str) -> Error {
    Error::missing(format!("Connector {name} not found"))
}
