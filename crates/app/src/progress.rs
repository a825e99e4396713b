//! A line now and then while the server waits for Kafka; the sink says when it is there.

use std::sync::Arc;
use std::time::Duration;

use pipeline::{Drain, Health, Phase};
use tokio::time::{Instant, sleep};

/// How often the state is looked at while waiting, and while all is well.
const LOOK: Duration = Duration::from_millis(200);
const LOOK_CALM: Duration = Duration::from_secs(1);
/// A start or a failover this short deserves no line.
const PATIENCE: Duration = Duration::from_secs(1);
/// The longest silence while waiting.
const SILENCE_MAX: Duration = Duration::from_secs(10);

/// Follows the health of Kafka until the server leaves.
pub(crate) async fn kafka(health: Arc<Health>, drain: Drain, servers: String) {
    let mut wait: Option<Wait> = None;
    while drain.phase() == Phase::Serving {
        let why = health.troubles().into_iter().find_map(|(part, why)| (part == "kafka").then_some(why));
        match (&mut wait, why) {
            (Some(wait), Some(why)) => wait.go_on(&servers, &why),
            (None, Some(_)) => wait = Some(Wait::begin()),
            (Some(_), None) => wait = None,
            (None, None) => {}
        }
        sleep(if wait.is_some() { LOOK } else { LOOK_CALM }).await;
    }
}

/// A wait under way.
struct Wait {
    since: Instant,
    next: Duration,
}

impl Wait {
    fn begin() -> Self {
        Self { since: Instant::now(), next: PATIENCE }
    }

    /// Says so when it is time; the pauses between the lines double up to the longest.
    fn go_on(&mut self, servers: &str, why: &str) {
        let waited = self.since.elapsed();
        if waited < self.next {
            return;
        }
        self.next = waited + waited.min(SILENCE_MAX);
        tracing::warn!(servers, waited_s = waited.as_secs(), reason = why, "waiting for Kafka, not ready");
    }
}
