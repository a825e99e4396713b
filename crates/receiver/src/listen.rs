//! Hop 1: a port, whom its connections belong to, and which worker gets the next one.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use pipeline::{Drain, Metrics, Phase, Switch, drain};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

use crate::BindError;
use crate::config::Address;
use crate::connection::Door;
use crate::worker::{Accepted, Job};
use crate::workers::Desk;

/// A port that is taken and not served yet.
#[derive(Debug)]
pub struct Bound {
    socket: std::net::TcpListener,
    addr: SocketAddr,
}

/// Takes a port. Looking up a name blocks.
///
/// # Errors
///
/// Names the key, the port and the address that can't be had.
pub fn bind(address: &Address) -> Result<Bound, BindError> {
    let Address { key, host, port } = address;
    let (host, port) = (host.as_str(), *port);
    let resolved: Vec<SocketAddr> = (host, port)
        .to_socket_addrs()
        .map_err(|source| BindError::Address { address: host.to_owned(), source })?
        .collect();
    let bound = std::net::TcpListener::bind(&*resolved).and_then(|socket| {
        socket.set_nonblocking(true)?;
        let addr = socket.local_addr()?;
        Ok(Bound { socket, addr })
    });
    bound.map_err(|source| BindError::Listen { key, port, address: host.to_owned(), source })
}

impl Bound {
    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }
}

/// What the connections of one port have in common, from the moment they are accepted.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) id: u64,
    pub(crate) station: u64,
    pub(crate) door: Door,
    pub(crate) tls: Option<Arc<rustls::ServerConfig>>,
    pub(crate) connections_max: usize,
    pub(crate) metrics: Arc<Metrics>,
    /// The connector's open connections, on all its ports.
    pub(crate) all: Arc<Count>,
    /// Those of this line.
    pub(crate) open: Arc<Count>,
    pub(crate) drain: Drain,
}

/// Open connections.
#[derive(Debug, Default)]
pub(crate) struct Count {
    open: AtomicUsize,
    none: Notify,
}

impl Count {
    fn add(&self) {
        self.open.fetch_add(1, Ordering::AcqRel);
    }

    fn take(&self) {
        if self.open.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.none.notify_waiters();
        }
    }

    pub(crate) fn now(&self) -> usize {
        self.open.load(Ordering::Acquire)
    }

    /// Returns once there are none.
    async fn ended(&self) {
        loop {
            let mut none = std::pin::pin!(self.none.notified());
            none.as_mut().enable();
            if self.now() == 0 {
                return;
            }
            none.await;
        }
    }
}

/// A port in service.
#[derive(Debug)]
pub struct Listening {
    addr: SocketAddr,
    line: watch::Sender<Line>,
    switch: Switch,
    accepting: JoinHandle<()>,
}

/// Connections whose port is closed, or that are asked to come again: each ends with the answers it waits for.
/// Those that are left when this is dropped are cut.
#[derive(Debug)]
pub struct Leaving {
    switch: Switch,
    open: Arc<Count>,
}

impl Listening {
    /// Accepts on `runtime`, and hands over to `desks`.
    pub(crate) fn start<I: 'static>(
        bound: Bound,
        make: impl FnOnce(Drain) -> Line,
        desks: Arc<[Desk<I>]>,
        runtime: &tokio::runtime::Handle,
    ) -> Self {
        let (switch, drain) = drain();
        let (line, lines) = watch::channel(make(drain));
        let accepting = runtime.spawn(accept_until_closed(bound.socket, lines, desks));
        Self { addr: bound.addr, line, switch, accepting }
    }

    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Lets at most so many connections of the connector be open at a time; those that are stay.
    pub fn limit(&self, connections_max: usize) {
        self.line.send_if_modified(|line| {
            let news = line.connections_max != connections_max;
            line.connections_max = connections_max;
            news
        });
    }

    /// New connections get `tls`; those that are open leave. The port stays open throughout.
    pub(crate) fn renew(&mut self, id: u64, tls: Option<Arc<rustls::ServerConfig>>) -> Leaving {
        let (switch, drain) = drain();
        let before = std::mem::replace(&mut self.switch, switch);
        let mut open = Arc::default();
        self.line.send_modify(|line| {
            open = std::mem::take(&mut line.open);
            *line = Line { id, tls, drain, ..line.clone() };
        });
        before.advance(Phase::Draining);
        Leaving { switch: before, open }
    }

    /// Releases the port, and lets its connections leave. The port is free when this returns.
    pub async fn close(self) -> Leaving {
        let Self { line, switch, accepting, .. } = self;
        let open = Arc::clone(&line.borrow().open);
        drop(line);
        // An error means that the runtime is gone, and with it the socket.
        drop(accepting.await);
        switch.advance(Phase::Draining);
        Leaving { switch, open }
    }
}

