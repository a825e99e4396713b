//! What REST asks for: judged, kept, ordered, and answered when it is done.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use admin::{Command, Done, Pairs, Refusal, Request, Target};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::oneshot;

use super::life::Order;
use super::store::Record;
use super::{Entry, Registry, ports_of};
use crate::settings::{Author, Definition, Plan, shown};

/// How long an answer waits for what it speaks of to be done; the connector goes on by itself.
const ANSWER_PATIENCE: Duration = Duration::from_secs(2);
/// How long a definition may be judged. That reads files, and a disk may hang: changes of other connectors wait for it.
/// Well below the 90 s after which REST answers by itself (`rest.request.timeout.ms`), so that many of them can, and
/// below what the end of the process leaves by default.
pub(super) const JUDGING_PATIENCE: Duration = Duration::from_secs(5);

impl Registry {
    /// Answers at once when there is nothing to do, else when it is done; the next command does not wait for that.
    pub(super) async fn answer(&mut self, request: Request) {
        let done = match request.command.clone() {
            Command::Create { name, config, initial } => self.create(name, config, initial).await,
            Command::PutConfig { name, config } => self.put(name, config).await,
            Command::PatchConfig { name, changes } => self.patch(name, changes).await,
            Command::SetTarget { name, target } => self.set_target(&name, target).await,
            Command::Restart { name, include_tasks, only_failed } => {
                self.restart(&name, include_tasks, only_failed)
            }
            Command::RestartTask { name, task } => self.restart_task(&name, task),
            Command::Delete { name } => self.delete(&name).await,
            Command::ResetTopics { name } => self.order(&name, Order::ResetTopics, Done::Accepted),
            Command::ReadOffsets { name } => self.read_offsets(&name),
            Command::AlterOffsets { name, offsets } => self.set_offsets(&name, Some(offsets)),
            Command::ResetOffsets { name } => self.set_offsets(&name, None),
        };
        match done {
            Ok(Waiting { answer, late }) => drop(tokio::spawn(async move {
                let answer = tokio::time::timeout(ANSWER_PATIENCE, answer).await;
                request.answer(answer.unwrap_or(late));
            })),
            Err(refusal) => request.answer(Err(refusal)),
        }
    }

    async fn create(&mut self, name: String, config: Pairs, initial: Target) -> Result<Waiting, Refusal> {
        let definition = self.definition(&name, config);
        let plan = self.judged(&definition).await?;
        if self.entries.contains_key(&name) {
            return Err(Refusal::Exists);
        }
        if self.entries.len() >= self.connectors_max {
            return Err(Refusal::Failed(format!(
                "there are {} connectors, and connectors.max allows no more",
                self.entries.len()
            )));
        }
        self.keep(&definition, initial).await?;
        self.make_way(&name, &plan).await;
        let (_, outcome) = self.admit(definition, initial, Some(&plan));
        Ok(Waiting::after(Done::Created, outcome))
    }

    async fn put(&mut self, name: String, config: Pairs) -> Result<Waiting, Refusal> {
        let Some(entry) = self.entries.get(&name) else {
            return self.create(name, config, Target::Started).await;
        };
        if entry.definition.config == config {
            return Ok(Waiting::nothing(Done::Updated));
        }
        let target = entry.target;
        entry.has_room()?;
        let definition = self.definition(&name, config);
        let plan = self.judged(&definition).await?;
        self.keep(&definition, target).await?;
        self.make_way(&name, &plan).await;
        let (done, outcome) = oneshot::channel();
        let entry = self.entries.get_mut(&name).ok_or(Refusal::Missing)?;
        entry.ports = ports_of(&plan);
        entry.definition = definition.clone();
        let config = definition.config.clone();
        entry.order(Order::Apply(Box::new(definition), done))?;
        self.world.board.submitted(&name, &config);
        Ok(Waiting::after(Done::Updated, outcome))
    }

    async fn patch(
        &mut self,
        name: String,
        changes: BTreeMap<String, Option<String>>,
    ) -> Result<Waiting, Refusal> {
        let entry = self.entries.get(&name).ok_or(Refusal::Missing)?;
        let mut config = entry.definition.config.clone();
        for (key, value) in changes {
            match value {
                Some(value) => drop(config.insert(key, value)),
                None => drop(config.remove(&key)),
            }
        }
        config.entry("name".to_owned()).or_insert_with(|| name.clone());
        self.put(name, config).await
    }

    async fn set_target(&mut self, name: &str, target: Target) -> Result<Waiting, Refusal> {
        let entry = self.entries.get(name).ok_or(Refusal::Missing)?;
        if entry.target == target {
            return Ok(Waiting::nothing(Done::Accepted));
        }
        entry.has_room()?;
        let definition = entry.definition.clone();
        self.keep(&definition, target).await?;
        let entry = self.entries.get_mut(name).ok_or(Refusal::Missing)?;
        entry.target = target;
        let (done, waiting) = oneshot::channel();
        entry.order(Order::Target(target, done))?;
        Ok(Waiting::after(Done::Accepted, waiting))
    }

