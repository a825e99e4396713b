//! Hop 1: the threads that all connectors share, and one connector's place on them.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;

use pipeline::{Intake, Metrics};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};

use crate::ServeError;
use crate::config::{Config, Settings, Tls};
use crate::connection::Door;
use crate::listen::{Bound, Count, Leaving, Line, Listening};
use crate::windows::Windows;
use crate::worker::{Job, Worker};

/// Connections and changes on their way to one worker.
const HANDOVER_MAX: usize = 64;

/// The threads that receive for all connectors. They end when all holders and their ports are gone.
pub struct Workers<I> {
    desks: Arc<[Desk<I>]>,
    acceptor: Arc<Acceptor>,
    ids: Arc<AtomicU64>,
}

/// Tells how the threads ended.
#[derive(Debug)]
pub struct Ended {
    reports: mpsc::Receiver<Result<(), ServeError>>,
    threads: usize,
}

/// One connector's place on all workers.
pub struct Station<I> {
    id: u64,
    workers: Workers<I>,
    open: Arc<Count>,
}

/// What is in force for the requests of a connector, from one update to the next.
pub struct Generation<I> {
    /// Budget, places in line, counters.
    pub shared: Arc<pipeline::Shared>,
    /// What connections may buffer, of the same budget.
    pub windows: Arc<Windows>,
    pub(crate) settings: Settings,
    make: Make<I>,
}

/// Makes the intake of a worker, on that worker.
type Make<I> = Arc<dyn Fn() -> I + Send + Sync>;

/// Resolves when a generation's first requests would not have to wait, on any worker.
#[derive(Debug)]
pub struct Warming(Vec<oneshot::Receiver<()>>);

/// Resolves when nothing uses a former generation any more, on any worker.
#[derive(Debug, Default)]
pub struct Retired(Vec<oneshot::Receiver<()>>);

/// Where a worker's connections and changes are handed over, and its connections counted.
pub(crate) struct Desk<I> {
    pub(crate) handover: mpsc::Sender<Job<I>>,
    pub(crate) open: Arc<AtomicUsize>,
}

/// The thread on which all ports accept.
#[derive(Debug)]
struct Acceptor {
    runtime: Handle,
    /// Ends the thread when it is dropped.
    _running: oneshot::Sender<()>,
}

impl<I: Intake + 'static> Workers<I> {
    /// Starts `threads` workers and an acceptor.
    ///
    /// # Errors
    ///
    /// The operating system has no room for a runtime.
    pub fn start(threads: usize) -> io::Result<(Self, Ended)> {
        let threads = threads.max(1);
        let (reporter, reports) = mpsc::channel(threads + 1);
        let desks = (0..threads).map(|n| {
            let (handover, jobs) = mpsc::channel(HANDOVER_MAX);
            spawn(format!("otlp-worker-{n}"), &reporter, || Worker::run(jobs));
            Desk { handover, open: Arc::default() }
        });
        let desks: Arc<[Desk<I>]> = desks.collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (running, ended) = oneshot::channel::<()>();
        let acceptor = Arc::new(Acceptor { runtime: runtime.handle().clone(), _running: running });
        spawn("otlp-accept".to_owned(), &reporter, move || {
            // An error is the end that is waited for.
            drop(runtime.block_on(ended));
            Ok(())
        });
        let ids = Arc::new(AtomicU64::new(0));
        Ok((Self { desks, acceptor, ids }, Ended { reports, threads: threads + 1 }))
    }

    /// A place for one more connector; its requests need a generation.
    #[must_use]
    pub fn station(&self) -> Station<I> {
        Station { id: self.next_id(), workers: self.clone(), open: Arc::default() }
    }

    fn next_id(&self) -> u64 {
        self.ids.fetch_add(1, Ordering::Relaxed)
    }

    /// Asks all workers for the same; each says when it has done it.
    async fn tell(&self, job: impl Fn(oneshot::Sender<()>) -> Job<I>) -> Vec<oneshot::Receiver<()>> {
        let mut done = Vec::new();
        for desk in self.desks.iter() {
            let (tell, waiting) = oneshot::channel();
            // A worker that is gone has reported why.
            drop(desk.handover.send(job(tell)).await);
            done.push(waiting);
        }
        done
    }

    /// Asks all workers for the same, and waits until each has done it.
    async fn ask(&self, job: impl Fn(oneshot::Sender<()>) -> Job<I>) {
        for done in self.tell(job).await {
            drop(done.await);
        }
    }
}

