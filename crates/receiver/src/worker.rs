//! Hop 1: a worker's thread, its runtime, and the connections and connectors on it.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use pipeline::{Drain, Intake, Phase};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use crate::beat::Beat;
use crate::connection::serve;
use crate::exchange::{InUse, Phases, Service};
use crate::listen::{Line, Place};
use crate::workers::Generation;

/// Threads for large bodies, for each worker.
const BLOCKING_THREADS_MAX: usize = 4;

/// A connection on its way from the acceptor to its worker.
#[derive(Debug)]
pub(crate) struct Accepted {
    pub(crate) stream: std::net::TcpStream,
    pub(crate) line: Line,
    pub(crate) place: Place,
}

/// What comes to a worker from outside. None of it makes the worker wait.
#[derive(Debug)]
pub(crate) enum Job<I> {
    /// A new connection.
    Accepted(Accepted),
    /// Make an intake, and keep it at hand; `done` then, or with `warm` when its first request would not have to wait.
    Prepare { station: u64, generation: Generation<I>, warm: bool, done: oneshot::Sender<()> },
    /// New requests are those of what was prepared; `ended` when the former has nothing left to do.
    Switch { station: u64, done: oneshot::Sender<()>, ended: oneshot::Sender<()> },
    /// Refuse new requests retryably, or no longer.
    Pause { station: u64, paused: bool, done: oneshot::Sender<()> },
    /// The connector leaves.
    Close { station: u64, done: oneshot::Sender<()>, ended: oneshot::Sender<()> },
}

/// One connector on this worker. Its connections look here for what is in force, request by request.
#[derive(Debug)]
pub(crate) struct Here<I> {
    current: RefCell<Rc<Service<I>>>,
    paused: Rc<Cell<bool>>,
}

impl<I> Here<I> {
    /// What is in force now.
    pub(crate) fn current(&self) -> Rc<Service<I>> {
        Rc::clone(&self.current.borrow())
    }

    /// What is in force now, for a request whose head is here.
    pub(crate) fn enter(&self) -> InUse<I> {
        InUse::new(&self.current.borrow())
    }
}

/// A worker at work.
pub(crate) struct Worker<I> {
    here: HashMap<u64, Rc<Here<I>>>,
    /// Made, and not in force yet.
    prepared: HashMap<u64, Rc<Service<I>>>,
    /// How far the end of each port's connections has come; one entry for each port with connections here.
    lines: Rc<RefCell<HashMap<u64, Rc<Phases>>>>,
    connections: JoinSet<()>,
    /// What is no longer in force, until it has nothing left to do.
    retiring: JoinSet<()>,
    beat: Rc<Beat>,
}