impl Leaving {
    /// Returns when the last of them has ended.
    pub async fn finished(&self) {
        self.open.ended().await;
    }

    /// What still waits is answered retryably.
    pub fn cut(&self) {
        self.switch.advance(Phase::Closing);
    }
}

/// One connection's place at its worker; free again when this is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    worker: Arc<AtomicUsize>,
    all: Arc<Count>,
    line: Arc<Count>,
    metrics: Arc<Metrics>,
}

impl Place {
    fn new(worker: &Arc<AtomicUsize>, line: &Line) -> Self {
        worker.fetch_add(1, Ordering::Relaxed);
        line.all.add();
        line.open.add();
        line.metrics.connections().inc();
        Self {
            worker: Arc::clone(worker),
            all: Arc::clone(&line.all),
            line: Arc::clone(&line.open),
            metrics: Arc::clone(&line.metrics),
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.worker.fetch_sub(1, Ordering::Relaxed);
        self.metrics.connections().dec();
        self.all.take();
        self.line.take();
    }
}

async fn accept_until_closed<I>(
    socket: std::net::TcpListener,
    mut lines: watch::Receiver<Line>,
    desks: Arc<[Desk<I>]>,
) {
    let listener = match TcpListener::from_std(socket) {
        Ok(listener) => listener,
        Err(error) => return tracing::error!(%error, "cannot accept connections"),
    };
    let mut backoff = Backoff::default();
    loop {
        let accepted = tokio::select! {
            biased;
            // A new line counts from the next connection on; the end of them closes the port.
            changed = lines.changed() => match changed {
                Ok(()) => continue,
                Err(_) => return,
            },
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                backoff = Backoff::default();
                let line = lines.borrow().clone();
                place(stream, line, &desks).await;
            }
            // The peer's doing; the next one may be fine.
            Err(error) if is_of_the_peer(&error) => tracing::debug!(%error, "accept"),
            Err(error) => tokio::time::sleep(backoff.next(&error)).await,
        }
    }
}

async fn place<I>(stream: TcpStream, line: Line, desks: &[Desk<I>]) {
    if line.all.now() >= line.connections_max {
        line.metrics.connection_refused();
        tracing::debug!(max = line.connections_max, "connection closed: too many");
        return;
    }
    let Some(desk) = desks.iter().min_by_key(|desk| desk.open.load(Ordering::Relaxed)) else { return };
    // Without it answers would wait for acknowledgements of earlier ones.
    let stream = match stream.set_nodelay(true).and_then(|()| stream.into_std()) {
        Ok(stream) => stream,
        Err(error) => return tracing::debug!(%error, "connection dropped"),
    };
    let place = Place::new(&desk.open, &line);
    // A worker that is gone has reported why.
    let _gone = desk.handover.send(Job::Accepted(Accepted { stream, line, place })).await;
}

fn is_of_the_peer(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::Interrupted
    )
}

/// Time for others to close something, when there are no files or buffers left.
#[derive(Debug, Default)]
struct Backoff {
    failures: u32,
}

impl Backoff {
    fn next(&mut self, error: &io::Error) -> Duration {
        const SHORTEST: Duration = Duration::from_millis(10);
        const LONGEST: Duration = Duration::from_secs(1);
        if self.failures == 0 {
            tracing::warn!(%error, "cannot accept connections; trying again");
        }
        let wait = SHORTEST.saturating_mul(1 << self.failures.min(10)).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        wait
    }
}
