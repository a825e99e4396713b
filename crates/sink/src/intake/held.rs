//! Hops 5 to 7: a request between its reading and its outcome, with what covers it.

use bytes::Bytes;
use kafka_client::producer::Headers;
use otlp::Signal;
use pipeline::{Charge, Deadline, Exhausted, RetryReason, Verdict, run_sized};

use crate::record::Marks;

/// A request between its reading and its outcome.
pub(super) struct Held {
    pub(super) signal: Signal,
    /// Checked, or about to be by the writing of its record.
    pub(super) wire: Bytes,
    /// Covers `wire` and what is being written.
    pub(super) charge: Charge,
    /// Known once checked.
    pub(super) items: Option<u64>,
    /// It holds one unit, and no smaller part can hold that.
    pub(super) single: bool,
    pub(super) key: Option<Bytes>,
    /// Without the count of items.
    pub(super) headers: Headers,
    /// Bytes that key and headers take in a record, at most.
    pub(super) beside_bytes: usize,
    /// Where its records go when no key says it and they have to keep their order.
    pub(super) partition: Option<i32>,
    pub(super) received_bytes: usize,
    pub(super) deadline: Deadline,
    pub(super) timestamp_ms: i64,
}

/// A record's value, and what covers it.
pub(super) struct Value {
    pub(super) bytes: Bytes,
    pub(super) charge: Charge,
}

/// What became of an attempt to put all of a request into one record.
pub(super) enum Whole {
    Fits(Value),
    Splits,
}

impl Held {
    /// Its records have this key, and the headers that are set already.
    pub(super) fn mark(&mut self, marks: &Marks, key: Option<Bytes>) {
        self.beside_bytes = marks.bytes(key.as_ref(), &self.headers);
        self.key = key;
    }

    pub(super) async fn grow(&mut self, more: usize) -> Result<(), Verdict> {
        self.charge.grow(whole_units(more), self.deadline).await.map_err(no_memory)
    }

    pub(super) async fn grow_to(&mut self, bytes: usize) -> Result<(), Verdict> {
        match bytes.saturating_sub(self.charge.bytes()) {
            0 => Ok(()),
            more => self.grow(more).await,
        }
    }

    /// Runs `work` on `bytes` bytes, on the worker or away from it; then what covers the request is with the work.
    pub(super) async fn run<T, F>(&mut self, bytes: usize, work: F) -> Result<T, Verdict>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        run_sized(bytes, &mut self.charge, self.deadline, work).await.map_err(Verdict::Retry)
    }

    /// The wire bytes, and what goes beside them, are charged again after a record that took their charge with it came
    /// back.
    pub(super) async fn cover_wire(&mut self) -> Result<(), Verdict> {
        self.grow_to(self.wire.len() + self.beside_bytes).await
    }

    /// The received bytes themselves are the value, and their charge goes with it.
    pub(super) fn as_it_is(&mut self, value_bytes_max: usize) -> Whole {
        if self.wire.len() > value_bytes_max {
            return Whole::Splits;
        }
        let charge = self.charge.split(self.charge.bytes());
        Whole::Fits(Value { bytes: self.wire.clone(), charge })
    }

    /// A value that was written, with its part of the charge; the rest goes back to `base`.
    pub(super) fn take(&mut self, base: usize, out: Vec<u8>) -> Value {
        let held =
            whole_units(out.capacity() + self.beside_bytes).min(self.charge.bytes().saturating_sub(base));
        let charge = self.charge.split(held);
        self.charge.shrink_to(base);
        Value { bytes: Bytes::from(out), charge }
    }
}

/// The budget counts in KiB: parts of a charge that are no multiples of it could weigh nothing.
pub(super) fn whole_units(bytes: usize) -> usize {
    bytes.checked_next_multiple_of(1024).unwrap_or(bytes)
}

pub(super) fn no_memory(Exhausted: Exhausted) -> Verdict {
    Verdict::Retry(RetryReason::Memory)
}
