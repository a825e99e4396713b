//! `/connectors` and below: what runs, what it was given, how it is; created, changed and deleted.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State as Shared};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::LOCATION;
use serde::Deserialize;

use super::base::Base;
use super::body::{Sent, Text, Texts};
use super::error::{Error, Unknown};
use super::name::In;
use super::problems::{self, NAME};
use super::shapes::{ConnectorInfo, Expanded, StateInfo};
use crate::router::Handle;
use crate::{Command, Connector, Done, Pairs, Refusal, Target};

/// Names, or what `expand` asks for of each. Words that are not known ask for nothing.
pub(super) async fn list(
    Shared(state): Shared<Handle>,
    query: Result<Query<Vec<(String, String)>>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, Error> {
    let Query(query) = query.map_err(|_| Error::framework(StatusCode::BAD_REQUEST))?;
    let all = state.connectors.now();
    let expand: Vec<&str> =
        query.iter().filter(|(key, _)| key == "expand").map(|(_, value)| value.as_str()).collect();
    if expand.is_empty() {
        return Ok(Json(all.connectors.keys().collect::<Vec<_>>()).into_response());
    }
    let expanded = |(name, connector): (&String, &Arc<Connector>)| {
        let expanded = Expanded {
            status: expand.contains(&"status").then(|| StateInfo::new(name, connector, &state.plugin)),
            info: expand.contains(&"info").then(|| ConnectorInfo::new(name, connector)),
        };
        (name.clone(), expanded)
    };
    Ok(Json(all.connectors.iter().map(expanded).collect::<BTreeMap<_, _>>()).into_response())
}

/// Connect's `CreateConnectorRequest`; fields that it does not have are left aside.
#[derive(Deserialize)]
struct Create {
    name: Option<Text>,
    config: Option<Texts>,
    initial_state: Option<Text>,
}

pub(super) async fn create(Shared(state): Shared<Handle>, base: Base, sent: Sent) -> Result<Response, Error> {
    let create: Create = sent.parse_as_text()?;
    let name = create.name.map_or_else(String::new, |Text(name)| name.trim().to_owned());
    let Some(Texts(config)) = create.config else {
        return Err(Error::bad("The request has no config"));
    };
    let initial = match create.initial_state {
        None => Target::Started,
        Some(Text(word)) => Target::of_initial_state(&word).ok_or_else(|| {
            Error::bad(format!("Invalid initial_state {word:?}: it is one of RUNNING, PAUSED, STOPPED"))
        })?,
    };
    let config = checked(&state, &name, config).await?;
    let command = Command::Create { name: name.clone(), config, initial };
    done(&state, &name, &base, command).await
}

pub(super) async fn put_config(
    Shared(state): Shared<Handle>,
    In(name): In<String>,
    base: Base,
    sent: Sent,
) -> Result<Response, Error> {
    let config = checked(&state, &name, sent.config()?.0).await?;
    done(&state, &name, &base, Command::PutConfig { name: name.clone(), config }).await
}

pub(super) async fn patch_config(
    Shared(state): Shared<Handle>,
    In(name): In<String>,
    base: Base,
    sent: Sent,
) -> Result<Response, Error> {
    let Texts(mut changes) = sent.parse_as_text()?;
    let connector = find(&state, &name)?;
    // The name is the connector's, whatever is said of it.
    let renamed = changes.remove(NAME).filter(|to| to.as_deref() != Some(name.as_str()));
    if let Some(to) = renamed {
        let to = to.unwrap_or_default();
        return Err(mismatch(&to, &name));
    }
    let mut after = connector.config.clone();
    for (key, value) in &changes {
        match value {
            Some(value) => drop(after.insert(key.clone(), value.clone())),
            None => drop(after.remove(key)),
        }
    }
    problems::check_class(&state.plugin, &after)?;
    done(&state, &name, &base, Command::PatchConfig { name: name.clone(), changes }).await
}

pub(super) async fn info(
    Shared(state): Shared<Handle>,
    In(name): In<String>,
) -> Result<Json<ConnectorInfo>, Error> {
    let connector = find(&state, &name)?;
    Ok(Json(ConnectorInfo::new(&name, &connector)))
}

pub(super) async fn config(
    Shared(state): Shared<Handle>,
    In(name): In<String>,
) -> Result<Json<Pairs>, Error> {
    Ok(Json(find(&state, &name)?.config.clone()))
}

pub(super) async fn status(
    Shared(state): Shared<Handle>,
    In(name): In<String>,
) -> Result<Json<StateInfo>, Error> {
    let all = state.connectors.now();
    let connector = all
        .connectors
        .get(&name)
        .ok_or_else(|| Error::missing(format!("No status found for connector {name}")))?;
    Ok(Json(StateInfo::new(&name, connector, &state.plugin)))
}

pub(super) async fn delete(Shared(state): Shared<Handle>, In(name): In<String>) -> Result<StatusCode, Error> {
    let command = Command::Delete { name: name.clone() };
    let refused = |refusal| Error::refused(&refusal, &name, Unknown::Looked);
    state.commands.call(command).await.map_err(refused)?;
    Ok(StatusCode::NO_CONTENT)
}

/// The connector of that name as it is now.
pub(super) fn find(state: &Handle, name: &str) -> Result<Arc<Connector>, Error> {
    state.connectors.now().connectors.get(name).cloned().ok_or_else(|| Error::no_connector(name))
}

/// Pairs that may be submitted under `name`: it is a name, it is theirs, and their class is ours.
async fn checked(
    state: &Handle,
    name: &str,
    mut sent: BTreeMap<String, Option<String>>,
) -> Result<Pairs, Error> {
    match sent.get(NAME).map(|given| given.as_deref()) {
        None => drop(sent.insert(NAME.to_owned(), Some(name.to_owned()))),
        Some(Some(given)) if given == name => {}
        Some(given) => return Err(mismatch(given.unwrap_or("null"), name)),
    }
    let (pairs, nulls) = problems::without_nulls(sent);
    problems::check_class(&state.plugin, &pairs)?;
    let mut found: Vec<_> = problems::of_name(name).into_iter().chain(nulls).collect();
    if !found.is_empty() {
        let names = |problem: &crate::Problem| problem.key != NAME;
        found.extend(problems::find(&state.plugin, &pairs).await?.into_iter().filter(names));
        return Err(Error::refused(&Refusal::Invalid(found), name, Unknown::Looked));
    }
    Ok(pairs)
}

fn mismatch(given: &str, name: &str) -> Error {
    Error::bad(format!(
        "Connector name configuration ({given}) doesn't match connector name in the URL ({name})"
    ))
}

/// Gives the command and shows the connector as it then is.
async fn done(state: &Handle, name: &str, base: &Base, command: Command) -> Result<Response, Error> {
    let refused = |refusal| Error::refused(&refusal, name, Unknown::Looked);
    let done = state.commands.call(command).await.map_err(refused)?;
    // Another command may have taken it away again.
    let connector = find(state, name)?;
    let info = ConnectorInfo::new(name, &connector);
    if done != Done::Created {
        return Ok(Json(info).into_response());
    }
    let mut response = (StatusCode::CREATED, Json(info)).into_response();
    if let Some(location) = base.connector(name) {
        response.headers_mut().insert(LOCATION, location);
    }
    Ok(response)
}
