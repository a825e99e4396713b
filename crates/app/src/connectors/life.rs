//! The life of one connector: a task that takes orders one after the other, and tries again what failed.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use admin::{Offset, Refusal, RunState, Target};
use pipeline::{Metrics, Phase};
use receiver::{Leaving, Station};
use sink::WorkerIntake;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use super::board::{Face, Ticket};
use super::live::Live;
use super::ports::{Ports, Refused};
use super::used::Used;
use super::{LAST_ANSWERS, World, trace};
use crate::settings::{Definition, Plan};

/// Pauses between tries to get what could not be had: the first, and the longest after doubling.
const RETRY_FIRST: Duration = Duration::from_millis(200);
const RETRY_LONGEST: Duration = Duration::from_secs(10);
/// How long a new configuration may take to reach Kafka before requests are put on it, and wait there.
const READY_PATIENCE: Duration = Duration::from_secs(1);
/// How often it is looked which topics have records.
const LOOK: Duration = Duration::from_millis(500);

/// What a connector's task is asked for. Whoever waits for an answer may go away.
#[derive(Debug)]
pub(super) enum Order {
    /// Be this from now on.
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
    failure: Option<Failure>,
    used: Used,
    /// The first order was obeyed.
    settled: bool,
    /// What runs no more, until it has ended.
    leaving: JoinSet<()>,
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
        let (running, failure, settled, leaving) = (None, None, false, JoinSet::new());
        Self { world, ticket, metrics, definition, target, running, failure, used, settled, leaving }
    }

    /// Lives until it is told to end or the process leaves.
    pub(super) async fn live(mut self, mut orders: mpsc::Receiver<Order>) {
        let mut drain = self.world.drain.clone();
        loop {
            let again = self.failure.as_ref().map(|failure| failure.again);
            let live = self.running.as_mut().map(|running| &mut running.live);
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
                () = broken(live) => {
                    tracing::error!(connector = self.ticket.name, "the watch over Kafka has ended; it starts anew");
                    self.apply().await;
                }
                () = tokio::time::sleep(LOOK) => self.look(),
            }
        }
        self.stop(|| ()).await;
        while self.leaving.join_next().await.is_some() {}
    }

    async fn obey(&mut self, order: Order) {
        match order {
            Order::Apply(definition, done) => {
                self.definition = *definition;
                self.failure = None;
                self.apply().await;
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
                        self.show();
                    }
                    (Target::Started | Target::Paused, None) => self.apply().await,
                }
                tell(done);
            }
            Order::Restart(done) => {
                self.failure = None;
                self.apply().await;
                tell(done);
            }
            Order::ResetTopics(done) => {
                self.used.forget_topics();
                self.show();
                tell(done);
            }
            Order::ReadOffsets(answer) => drop(answer.send(self.used.offsets(&self.metrics))),
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

    /// Brings what runs to what the definition says, and says how that went.
    async fn apply(&mut self) {
        if self.target != Target::Stopped {
            let run = match self.plan().await {
                Ok(plan) => self.run(plan).await.map_err(|error| vec![error.to_string()]),
                Err(problems) => Err(problems),
            };
            match run {
                Ok(refused) => self.refused(refused),
                Err(why) => self.failure = Some(self.failed(true, why)),
            }
        }
        self.show();
    }

    /// Tries to get what could not be had; of ports, those alone.
    async fn try_again(&mut self) {
        let Some(running) =
            self.running.as_mut().filter(|_| self.failure.as_ref().is_some_and(Failure::of_ports))
        else {
            return self.apply().await;
        };
        let Running { plan, station, ports, .. } = running;
        let refused = ports.follow(station, &plan.receiver, &self.metrics, self.world.graceful).await;
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

    /// Puts a plan in force: at once where nothing runs yet, else so that every request is the old one's or the new
    /// one's, and each is answered. Returns the ports that could not be had.
    async fn run(&mut self, plan: Plan) -> Result<Vec<Refused>, sink::OpenError> {
        if self.running.is_none() || self.definition.config != self.used.config {
            for word in &plan.words {
                tracing::warn!(connector = self.ticket.name, "{word}");
            }
            self.used.config.clone_from(&self.definition.config);
        }
        let before = self.running.as_ref().map(|running| (&running.plan, &running.live));
        let live = Live::open(&plan, &self.world.memory, before, &self.metrics)?;
        let graceful = self.world.graceful;
        let mut running = match self.running.take() {
            None => {
                let station = self.world.workers.station();
                station.prepare(live.generation(&plan)).await;
                // Nothing was in force.
                drop(station.switch().await);
                station.pause(self.target == Target::Paused).await;
                Running { plan, station, live, ports: Ports::default() }
            }
            Some(running) => {
                let Running { plan: former_plan, station, live: former, ports } = running;
                let former_hold = former_plan.receiver.hold();
                station.prepare(live.generation(&plan)).await;
                if former.shared.health.troubles().is_empty() {
                    // Where Kafka does not answer, requests wait for it as they would under the former one.
                    drop(timeout(READY_PATIENCE, live.shared.health.ready()).await);
                }
                let retired = station.switch().await;
                self.used.look(&self.metrics);
                let limit = former_limit(former_hold, graceful);
                self.leaving.spawn(former.end(retired, limit));
                Running { plan, station, live, ports }
            }
        };
        self.used.topics_of(&running.plan.topics, &self.metrics);
        self.world.board.set_live(&self.ticket, Some((&running.live.shared, &running.live.sink)));
        let config = running.plan.receiver.clone();
        let refused = running.ports.follow(&running.station, &config, &self.metrics, graceful).await;
        self.world.hold(&self.ticket.name, &running.ports.addrs());
        self.running = Some(running);
        while self.leaving.try_join_next().is_some() {}
        Ok(refused)
    }

    /// Releases the ports, says so, and lets what runs end by itself.
    async fn stop(&mut self, released: impl FnOnce()) {
        let Some(mut running) = self.running.take() else { return released() };
        let leaving = running.ports.close().await;
        self.world.hold(&self.ticket.name, &[None, None]);
        released();
        self.used.look(&self.metrics);
        self.world.board.set_live(&self.ticket, None);
        let Running { station, live, .. } = running;
        self.leaving.spawn(see_out(station, live, leaving, self.world.graceful));
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
            (_, None) => (normal.clone(), Some(normal)),
            (_, Some((true, failed))) => (failed.clone(), Some(failed)),
            (_, Some((false, failed))) => (normal, Some(failed)),
        };
        let face = Face {
            config: self.definition.config.clone(),
            target: self.target,
            state,
            task,
            topics: self.used.topics().clone(),
        };
        self.world.board.show(&self.ticket, face);
    }
}

