//! Answers REST's commands: what this version can do with its one connector, and plainly what it cannot.

use admin::{Command, Done, Publisher, Refusal, Requests};

/// Answers until nobody can ask any more.
pub(crate) async fn control(mut requests: Requests, publisher: Publisher) {
    while let Some(request) = requests.next().await {
        let answer = answer(&request.command, &publisher);
        request.answer(answer);
    }
}

fn answer(command: &Command, publisher: &Publisher) -> Result<Done, Refusal> {
    let all = publisher.now();
    let connector = |name: &String| all.connectors.get(name).ok_or(Refusal::Missing);
    let cannot = || Err(Refusal::Failed("this version cannot change what runs".to_owned()));
    match command {
        Command::Create { name, .. } if all.connectors.contains_key(name) => Err(Refusal::Exists),
        Command::Create { .. } | Command::PutConfig { .. } => cannot(),
        Command::ReadOffsets { name } => connector(name).map(|_| Done::Offsets(Vec::new())),
        Command::RestartTask { name, task } => match connector(name)?.tasks.get(*task) {
            None => Err(Refusal::MissingTask),
            Some(_) => cannot(),
        },
        Command::AlterOffsets { name, .. } | Command::ResetOffsets { name } => {
            connector(name)?;
            Err(Refusal::NotStopped)
        }
        Command::PatchConfig { name, .. }
        | Command::SetTarget { name, .. }
        | Command::Restart { name, .. }
        | Command::Delete { name }
        | Command::ResetTopics { name } => {
            connector(name)?;
            cannot()
        }
    }
}
