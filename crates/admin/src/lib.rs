//! The control plane: Kafka Connect's REST calls, health and metrics. Reads state through handles; no data passes here.
//!
//! ```text
//!  socket ─► listen (bounds) ─► router ─┬─ connect   Connect's calls and shapes ◄── Connectors (app publishes)
//!                                       │     └───► Commands, answered one by one by the app
//!                                       ├─ health    livez, readyz                ◄── Troubles, pipeline::Drain
//!                                       └─ metrics   the counters as text         ◄── Exposition
//! ```

mod listen;
mod router;

mod access;
mod headers;

mod connect;
mod health;
mod metrics;

mod cluster;
mod command;
mod connectors;
mod loggers;
mod plugin;

mod keys;
mod options;

pub use cluster::Cluster;
pub use command::{Command, Commands, Done, Offset, Refusal, Request, Requests, commands};
pub use connectors::{Connector, Connectors, Pairs, Part, Publisher, RunState, Snapshot, Target, connectors};
pub use health::Troubles;
pub use keys::KEYS;
pub use listen::{BindError, Bound, bind};
pub use loggers::{Level, Loggers};
pub use metrics::Exposition;
pub use options::Options;
pub use plugin::{Plugin, Problem, Validate};
pub use router::{Serves, State};

#[cfg(fuzzing)]
pub mod fuzzing;

#[cfg(test)]
mod tests;
