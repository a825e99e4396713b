//! Pause, resume, stop and restart, of a connector or of one of its tasks.

use axum::Json;
use axum::extract::{Query, State as Shared};
use axum::response::{IntoResponse, Response};
use http::StatusCode;

use super::connector::find;
use super::error::{Error, Unknown};
use super::name::In;
use super::shapes::{StateInfo, TaskInfo, TaskState};
use crate::router::Handle;
use crate::{Command, Done, Refusal, Target};

pub(super) async fn pause(state: Shared<Handle>, name: In<String>) -> Result<StatusCode, Error> {
    set_target(state, name, Target::Paused).await?;
    Ok(StatusCode::ACCEPTED)
}

pub(super) async fn resume(state: Shared<Handle>, name: In<String>) -> Result<StatusCode, Error> {
    set_target(state, name, Target::Started).await?;
    Ok(StatusCode::ACCEPTED)
}

pub(super) async fn stop(state: Shared<Handle>, name: In<String>) -> Result<StatusCode, Error> {
    set_target(state, name, Target::Stopped).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn set_target(
    Shared(state): Shared<Handle>,
    In(name): In<String>,
    target: Target,
) -> Result<(), Error> {
    let command = Command::SetTarget { name: name.clone(), target };
    let refused = |refusal| Error::refused(&refusal, &name, Unknown::Targeted);
    state.commands.call(command).await.map(drop).map_err(refused)
}

/// 204 without flags; with one, what is restarted and how the rest is.
pub(super) async fn restart(
    Shared(state): Shared<Handle>,
    In(name): In<String>,
    Query(query): Query<Vec<(String, String)>>,
) -> Result<Response, Error> {
    let flag =
        |flag: &str| query.iter().any(|(key, value)| key == flag && value.eq_ignore_ascii_case("true"));
    let (include_tasks, only_failed) = (flag("includeTasks"), flag("onlyFailed"));
    let command = Command::Restart { name: name.clone(), include_tasks, only_failed };
    let refused = |refusal| Error::refused(&refusal, &name, Unknown::Restarted);
    let done = state.commands.call(command).await.map_err(refused)?;
    if !include_tasks && !only_failed {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let connector = match done {
        Done::Restarting(connector) => connector,
        _ => find(&state, &name)?,
    };
    Ok((StatusCode::ACCEPTED, Json(StateInfo::new(&name, &connector, &state.plugin))).into_response())
}

pub(super) async fn tasks(
    Shared(state): Shared<Handle>,
    In(name): In<String>,
) -> Result<Json<Vec<TaskInfo>>, Error> {
    let connector = find(&state, &name)?;
    let task = |task| TaskInfo::new(&name, task, &connector, &state.plugin);
    Ok(Json((0..connector.tasks.len()).map(task).collect()))
}

pub(super) async fn task_status(
    Shared(state): Shared<Handle>,
    In((name, task)): In<(String, i32)>,
) -> Result<Json<TaskState>, Error> {
    let all = state.connectors.now();
    let part = usize::try_from(task).ok().and_then(|task| all.connectors.get(&name)?.tasks.get(task));
    let part = part.ok_or_else(|| Error::missing(format!("No status found for task {name}-{task}")))?;
    Ok(Json(TaskState::new(task, part, &state.plugin)))
}

pub(super) async fn restart_task(
    Shared(state): Shared<Handle>,
    In((name, task)): In<(String, i32)>,
) -> Result<StatusCode, Error> {
    let missing = || Error::missing(format!("Task {name}-{task} not found"));
    let index = usize::try_from(task).map_err(|_| missing())?;
    let command = Command::RestartTask { name: name.clone(), task: index };
    state.commands.call(command).await.map_err(|refusal| match refusal {
        Refusal::MissingTask => missing(),
        refusal => Error::refused(&refusal, &name, Unknown::Restarted),
    })?;
    Ok(StatusCode::NO_CONTENT)
}
