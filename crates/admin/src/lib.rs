//! The control plane: Kafka Connect's REST calls, health and metrics. Reads state through handles; no data passes here.
//!
//! ```text
//!  socket ─► listen (bounds) ─► router ─┬─ connect   what runs, in Connect's shapes ◄── Connectors (app publishes)
//!                                       ├─ health    livez, readyz                  ◄── pipeline::{Health, Drain}
//!                                       └─ metrics   the counters as text           ◄── Exposition
//! ```

mod listen;
mod router;

mod connect;
mod connectors;
mod health;
mod metrics;

pub use connectors::{Connector, Connectors, Publisher, RunState, Task, connectors};
pub use listen::{BindError, Bound, bind};
pub use metrics::Exposition;
pub use router::State;

#[cfg(test)]
mod tests;
