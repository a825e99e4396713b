//! What every hop of one connector holds in common.

use std::sync::Arc;

use crate::{Budget, Drain, Gate, Health, Metrics};

/// One for each configuration of a connector that is in force; receivers, sink and control plane hold it in an `Arc`.
#[derive(Debug)]
pub struct Shared {
    /// Bytes that requests may hold; of the whole process, or of this connector alone.
    pub budget: Arc<Budget>,
    /// Places in line.
    pub gate: Arc<Gate>,
    /// Counters of this connector.
    pub metrics: Arc<Metrics>,
    /// What keeps the connector from being ready.
    pub health: Arc<Health>,
    /// How far its end has come.
    pub drain: Drain,
}
