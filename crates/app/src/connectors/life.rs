//! The life of one connector: a task that takes orders one after the other, and tries again what failed.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use admin::{Offset, Refusal, RunState, Target};
use pipeline::{Metrics, Phase};
use receiver::Station;
use sink::WorkerIntake;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

use super::board::{Face, Ticket};
use super::coming::Coming;
use super::former::Former;
use super::live::Live;
use super::ports::{Ports, Refused};
use super::used::Used;
use super::{World, trace};
use crate::settings::{Definition, Plan};

/// Pauses between tries to get what could not be had: the first, and the longest after doubling.
const RETRY_FIRST: Duration = Duration::from_millis(200);
const RETRY_LONGEST: Duration = Duration::from_secs(10);
/// How often it is looked which topics have records.
const LOOK: Duration = Duration::from_millis(500);

/// What a connector's task is asked for. Whoever waits for an answer may go away.
#[derive(Debug)]
pub(super) enum Order {
    /// Be this from now on. Answered when that is shown: what runs is replaced once the new way into Kafka is warm.
    Apply(Box<Definition>, oneshot::Sender<Outcome>),
    /// Be in this state from now on.
    Target(Target, oneshot::Sender<()>),
    /// Look at everything again: files that the definition names, ports that could not be had.
    Restart(oneshot::Sender<()>),
    /// Be no more; answered once the ports are free.
    End(oneshot::Sender<()>),
    /// Forget which topics have records.
    ResetTopics(oneshot::Sender<()>),
    /// Say how far each signal is.
    ReadOffsets(oneshot::Sender<Vec<Offset>>),
    /// Count on from there; `None`: from the beginning.
    SetOffsets(Option<Vec<Offset>>, oneshot::Sender<Result<(), Refusal>>),
}

/// What an order to apply a definition came to.
#[derive(Debug)]
pub(super) struct Outcome {
    /// Where it listens.
    pub(super) addrs: [Option<SocketAddr>; 2],
    /// Why it does not do all that it should.
    pub(super) failure: Option<String>,
}

/// One connector.
pub(super) struct Life {
    world: Arc<World>,
    ticket: Ticket,
    metrics: Arc<Metrics>,
    definition: Definition,
    target: Target,
    running: Option<Running>,
    /// What replaces the configuration of `running` as soon as it is ready.
    coming: Option<Coming>,
    /// The task's state until what was ordered last is in force.
    meanwhile: Option<RunState>,
    failure: Option<Failure>,
    used: Used,
    /// The first order was obeyed.
    settled: bool,
    former: Former,
}

/// A connector that is in service or paused.
struct Running {
    plan: Plan,
    station: Station<WorkerIntake>,
    live: Live,
    ports: Ports,
}

/// What could not be had, and when it is tried again.
#[derive(Debug)]
struct Failure {
    /// Of the connector as a whole, and not of its task alone.
    of_connector: bool,
    why: Vec<String>,
    tries: u32,
    pause: Duration,
    again: Instant,
}

impl Failure {
    fn of_ports(&self) -> bool {
        !self.of_connector
    }
}

impl Life {
    pub(super) fn new(
        world: Arc<World>,
        (ticket, metrics): (Ticket, Arc<Metrics>),
        definition: Definition,
        target: Target,
    ) -> Self {
        let used = Used::new(&ticket.name);
        let former = Former::new(world.graceful);
        Self {
            world,
            ticket,
            metrics,
            definition,
            target,
            running: None,
            coming: None,
            meanwhile: Some(RunState::Unassigned),
            failure: None,
            used,
            settled: false,
            former,
        }
    }

    /// Lives until it is told to end or the process leaves.
    pub(super) async fn live(mut self, mut orders: mpsc::Receiver<Order>) {
        let mut drain = self.world.drain.clone();
        // What the first order needs may take longer than whoever asks for the connector waits.
        self.show();
        loop {
            let again = self.failure.as_ref().map(|failure| failure.again);
            let live = self.running.as_mut().map(|running| &mut running.live);
            let coming = self.coming.as_mut();
            tokio::select! {
                biased;
                () = drain.reached(Phase::Draining) => break,
                order = orders.recv() => match order {
                    Some(Order::End(released)) => {
                        self.stop(|| tell(released)).await;
                        break;
                    }
                    Some(order) => self.obey(order).await,
                    None => break,
                },
                () = sleep_until(again.unwrap_or_else(Instant::now)), if again.is_some() => {
                    self.try_again().await;
                }
                () = ready(coming) => self.take_over().await,
                () = broken(live) => {
                    tracing::error!(connector = self.ticket.name, "the watch over Kafka has ended; it starts anew");
                    self.apply(RunState::Restarting).await;
                }
                () = tokio::time::sleep(LOOK) => self.look(),
            }
        }
        self.stop(|| ()).await;
        self.former.ended().await;
    }

