//! Hop 7: a record on its way, and what is reported of it.

use bytes::Bytes;
use kafka_wire::ErrorCode;
use kafka_wire::record;
use tokio::time::Instant;

/// One record to be stored.
#[derive(Debug)]
pub struct Record<T> {
    /// The topic's place in the list that the producer was started with.
    pub topic: usize,
    /// `None`: chosen by the key, or by the producer where there is none.
    pub partition: Option<i32>,
    /// `None`: a record without key.
    pub key: Option<Bytes>,
    /// The value; read from where it lies until the report.
    pub value: Bytes,
    /// The headers.
    pub headers: Headers,
    /// Milliseconds since the epoch.
    pub timestamp_ms: i64,
    /// A record that has not been sent by then is given up.
    pub deadline: Instant,
    /// Who gets the report.
    pub token: T,
}

/// Headers as they lie in a record; cheap to clone for many records.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Headers {
    pub(super) bytes: Bytes,
    pub(super) count: i32,
}

impl Headers {
    /// Headers in this order; keys may repeat.
    #[must_use]
    pub fn new(headers: &[(&str, Option<&[u8]>)]) -> Self {
        let mut buffer = Vec::new();
        let written = record::Headers::write(&mut buffer, headers);
        let count = written.count();
        Self { bytes: buffer.into(), count }
    }

    /// These and one more behind them, in memory of exactly their size.
    #[must_use]
    pub fn with(&self, key: &str, value: &[u8]) -> Self {
        let header = (key, Some(value));
        let mut buffer = Vec::with_capacity(self.bytes.len() + record::header_bytes(&header));
        buffer.extend_from_slice(&self.bytes);
        record::put_header(&mut buffer, &header);
        Self { bytes: buffer.into(), count: self.count + 1 }
    }

    /// Bytes that they take in a record.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Goes through them in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Option<&[u8]>)> {
        record::Headers::from_bytes(&self.bytes, self.count).iter()
    }
}

/// Who gets a record's report. Dropped without one when the producer's runtime ends.
pub trait Settle: std::fmt::Debug + 'static {
    /// The record is stored under the producer's `acks`, or it failed.
    fn settle(self, outcome: Result<(), Failure>);

    /// The same of many records.
    fn settle_all(tokens: impl Iterator<Item = Self>, outcome: Result<(), Failure>)
    where
        Self: Sized,
    {
        tokens.for_each(|token| token.settle(outcome));
    }
}

/// Why a record is not known to be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// The record alone is larger than its topic takes.
    TooLarge,
    /// No broker acknowledged it in time. It may be stored all the same.
    TimedOut,
    /// The producer was closed first. It may be stored all the same.
    Closed,
    /// The topic has no such partition.
    NoPartition,
    /// The broker refused it.
    Refused(ErrorCode),
}

impl<T> Record<T> {
    /// Whether it may go to any partition.
    pub(super) fn is_loose(&self) -> bool {
        self.key.is_none() && self.partition.is_none()
    }

    /// Bytes of key, value and headers.
    pub(super) fn bytes(&self) -> usize {
        self.key.as_ref().map_or(0, Bytes::len) + self.value.len() + self.headers.bytes.len()
    }
}

/// Space that a record takes in a batch beside key, value and headers, at most (KIP-98: lengths, deltas, attributes).
pub(super) const RECORD_HEAD_BYTES_MAX: usize = 40;

#[cfg(test)]
mod tests {
    use super::Headers;

    #[test]
    fn headers_grow_by_one_as_if_they_had_been_written_together() {
        let long = "v".repeat(300);
        let three = [("a", Some(&b"1"[..])), ("", None), ("b", Some(long.as_bytes()))];
        let grown = Headers::new(&three[..2]).with("b", long.as_bytes());
        assert_eq!(grown, Headers::new(&three));
        assert_eq!(grown.bytes.len(), grown.bytes());
        assert!(grown.iter().eq(three));
    }
}
