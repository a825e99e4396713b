//! Hop 3: a place in line for each signal.

use std::sync::Arc;

use otlp::Signal;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{Deadline, RetryReason};

/// How many requests of each signal may be unanswered or unacknowledged at a time.
#[derive(Debug)]
pub struct Gate {
    lines: [Arc<Semaphore>; Signal::ALL.len()],
    places: usize,
}

/// A place in line; it is free again when this is dropped, which is with the last delivery report.
#[derive(Debug)]
pub struct Permit(#[expect(dead_code, reason = "held for its Drop")] OwnedSemaphorePermit);

impl Gate {
    /// `places` for each signal.
    #[must_use]
    pub fn new(places: usize) -> Self {
        Self { lines: Signal::ALL.map(|_| Arc::new(Semaphore::new(places))), places }
    }

    /// Waits for a place, first come, first served.
    ///
    /// # Errors
    ///
    /// [`RetryReason::Line`] when the deadline passes first.
    pub async fn admit(&self, signal: Signal, deadline: Deadline) -> Result<Permit, RetryReason> {
        let line = &self.lines[signal.index()];
        if let Ok(permit) = Arc::clone(line).try_acquire_owned() {
            return Ok(Permit(permit));
        }
        match tokio::time::timeout_at(deadline.at(), Arc::clone(line).acquire_owned()).await {
            Ok(Ok(permit)) => Ok(Permit(permit)),
            Ok(Err(_)) | Err(_) => Err(RetryReason::Line),
        }
    }

    /// Places of each signal.
    #[must_use]
    pub fn places(&self) -> usize {
        self.places
    }

    /// Places of a signal that are taken now.
    #[must_use]
    pub fn taken(&self, signal: Signal) -> usize {
        self.places - self.lines[signal.index()].available_permits().min(self.places)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_full_line_refuses_at_the_deadline_and_only_its_own_signal() {
        let gate = Gate::new(1);
        let deadline = Deadline::after(Duration::from_secs(1), None);
        let first = gate.admit(Signal::Traces, deadline).await.unwrap();
        assert_eq!(gate.taken(Signal::Traces), 1);
        assert_eq!(gate.admit(Signal::Traces, deadline).await.unwrap_err(), RetryReason::Line);
        gate.admit(Signal::Logs, Deadline::after(Duration::ZERO, None)).await.unwrap();
        drop(first);
        gate.admit(Signal::Traces, Deadline::after(Duration::ZERO, None)).await.unwrap();
    }
}
