//! Hop 7: the bytes of one connection both ways, in one task: requests out while answers come in.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf, Bytes};
use kafka_wire::Frame;
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, Sleep, sleep_until};

use super::signal::Signal;
use crate::connection::{Connection, lost};
use crate::{Error, frame};

/// Room made for answers at a time.
const READ_BYTES: usize = 8 << 10;

/// A connection in use.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) connection: Connection,
    /// Requests that are not yet written whole. Bounded by what may be in flight.
    out: VecDeque<Frame>,
    /// Something was sent since everything was last written.
    writing: bool,
    unflushed: bool,
    timer: Pin<Box<Sleep>>,
    due: Option<Instant>,
    answer_bytes_max: usize,
}

/// Why the task goes on.
#[derive(Debug)]
pub(super) enum Event {
    /// An answer.
    Answer(Bytes),
    /// There may be something to send.
    Woken,
    /// Everything given to [`Link::send`] is with the system.
    Written,
    /// The time has come that was asked for.
    Due,
}

impl Link {
    pub(super) fn new(connection: Connection, answer_bytes_max: usize) -> Self {
        let timer = Box::pin(sleep_until(Instant::now()));
        Self { connection, out: VecDeque::new(), writing: false, unflushed: false, timer, due: None, answer_bytes_max }
    }

    /// Puts a request behind those that are being written.
    pub(super) fn send(&mut self, request: Frame) {
        self.out.push_back(request);
        self.writing = true;
    }

    /// The time that was asked for last if it is still to come and near enough, else a new one.
    pub(super) fn due_within(&self, now: Instant, longest: Duration) -> Option<Instant> {
        self.due.filter(|at| *at > now && *at <= now + longest).or(Some(now + longest))
    }

    /// Reads and writes until there is news.
    pub(super) async fn next(&mut self, wake: &Signal, due: Option<Instant>) -> Result<Event, Error> {
        if self.due != due {
            self.due = due;
            if let Some(at) = due {
                self.timer.as_mut().reset(at);
            }
        }
        poll_fn(|context| self.poll(wake, context)).await
    }

    fn poll(&mut self, wake: &Signal, context: &mut Context<'_>) -> Poll<Result<Event, Error>> {
        if let Poll::Ready(answer) = self.poll_answer(context) {
            return Poll::Ready(answer.map(Event::Answer));
        }
        if let Poll::Ready(Err(error)) = self.poll_write(context) {
            return Poll::Ready(Err(lost(&self.connection.broker, &error)));
        }
        if self.writing && self.out.is_empty() {
            self.writing = false;
            return Poll::Ready(Ok(Event::Written));
        }
        if wake.poll(context).is_ready() {
            return Poll::Ready(Ok(Event::Woken));
        }
        if self.due.is_some() && self.timer.as_mut().poll(context).is_ready() {
            self.due = None;
            return Poll::Ready(Ok(Event::Due));
        }
        Poll::Pending
    }

    fn poll_answer(&mut self, context: &mut Context<'_>) -> Poll<Result<Bytes, Error>> {
        let Connection { stream, inbox, broker, .. } = &mut self.connection;
        loop {
            match frame::take(inbox, self.answer_bytes_max) {
                Ok(Some(answer)) => return Poll::Ready(Ok(answer)),
                Ok(None) => {}
                Err(error) => {
                    let why = error.to_string();
                    return Poll::Ready(Err(Error::Protocol { broker: broker.clone(), why }));
                }
            }
            if inbox.capacity() == inbox.len() {
                inbox.reserve(READ_BYTES);
            }
            match pin!(stream.read_buf(inbox)).poll(context) {
                Poll::Ready(Ok(0)) => {
                    let why = "closed by the broker".to_owned();
                    return Poll::Ready(Err(Error::Lost { broker: broker.clone(), why }));
                }
                Poll::Ready(Ok(_)) => {}
                Poll::Ready(Err(error)) => return Poll::Ready(Err(lost(broker, &error))),
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    fn poll_write(&mut self, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        let stream = &mut self.connection.stream;
        while let Some(request) = self.out.front_mut() {
            match pin!(stream.write_buf(request)).poll(context) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(std::io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(_)) => self.unflushed = true,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => return Poll::Pending,
            }
            if !request.has_remaining() {
                self.out.pop_front();
            }
        }
        // Under TLS the last bytes may still be with us.
        if self.unflushed {
            match Pin::new(stream).poll_flush(context) {
                Poll::Ready(Ok(())) => self.unflushed = false,
                other => return other,
            }
        }
        Poll::Ready(Ok(()))
    }
}
