//! One configuration of a connector while it is in force: its way into Kafka, and what its requests share.

use std::sync::Arc;

use pipeline::{Budget, Gate, Health, Metrics, Phase, Shared, Switch, drain};
use receiver::{Generation, Retired, Windows};
use sink::{OpenError, Sink, WorkerIntake};
use tokio::task::JoinHandle;

use super::LAST_ANSWERS;
use crate::progress;
use crate::settings::Plan;

/// What connectors hold bytes against.
#[derive(Debug, Clone)]
pub(crate) struct Memory {
    pub(crate) budget: Arc<Budget>,
    pub(crate) windows: Arc<Windows>,
}

impl Memory {
    pub(crate) fn new(total_bytes: usize, reserve_bytes: usize) -> Self {
        let budget = Budget::watched(total_bytes, reserve_bytes, crate::allocator::short_of_memory);
        let windows = Windows::new(&budget);
        Self { budget, windows }
    }
}

/// In force, or about to be, or no more.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) shared: Arc<Shared>,
    pub(super) sink: Arc<Sink>,
    pub(super) memory: Memory,
    switch: Switch,
    watch: JoinHandle<()>,
    /// That the watch has ended was told.
    told: bool,
}

impl Live {
    /// Opens the way into Kafka, which need not be there. `before` is what this takes the place of.
    ///
    /// # Errors
    ///
    /// The Kafka client does not start.
    pub(super) fn open(
        plan: &Plan,
        process: &Memory,
        before: Option<(&Plan, &Self)>,
        metrics: &Arc<Metrics>,
    ) -> Result<Self, OpenError> {
        let memory = match (plan.memory, before) {
            (None, _) => process.clone(),
            (Some(own), Some((former, live))) if former.memory == Some(own) => live.memory.clone(),
            (Some(own), _) => Memory::new(own.total_bytes, own.reserve_bytes),
        };
        let gate = match before {
            Some((former, live)) if former.queue_size == plan.queue_size => Arc::clone(&live.shared.gate),
            _ => Arc::new(Gate::new(plan.queue_size)),
        };
        let (switch, drain) = drain();
        let shared = Arc::new(Shared {
            budget: Arc::clone(&memory.budget),
            gate,
            metrics: Arc::clone(metrics),
            health: Arc::new(Health::default()),
            drain: drain.clone(),
        });
        let sink = Sink::open(plan.sink.clone(), Arc::clone(&shared))?;
        let watch = tokio::spawn(Arc::clone(&sink).watch());
        let servers = plan.sink.bootstrap().to_owned();
        tokio::spawn(progress::kafka(Arc::clone(&shared.health), drain, servers));
        Ok(Self { shared, sink, memory, switch, watch, told: false })
    }

    /// For the workers.
    pub(super) fn generation(&self, plan: &Plan) -> Generation<WorkerIntake> {
        let sink = Arc::clone(&self.sink);
        let windows = Arc::clone(&self.memory.windows);
        Generation::new(&plan.receiver, Arc::clone(&self.shared), windows, move || sink.intake())
    }

    /// Returns when the watch over Kafka has ended by itself, which it should not; once, since what is to replace this
    /// takes its time, and this serves until then.
    pub(super) async fn broken(&mut self) {
        if self.told {
            return std::future::pending().await;
        }
        // A panic is in the log.
        let _ended = (&mut self.watch).await;
        self.told = true;
    }

    /// What still waits for Kafka is answered retryably.
    pub(super) fn give_up(&self) {
        self.switch.advance(Phase::Closing);
    }

    /// Sees out what is no longer in force: until its requests and their records have ended, or `patience` has.
    pub(super) async fn end(self, retired: Retired, patience: impl Future<Output = ()>) {
        let mut retired = std::pin::pin!(retired.done());
        tokio::select! {
            biased;
            () = retired.as_mut() => {}
            () = patience => {
                self.give_up();
                // An error: workers that do not answer are cut off.
                drop(tokio::time::timeout(LAST_ANSWERS, retired).await);
            }
        }
        self.give_up();
        self.watch.abort();
        self.sink.close(LAST_ANSWERS).await;
    }
}
