//! `/admin/loggers`: which log lines are written, read and changed.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Path, State as Shared};
use http::StatusCode;
use serde::{Deserialize, Serialize};

use super::error::Error;
use crate::Level;
use crate::loggers::Changed;
use crate::router::Handle;

/// Connect's `LoggerLevel`.
#[derive(Serialize)]
pub(super) struct LoggerLevel {
    level: &'static str,
    last_modified: Option<u64>,
}

impl From<Changed> for LoggerLevel {
    fn from(changed: Changed) -> Self {
        Self { level: changed.level.name(), last_modified: changed.last_modified }
    }
}

pub(super) async fn list(Shared(state): Shared<Handle>) -> Json<BTreeMap<String, LoggerLevel>> {
    Json(state.loggers.all().into_iter().map(|(name, changed)| (name, changed.into())).collect())
}

pub(super) async fn get(
    Shared(state): Shared<Handle>,
    Path(name): Path<String>,
) -> Result<Json<LoggerLevel>, Error> {
    let found =
        state.loggers.get(&name).ok_or_else(|| Error::missing(format!("Logger {name} not found.")))?;
    Ok(Json(found.into()))
}

#[derive(Deserialize)]
pub(super) struct Wanted {
    level: Option<String>,
}

pub(super) async fn set(
    Shared(state): Shared<Handle>,
    Path(name): Path<String>,
    Json(wanted): Json<Wanted>,
) -> Result<Json<Vec<String>>, Error> {
    let word = wanted.level.ok_or_else(|| {
        let message = "Desired 'level' parameter was not specified in request.";
        Error::new(StatusCode::BAD_REQUEST, message.to_owned())
    })?;
    let level =
        Level::of_name(&word).ok_or_else(|| Error::missing(format!("invalid log level '{word}'.")))?;
    let touched = state.loggers.set(&name, level).ok_or_else(|| {
        Error::new(StatusCode::BAD_REQUEST, "Too many loggers have a level of their own".to_owned())
    })?;
    Ok(Json(touched))
}