    fn restart(&mut self, name: &str, tasks: bool, only_failed: bool) -> Result<Waiting, Refusal> {
        let entry = self.entries.get_mut(name).ok_or(Refusal::Missing)?;
        let shown = self.world.board.face(name);
        let failed = shown.as_ref().is_some_and(|shown| shown.part.state.is_failed());
        let task_failed = shown.iter().flat_map(|shown| &shown.tasks).any(|task| task.state.is_failed());
        let (connector, tasks) = (!only_failed || failed, tasks && (!only_failed || task_failed));
        if !connector && !tasks {
            return Ok(Waiting::nothing(Done::Updated));
        }
        let (done, waiting) = oneshot::channel();
        entry.order(Order::Restart(done))?;
        if only_failed || tasks {
            // What is shown as restarting is the answer, also where it is over by then.
            let shown = self.world.board.restarting(name, connector, tasks);
            return Ok(Waiting::nothing(shown.map_or(Done::Updated, Done::Restarting)));
        }
        Ok(Waiting::after(Done::Accepted, waiting))
    }

    fn restart_task(&mut self, name: &str, task: usize) -> Result<Waiting, Refusal> {
        let entry = self.entries.get_mut(name).ok_or(Refusal::Missing)?;
        let tasks = self.world.board.face(name).map_or(0, |shown| shown.tasks.len());
        if task >= tasks {
            return Err(Refusal::MissingTask);
        }
        let (done, waiting) = oneshot::channel();
        entry.order(Order::Restart(done))?;
        Ok(Waiting::after(Done::Accepted, waiting))
    }

    async fn delete(&mut self, name: &str) -> Result<Waiting, Refusal> {
        if !self.entries.contains_key(name) {
            return Err(Refusal::Missing);
        }
        let given = self.given.get(name).map(|given| given.config.clone());
        let (store, owned) = (self.store.clone(), name.to_owned());
        self.write(move || match given {
            // Else it would be there again after a restart.
            Some(given) => {
                store.save(&Record { name: owned, config: None, target: Target::Started, given: Some(given) })
            }
            None => store.remove(&owned),
        })
        .await?;
        let released = self.end(name);
        Ok(match released {
            Some(released) => Waiting::after(Done::Accepted, released),
            None => Waiting::nothing(Done::Accepted),
        })
    }

    /// Ends a connector's task; resolves when its ports are free.
    fn end(&mut self, name: &str) -> Option<oneshot::Receiver<()>> {
        let entry = self.entries.remove(name)?;
        let (done, released) = oneshot::channel();
        // Behind what is being done; where there is no room the end of all orders ends it too.
        let _full = entry.orders.try_send(Order::End(done));
        self.ending.retain(|life| !life.is_finished());
        self.ending.push(entry.life);
        self.world.board.remove(name);
        Some(released)
    }

    /// The default connector is there for who has none: it leaves its ports to another one that wants them.
    async fn make_way(&mut self, name: &str, plan: &Plan) {
        let wanted = ports_of(plan);
        let gives = |(other, entry): &(&String, &Entry)| {
            let is_default = entry.definition.author == Author::Default && *other != name;
            is_default && entry.ports.iter().any(|port| wanted.contains(port))
        };
        let Some(other) = self.entries.iter().find(gives).map(|(other, _)| other.clone()) else { return };
        tracing::info!(connector = other, to = name, "the default connector gives way");
        if let Some(released) = self.end(&other) {
            // The ports are free before they are asked for.
            drop(tokio::time::timeout(ANSWER_PATIENCE, released).await);
        }
    }

    fn read_offsets(&mut self, name: &str) -> Result<Waiting, Refusal> {
        let entry = self.entries.get_mut(name).ok_or(Refusal::Missing)?;
        let (answer, answered) = oneshot::channel();
        entry.order(Order::ReadOffsets(answer))?;
        Ok(Waiting::until_obeyed(
            async move { answered.await.map(Done::Offsets).map_err(|_| Refusal::Closing) },
        ))
    }

    fn set_offsets(&mut self, name: &str, offsets: Option<Vec<admin::Offset>>) -> Result<Waiting, Refusal> {
        let entry = self.entries.get_mut(name).ok_or(Refusal::Missing)?;
        if entry.target != Target::Stopped {
            return Err(Refusal::NotStopped);
        }
        let (answer, answered) = oneshot::channel();
        entry.order(Order::SetOffsets(offsets, answer))?;
        Ok(Waiting::until_obeyed(async move {
            answered.await.unwrap_or(Err(Refusal::Closing)).map(|()| Done::Accepted)
        }))
    }

    /// Gives an order whose answer says no more than that it was done.
    fn order(
        &mut self,
        name: &str,
        order: impl FnOnce(oneshot::Sender<()>) -> Order,
        done: Done,
    ) -> Result<Waiting, Refusal> {
        let entry = self.entries.get_mut(name).ok_or(Refusal::Missing)?;
        let (answer, answered) = oneshot::channel();
        entry.order(order(answer))?;
        Ok(Waiting::after(done, answered))
    }