    async fn obey(&mut self, order: Order) {
        match order {
            Order::Apply(definition, done) => {
                self.definition = *definition;
                self.failure = None;
                self.apply(RunState::Unassigned).await;
                self.settled = true;
                let addrs = self.running.as_ref().map(|running| running.ports.addrs()).unwrap_or_default();
                let failure = self.failure.as_ref().map(|failure| failure.why.join("; "));
                let _gone = done.send(Outcome { addrs, failure });
            }
            Order::Target(target, done) => {
                self.target = target;
                match (target, &self.running) {
                    (Target::Stopped, _) => {
                        self.failure = None;
                        self.stop(|| tell(done)).await;
                        self.show();
                        return;
                    }
                    (Target::Started | Target::Paused, Some(running)) => {
                        running.station.pause(target == Target::Paused).await;
                        if target == Target::Paused {
                            // Nobody is served who could wait.
                            self.take_over().await;
                        }
                        self.show();
                    }
                    (Target::Started | Target::Paused, None) => self.apply(RunState::Unassigned).await,
                }
                tell(done);
            }
            Order::Restart(done) => {
                self.failure = None;
                self.apply(RunState::Restarting).await;
                tell(done);
            }
            Order::ResetTopics(done) => {
                self.used.forget_topics();
                self.show();
                tell(done);
            }
            Order::ReadOffsets(answer) => drop(answer.send(self.used.offsets(&self.metrics))),
            // It was refused, since it waited for too long.
            Order::SetOffsets(_, answer) if answer.is_closed() => {}
            Order::SetOffsets(offsets, answer) => {
                let set = match offsets {
                    Some(offsets) => self.used.set_offsets(&self.metrics, &offsets),
                    None => {
                        self.used.reset_offsets(&self.metrics);
                        Ok(())
                    }
                };
                let _gone = answer.send(set);
            }
            // Taken where orders come in.
            Order::End(_) => {}
        }
    }

    /// Brings what runs to what the definition says, and says how that went; `meanwhile` is its task's state until the
    /// new configuration takes over.
    async fn apply(&mut self, meanwhile: RunState) {
        // What restarts is shown so by who asked for it.
        let shows = meanwhile == RunState::Unassigned;
        self.meanwhile = Some(meanwhile);
        if shows {
            self.show();
        }
        if self.target != Target::Stopped {
            let run = match self.plan().await {
                Ok(plan) => self.run(plan).await.map_err(|error| vec![error.to_string()]),
                Err(problems) => Err(problems),
            };
            match run {
                Ok(Some(refused)) => self.refused(refused),
                Ok(None) => self.failure = None,
                Err(why) => {
                    // What was to come is not what the definition says now, and its coming would end this failure.
                    self.discard();
                    self.failure = Some(self.failed(true, why));
                }
            }
        }
        if self.coming.is_none() {
            self.meanwhile = None;
        }
        self.show();
    }

    /// Tries to get what could not be had; of ports, those alone.
    async fn try_again(&mut self) {
        let Some(running) =
            self.running.as_mut().filter(|_| self.failure.as_ref().is_some_and(Failure::of_ports))
        else {
            return self.apply(RunState::Restarting).await;
        };
        let Running { plan, station, ports, .. } = running;
        let refused = ports.follow(station, &plan.receiver, &self.metrics, &mut self.former).await;
        self.world.hold(&self.ticket.name, &ports.addrs());
        self.refused(refused);
        self.show();
    }

    fn refused(&mut self, refused: Vec<Refused>) {
        let why: Vec<String> = refused.into_iter().map(|port| self.in_words(port)).collect();
        if why.is_empty() && self.failure.take().is_some() {
            tracing::info!(connector = self.ticket.name, "all its ports listen");
        }
        if !why.is_empty() {
            self.failure = Some(self.failed(false, why));
        }
    }

    /// Judges the definition, which reads files.
    async fn plan(&self) -> Result<Plan, Vec<String>> {
        let (ground, definition) = (Arc::clone(&self.world.ground), self.definition.clone());
        let planned = tokio::task::spawn_blocking(move || ground.plan(&definition)).await;
        match planned {
            Ok(Ok(plan)) => Ok(plan),
            Ok(Err(problems)) => Err(problems.iter().map(ToString::to_string).collect()),
            Err(_) => Err(vec!["the definition could not be judged".to_owned()]),
        }
    }

    /// Puts a plan in force where nothing runs yet, and returns the ports that could not be had; else opens its way
    /// into Kafka beside the one that serves.
    async fn run(&mut self, plan: Plan) -> Result<Option<Vec<Refused>>, sink::OpenError> {
        if self.running.is_none() || self.definition.config != self.used.config {
            for word in &plan.words {
                tracing::warn!(connector = self.ticket.name, "{word}");
            }
            self.used.config.clone_from(&self.definition.config);
        }
        let before = self.running.as_ref().map(|running| (&running.plan, &running.live));
        let live = Live::open(&plan, &self.world.memory, before, &self.metrics)?;
        self.discard();
        if let Some(running) = &self.running {
            let serves = self.target == Target::Started && running.live.shared.health.troubles().is_empty();
            self.coming = Some(Coming::begin(&running.station, plan, live).await);
            if serves {
                return Ok(None);
            }
            // Who would wait under the former one can wait under the new one.
            return Ok(Some(self.switch().await));
        }
        let station = self.world.workers.station();
        station.prepare(live.generation(&plan)).await;
        // Nothing was in force.
        drop(station.switch().await);
        station.pause(self.target == Target::Paused).await;
        self.running = Some(Running { plan, station, live, ports: Ports::default() });
        Ok(Some(self.in_force().await))
    }

