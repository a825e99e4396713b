//! What every hop of one connector holds in common.

use std::sync::Arc;

use crate::{Budget, Drain, Gate, Health, Metrics};

/// One for each connector; receivers, sink and control plane hold it in an `Arc`.
#[derive(Debug)]
pub struct Shared {
    /// Bytes that requests may hold; one budget for the whole process.
    pub budget: Arc<Budget>,
    /// Places in line.
    pub gate: Gate,
    /// Counters; one set for the whole process.
    pub metrics: Arc<Metrics>,
    /// What keeps the server from being ready.
    pub health: Arc<Health>,
    /// How far the shutdown has come.
    pub drain: Drain,
}
