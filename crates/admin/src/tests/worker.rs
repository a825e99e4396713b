//! A worker with as much of a life of connectors as the answers show.

use std::collections::BTreeSet;

use crate::{Command, Connector, Done, Offset, Pairs, Part, Publisher, Refusal, Requests, RunState, Target};

pub(super) async fn work(mut requests: Requests, publisher: Publisher) {
    while let Some(request) = requests.next().await {
        let answer = answer(request.command.clone(), &publisher);
        request.answer(answer);
    }
}

fn part(state: RunState) -> Part {
    Part { state, worker_id: "worker.example:8083".into() }
}

fn connector(config: Pairs, target: Target) -> Connector {
    let state = match target {
        Target::Started => RunState::Running,
        Target::Paused => RunState::Paused,
        Target::Stopped => RunState::Stopped,
    };
    // `fail` is what the tests write where something shall fail.
    let task = match config.get("fail") {
        Some(trace) => RunState::Failed { trace: trace.clone() },
        None => state.clone(),
    };
    let tasks = if target == Target::Stopped { Vec::new() } else { vec![part(task)] };
    Connector { config, target, part: part(state), tasks, topics: BTreeSet::from(["t".to_owned()]) }
}

fn answer(command: Command, publisher: &Publisher) -> Result<Done, Refusal> {
    let all = publisher.now();
    let find = |name: &str| all.connectors.get(name).ok_or(Refusal::Missing);
    let valid = |config: &Pairs| {
        let problems = (super::plugin().validate)(config);
        if problems.is_empty() { Ok(()) } else { Err(Refusal::Invalid(problems)) }
    };
    match command {
        Command::Create { name, config, initial } => {
            valid(&config)?;
            if all.connectors.contains_key(&name) {
                return Err(Refusal::Exists);
            }
            publisher.publish(&name, connector(config, initial));
            Ok(Done::Created)
        }
        Command::PutConfig { name, config } => {
            valid(&config)?;
            let target = find(&name).map(|found| found.target);
            publisher.publish(&name, connector(config, target.clone().unwrap_or_default()));
            Ok(if target.is_ok() { Done::Updated } else { Done::Created })
        }
        Command::PatchConfig { name, changes } => {
            let found = find(&name)?;
            let mut config = found.config.clone();
            for (key, value) in changes {
                match value {
                    Some(value) => drop(config.insert(key, value)),
                    None => drop(config.remove(&key)),
                }
            }
            valid(&config)?;
            publisher.publish(&name, connector(config, found.target));
            Ok(Done::Updated)
        }
        Command::SetTarget { name, target } => {
            publisher.publish(&name, connector(find(&name)?.config.clone(), target));
            Ok(Done::Accepted)
        }
        Command::Restart { name, include_tasks, .. } => {
            let mut found = Connector::clone(find(&name)?);
            if include_tasks {
                found.tasks = vec![part(RunState::Restarting)];
                publisher.publish(&name, found);
            }
            Ok(Done::Accepted)
        }
        Command::RestartTask { name, task } => {
            find(&name)?.tasks.get(task).map(|_| Done::Accepted).ok_or(Refusal::MissingTask)
        }
        Command::Delete { name } => {
            find(&name)?;
            publisher.remove(&name);
            Ok(Done::Accepted)
        }
        Command::ResetTopics { name } => {
            let mut found = Connector::clone(find(&name)?);
            found.topics.clear();
            publisher.publish(&name, found);
            Ok(Done::Accepted)
        }
        Command::ReadOffsets { name } => {
            find(&name)?;
            let map = |json: &str| serde_json::from_str(json).unwrap();
            let offset = Offset { partition: map(r#"{"p":1}"#), offset: Some(map(r#"{"o":1.5}"#)) };
            Ok(Done::Offsets(vec![offset]))
        }
        Command::AlterOffsets { name, .. } | Command::ResetOffsets { name } => {
            let stopped = find(&name)?.target == Target::Stopped;
            if stopped { Ok(Done::Accepted) } else { Err(Refusal::NotStopped) }
        }
    }
}