    /// What was opened beside what serves takes its place.
    async fn take_over(&mut self) {
        if self.coming.is_none() {
            return;
        }
        let refused = self.switch().await;
        self.meanwhile = None;
        self.refused(refused);
        self.show();
    }

    /// From here on every request is the new configuration's, and those of the former one are answered under it.
    /// Returns the ports that could not be had.
    async fn switch(&mut self) -> Vec<Refused> {
        let (Some(running), Some(coming)) = (&mut self.running, self.coming.take()) else {
            return Vec::new();
        };
        let retired = running.station.switch().await;
        self.used.look(&self.metrics);
        let former_plan = std::mem::replace(&mut running.plan, coming.plan);
        let former = std::mem::replace(&mut running.live, coming.live);
        self.former.replaced(former, retired, former_plan.receiver.hold());
        self.in_force().await
    }

    /// Says what is in force, and brings the ports to what it says; returns those that could not be had.
    async fn in_force(&mut self) -> Vec<Refused> {
        let Some(Running { plan, station, live, ports }) = &mut self.running else { return Vec::new() };
        self.used.topics_of(&plan.topics, &self.metrics);
        self.world.board.set_live(&self.ticket, Some((&live.shared, &live.sink)));
        let refused = ports.follow(station, &plan.receiver, &self.metrics, &mut self.former).await;
        self.world.hold(&self.ticket.name, &ports.addrs());
        refused
    }

    /// Ends what was to come.
    fn discard(&mut self) {
        if let Some(Coming { live, .. }) = self.coming.take() {
            self.former.unused(live);
        }
    }

    /// Releases the ports, says so, and lets what runs end by itself.
    async fn stop(&mut self, released: impl FnOnce()) {
        self.discard();
        let Some(mut running) = self.running.take() else { return released() };
        let leaving = running.ports.close().await;
        self.world.hold(&self.ticket.name, &[None, None]);
        released();
        self.used.look(&self.metrics);
        self.world.board.set_live(&self.ticket, None);
        let Running { station, live, .. } = running;
        self.former.stopped(station, live, leaving);
    }

    fn failed(&self, of_connector: bool, why: Vec<String>) -> Failure {
        let (tries, pause) = match &self.failure {
            Some(before) => (before.tries + 1, (before.pause * 2).min(RETRY_LONGEST)),
            None => (1, RETRY_FIRST),
        };
        let ends_the_start = self.world.laptop && !self.settled;
        if !ends_the_start && self.failure.as_ref().is_none_or(|before| before.why != why) {
            for why in &why {
                tracing::error!(connector = self.ticket.name, "{why}");
            }
        }
        Failure { of_connector, why, tries, pause, again: Instant::now() + pause }
    }

    fn in_words(&self, refused: Refused) -> String {
        let holder = refused.taken.and_then(|port| self.world.holder(port, &self.ticket.name));
        match holder {
            Some(holder) => format!("{}\nThe connector {holder} of this worker has that port.", refused.why),
            None => refused.why,
        }
    }

    fn look(&mut self) {
        if self.used.look(&self.metrics) {
            self.show();
        }
    }

    fn show(&self) {
        let normal = match self.target {
            Target::Started => RunState::Running,
            Target::Paused => RunState::Paused,
            Target::Stopped => RunState::Stopped,
        };
        let failed = self.failure.as_ref().map(|failure| {
            let addrs = self.running.as_ref().map(|running| running.ports.addrs()).unwrap_or_default();
            let trace = trace::of(&self.ticket.name, &failure.why, failure.tries, failure.pause, &addrs);
            (failure.of_connector, RunState::Failed { trace })
        });
        let (state, task) = match (self.target, failed) {
            (Target::Stopped, _) => (normal, None),
            (Target::Started, None) => {
                let task = self.meanwhile.clone().unwrap_or_else(|| normal.clone());
                (normal, Some(task))
            }
            (Target::Paused, None) => (normal.clone(), Some(normal)),
            (_, Some((true, failed))) => (failed.clone(), Some(failed)),
            (_, Some((false, failed))) => (normal, Some(failed)),
        };
        let face = Face { target: self.target, state, task, topics: self.used.topics().clone() };
        self.world.board.show(&self.ticket, face);
    }
}

/// Whoever waits may have gone away.
fn tell(done: oneshot::Sender<()>) {
    let _gone = done.send(());
}

/// Returns when what is to come should take over; never when nothing is.
async fn ready(coming: Option<&mut Coming>) {
    match coming {
        Some(coming) => coming.ready().await,
        None => std::future::pending().await,
    }
}

/// Returns when what runs can no longer see Kafka; never when nothing runs.
async fn broken(live: Option<&mut Live>) {
    match live {
        Some(live) => live.broken().await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
