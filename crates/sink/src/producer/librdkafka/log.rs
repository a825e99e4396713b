//! The client library's log lines and errors, brought to `tracing` at a bounded rate.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;

/// Lines of one client that are passed on in each window; a broker that is down makes the library repeat itself.
const LINES_MAX: u32 = 5;
const WINDOW: Duration = Duration::from_secs(10);

/// Passes log lines on; for clients from which nothing but their answers is wanted.
#[derive(Debug, Default)]
pub(crate) struct Bridge {
    window: Mutex<Option<Window>>,
}

#[derive(Debug)]
struct Window {
    began: Instant,
    lines: u32,
}

impl Bridge {
    /// Whether one more line may pass now, and how many did not in the window before.
    fn admit(&self, now: Instant) -> (bool, u32) {
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *window {
            Some(open) if now.duration_since(open.began) < WINDOW => {
                open.lines = open.lines.saturating_add(1);
                (open.lines <= LINES_MAX, 0)
            }
            old => {
                let left_out = old.as_ref().map_or(0, |old| old.lines.saturating_sub(LINES_MAX));
                *old = Some(Window { began: now, lines: 1 });
                (true, left_out)
            }
        }
    }

    /// Writes a line if the rate allows.
    pub(crate) fn line(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        if matches!(level, RDKafkaLogLevel::Debug | RDKafkaLogLevel::Info) {
            tracing::debug!(facility, "{text}");
            return;
        }
        let (passes, left_out) = self.admit(Instant::now());
        if left_out > 0 {
            tracing::warn!(left_out, "more lines of the Kafka client were left out");
        }
        if !passes {
            return;
        }
        match level {
            RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical => {
                tracing::error!(facility, "{text}");
            }
            // Connections that fail are reported as errors although the library goes on by itself.
            _ => tracing::warn!(facility, "{text}"),
        }
    }
}

impl ClientContext for Bridge {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        self.line(level, facility, text);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, "{reason}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_cut_and_counted() {
        let bridge = Bridge::default();
        let begin = Instant::now();
        let passed = (0..100).filter(|_| bridge.admit(begin).0).count();
        assert_eq!(passed, LINES_MAX as usize);
        assert_eq!(bridge.admit(begin + WINDOW), (true, 100 - LINES_MAX));
        assert_eq!(bridge.admit(begin + WINDOW), (true, 0));
    }
}
