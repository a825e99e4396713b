//! Hop 4: frames become one contiguous body, charged before it is held.
//!
//! What is charged is the memory held. A piece of a body is a slice of a read buffer of up to 64 KiB, or of
//! a buffer of its own when it is larger, so pieces up to [`COPIED_BYTES_MAX`] are copied out and larger ones
//! fill at least half of what they hold.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf as _, Bytes};
use http_body::{Body, Frame};
use pipeline::{Charge, Deadline, RetryReason};
use tokio::time::{Instant, timeout_at};

use crate::reply::Answer;

mod unpack;

pub(crate) use unpack::{Coding, Inflaters, unpack};

/// Largest piece that is copied out of its read buffer.
const COPIED_BYTES_MAX: usize = 32 << 10;

/// Largest claim of a length that is believed before its bytes have come.
const BELIEVED_BYTES_MAX: usize = 1 << 20;

/// What bounds the reading of one body.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// The largest body, as sent.
    pub(crate) bytes_max: usize,
    /// The largest piece that the connection hands over at a time.
    pub(crate) piece_bytes_max: usize,
    /// The longest pause between two pieces.
    pub(crate) pause_max: Duration,
    /// When the request must be answered.
    pub(crate) deadline: Deadline,
}

/// What is known of a body's length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Length {
    /// Its end shows it.
    Unknown,
    /// The transport makes sure that it is this long.
    Declared(usize),
    /// It must be this long, or it is not one message (gRPC).
    Exactly(usize),
}

/// Reads one body.
pub(crate) struct Reader<B> {
    body: B,
    charge: Charge,
    /// What is held of `charge`; the rest is room for the next piece.
    held_bytes: usize,
    bounds: Bounds,
}

enum Polled<E> {
    NoRoom,
    Frame(Option<Result<Frame<Bytes>, E>>),
}

impl<B: Body<Data = Bytes> + Unpin> Reader<B> {
    pub(crate) fn new(body: B, charge: Charge, bounds: Bounds) -> Self {
        Self { body, charge, held_bytes: 0, bounds }
    }