impl<I> Clone for Workers<I> {
    fn clone(&self) -> Self {
        Self {
            desks: Arc::clone(&self.desks),
            acceptor: Arc::clone(&self.acceptor),
            ids: Arc::clone(&self.ids),
        }
    }
}

impl<I> Generation<I> {
    /// `make` is called once on each worker, inside its `LocalSet`.
    pub fn new(
        config: &Config,
        shared: Arc<pipeline::Shared>,
        windows: Arc<Windows>,
        make: impl Fn() -> I + Send + Sync + 'static,
    ) -> Self {
        Self { shared, windows, settings: config.settings.clone(), make: Arc::new(make) }
    }

    pub(crate) fn intake(&self) -> I {
        (self.make)()
    }
}

impl<I> Clone for Generation<I> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            windows: Arc::clone(&self.windows),
            settings: self.settings.clone(),
            make: Arc::clone(&self.make),
        }
    }
}

impl<I: Intake + 'static> Station<I> {
    /// Makes the intakes of `generation`; requests go on under the former one. One that was prepared and never
    /// switched to is dropped.
    pub async fn prepare(&self, generation: Generation<I>) {
        let station = self.id;
        let prepare = |done| Job::Prepare { station, generation: generation.clone(), warm: false, done };
        self.workers.ask(prepare).await;
    }

    /// As [`Station::prepare`], and gets what its first requests would wait for.
    pub async fn warm_up(&self, generation: Generation<I>) -> Warming {
        let station = self.id;
        let prepare = |done| Job::Prepare { station, generation: generation.clone(), warm: true, done };
        Warming(self.workers.tell(prepare).await)
    }

    /// When this returns, every new request is that of the generation prepared last.
    pub async fn switch(&self) -> Retired {
        let (station, retired) = (self.id, std::sync::Mutex::new(Vec::new()));
        let switch = |done| {
            let (ended, waiting) = oneshot::channel();
            retired.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(waiting);
            Job::Switch { station, done, ended }
        };
        self.workers.ask(switch).await;
        Retired(retired.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    /// From its return on, every new request is refused retryably, or no longer.
    pub async fn pause(&self, paused: bool) {
        let station = self.id;
        self.workers.ask(|done| Job::Pause { station, paused, done }).await;
    }

    /// Ends the generation in force, once its requests are done. Connections that are left get no more answers.
    pub async fn close(self) -> Retired {
        let station = self.id;
        let retired = std::sync::Mutex::new(Vec::new());
        let close = |done| {
            let (ended, waiting) = oneshot::channel();
            retired.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(waiting);
            Job::Close { station, done, ended }
        };
        self.workers.ask(close).await;
        Retired(retired.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    /// Begins to accept connections for this connector.
    pub fn listen(
        &self,
        bound: Bound,
        door: Door,
        tls: Option<&Tls>,
        connections_max: usize,
        metrics: &Arc<Metrics>,
    ) -> Listening {
        let line = |drain| Line {
            id: self.workers.next_id(),
            station: self.id,
            door,
            tls: tls.map(|tls| tls.of(door)),
            connections_max,
            metrics: Arc::clone(metrics),
            all: Arc::clone(&self.open),
            open: Arc::default(),
            drain,
        };
        Listening::start(bound, line, Arc::clone(&self.workers.desks), &self.workers.acceptor.runtime)
    }

    /// New connections of the port get `tls`; those that are open leave.
    pub fn renew(&self, listening: &mut Listening, door: Door, tls: Option<&Tls>) -> Leaving {
        listening.renew(self.workers.next_id(), tls.map(|tls| tls.of(door)))
    }
}

impl Warming {
    /// Returns when it is so. Nothing is lost when this is dropped before.
    pub async fn done(&mut self) {
        while let Some(waiting) = self.0.last_mut() {
            // A worker that is gone, or a generation that is dropped, is not waited for.
            drop(waiting.await);
            self.0.pop();
        }
    }
}

impl Retired {
    /// Returns when it is so.
    pub async fn done(self) {
        for waiting in self.0 {
            // A worker that is gone uses nothing.
            drop(waiting.await);
        }
    }
}

impl Ended {
    /// Returns when every thread has ended.
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

impl<I> fmt::Debug for Workers<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Workers").field("threads", &self.desks.len()).finish_non_exhaustive()
    }
}

impl<I> fmt::Debug for Station<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Station").field("id", &self.id).field("open", &self.open).finish_non_exhaustive()
    }
}

impl<I> fmt::Debug for Generation<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Generation").field("settings", &self.settings).finish_non_exhaustive()
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