impl<I: Intake + 'static> Worker<I> {
    /// Serves until nobody can hand over any more and every connection is finished.
    ///
    /// # Errors
    ///
    /// The operating system has no room for a runtime.
    pub(crate) fn run(jobs: mpsc::Receiver<Job<I>>) -> std::io::Result<()> {
        // Giving the core away before each sleep would gather more work a turn where senders share the machine (12 %
        // less CPU at one span a request), but any busy neighbour would go first: p50 would be 3.2 instead of 0.5 ms.
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(BLOCKING_THREADS_MAX)
            .build()?;
        let worker = Self {
            here: HashMap::new(),
            prepared: HashMap::new(),
            lines: Rc::default(),
            connections: JoinSet::new(),
            retiring: JoinSet::new(),
            beat: Rc::default(),
        };
        tokio::task::LocalSet::new().block_on(&runtime, worker.serve(jobs));
        Ok(())
    }

    async fn serve(mut self, mut jobs: mpsc::Receiver<Job<I>>) {
        let beat = Rc::clone(&self.beat);
        tokio::task::spawn_local(async move { beat.run().await });
        loop {
            tokio::select! {
                job = jobs.recv() => {
                    let Some(job) = job else { break };
                    self.take(job);
                }
                Some(ended) = self.connections.join_next() => report(ended),
                Some(ended) = self.retiring.join_next() => report(ended),
            }
        }
        while let Some(ended) = self.connections.join_next().await {
            report(ended);
        }
        for (_, here) in self.here.drain() {
            self.retiring.spawn_local(retire(here.current(), None));
        }
        while let Some(ended) = self.retiring.join_next().await {
            report(ended);
        }
    }

    /// Whoever waits for an answer may have gone away.
    fn take(&mut self, job: Job<I>) {
        match job {
            Job::Accepted(accepted) => self.accept(accepted),
            Job::Prepare { station, generation, warm, done } => {
                let paused = self.here.get(&station).map(|here| Rc::clone(&here.paused)).unwrap_or_default();
                let service = Rc::new(Service::new(generation, paused, Rc::clone(&self.beat)));
                let closing = Rc::downgrade(&service);
                tokio::task::spawn_local(follow(service.shared.drain.clone(), move |phase| {
                    closing.upgrade().is_some_and(|service| {
                        service.phases.advance(phase);
                        true
                    })
                }));
                self.prepared.insert(station, Rc::clone(&service));
                if warm {
                    tokio::task::spawn_local(warm_up(service, done));
                } else {
                    let _gone = done.send(());
                }
            }
            Job::Switch { station, done, ended } => {
                if let Some(service) = self.prepared.remove(&station) {
                    let before = match self.here.get(&station) {
                        Some(here) => Some(here.current.replace(service)),
                        None => {
                            let paused = Rc::clone(&service.paused);
                            let here = Here { current: RefCell::new(service), paused };
                            self.here.insert(station, Rc::new(here));
                            None
                        }
                    };
                    if let Some(before) = before {
                        self.retiring.spawn_local(retire(before, Some(ended)));
                    }
                }
                let _gone = done.send(());
            }
            Job::Pause { station, paused, done } => {
                if let Some(here) = self.here.get(&station) {
                    here.paused.set(paused);
                }
                let _gone = done.send(());
            }
            Job::Close { station, done, ended } => {
                self.prepared.remove(&station);
                if let Some(here) = self.here.remove(&station) {
                    self.retiring.spawn_local(retire(here.current(), Some(ended)));
                }
                let _gone = done.send(());
            }
        }
    }

    fn accept(&mut self, accepted: Accepted) {
        let Accepted { stream, line, place } = accepted;
        let Some(here) = self.here.get(&line.station).map(Rc::clone) else {
            tracing::debug!("connection dropped: its connector has left");
            return;
        };
        let phases = self.phases(&line);
        self.connections.spawn_local(async move {
            match tokio::net::TcpStream::from_std(stream) {
                Ok(stream) => serve(here, phases, stream, line.door, line.tls).await,
                Err(error) => tracing::warn!(%error, "connection dropped"),
            }
            drop(place);
        });
    }

    /// The phases of a port's connections, which one task follows for all of them.
    fn phases(&self, line: &Line) -> Rc<Phases> {
        let new = || {
            let phases = Rc::new(Phases::new(line.drain.phase()));
            let (lines, id) = (Rc::clone(&self.lines), line.id);
            let (drain, seen) = (line.drain.clone(), Rc::clone(&phases));
            tokio::task::spawn_local(async move {
                follow(drain, |phase| {
                    seen.advance(phase);
                    true
                })
                .await;
                lines.borrow_mut().remove(&id);
            });
            phases
        };
        Rc::clone(self.lines.borrow_mut().entry(line.id).or_insert_with(new))
    }
}

/// Tells of the phases that end connections and requests, until nobody listens.
async fn follow(mut drain: Drain, tell: impl Fn(Phase) -> bool) {
    for phase in [Phase::Draining, Phase::Closing] {
        drain.reached(phase).await;
        if !tell(phase) {
            return;
        }
    }
}

/// Ends with the service's drain at the latest.
async fn warm_up<I: Intake>(service: Rc<Service<I>>, done: oneshot::Sender<()>) {
    service.intake.warm().await;
    // Nobody may be waiting.
    let _gone = done.send(());
}

/// Waits until a service that is no longer in force has answered its requests, and Kafka has reported what they left.
async fn retire<I: Intake>(service: Rc<Service<I>>, ended: Option<oneshot::Sender<()>>) {
    service.idle().await;
    service.intake.finish().await;
    drop(service);
    // Nobody may be waiting.
    let _gone = ended.map(|ended| ended.send(()));
}

/// A panic outside of a request ends its connection only.
fn report(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "connection ended by a panic");
    }
}