/// Whoever waits may have gone away.
fn tell(done: oneshot::Sender<()>) {
    let _gone = done.send(());
}

/// What is replaced has until its last request must have its answer, and as long again for what was handed to Kafka.
fn former_limit(hold: Duration, graceful: Duration) -> Duration {
    (hold * 2).max(graceful)
}

/// Returns when what runs can no longer see Kafka; never when nothing runs.
async fn broken(live: Option<&mut Live>) {
    match live {
        Some(live) => live.broken().await,
        None => std::future::pending().await,
    }
}

/// Sees out a connector whose ports are closed: what is in flight finishes in the graceful time, and what still waits
/// then is answered retryably.
async fn see_out(station: Station<WorkerIntake>, live: Live, leaving: Vec<Leaving>, graceful: Duration) {
    let end = Instant::now() + graceful;
    let finished = async {
        for leaving in &leaving {
            leaving.finished().await;
        }
    };
    if timeout_at(end, finished).await.is_err() {
        tracing::warn!("requests still wait for Kafka; their senders are told to come again");
        live.give_up();
        for leaving in &leaving {
            leaving.cut();
        }
        let last = async {
            for leaving in &leaving {
                leaving.finished().await;
            }
        };
        // An error: a peer that does not read is cut off when `leaving` is dropped.
        drop(timeout(LAST_ANSWERS, last).await);
    }
    drop(leaving);
    let retired = station.close().await;
    live.end(retired, end.saturating_duration_since(Instant::now()).max(LAST_ANSWERS)).await;
}
