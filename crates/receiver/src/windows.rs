//! Hop 1: what a connection may buffer before anybody reads it, charged for as long as the connection lives.
//!
//! An HTTP/2 client may send up to its windows before a request is admitted, and hyper buffers that. Wide
//! windows are what makes one connection fast (at a round trip of 10 ms, 64 KiB carry 5 MB/s and 4 MiB carry
//! 150), so the first connections get wide ones, and all windows together stay under a quarter of the budget.
//! A connection for which nothing is left still works, with what the protocol can't go below.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use pipeline::{Budget, Charge};

/// The windows of all connections that share a budget.
#[derive(Debug)]
pub struct Windows {
    budget: Arc<Budget>,
    held_bytes: AtomicUsize,
}

/// What one connection may buffer. Its bytes return when this is dropped.
#[derive(Debug)]
pub(crate) struct Window {
    pub(crate) class: Class,
    held: Option<(Charge, Arc<Windows>)>,
}

/// Sizes that belong together; those of HTTP/1 use `frame_bytes` alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Class {
    /// Window of the connection, and what is charged.
    pub(crate) connection_bytes: u32,
    /// Window of each stream.
    pub(crate) stream_bytes: u32,
    /// Largest piece of a body that is handed over at a time.
    pub(crate) frame_bytes: u32,
    /// Streams at a time, where it is less than the configured number.
    pub(crate) streams_max: Option<u32>,
}

const HTTP2: [Class; 3] = [
    Class { connection_bytes: 4 << 20, stream_bytes: 1 << 20, frame_bytes: 256 << 10, streams_max: None },
    Class { connection_bytes: 1 << 20, stream_bytes: 1 << 20, frame_bytes: 128 << 10, streams_max: None },
    Class { connection_bytes: 256 << 10, stream_bytes: 128 << 10, frame_bytes: 64 << 10, streams_max: None },
];

/// RFC 9113 lets a connection's window start no lower than 65,535 bytes; the streams keep what is
/// buffered under 32 KiB.
const HTTP2_LEAST: Class =
    Class { connection_bytes: 65_535, stream_bytes: 16 << 10, frame_bytes: 16 << 10, streams_max: Some(2) };

const HTTP1: Class =
    Class { connection_bytes: 64 << 10, stream_bytes: 0, frame_bytes: 64 << 10, streams_max: None };
const HTTP1_LEAST: Class =
    Class { connection_bytes: 16 << 10, stream_bytes: 0, frame_bytes: 16 << 10, streams_max: None };

impl Windows {
    /// They take up to a quarter of `budget`.
    #[must_use]
    pub fn new(budget: &Arc<Budget>) -> Arc<Self> {
        Arc::new(Self { budget: Arc::clone(budget), held_bytes: AtomicUsize::new(0) })
    }

    /// The widest window that leaves room for others: the wider a class, the smaller its share of the quarter.
    pub(crate) fn http2(self: &Arc<Self>) -> Window {
        let quarter = self.budget.total_bytes() / 4;
        let shares = [quarter / 2, quarter - quarter / 8, quarter];
        let held = HTTP2.iter().zip(shares).find_map(|(class, share)| self.hold(*class, share));
        held.unwrap_or(Window { class: HTTP2_LEAST, held: None })
    }

    /// The read buffer of an HTTP/1 connection.
    pub(crate) fn http1(self: &Arc<Self>) -> Window {
        let held = self.hold(HTTP1, self.budget.total_bytes() / 4);
        held.unwrap_or(Window { class: HTTP1_LEAST, held: None })
    }

    fn hold(self: &Arc<Self>, class: Class, share: usize) -> Option<Window> {
        let bytes = class.connection_bytes as usize;
        let fits = |held: usize| held.checked_add(bytes).filter(|sum| *sum <= share);
        self.held_bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits).ok()?;
        let mut charge = self.budget.open();
        if charge.try_grow(bytes) {
            return Some(Window { class, held: Some((charge, Arc::clone(self))) });
        }
        self.held_bytes.fetch_sub(bytes, Ordering::Relaxed);
        None
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        if let Some((charge, windows)) = self.held.take() {
            windows.held_bytes.fetch_sub(charge.bytes(), Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_windows_together_stay_under_a_quarter_of_the_budget() {
        let budget = Budget::new(256 << 20, 64 << 20);
        let windows = Windows::new(&budget);
        let all: Vec<Window> = (0..1000).map(|_| windows.http2()).collect();
        let of = |class: Class| all.iter().filter(|window| window.class == class).count();
        assert_eq!([of(HTTP2[0]), of(HTTP2[1]), of(HTTP2[2])], [8, 24, 32]);
        assert_eq!(of(HTTP2_LEAST), 1000 - 64);
        assert_eq!(budget.used_bytes(), 64 << 20);
        assert_eq!(windows.http1().class, HTTP1_LEAST);
        drop(all);
        assert_eq!(budget.used_bytes(), 0);
        assert_eq!(windows.http2().class, HTTP2[0]);
    }

    #[test]
    fn a_full_budget_gives_the_least() {
        let budget = Budget::new(256 << 20, 0);
        let mut all = budget.open();
        assert!(all.try_grow(256 << 20));
        let windows = Windows::new(&budget);
        assert_eq!(windows.http2().class, HTTP2_LEAST);
        drop(all);
        assert_eq!(windows.http2().class, HTTP2[0]);
    }
}
