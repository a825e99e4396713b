//! Hops 3 to 9 of one request, the same for both transports: one deadline, a place in line, the body, the verdict.

use std::cell::Cell;
use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http_body::Body;
use otlp::Signal;
use pipeline::{Carried, Charge, Deadline, Encoding, Intake, Phase, Request, RetryReason, Shared, Transport};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::beat::Beat;
use crate::body::{Bounds, Coding, Inflaters, Reader, unpack};
use crate::config::Settings;
use crate::reply::Answer;
use crate::windows::Windows;
use crate::workers::Generation;

/// What the requests of one worker have in common.
#[derive(Debug)]
pub(crate) struct Service<I> {
    pub(crate) shared: Arc<Shared>,
    pub(crate) settings: Settings,
    pub(crate) windows: Arc<Windows>,
    pub(crate) intake: I,
    pub(crate) phases: Phases,
    /// Set for the connector, whatever is in force.
    pub(crate) paused: Rc<Cell<bool>>,
    beat: Rc<Beat>,
    open: Cell<usize>,
    none_open: Notify,
    inflaters: Inflaters,
    spread: Cell<u32>,
}

/// What the head of an export request says.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) transport: Transport,
    pub(crate) signal: Signal,
    pub(crate) encoding: Encoding,
    /// The sender's own timeout.
    pub(crate) timeout: Option<Duration>,
    pub(crate) carried: Carried,
}

/// A body as its transport framed it.
pub(crate) struct Packed {
    pub(crate) bytes: Bytes,
    pub(crate) coding: Coding,
    /// Covers `bytes`.
    pub(crate) charge: Charge,
}

impl<I: Intake> Service<I> {
    pub(crate) fn new(generation: Generation<I>, paused: Rc<Cell<bool>>, beat: Rc<Beat>) -> Self {
        let intake = generation.intake();
        let Generation { shared, windows, settings, .. } = generation;
        let phases = Phases::new(shared.drain.phase());
        let (open, none_open) = (Cell::new(0), Notify::new());
        let (inflaters, spread) = (Inflaters::default(), Cell::new(0));
        Self { shared, settings, windows, intake, phases, paused, beat, open, none_open, inflaters, spread }
    }

    /// Returns when no request is open.
    pub(crate) async fn idle(&self) {
        while self.open.get() > 0 {
            self.none_open.notified().await;
        }
    }

    /// What a sender is told to wait: 80 to 100 % of the delay, spread evenly, so that those who were turned
    /// away together do not come back together.
    pub(crate) fn retry_delay(&self) -> Duration {
        // Steps of the golden ratio fill an interval evenly.
        let step = self.spread.get().wrapping_add(0x9e37_79b9);
        self.spread.set(step);
        let delay = self.settings.retry_delay;
        delay - delay / 5 * (step >> 24) / 256
    }

    /// Counts a request that is turned away for its head.
    pub(crate) fn turned_away(&self, transport: Transport, signal: Option<Signal>, answer: &Answer) {
        let Some(reason) = answer.label() else { return };
        let Some(signal) = signal else { return self.shared.metrics.refused_stray(reason) };
        let metrics = self.shared.metrics.signal(signal);
        metrics.request(transport);
        metrics.refused(reason);
    }

    /// The way of a request from its head to its answer. `read` takes the framing off the body.
    ///
    /// # Cancellation
    ///
    /// Dropped when the sender went away: its place, its bytes and what the sink has not handed over are free.
    pub(crate) async fn exchange<B, R>(&self, head: Head, body: B, piece_bytes_max: usize, read: R) -> Answer
    where
        B: Body<Data = Bytes> + Unpin,
        R: AsyncFnOnce(Reader<B>) -> Result<Packed, Answer>,
    {
        self.beat.touch();
        let start = Instant::now();
        let received = SystemTime::now();
        let metrics = self.shared.metrics.signal(head.signal);
        metrics.request(head.transport);
        let deadline = Deadline::of(start, self.settings.hold, head.timeout);
        let bounds = Bounds {
            bytes_max: self.settings.request_bytes_max,
            piece_bytes_max,
            pause_max: self.settings.body_timeout,
            deadline,
        };
        // Made in place: a future that is handed on is kept twice.
        let mut way = pin!(async {
            if self.paused.get() {
                return Err(Answer::retry(RetryReason::Paused));
            }
            let permit = self.shared.gate.admit(head.signal, deadline).await.map_err(Answer::retry)?;
            let packed = read(Reader::new(body, self.shared.budget.open(), bounds)).await?;
            let Packed { bytes, coding, mut charge } = packed;
            let body = if coding == Coding::Identity {
                bytes
            } else {
                // In a box, so that the requests that need none stay small.
                Box::pin(unpack(bytes, coding, &mut charge, bounds.bytes_max, deadline, &self.inflaters))
                    .await?
            };
            if body.is_empty() && head.encoding == Encoding::Json {
                return Err(Answer::malformed("an empty body is no JSON"));
            }
            let Head { signal, encoding, carried, .. } = head;
            if carried.bytes() > 0 {
                let grown = Box::pin(charge.grow(carried.bytes(), deadline)).await;
                grown.map_err(|_| Answer::retry(RetryReason::Memory))?;
            }
            let request = Request { signal, encoding, body, carried, charge, permit, deadline, received };
            Ok(Answer::Verdict(self.intake.store(request).await))
        });
        let answer = tokio::select! {
            biased;
            answer = caught(way.as_mut()) => answer.unwrap_or_else(|refused| refused),
            () = self.phases.reached(Phase::Closing) => Answer::retry(RetryReason::Draining),
        };
        if let Some(reason) = answer.label() {
            metrics.refused(reason);
        }
        metrics.answered(start.elapsed());
        answer
    }
}

/// The service as one request uses it, from its head to its answer.
#[derive(Debug)]
pub(crate) struct InUse<I>(Rc<Service<I>>);

impl<I> InUse<I> {
    pub(crate) fn new(service: &Rc<Service<I>>) -> Self {
        service.open.set(service.open.get() + 1);
        Self(Rc::clone(service))
    }
}

impl<I> Deref for InUse<I> {
    type Target = Service<I>;

    fn deref(&self) -> &Service<I> {
        &self.0
    }
}

impl<I> Drop for InUse<I> {
    fn drop(&mut self) {
        self.0.open.set(self.0.open.get() - 1);
        if self.0.open.get() == 0 {
            self.0.none_open.notify_waiters();
        }
    }
}

/// A panic on one request is the answer to that request.
async fn caught(mut way: Pin<&mut impl Future<Output = Result<Answer, Answer>>>) -> Result<Answer, Answer> {
    std::future::poll_fn(|context| {
        // What a panic leaves half done is dropped with the request; the rest is behind locks or atomics.
        catch_unwind(AssertUnwindSafe(|| way.as_mut().poll(context)))
            .unwrap_or(Poll::Ready(Err(Answer::Panicked)))
    })
    .await
}

/// How far the end of a port or of a connector has come, as one worker sees it: its connections ask often, so they ask here
/// instead of what all threads share.
#[derive(Debug)]
pub(crate) struct Phases {
    phase: Cell<Phase>,
    changed: Notify,
}

impl Phases {
    pub(crate) fn new(phase: Phase) -> Self {
        Self { phase: Cell::new(phase), changed: Notify::new() }
    }

    pub(crate) fn advance(&self, phase: Phase) {
        self.phase.set(phase);
        self.changed.notify_waiters();
    }

    pub(crate) async fn reached(&self, phase: Phase) {
        while self.phase.get() < phase {
            self.changed.notified().await;
        }
    }
}
