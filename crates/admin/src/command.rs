//! What REST asks the worker to do: one bounded channel of commands, each with a place for its answer.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio::sync::{mpsc, oneshot};

use crate::{Connector, Pairs, Problem, Target};

/// Commands that may wait for the worker; more are refused with [`Refusal::Busy`].
const WAITING_MAX: usize = 64;

/// One thing to do. Commands of one connector take effect in the order in which they came.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Takes on a new connector: [`Done::Created`], or [`Refusal::Invalid`] before [`Refusal::Exists`].
    Create {
        /// Its name, as checked by REST.
        name: String,
        /// Its pairs, `name` among them.
        config: Pairs,
        /// What it is to be from the start.
        initial: Target,
    },
    /// Replaces a connector's pairs and keeps its target, or takes it on: [`Done::Created`], [`Done::Updated`].
    PutConfig {
        /// Which.
        name: String,
        /// All its pairs, `name` among them.
        config: Pairs,
    },
    /// Changes some of a connector's pairs: [`Done::Updated`].
    PatchConfig {
        /// Which.
        name: String,
        /// New values; `None` takes the key away.
        changes: BTreeMap<String, Option<String>>,
    },
    /// Pauses, resumes or stops: [`Done::Accepted`], also when it is so already.
    SetTarget {
        /// Which.
        name: String,
        /// What it is to be.
        target: Target,
    },
    /// Evaluates a connector anew. [`Done::Accepted`] when both flags are off; else [`Done::Restarting`], or
    /// [`Done::Updated`] where nothing had to be restarted.
    Restart {
        /// Which.
        name: String,
        /// Its tasks as well.
        include_tasks: bool,
        /// Only what has failed.
        only_failed: bool,
    },
    /// Restarts one task: [`Done::Accepted`], or [`Refusal::MissingTask`].
    RestartTask {
        /// Which connector.
        name: String,
        /// Which of its tasks.
        task: usize,
    },
    /// Ends a connector and forgets it: [`Done::Accepted`].
    Delete {
        /// Which.
        name: String,
    },
    /// Forgets which topics a connector has written to: [`Done::Accepted`].
    ResetTopics {
        /// Which.
        name: String,
    },
    /// Reads the positions of a connector: [`Done::Offsets`].
    ReadOffsets {
        /// Which.
        name: String,
    },
    /// Sets positions of a stopped connector, and takes away those without a position: [`Done::Accepted`], or
    /// [`Refusal::NotStopped`], [`Refusal::BadOffsets`].
    AlterOffsets {
        /// Which.
        name: String,
        /// Never empty.
        offsets: Vec<Offset>,
    },
    /// Takes all positions of a stopped connector away: [`Done::Accepted`], or [`Refusal::NotStopped`].
    ResetOffsets {
        /// Which.
        name: String,
    },
}

/// A source connector's position, in the connector's own terms.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Offset {
    /// Which of its sources.
    pub partition: Map<String, Value>,
    /// How far; `None` to take it away.
    pub offset: Option<Map<String, Value>>,
}

/// What was done. What a connector then is has been published before the answer comes.
#[derive(Debug, Clone, PartialEq)]
pub enum Done {
    /// The connector is new.
    Created,
    /// The connector was there and is changed.
    Updated,
    /// As asked, now or already.
    Accepted,
    /// With what is restarted as `RESTARTING`, which may be over when the answer is written.
    Restarting(Arc<Connector>),
    /// The positions asked for.
    Offsets(Vec<Offset>),
}

/// Why a command was not done. Nothing of it has taken effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The pairs are wrong; never empty.
    Invalid(Vec<Problem>),
    /// There is a connector of that name.
    Exists,
    /// There is none of that name.
    Missing,
    /// The connector has no such task.
    MissingTask,
    /// Positions can be changed only while the connector is stopped.
    NotStopped,
    /// The positions have a form that this connector's positions do not have.
    BadOffsets(String),
    /// Another change came in between; the same command may be given again.
    Conflict,
    /// Too many commands wait; the same command may be given again.
    Busy,
    /// The worker is shutting down.
    Closing,
    /// Something else than what was asked for went wrong, such as a full disk.
    Failed(String),
}

/// A command and the place for its answer. One that is dropped answers [`Refusal::Closing`].
#[derive(Debug)]
pub struct Request {
    /// What to do.
    pub command: Command,
    answer: oneshot::Sender<Result<Done, Refusal>>,
}

/// Gives commands; any number of holders.
#[derive(Debug, Clone)]
pub struct Commands(mpsc::Sender<Request>);

/// Gets commands; one holder.
#[derive(Debug)]
pub struct Requests(mpsc::Receiver<Request>);

/// Both ends of the channel.
#[must_use]
pub fn commands() -> (Commands, Requests) {
    let (sender, receiver) = mpsc::channel(WAITING_MAX);
    (Commands(sender), Requests(receiver))
}

impl Request {
    /// Answers. Whoever asked may have gone away: what was done stays done.
    pub fn answer(self, answer: Result<Done, Refusal>) {
        drop(self.answer.send(answer));
    }
}

impl Requests {
    /// The next command; `None` when nobody can give one any more.
    pub async fn next(&mut self) -> Option<Request> {
        self.0.recv().await
    }
}

impl Commands {
    /// Whether somebody is there to answer.
    #[must_use]
    pub fn are_answered(&self) -> bool {
        !self.0.is_closed()
    }

    /// Gives a command and waits for its answer.
    ///
    /// # Errors
    ///
    /// Why it was not done.
    pub async fn call(&self, command: Command) -> Result<Done, Refusal> {
        let (answer, answered) = oneshot::channel();
        self.0.try_send(Request { command, answer }).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => Refusal::Busy,
            mpsc::error::TrySendError::Closed(_) => Refusal::Closing,
        })?;
        answered.await.unwrap_or(Err(Refusal::Closing))
    }
}
