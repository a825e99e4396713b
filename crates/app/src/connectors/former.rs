//! What runs no more, until it has ended: configurations that were replaced, connections that were asked to leave, and
//! at last the connector itself.

use std::time::Duration;

use receiver::{Leaving, Retired, Station};
use sink::WorkerIntake;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout, timeout_at};

use super::LAST_ANSWERS;
use super::live::Live;

/// What one connector has left behind.
pub(super) struct Former {
    tasks: JoinSet<()>,
    graceful: Duration,
    /// Until when every configuration replaced so far may answer.
    by: Instant,
    /// Set to true, or dropped, when none of it gets more time.
    given_up: watch::Sender<bool>,
}

impl Former {
    pub(super) fn new(graceful: Duration) -> Self {
        Self { tasks: JoinSet::new(), graceful, by: Instant::now(), given_up: watch::Sender::new(false) }
    }

    /// A configuration that was replaced, and whose requests waited for `hold` at most.
    pub(super) fn replaced(&mut self, live: Live, retired: Retired, hold: Duration) {
        let until = Instant::now() + limit(hold, self.graceful);
        self.by = self.by.max(until);
        let patience = patience(until, self.given_up.subscribe());
        self.spawn(live.end(retired, patience));
    }

    /// A configuration that was never in force.
    pub(super) fn unused(&mut self, live: Live) {
        self.spawn(live.end(Retired::default(), std::future::ready(())));
    }

    /// Connections that were asked to leave while the connector stays. `hold` is that of the configuration in force:
    /// what came before its sender saw that the connection leaves is that one's.
    pub(super) fn leaves(&mut self, leaving: Leaving, hold: Duration) {
        // Not before what their requests began under is given up: a connection that is cut has little time left, and
        // answers none but those requests that were answered in it.
        let until = self.by.max(Instant::now() + hold.max(self.graceful));
        let patience = patience(until, self.given_up.subscribe());
        self.spawn(async move {
            tokio::select! {
                () = leaving.finished() => return,
                () = patience => {}
            }
            leaving.cut();
            // An error: a peer that does not read is cut off when this is dropped.
            drop(timeout(LAST_ANSWERS, leaving.finished()).await);
        });
    }

    /// A connector whose ports are closed: what is in flight finishes in the graceful time, under what was replaced
    /// before as well, and what still waits then is answered retryably.
    pub(super) fn stopped(&mut self, station: Station<WorkerIntake>, live: Live, leaving: Vec<Leaving>) {
        // Whatever comes later is started anew, and has a time of its own.
        let given_up = std::mem::replace(&mut self.given_up, watch::Sender::new(false));
        self.by = Instant::now();
        let end = self.by + self.graceful;
        self.spawn(async move {
            let replaced = async {
                // Also of connections whose port was given up before: nothing below waits for those.
                drop(timeout_at(end, given_up.closed()).await);
                given_up.send_replace(true);
            };
            tokio::join!(replaced, see_out(station, live, leaving, &given_up, end));
        });
    }

    /// Returns when nothing is left.
    pub(super) async fn ended(mut self) {
        while self.tasks.join_next().await.is_some() {}
    }

    fn spawn(&mut self, ending: impl Future<Output = ()> + Send + 'static) {
        while self.tasks.try_join_next().is_some() {}
        self.tasks.spawn(ending);
    }
}

/// What is replaced has until its last request must have its answer, and as long again for what was handed to Kafka.
fn limit(hold: Duration, graceful: Duration) -> Duration {
    (hold * 2).max(graceful)
}

/// Returns at `until`, or when it is given up before.
async fn patience(until: Instant, mut given_up: watch::Receiver<bool>) {
    // Errors: it is late, or nobody is left who would tell.
    drop(timeout_at(until, given_up.wait_for(|given_up| *given_up)).await);
}

async fn finished(leaving: &[Leaving]) {
    for leaving in leaving {
        leaving.finished().await;
    }
}

async fn see_out(
    station: Station<WorkerIntake>,
    live: Live,
    leaving: Vec<Leaving>,
    given_up: &watch::Sender<bool>,
    end: Instant,
) {
    if timeout_at(end, finished(&leaving)).await.is_err() {
        tracing::warn!("requests still wait for Kafka; their senders are told to come again");
        // Requests first, so that their connections have answers to leave with.
        live.give_up();
        given_up.send_replace(true);
        for leaving in &leaving {
            leaving.cut();
        }
        // An error: a peer that does not read is cut off when `leaving` is dropped.
        drop(timeout(LAST_ANSWERS, finished(&leaving)).await);
    }
    drop(leaving);
    let retired = station.close().await;
    let rest = end.saturating_duration_since(Instant::now()).max(LAST_ANSWERS);
    live.end(retired, tokio::time::sleep(rest)).await;
}