    /// The next piece that is not empty, charged; `None` at the end.
    pub(crate) async fn piece(&mut self) -> Result<Option<Bytes>, Answer> {
        loop {
            match self.next().await? {
                Polled::NoRoom => {
                    let more = self.room().saturating_sub(self.charge.bytes());
                    let grown = self.charge.grow(more, self.bounds.deadline).await;
                    grown.map_err(|_| Answer::retry(RetryReason::Memory))?;
                }
                Polled::Frame(None) => return Ok(None),
                Polled::Frame(Some(Err(_))) => return Err(Answer::malformed("the body ends early")),
                Polled::Frame(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) if data.is_empty() => {}
                    Ok(data) => {
                        self.held_bytes += data.len();
                        return Ok(Some(data));
                    }
                    // Trailers of a request mean nothing here, and end it.
                    Err(_trailers) => return Ok(None),
                },
            }
        }
    }

    /// What comes next. Nearly always it is here already: then no clock is read.
    async fn next(&mut self) -> Result<Polled<B::Error>, Answer> {
        let here = poll_fn(|context| Poll::Ready(self.poll_piece(context))).await;
        if let Poll::Ready(polled) = here {
            return Ok(polled);
        }
        let Bounds { pause_max, deadline, .. } = self.bounds;
        let until = (Instant::now() + pause_max).min(deadline.at());
        let polled = timeout_at(until, poll_fn(|context| self.poll_piece(context))).await;
        polled.map_err(|_| Answer::SlowBody)
    }

    /// The room is charged before the piece is taken, and given back while there is none: a sender that
    /// pauses holds only what it has sent.
    fn poll_piece(&mut self, context: &mut Context<'_>) -> Poll<Polled<B::Error>> {
        let more = self.room().saturating_sub(self.charge.bytes());
        if more > 0 && !self.charge.try_grow(more) {
            return Poll::Ready(Polled::NoRoom);
        }
        let polled = Pin::new(&mut self.body).poll_frame(context);
        if polled.is_pending() {
            self.charge.shrink_to(self.held_bytes);
        }
        polled.map(Polled::Frame)
    }

    fn room(&self) -> usize {
        self.held_bytes + self.bounds.piece_bytes_max
    }

    /// Takes `bytes` off the front of a piece that is not kept.
    pub(crate) fn skip(&mut self, piece: &mut Bytes, bytes: usize) {
        piece.advance(bytes);
        self.held_bytes -= bytes;
    }

    /// Reads to the end what begins with `first`, a piece of this body.
    pub(crate) async fn rest(&mut self, first: Bytes, length: Length) -> Result<Bytes, Answer> {
        let whole = match length {
            Length::Exactly(bytes) => first.len() == bytes,
            Length::Declared(bytes) => first.len() >= bytes,
            Length::Unknown => self.body.is_end_stream(),
        };
        if whole && first.len() > COPIED_BYTES_MAX {
            self.check(first.len(), length)?;
            self.end().await?;
            return Ok(first);
        }
        let mut gathered = Vec::new();
        self.gather(&mut gathered, first, length).await?;
        while !self.body.is_end_stream() {
            let Some(piece) = self.piece().await? else { break };
            self.gather(&mut gathered, piece, length).await?;
        }
        if matches!(length, Length::Exactly(bytes) if gathered.len() < bytes) {
            return Err(Answer::malformed("the body ends before the length in its gRPC prefix"));
        }
        if gathered.capacity() - gathered.len() > gathered.len() / 4 {
            self.held_bytes -= gathered.capacity();
            gathered.shrink_to_fit();
            self.held_bytes += gathered.capacity();
        }
        Ok(Bytes::from(gathered))
    }

    /// Nothing may follow.
    async fn end(&mut self) -> Result<(), Answer> {
        if self.body.is_end_stream() || self.piece().await?.is_none() {
            return Ok(());
        }
        Err(Answer::malformed("more than one message"))
    }

    fn check(&self, bytes: usize, length: Length) -> Result<(), Answer> {
        if matches!(length, Length::Exactly(exact) if bytes > exact) {
            return Err(Answer::malformed("more than one message"));
        }
        if bytes > self.bounds.bytes_max {
            return Err(Answer::too_large(self.bounds.bytes_max));
        }
        Ok(())
    }

    async fn gather(&mut self, gathered: &mut Vec<u8>, piece: Bytes, length: Length) -> Result<(), Answer> {
        let need = gathered.len() + piece.len();
        self.check(need, length)?;
        if need > gathered.capacity() {
            let capacity = capacity_for(need, length).min(self.bounds.bytes_max);
            let before = gathered.capacity();
            // The room for the next piece may pay for it.
            let missing = (self.held_bytes + capacity - before).saturating_sub(self.charge.bytes());
            let grown = self.charge.grow(missing, self.bounds.deadline).await;
            grown.map_err(|_| Answer::retry(RetryReason::Memory))?;
            gathered.reserve_exact(capacity - gathered.len());
            self.held_bytes += gathered.capacity() - before;
        }
        gathered.extend_from_slice(&piece);
        self.held_bytes -= piece.len();
        Ok(())
    }

    /// The charge of what was read, without the room.
    pub(crate) fn into_charge(mut self) -> Charge {
        self.charge.shrink_to(self.held_bytes);
        self.charge
    }
}

/// A small claim is believed, a large one only up to twice what has come.
fn capacity_for(need: usize, length: Length) -> usize {
    match length {
        Length::Exactly(bytes) | Length::Declared(bytes) if bytes <= BELIEVED_BYTES_MAX => bytes.max(need),
        Length::Exactly(bytes) | Length::Declared(bytes) => (need * 2).min(bytes).max(need),
        Length::Unknown => need.max((need * 2).min(need + BELIEVED_BYTES_MAX * 8)),
    }
}

#[cfg(test)]
mod tests;
