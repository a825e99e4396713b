//! The process's life: everything set going, signals watched, and the way out in order.

use std::future::pending;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use admin::Loggers;
use anyhow::{Context, anyhow, bail};
use pipeline::{Phase, Shared};
use receiver::ServeError;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

use crate::build::{self, Server};
use crate::embedded::Embedded;
use crate::settings::Settings;
use crate::{control, output, progress};

/// What the end of the graceful time leaves to answering what still waits, and to the flush at least.
const LAST_ANSWERS: Duration = Duration::from_secs(1);

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
    let (threads, delay, graceful) = (settings.threads, settings.shutdown_delay, settings.graceful_timeout);
    let servers = settings.bootstrap_servers.clone();
    let server = tokio::select! {
        server = build::build(settings, loggers) => server?,
        name = signals.next() => {
            tracing::info!(signal = name, "stopped before the start");
            return Ok(());
        }
    };
    let mut running = Running::start(server, threads, servers);
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
    shared: Arc<Shared>,
    switch: pipeline::Switch,
    sink: Arc<sink::Sink>,
    /// The receivers' end.
    finished: Pin<Box<dyn Future<Output = Result<(), ServeError>>>>,
    watch: JoinHandle<()>,
    embedded: Option<Embedded>,
    banner: crate::banner::Banner,
}

impl Running {
    fn start(server: Server, threads: usize, servers: String) -> Self {
        let Server { shared, switch, sink, receiver, rest, state, publisher, requests, embedded, banner } =
            server;
        tokio::spawn(control::control(requests, publisher));
        for bound in rest {
            tokio::spawn(bound.serve(Arc::clone(&state), shared.drain.clone()));
        }
        let watch = tokio::spawn(Arc::clone(&sink).watch());
        tokio::spawn(progress::kafka(Arc::clone(&shared.health), shared.drain.clone(), servers));
        let intakes = Arc::clone(&sink);
        let serving = receiver.serve(Arc::clone(&shared), threads, move || intakes.intake());
        Self { shared, switch, sink, finished: Box::pin(serving.finished()), watch, embedded, banner }
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
            ended = &mut self.watch => match ended {
                Ok(()) => anyhow!("the watch over Kafka has ended"),
                Err(error) => anyhow::Error::new(error).context("the watch over Kafka has ended"),
            },
            () = embedded => anyhow!("the embedded broker has ended"),
        }
    }

    /// Leaves service: not ready, then no new connections, then nothing in flight, then the flush.
    async fn leave(&mut self, delay: Duration, graceful: Duration) -> anyhow::Result<()> {
        self.switch.advance(Phase::Leaving);
        tokio::time::sleep(delay).await;
        self.switch.advance(Phase::Draining);
        let end = Instant::now() + graceful;
        let mut finished = timeout_at(end, &mut self.finished).await;
        if finished.is_err() {
            tracing::warn!("requests still wait for Kafka; their senders are told to come again");
            self.switch.advance(Phase::Closing);
            finished = timeout_at(Instant::now() + LAST_ANSWERS, &mut self.finished).await;
        }
        self.switch.advance(Phase::Closing);
        self.watch.abort();
        self.sink.close(end.saturating_duration_since(Instant::now()).max(LAST_ANSWERS)).await;
        if let Some(embedded) = self.embedded.take() {
            embedded.shutdown().await;
        }
        match finished {
            Ok(Ok(())) => tracing::info!(stored = self.stored(), "stopped"),
            Ok(Err(error)) => return Err(anyhow::Error::new(error).context("the receivers have ended")),
            Err(_) => tracing::warn!(stored = self.stored(), "stopped with connections still open"),
        }
        Ok(())
    }

    /// Items that Kafka has acknowledged since the start.
    fn stored(&self) -> u64 {
        otlp::Signal::ALL.iter().map(|signal| self.shared.metrics.signal(*signal).items_stored()).sum()
    }
}
