//! The broker's life: start, the accept loop, housekeeping, shutdown.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout_at};

use crate::Config;
use crate::connection::serve;
use crate::node::Node;

/// How long connections may take to finish what they are at when the broker stops.
const SHUTDOWN_WAIT: Duration = Duration::from_secs(5);
/// How often the group coordinator looks at the time: half of what it lets a first member wait for others.
const GROUPS_INTERVAL: Duration = Duration::from_millis(50);
/// How often retention looks for segments to delete.
const RETENTION_INTERVAL: Duration = Duration::from_secs(60);
/// Pause after a failed accept (no more file descriptors, mostly).
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Why a broker did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The address is not a loopback address. This broker has no authentication.
    #[error("the embedded broker listens on loopback addresses only, not on {addr}")]
    NotLoopback {
        /// The address asked for.
        addr: SocketAddr,
    },
    /// Another process listens there.
    #[error("{addr} is in use")]
    PortInUse {
        /// The address asked for.
        addr: SocketAddr,
    },
    /// The address cannot be listened on.
    #[error("cannot listen on {addr}")]
    Bind {
        /// The address asked for.
        addr: SocketAddr,
        /// The system's reason.
        source: io::Error,
    },
    /// Another broker has the data directory open.
    #[error("{} is used by another broker", data_dir.display())]
    DataDirInUse {
        /// The directory.
        data_dir: PathBuf,
    },
    /// The data directory cannot be used.
    #[error("cannot open the data directory {}", data_dir.display())]
    DataDir {
        /// The directory.
        data_dir: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
}

/// A running broker. Dropped, it stops at once; [`Broker::shutdown`] lets requests finish.
#[derive(Debug)]
pub struct Broker {
    addr: SocketAddr,
    stop: watch::Sender<bool>,
    server: JoinHandle<()>,
}

impl Broker {
    /// Binds the address, opens the data directory, and answers clients from then on, on the caller's tokio runtime.
    ///
    /// The port is taken first, so that a second broker fails before it touches the data. Opening reads the last
    /// segment of each partition.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn start(config: Config) -> Result<Self, StartError> {
        let addr = config.addr;
        if !addr.ip().is_loopback() {
            return Err(StartError::NotLoopback { addr });
        }
        let listener = TcpListener::bind(addr).await.map_err(|source| match source.kind() {
            io::ErrorKind::AddrInUse => StartError::PortInUse { addr },
            _ => StartError::Bind { addr, source },
        })?;
        let addr = listener.local_addr().map_err(|source| StartError::Bind { addr, source })?;
        let (stop, stopping) = watch::channel(false);
        let data_dir = config.data_dir.clone();
        let opened = tokio::task::spawn_blocking(move || Node::open(config, addr, stopping)).await;
        let node = opened.map_err(io::Error::other).flatten().map_err(|source| match source.kind() {
            io::ErrorKind::ResourceBusy => StartError::DataDirInUse { data_dir },
            _ => StartError::DataDir { data_dir, source },
        })?;
        tracing::info!(%addr, "embedded broker is listening; it is for laptops and tests, not for production");
        let server = tokio::spawn(run(listener, Arc::new(node)));
        Ok(Self { addr, stop, server })
    }

    /// Where the broker listens: the address of the configuration, with the port the system chose for port 0.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Stops accepting, answers the requests that are being worked on (waiting ones at once), closes all connections
    /// and then the data directory. Takes five seconds at most.
    pub async fn shutdown(mut self) {
        self.stop.send_replace(true);
        if let Err(error) = (&mut self.server).await {
            tracing::error!(%error, "the broker's task failed");
        }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Accepts until it is told to stop, then waits for the connections.
async fn run(listener: TcpListener, node: Arc<Node>) {
    let mut connections = JoinSet::new();
    let permits = Arc::new(Semaphore::new(node.config.connections_max));
    connections.spawn(keep_house(Arc::clone(&node)));
    loop {
        tokio::select! {
            biased;
            () = node.stopped() => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => match Arc::clone(&permits).try_acquire_owned() {
                    Ok(permit) => {
                        let node = Arc::clone(&node);
                        connections.spawn(async move {
                            serve(&node, stream, peer).await;
                            drop(permit);
                        });
                    }
                    Err(_) => node.complaints.warn(peer, &"too many connections"),
                },
                Err(error) => {
                    tracing::warn!(%error, "cannot accept connections");
                    sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    let deadline = Instant::now() + SHUTDOWN_WAIT;
    while let Ok(Some(_)) = timeout_at(deadline, connections.join_next()).await {}
    connections.shutdown().await;
}

/// What happens by time alone: members of groups are given up, old segments go.
async fn keep_house(node: Arc<Node>) {
    let mut groups = interval(GROUPS_INTERVAL);
    groups.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut retention = interval(RETENTION_INTERVAL);
    retention.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = node.stopped() => return,
            _ = groups.tick() => node.groups().tick(std::time::Instant::now()),
            _ = retention.tick() => {
                let node = Arc::clone(&node);
                if let Err(error) = tokio::task::spawn_blocking(move || node.topics.retain()).await {
                    tracing::error!(%error, "retention failed");
                }
            }
        }
    }
}

/// Log lines about clients that misbehave: one a second at most, with the number of those left out.
#[derive(Debug, Default)]
pub(crate) struct Complaints {
    state: Mutex<(Option<Instant>, u64)>,
}

impl Complaints {
    /// Logs why a client's connection is closed.
    pub(crate) fn warn(&self, peer: SocketAddr, reason: &dyn std::fmt::Display) {
        let now = Instant::now();
        let left_out = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            let (last, left_out) = &mut *state;
            if last.is_some_and(|last| now.duration_since(last) < Duration::from_secs(1)) {
                *left_out += 1;
                return;
            }
            *last = Some(now);
            std::mem::take(left_out)
        };
        tracing::warn!(%peer, %reason, left_out, "connection closed");
    }
}
