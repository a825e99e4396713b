//! The process's life: everything set going, signals watched, and the way out in order.

use std::future::pending;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use admin::Loggers;
use anyhow::{Context, anyhow, bail};
use pipeline::Phase;
use receiver::ServeError;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

use crate::build::{self, Server};
use crate::connectors::{Board, LAST_ANSWERS};
use crate::embedded::Embedded;
use crate::output;
use crate::settings::Settings;

/// SIGTERM and SIGINT, which mean the same.
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// From now on signals no longer end the process by themselves.
    pub(crate) fn install() -> anyhow::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate()).context("cannot watch for signals")?,
            interrupt: signal(SignalKind::interrupt()).context("cannot watch for signals")?,
        })
    }

    /// The next signal's name.
    pub(crate) async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

/// Runs a server until a signal, and sees it out.
///
/// # Errors
///
/// What kept it from starting; a part that ended by itself; a second signal.
pub(crate) async fn run(settings: Settings, loggers: Loggers) -> anyhow::Result<()> {
    let mut signals = Signals::install()?;
    for word in &settings.words {
        tracing::warn!("{word}");
    }
    let json = settings.log.json;
    let (delay, graceful) = (settings.shutdown_delay, settings.graceful_timeout);
    let server = tokio::select! {
        server = build::build(settings, loggers) => server?,
        name = signals.next() => {
            tracing::info!(signal = name, "stopped before the start");
            return Ok(());
        }
    };
    let mut running = Running::start(server);
    if json {
        running.banner.log()
    } else {
        output::say(&running.banner.text())
    }
    tokio::select! {
        name = signals.next() => tracing::info!(signal = name, "shutting down"),
        error = running.broken() => return Err(error),
    }
    tokio::select! {
        result = running.leave(delay, graceful) => result,
        name = signals.next() => bail!("stopped at once by a second signal ({name})"),
    }
}

/// A server in service.
struct Running {
    switch: pipeline::Switch,
    board: Arc<Board>,
    /// The registry of connectors; it ends when all of them have.
    connectors: JoinHandle<()>,
    /// The receivers' end.
    finished: Pin<Box<dyn Future<Output = Result<(), ServeError>>>>,
    embedded: Option<Embedded>,
    banner: crate::banner::Banner,
}

impl Running {
    fn start(server: Server) -> Self {
        let Server { switch, board, connectors, ended, rest, state, requests, embedded, banner } = server;
        for bound in rest {
            tokio::spawn(bound.serve(Arc::clone(&state), state.drain.clone()));
        }
        let connectors = tokio::spawn(connectors.run(requests));
        Self { switch, board, connectors, finished: Box::pin(ended.finished()), embedded, banner }
    }

    /// Returns when a part has ended that must not: without it nothing would be received or stored.
    async fn broken(&mut self) -> anyhow::Error {
        let embedded = async {
            match &mut self.embedded {
                Some(embedded) => embedded.ended().await,
                None => pending().await,
            }
        };
        tokio::select! {
            ended = &mut self.finished => match ended {
                Ok(()) => anyhow!("the receivers have ended"),
                Err(error) => anyhow::Error::new(error).context("the receivers have ended"),
            },
            ended = &mut self.connectors => match ended {
                Ok(()) => anyhow!("the registry of connectors has ended"),
                Err(error) => anyhow::Error::new(error).context("the registry of connectors has ended"),
            },
            () = embedded => anyhow!("the embedded broker has ended"),
        }
    }

    /// Leaves service: not ready, then no new connections, then nothing in flight, then the flush.
    async fn leave(&mut self, delay: Duration, graceful: Duration) -> anyhow::Result<()> {
        self.switch.advance(Phase::Leaving);
        tokio::time::sleep(delay).await;
        // Connectors leave by themselves, each within the graceful time, and tell what still waits to come again.
        self.switch.advance(Phase::Draining);
        let end = Instant::now() + graceful + LAST_ANSWERS * 4;
        let left = timeout_at(end, &mut self.connectors).await;
        self.switch.advance(Phase::Closing);
        let finished = timeout_at(Instant::now() + LAST_ANSWERS, &mut self.finished).await;
        if let Some(embedded) = self.embedded.take() {
            embedded.shutdown().await;
        }
        let stored = self.board.stored();
        match (left, finished) {
            (Ok(Err(error)), _) => {
                return Err(anyhow::Error::new(error).context("the registry of connectors has ended"));
            }
            (_, Ok(Err(error))) => {
                return Err(anyhow::Error::new(error).context("the receivers have ended"));
            }
            (Ok(Ok(())), Ok(Ok(()))) => tracing::info!(stored, "stopped"),
            (Err(_), _) | (_, Err(_)) => tracing::warn!(stored, "stopped with connections still open"),
        }
        Ok(())
    }
}
