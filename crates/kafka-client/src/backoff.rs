//! Hop 7: pauses between attempts, doubled each time, with jitter (KIP-580).

use std::time::Duration;

/// Share by which a pause is made longer or shorter at random, so that clients do not come back in step.
const JITTER: f64 = 0.2;

/// Pauses of one thing that is tried again.
#[derive(Debug, Clone)]
pub(crate) struct Backoff {
    first: Duration,
    longest: Duration,
    failures: u32,
}

impl Backoff {
    /// The first pause and the longest.
    pub(crate) fn new((first, longest): (Duration, Duration)) -> Self {
        Self { first, longest: longest.max(first), failures: 0 }
    }

    /// The pause after one more failure.
    pub(crate) fn next(&mut self) -> Duration {
        let pause = self.first.saturating_mul(1_u32 << self.failures.min(20)).min(self.longest);
        self.failures = self.failures.saturating_add(1);
        pause.mul_f64(1.0 - JITTER + 2.0 * JITTER * fastrand::f64())
    }

    /// After a success the next failure is the first again.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_start_again() {
        let mut backoff = Backoff::new((Duration::from_millis(100), Duration::from_secs(1)));
        for expected_ms in [100_u64, 200, 400, 800, 1000, 1000] {
            let pause = backoff.next();
            let low = Duration::from_millis(expected_ms * 79 / 100);
            let high = Duration::from_millis(expected_ms * 121 / 100);
            assert!(low <= pause && pause <= high, "{pause:?} around {expected_ms} ms");
        }
        backoff.reset();
        assert!(backoff.next() < Duration::from_millis(121));
    }
}
