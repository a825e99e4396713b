//! Hop 1: a worker's thread, its runtime and its connections.

use std::rc::Rc;
use std::sync::Arc;

use pipeline::{Intake, Phase, Shared};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::config::Settings;
use crate::connection::{Door, serve};
use crate::exchange::Service;
use crate::listen::Place;
use crate::windows::Windows;

/// Threads for large bodies, for each worker.
const BLOCKING_THREADS_MAX: usize = 4;

/// A connection on its way from the acceptor to its worker.
#[derive(Debug)]
pub(crate) struct Accepted {
    pub(crate) stream: std::net::TcpStream,
    pub(crate) door: Door,
    pub(crate) tls: Option<Arc<rustls::ServerConfig>>,
    pub(crate) place: Place,
}

/// What a worker starts with.
#[derive(Debug)]
pub(crate) struct Worker<F> {
    pub(crate) shared: Arc<Shared>,
    pub(crate) settings: Settings,
    pub(crate) windows: Arc<Windows>,
    pub(crate) make: F,
    pub(crate) accepted: mpsc::Receiver<Accepted>,
}

impl<I, F> Worker<F>
where
    I: Intake + 'static,
    F: Fn() -> I,
{
    /// Serves until the acceptor is gone and every connection is finished.
    ///
    /// # Errors
    ///
    /// The operating system has no room for a runtime.
    pub(crate) fn run(self) -> std::io::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(BLOCKING_THREADS_MAX)
            .build()?;
        tokio::task::LocalSet::new().block_on(&runtime, self.serve());
        Ok(())
    }

    async fn serve(mut self) {
        let intake = (self.make)();
        let mut drain = self.shared.drain.clone();
        let service = Rc::new(Service::new(self.shared, self.settings, self.windows, intake));
        let observer = Rc::clone(&service);
        tokio::task::spawn_local(async move {
            for phase in [Phase::Draining, Phase::Closing] {
                drain.reached(phase).await;
                observer.phases.advance(phase);
            }
        });
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                accepted = self.accepted.recv() => {
                    let Some(accepted) = accepted else { break };
                    connections.spawn_local(connection(Rc::clone(&service), accepted));
                }
                Some(ended) = connections.join_next() => report(ended),
            }
        }
        while let Some(ended) = connections.join_next().await {
            report(ended);
        }
        service.intake.finish().await;
    }
}

async fn connection<I: Intake + 'static>(service: Rc<Service<I>>, accepted: Accepted) {
    let Accepted { stream, door, tls, place } = accepted;
    match tokio::net::TcpStream::from_std(stream) {
        Ok(stream) => serve(service, stream, door, tls).await,
        Err(error) => tracing::warn!(%error, "connection dropped"),
    }
    drop(place);
}

/// A panic outside of a request ends its connection only.
fn report(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "connection ended by a panic");
    }
}
