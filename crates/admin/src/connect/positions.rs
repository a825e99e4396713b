//! What a connector has written: the topics in use, and its positions.

use std::collections::{BTreeMap, BTreeSet};

use axum::Json;
use axum::extract::State as Shared;
use http::StatusCode;
use serde::{Deserialize, Serialize};

use super::body::{Object, Sent};
use super::connector::find;
use super::error::{Error, Unknown};
use super::name::In;
use crate::router::Handle;
use crate::{Command, Done, Offset};

#[derive(Serialize)]
pub(super) struct Topics {
    topics: BTreeSet<String>,
}

/// Topics of one connector. A name that is not known has none, as in Connect.
pub(super) async fn topics(
    Shared(state): Shared<Handle>,
    In(name): In<String>,
) -> Result<Json<BTreeMap<String, Topics>>, Error> {
    if !state.options.topic_tracking {
        return Err(Error::new(StatusCode::FORBIDDEN, "Topic tracking is disabled."));
    }
    let all = state.connectors.now();
    let topics = all.connectors.get(&name).map_or_else(BTreeSet::new, |connector| connector.topics.clone());
    Ok(Json(BTreeMap::from([(name, Topics { topics })])))
}

/// Forgets them. It is accepted for a name that is not known, as in Connect.
pub(super) async fn reset_topics(
    Shared(state): Shared<Handle>,
    In(name): In<String>,
) -> Result<StatusCode, Error> {
    if !state.options.topic_tracking {
        return Err(Error::new(StatusCode::FORBIDDEN, "Topic tracking is disabled."));
    }
    if !state.options.topic_tracking_reset {
        return Err(Error::new(StatusCode::FORBIDDEN, "Topic tracking reset is disabled."));
    }
    if state.connectors.now().connectors.contains_key(&name) {
        let refused = |refusal| Error::refused(&refusal, &name, Unknown::Looked);
        state.commands.call(Command::ResetTopics { name: name.clone() }).await.map_err(refused)?;
    }
    Ok(StatusCode::ACCEPTED)
}

/// Connect's `ConnectorOffsets`.
#[derive(Serialize)]
pub(super) struct Offsets {
    offsets: Vec<Offset>,
}

/// The same, as it is sent.
#[derive(Deserialize)]
struct Wanted {
    offsets: Option<Vec<Object<Offset>>>,
}

pub(super) async fn offsets(
    Shared(state): Shared<Handle>,
    In(name): In<String>,
) -> Result<Json<Offsets>, Error> {
    find(&state, &name)?;
    match give(&state, &name, Command::ReadOffsets { name: name.clone() }).await? {
        Done::Offsets(offsets) => Ok(Json(Offsets { offsets })),
        Done::Created | Done::Updated | Done::Accepted | Done::Restarting(_) => {
            Ok(Json(Offsets { offsets: Vec::new() }))
        }
    }
}

#[derive(Serialize)]
pub(super) struct Said {
    message: &'static str,
}

pub(super) async fn alter_offsets(
    Shared(state): Shared<Handle>,
    In(name): In<String>,
    sent: Sent,
) -> Result<Json<Said>, Error> {
    let Wanted { offsets } = sent.parse()?;
    let offsets = offsets
        .filter(|offsets| !offsets.is_empty())
        .map(|offsets| offsets.into_iter().map(|Object(offset)| offset).collect())
        .ok_or_else(|| Error::bad("Partitions / offsets need to be provided for an alter offsets request"))?;
    find(&state, &name)?;
    give(&state, &name, Command::AlterOffsets { name: name.clone(), offsets }).await?;
    Ok(Json(Said { message: "The offsets for this connector have been altered successfully" }))
}

pub(super) async fn reset_offsets(
    Shared(state): Shared<Handle>,
    In(name): In<String>,
) -> Result<Json<Said>, Error> {
    find(&state, &name)?;
    give(&state, &name, Command::ResetOffsets { name: name.clone() }).await?;
    Ok(Json(Said { message: "The offsets for this connector have been reset successfully" }))
}

async fn give(state: &Handle, name: &str, command: Command) -> Result<Done, Error> {
    state.commands.call(command).await.map_err(|refusal| Error::refused(&refusal, name, Unknown::Looked))
}
