//! Hop 3: the one moment that all waits of a request share.

use std::time::Duration;

use tokio::time::Instant;

/// When a request must have its answer; taken once, when its head arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline(Instant);

impl Deadline {
    /// The hold time after `start`, or earlier where the sender's own timeout ends earlier.
    ///
    /// A sender that waits `timeout` is answered min(500 ms, timeout/4) before it gives up, so that the
    /// answer still reaches it.
    #[must_use]
    pub fn of(start: Instant, hold: Duration, timeout: Option<Duration>) -> Self {
        const MARGIN_MAX: Duration = Duration::from_millis(500);
        let wait = timeout.map_or(hold, |t| hold.min(t - (t / 4).min(MARGIN_MAX)));
        Self(start + wait)
    }

    /// [`Self::of`] what starts now.
    #[must_use]
    pub fn after(hold: Duration, timeout: Option<Duration>) -> Self {
        Self::of(Instant::now(), hold, timeout)
    }

    /// The moment.
    #[must_use]
    pub fn at(self) -> Instant {
        self.0
    }

    /// The time left, zero when it has passed.
    #[must_use]
    pub fn left(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_senders_timeout_shortens_the_hold() {
        let left = |timeout| Deadline::after(Duration::from_secs(8), timeout).left();
        assert_eq!(left(None), Duration::from_secs(8));
        assert_eq!(left(Some(Duration::from_secs(30))), Duration::from_secs(8));
        assert_eq!(left(Some(Duration::from_secs(4))), Duration::from_millis(3500));
        assert_eq!(left(Some(Duration::from_millis(400))), Duration::from_millis(300));
        assert_eq!(left(Some(Duration::ZERO)), Duration::ZERO);
    }
}