    fn definition(&self, name: &str, config: Pairs) -> Definition {
        let owners = self.given.get(name).map(|given| given.config.clone()).unwrap_or_default();
        Definition { name: name.to_owned(), config, author: Author::Rest, owners }
    }

    /// Judges a definition, which may read files. What takes too long goes on by itself: nothing interrupts it.
    async fn judged(&mut self, definition: &Definition) -> Result<Plan, Refusal> {
        let failed = |why: &str| Err(Refusal::Failed(why.to_owned()));
        self.judging.retain(|(_, judging)| !judging.is_finished());
        // Each holds a thread: as many as there may be connectors, and no connector more than one.
        let again = self.judging.iter().any(|(name, _)| *name == definition.name);
        if again || self.judging.len() >= self.connectors_max {
            return failed(
                "an earlier configuration is still being judged, since a file that it names cannot be read",
            );
        }
        let (ground, judged) = (Arc::clone(&self.world.ground), definition.clone());
        let mut planned = tokio::task::spawn_blocking(move || ground.plan(&judged));
        match tokio::time::timeout(JUDGING_PATIENCE, &mut planned).await {
            Ok(Ok(Ok(plan))) => Ok(plan),
            Ok(Ok(Err(problems))) => {
                let shown = problems.into_iter().map(|problem| shown(problem, &definition.config));
                Err(Refusal::Invalid(shown.collect()))
            }
            Ok(Err(_)) => failed("the configuration could not be judged"),
            Err(_) => {
                tracing::error!(
                    connector = definition.name,
                    "a configuration takes too long to be judged: is a file that it names on a disk that hangs? \
                     Nothing was changed"
                );
                // What has not begun does not begin any more.
                planned.abort();
                self.judging.push((definition.name.clone(), planned.abort_handle()));
                failed("the configuration took too long to be judged; nothing was changed")
            }
        }
    }

    async fn keep(&self, definition: &Definition, target: Target) -> Result<(), Refusal> {
        let record = Record {
            name: definition.name.clone(),
            config: Some(definition.config.clone()),
            target,
            given: self.given.get(&definition.name).map(|given| given.config.clone()),
        };
        let store = self.store.clone();
        self.write(move || store.save(&record)).await
    }

    /// Writes to disk, which must not hold up the control plane's other parts.
    async fn write(
        &self,
        work: impl FnOnce() -> std::io::Result<()> + Send + 'static,
    ) -> Result<(), Refusal> {
        let why = match tokio::task::spawn_blocking(work).await {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(error)) => crate::files::plain(&error),
            Err(_) => "a panic".to_owned(),
        };
        tracing::error!(why, "the definition of a connector cannot be kept in data.dir; nothing was changed");
        Err(Refusal::Failed(format!("the definition cannot be kept in data.dir: {why}")))
    }
}

impl Entry {
    /// Nothing is kept that could not be done. Nobody else gives orders, so that the room stays.
    fn has_room(&self) -> Result<(), Refusal> {
        if self.orders.is_closed() {
            return Err(ended());
        }
        if self.orders.capacity() > 0 { Ok(()) } else { Err(Refusal::Busy) }
    }

    fn order(&self, order: Order) -> Result<(), Refusal> {
        self.orders.try_send(order).map_err(|error| match error {
            TrySendError::Full(_) => Refusal::Busy,
            TrySendError::Closed(_) => ended(),
        })
    }
}

/// Of a connector whose task has ended, which it does by a panic alone.
fn ended() -> Refusal {
    Refusal::Failed(
        "the task of this connector has ended by a panic, which the log has: delete the connector and create it \
         again"
            .to_owned(),
    )
}

/// What is waited for.
type Answer = Pin<Box<dyn Future<Output = Result<Done, Refusal>> + Send>>;

/// An answer that waits for what it speaks of.
struct Waiting {
    answer: Answer,
    /// The answer when that takes too long.
    late: Result<Done, Refusal>,
}

impl Waiting {
    /// For what the connector does by itself, also when nobody waits for it any more.
    fn after<T: Send + 'static>(done: Done, first: oneshot::Receiver<T>) -> Self {
        let late = Ok(done.clone());
        let answer = async move {
            // An error: the connector leaves, and what was asked for with it.
            drop(first.await);
            Ok(done)
        };
        Self { answer: Box::pin(answer), late }
    }

    /// For what only the connector can answer: a busy one has to be asked again.
    fn until_obeyed(answer: impl Future<Output = Result<Done, Refusal>> + Send + 'static) -> Self {
        Self { answer: Box::pin(answer), late: Err(Refusal::Busy) }
    }

    fn nothing(done: Done) -> Self {
        Self { answer: Box::pin(std::future::ready(Ok(done.clone()))), late: Ok(done) }
    }
}
