//! Hop 5: a request whose body is complete, and who takes it.

use std::time::SystemTime;

use bytes::Bytes;
use otlp::Signal;

use crate::{Charge, Deadline, Permit, Verdict};

/// How a body is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// Protobuf wire bytes.
    Protobuf,
    /// OTLP/JSON.
    Json,
}

/// An export request, admitted, complete and unpacked; not yet checked.
#[derive(Debug)]
pub struct Request {
    /// Which of the four.
    pub signal: Signal,
    /// How `body` is written.
    pub encoding: Encoding,
    /// The unpacked body, without framing.
    pub body: Bytes,
    /// Covers `body`.
    pub charge: Charge,
    /// The request's place in line.
    pub permit: Permit,
    /// When it must be answered.
    pub deadline: Deadline,
    /// When its head arrived; the timestamp of its records.
    pub received: SystemTime,
}

/// Takes requests from a receiver's worker. Each worker has its own, so it needs no locks.
pub trait Intake {
    /// Stores the request and says what became of it, before the request's deadline.
    ///
    /// # Cancellation
    ///
    /// Dropped when the sender went away: what was handed to Kafka stays handed over, the rest is dropped.
    fn store(&self, request: Request) -> impl Future<Output = Verdict>;

    /// Waits until everything that was handed to Kafka has its report, at most until [`crate::Phase::Closing`]. Called
    /// once, after the worker's last connection.
    fn finish(&self) -> impl Future<Output = ()> {
        std::future::ready(())
    }
}
