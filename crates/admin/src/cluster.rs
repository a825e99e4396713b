//! Which Kafka cluster the connectors of this worker write to.

use std::fmt;
use std::sync::OnceLock;

/// The cluster's id, looked for until it is known, and kept then: a worker has one cluster.
pub struct Cluster {
    look: Box<dyn Fn() -> Option<String> + Send + Sync>,
    known: OnceLock<String>,
}

impl Cluster {
    /// `look` asks what is known by now; it must not block.
    #[must_use]
    pub fn new(look: impl Fn() -> Option<String> + Send + Sync + 'static) -> Self {
        Self { look: Box::new(look), known: OnceLock::new() }
    }

    pub(crate) fn id(&self) -> Option<String> {
        if let Some(known) = self.known.get() {
            return Some(known.clone());
        }
        (self.look)().map(|id| self.known.get_or_init(|| id).clone())
    }
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster").field("known", &self.known).finish_non_exhaustive()
    }
}
