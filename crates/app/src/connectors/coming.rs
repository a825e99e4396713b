//! A connector's next configuration, before it is in force: its way into Kafka is opened while the former one serves.

use std::time::Duration;

use receiver::{Station, Warming};
use sink::WorkerIntake;
use tokio::time::{Instant, timeout_at};

use super::live::Live;
use crate::settings::Plan;

/// How long it may take to reach Kafka, topics created, before requests are put on it and wait there.
const PATIENCE: Duration = Duration::from_secs(3);

/// Opened, and not in force.
pub(super) struct Coming {
    pub(super) plan: Plan,
    pub(super) live: Live,
    warming: Warming,
    by: Instant,
}

impl Coming {
    /// Has the workers make their ways into Kafka, and open their connections.
    pub(super) async fn begin(station: &Station<WorkerIntake>, plan: Plan, live: Live) -> Self {
        let warming = station.warm_up(live.generation(&plan)).await;
        Self { plan, live, warming, by: Instant::now() + PATIENCE }
    }

    /// Returns when no request would wait for it longer than for the former one, or has to. May be dropped and called
    /// again.
    pub(super) async fn ready(&mut self) {
        let Self { live, warming, by, .. } = self;
        let ready = async {
            warming.done().await;
            live.shared.health.ready().await;
        };
        // Where Kafka does not answer, requests wait for it as they would under the former one.
        drop(timeout_at(*by, ready).await);
    }
}
