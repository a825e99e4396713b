//! Hop 1: sockets, the limit of connections, and which worker gets the next one.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use pipeline::{Drain, Intake, Phase, Shared};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use crate::config::{Config, Settings, Tls};
use crate::connection::Door;
use crate::windows::Windows;
use crate::worker::{Accepted, Worker};
use crate::{BindError, ServeError, keys};

/// Connections on their way to one worker.
const HANDOVER_MAX: usize = 64;

/// Both receivers, bound and not yet serving.
#[derive(Debug)]
pub struct Bound {
    grpc: Option<std::net::TcpListener>,
    http: Option<std::net::TcpListener>,
    tls: Option<Tls>,
    connections_max: usize,
    settings: Settings,
}

/// Both receivers at work.
#[derive(Debug)]
pub struct Serving {
    reports: mpsc::Receiver<Result<(), ServeError>>,
    threads: usize,
}

/// Takes the ports.
///
/// # Errors
///
/// Names the key, the port and the address that can't be had.
pub fn bind(config: Config) -> Result<Bound, BindError> {
    let address = config.bind_address;
    let listen = |key, port: Option<u16>| port.map(|port| listener(key, &address, port)).transpose();
    Ok(Bound {
        grpc: listen(keys::GRPC_PORT.name, config.grpc_port)?,
        http: listen(keys::HTTP_PORT.name, config.http_port)?,
        tls: config.tls,
        connections_max: config.connections_max,
        settings: config.settings,
    })
}

fn listener(key: &'static str, address: &str, port: u16) -> Result<std::net::TcpListener, BindError> {
    let resolved: Vec<SocketAddr> = (address, port)
        .to_socket_addrs()
        .map_err(|source| BindError::Address { address: address.to_owned(), source })?
        .collect();
    let bound = std::net::TcpListener::bind(&*resolved).and_then(|listener| {
        listener.set_nonblocking(true)?;
        Ok(listener)
    });
    bound.map_err(|source| BindError::Listen { key, port, address: address.to_owned(), source })
}

impl Bound {
    /// Where OTLP/gRPC listens; `None` when it is off.
    #[must_use]
    pub fn grpc_addr(&self) -> Option<SocketAddr> {
        self.grpc.as_ref().and_then(|listener| listener.local_addr().ok())
    }

    /// Where OTLP/HTTP listens; `None` when it is off.
    #[must_use]
    pub fn http_addr(&self) -> Option<SocketAddr> {
        self.http.as_ref().and_then(|listener| listener.local_addr().ok())
    }

    /// Starts an acceptor and `threads` workers, each a thread with a runtime of its own. `make` is called
    /// once on each worker, inside its `LocalSet`, and gives that worker's intake.
    pub fn serve<I, F>(self, shared: Arc<Shared>, threads: usize, make: F) -> Serving
    where
        I: Intake + 'static,
        F: Fn() -> I + Send + Clone + 'static,
    {
        let threads = threads.max(1);
        let windows = Windows::new(&shared.budget);
        let (reporter, reports) = mpsc::channel(threads + 1);
        let workers = (0..threads).map(|n| {
            let (handover, accepted) = mpsc::channel(HANDOVER_MAX);
            let worker = Worker {
                shared: Arc::clone(&shared),
                settings: self.settings.clone(),
                windows: Arc::clone(&windows),
                make: make.clone(),
                accepted,
            };
            spawn(format!("otlp-worker-{n}"), &reporter, || worker.run());
            Desk { handover, open: Arc::default() }
        });
        let acceptor = Acceptor {
            desks: workers.collect(),
            connections_max: self.connections_max,
            drain: shared.drain.clone(),
            shared,
            tls: self.tls,
        };
        let (grpc, http) = (self.grpc, self.http);
        spawn("otlp-accept".to_owned(), &reporter, || acceptor.run(grpc, http));
        Serving { reports, threads: threads + 1 }
    }
}

impl Serving {
    /// Returns when the shutdown has reached [`Phase::Draining`] and every connection is finished; at
    /// [`Phase::Closing`] those that are left are cut.
    ///
    /// # Errors
    ///
    /// A thread ended by a panic or could not start: the process should end.
    pub async fn finished(mut self) -> Result<(), ServeError> {
        for _ in 0..self.threads {
            // Every thread reports, even one that panics.
            self.reports.recv().await.unwrap_or(Ok(()))?;
        }
        Ok(())
    }
}

/// Tells how a thread ended, whichever way it does.
struct Reporter {
    thread: String,
    reports: mpsc::Sender<Result<(), ServeError>>,
}

