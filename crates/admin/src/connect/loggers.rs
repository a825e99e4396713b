//! `/admin/loggers`: which log lines are written, read and changed.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Query, State as Shared};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::{Deserialize, Serialize};

use super::body::{Sent, Text};
use super::error::Error;
use super::name::In;
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
    In(name): In<String>,
) -> Result<Json<LoggerLevel>, Error> {
    let found =
        state.loggers.get(&name).ok_or_else(|| Error::missing(format!("Logger {name} not found.")))?;
    Ok(Json(found.into()))
}

#[derive(Deserialize)]
struct Wanted {
    level: Option<Text>,
}

/// For this worker the loggers that are changed by it; with `scope=cluster`, nothing.
pub(super) async fn set(
    Shared(state): Shared<Handle>,
    In(name): In<String>,
    Query(query): Query<Vec<(String, String)>>,
    sent: Sent,
) -> Result<Response, Error> {
    let Wanted { level } = sent.parse_as_text()?;
    let Some(Text(word)) = level else {
        return Err(Error::bad("Desired 'level' parameter was not specified in request."));
    };
    let level =
        Level::of_name(&word).ok_or_else(|| Error::missing(format!("invalid log level '{word}'.")))?;
    let touched = state.loggers.set(&name, level);
    let touched = touched.ok_or_else(|| Error::bad("Too many loggers have a level of their own"))?;
    let cluster = query.iter().any(|(key, value)| key == "scope" && value.eq_ignore_ascii_case("cluster"));
    Ok(if cluster { StatusCode::NO_CONTENT.into_response() } else { Json(touched).into_response() })
}
