//! From the first signal to the exit: who still accepts, who finishes, who gives up.

use tokio::sync::watch;

/// How far the shutdown has come; each phase includes the ones before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// In service.
    Serving,
    /// Not ready any more, still accepting, while load balancers notice.
    Leaving,
    /// No new connections; requests in flight finish.
    Draining,
    /// What still waits is answered retryably.
    Closing,
}

/// Sets the phase; one holder.
#[derive(Debug)]
pub struct Switch(watch::Sender<Phase>);

/// Sees the phase; any number of holders.
#[derive(Debug, Clone)]
pub struct Drain(watch::Receiver<Phase>);

/// A switch and its first observer, in [`Phase::Serving`].
#[must_use]
pub fn drain() -> (Switch, Drain) {
    let (sender, receiver) = watch::channel(Phase::Serving);
    (Switch(sender), Drain(receiver))
}

impl Switch {
    /// Goes on to `phase`; never back.
    pub fn advance(&self, phase: Phase) {
        self.0.send_if_modified(|now| {
            let later = phase > *now;
            if later {
                *now = phase;
            }
            later
        });
    }
}

impl Drain {
    /// The phase now.
    #[must_use]
    pub fn phase(&self) -> Phase {
        *self.0.borrow()
    }

    /// Returns once `phase` is reached, or when the switch is gone.
    pub async fn reached(&mut self, phase: Phase) {
        // An error means that the switch is gone, which ends every phase.
        drop(self.0.wait_for(|now| *now >= phase).await);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn phases_only_go_forward() {
        let (switch, mut drain) = drain();
        switch.advance(Phase::Draining);
        switch.advance(Phase::Leaving);
        drain.reached(Phase::Leaving).await;
        assert_eq!(drain.phase(), Phase::Draining);
        drop(switch);
        drain.reached(Phase::Closing).await;
    }
}