impl Drop for Reporter {
    fn drop(&mut self) {
        if thread::panicking() {
            let panicked = ServeError::Panicked { thread: std::mem::take(&mut self.thread) };
            self.report(Err(panicked));
        }
    }
}

impl Reporter {
    /// There is a place for the one report of each thread.
    fn report(&self, report: Result<(), ServeError>) {
        if self.reports.try_send(report).is_err() {
            tracing::debug!(thread = self.thread, "nobody waits for the receivers");
        }
    }
}

fn spawn(
    name: String,
    reports: &mpsc::Sender<Result<(), ServeError>>,
    work: impl FnOnce() -> io::Result<()> + Send + 'static,
) {
    let started = |thread, source| ServeError::Start { thread, source };
    let reporter = Reporter { thread: name.clone(), reports: reports.clone() };
    let failed = Reporter { thread: name.clone(), reports: reports.clone() };
    let spawned = thread::Builder::new().name(name.clone()).spawn(move || {
        let ended = work().map_err(|source| started(reporter.thread.clone(), source));
        reporter.report(ended);
    });
    if let Err(source) = spawned {
        failed.report(Err(started(name, source)));
    }
}

/// Where a worker's connections are handed over and counted.
#[derive(Debug)]
struct Desk {
    handover: mpsc::Sender<Accepted>,
    open: Arc<AtomicUsize>,
}

/// One connection's place at its worker; free again when this is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    open: Arc<AtomicUsize>,
    shared: Arc<Shared>,
}

impl Place {
    fn new(open: &Arc<AtomicUsize>, shared: &Arc<Shared>) -> Self {
        open.fetch_add(1, Ordering::Relaxed);
        shared.metrics.connections().inc();
        Self { open: Arc::clone(open), shared: Arc::clone(shared) }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
        self.shared.metrics.connections().dec();
    }
}

struct Acceptor {
    desks: Vec<Desk>,
    connections_max: usize,
    drain: Drain,
    shared: Arc<Shared>,
    tls: Option<Tls>,
}

impl Acceptor {
    fn run(self, grpc: Option<std::net::TcpListener>, http: Option<std::net::TcpListener>) -> io::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async move {
            let grpc = grpc.map(TcpListener::from_std).transpose()?;
            let http = http.map(TcpListener::from_std).transpose()?;
            self.accept_until_draining(grpc, http).await;
            Ok(())
        })
    }

    async fn accept_until_draining(self, grpc: Option<TcpListener>, http: Option<TcpListener>) {
        let mut drain = self.drain.clone();
        let mut draining = pin!(drain.reached(Phase::Draining));
        let mut backoff = Backoff::default();
        loop {
            let accepted = async {
                tokio::select! {
                    accepted = accept(grpc.as_ref()) => (Door::Grpc, accepted),
                    accepted = accept(http.as_ref()) => (Door::Http, accepted),
                }
            };
            let (door, accepted) = tokio::select! {
                biased;
                () = &mut draining => return,
                accepted = accepted => accepted,
            };
            match accepted {
                Ok(stream) => {
                    backoff = Backoff::default();
                    self.place(stream, door).await;
                }
                // The peer's doing; the next one may be fine.
                Err(error) if is_of_the_peer(&error) => tracing::debug!(%error, "accept"),
                Err(error) => {
                    let wait = backoff.next(&error);
                    tokio::select! {
                        () = &mut draining => return,
                        () = tokio::time::sleep(wait) => {}
                    }
                }
            }
        }
    }

    async fn place(&self, stream: TcpStream, door: Door) {
        let open = |desk: &Desk| desk.open.load(Ordering::Relaxed);
        if self.desks.iter().map(open).sum::<usize>() >= self.connections_max {
            self.shared.metrics.connection_refused();
            tracing::debug!(max = self.connections_max, "connection closed: too many");
            return;
        }
        let Some(desk) = self.desks.iter().min_by_key(|desk| open(desk)) else { return };
        let tls = self.tls.as_ref().map(|tls| match door {
            Door::Grpc => Arc::clone(&tls.grpc),
            Door::Http => Arc::clone(&tls.http),
        });
        // Without it answers would wait for acknowledgements of earlier ones.
        let stream = match stream.set_nodelay(true).and_then(|()| stream.into_std()) {
            Ok(stream) => stream,
            Err(error) => return tracing::debug!(%error, "connection dropped"),
        };
        let place = Place::new(&desk.open, &self.shared);
        // A worker that is gone has reported why.
        let _gone = desk.handover.send(Accepted { stream, door, tls, place }).await;
    }
}

async fn accept(listener: Option<&TcpListener>) -> io::Result<TcpStream> {
    match listener {
        Some(listener) => listener.accept().await.map(|(stream, _)| stream),
        None => std::future::pending().await,
    }
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
