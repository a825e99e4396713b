//! What all connections of one broker share: its place in the cluster, its data, its memory.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use crate::Config;
use crate::groups::{Groups, GroupsConfig};
use crate::log::LogConfig;
use crate::server::Complaints;
use crate::topics::{Topics, TopicsConfig};
use crate::watchers::Watchers;

/// The only broker's id.
pub(crate) const NODE_ID: i32 = 0;
/// No leader ever changes, so there is one epoch.
pub(crate) const LEADER_EPOCH: i32 = 0;
/// The cluster's id, the same for every embedded broker.
pub(crate) const CLUSTER_ID: &str = "otlp2kafka-dev-broker";

/// The shared state.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) config: Config,
    /// Advertised to clients.
    pub(crate) host: String,
    /// Advertised to clients.
    pub(crate) port: i32,
    pub(crate) topics: Topics,
    groups: Mutex<Groups>,
    pub(crate) watchers: Watchers,
    pub(crate) requests: Memory,
    pub(crate) answers: Memory,
    pub(crate) complaints: Complaints,
    pub(crate) stopping: watch::Receiver<bool>,
    producer_ids: AtomicI64,
}

impl Node {
    /// Opens what is in the data directory.
    pub(crate) fn open(
        config: Config,
        addr: SocketAddr,
        stopping: watch::Receiver<bool>,
    ) -> io::Result<Self> {
        let topics_config = TopicsConfig {
            retention_bytes: config.retention_bytes,
            retention_ms: config.retention_ms,
            log: LogConfig {
                segment_bytes: config.segment_bytes,
                batch_bytes_max: config.message_bytes_max,
                ..LogConfig::default()
            },
            ..TopicsConfig::default()
        };
        let topics = Topics::open(&config.data_dir.join("topics"), topics_config)?;
        let groups = Groups::open(&config.data_dir.join("offsets"), GroupsConfig::default())?;
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Ok(Self {
            host: addr.ip().to_string(),
            port: i32::from(addr.port()),
            topics,
            groups: Mutex::new(groups),
            watchers: Watchers::default(),
            requests: Memory::new(config.requests_bytes_max.max(config.frame_bytes_max)),
            answers: Memory::new(config.answers_bytes_max.max(config.fetch_bytes_max)),
            complaints: Complaints::default(),
            stopping,
            // Ids go on from the clock, so that none comes twice after a restart.
            producer_ids: AtomicI64::new(i64::try_from(since_1970.as_micros()).unwrap_or(0)),
            config,
        })
    }

    /// An id for an idempotent producer that no other has or had.
    pub(crate) fn next_producer_id(&self) -> i64 {
        self.producer_ids.fetch_add(1, Ordering::Relaxed)
    }

    /// The group coordinator. Nothing done with it waits.
    pub(crate) fn groups(&self) -> MutexGuard<'_, Groups> {
        self.groups.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the broker is to stop.
    pub(crate) async fn stopped(&self) {
        // An error means that the broker is gone, which is a stop too.
        drop(self.stopping.clone().wait_for(|stop| *stop).await);
    }
}

/// Memory that all connections share. What takes less than [`Memory::FREE_BYTES`] is not counted: the number of
/// connections bounds it.
#[derive(Debug)]
pub(crate) struct Memory {
    kib: Arc<Semaphore>,
    kib_max: u32,
}

/// A share of [`Memory`], given back when dropped.
#[derive(Debug, Default)]
pub(crate) struct Share {
    _permit: Option<OwnedSemaphorePermit>,
}

impl Memory {
    pub(crate) const FREE_BYTES: usize = 64 * 1024;

    fn new(bytes: usize) -> Self {
        let kib_max = u32::try_from(bytes / 1024).unwrap_or(u32::MAX).min(1 << 28);
        let kib = Arc::new(Semaphore::new(usize::try_from(kib_max).unwrap_or(1 << 28)));
        Self { kib, kib_max }
    }

    /// Waits until there is room for `bytes`; more than there is at all counts as all there is.
    pub(crate) async fn share(&self, bytes: usize) -> Share {
        if bytes <= Self::FREE_BYTES {
            return Share::default();
        }
        let kib = u32::try_from(bytes / 1024).unwrap_or(u32::MAX).min(self.kib_max);
        // The semaphore is never closed; if it were, the bound would be gone, not the answer.
        Share { _permit: Arc::clone(&self.kib).acquire_many_owned(kib).await.ok() }
    }

    /// What is counted at the moment, in whole KiB.
    #[cfg(test)]
    pub(crate) fn taken_bytes(&self) -> usize {
        (usize::try_from(self.kib_max).unwrap() - self.kib.available_permits()) * 1024
    }
}
