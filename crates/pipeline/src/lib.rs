//! What both ends of the way share: admission, memory, acknowledgements, drain. Knows neither HTTP nor Kafka.
//!
//! ```text
//!  receiver                     pipeline                              sink
//!     │  head   ─► gate: a place in line, one deadline                  │
//!     │  body   ─► budget: bytes charged as they are held               │
//!     │  request ──────────────── Intake::store ──────────────────────► │
//!     │                           tally ◄── ack ◄── ack ◄──  one a record
//!     │ ◄── verdict ── returns: a worker woken once for many            │
//! ```
//!
//! An [`Ack`] that is dropped without an outcome reports [`Outcome::Retry`]: data is never called safe by accident.

mod ack;
mod budget;
mod deadline;
mod drain;
mod gate;
mod health;
mod metrics;
mod pool;
mod request;
mod shared;
mod verdict;

pub use ack::{Ack, Outcome, Returns, Settled, Tally, Waits};
pub use budget::{Budget, Charge, Exhausted};
pub use deadline::Deadline;
pub use drain::{Drain, Phase, Switch, drain};
pub use gate::{Gate, Permit};
pub use health::Health;
pub use metrics::{Families, Metrics, SignalMetrics, Transport};
pub use pool::{INLINE_BYTES_MAX, run_sized};
pub use request::{Carried, Encoding, Intake, Request};
pub use shared::Shared;
pub use verdict::{Refusal, Rejected, RetryReason, Verdict};
