//! Hop 5: a request whose body is complete, and who takes it.

use std::time::SystemTime;

use bytes::Bytes;
use otlp::Signal;

use crate::{Charge, Deadline, Permit, Verdict};

/// How a body is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// Protobuf wire bytes.
    Protobuf,
    /// OTLP/JSON.
    Json,
}

/// Headers of a request that its records are to carry. A place for each name that the receiver was told, in that order;
/// nothing is allocated where it was told none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Carried(Box<[Option<Box<[u8]>>]>);

impl Carried {
    /// Longest value that is carried; a request whose value is longer goes without that header.
    pub const VALUE_BYTES_MAX: usize = 1024;

    /// The value of each name, where the request has one.
    pub fn new<'a>(values: impl Iterator<Item = Option<&'a [u8]>>) -> Self {
        let fits = |value: &&[u8]| value.len() <= Self::VALUE_BYTES_MAX;
        Self(values.map(|value| value.filter(fits).map(Box::from)).collect())
    }

    /// The value of the name at this place.
    #[must_use]
    pub fn get(&self, place: usize) -> Option<&[u8]> {
        self.0.get(place)?.as_deref()
    }

    /// Bytes of memory that it holds.
    #[must_use]
    pub fn bytes(&self) -> usize {
        size_of_val(&*self.0) + self.0.iter().flatten().map(|value| value.len()).sum::<usize>()
    }
}

/// An export request, admitted, complete and unpacked; not yet checked.
#[derive(Debug)]
pub struct Request {
    /// Which of the four.
    pub signal: Signal,
    /// How `body` is written.
    pub encoding: Encoding,
    /// The unpacked body, without framing.
    pub body: Bytes,
    /// Of its headers, those that its records are to carry.
    pub carried: Carried,
    /// Covers `body` and `carried`.
    pub charge: Charge,
    /// The request's place in line.
    pub permit: Permit,
    /// When it must be answered.
    pub deadline: Deadline,
    /// When its head arrived; the timestamp of its records.
    pub received: SystemTime,
}

/// Takes requests from a receiver's worker. Each worker has its own, so it needs no locks.
pub trait Intake {
    /// Stores the request and says what became of it, before the request's deadline.
    ///
    /// # Cancellation
    ///
    /// Dropped when the sender went away: what was handed to Kafka stays handed over, the rest is dropped.
    fn store(&self, request: Request) -> impl Future<Output = Verdict>;

    /// Gets what a first request would wait for beside its own way; returns once it is there, at the latest at
    /// [`crate::Phase::Closing`].
    fn warm(&self) -> impl Future<Output = ()> {
        std::future::ready(())
    }

    /// Waits until everything that was handed to Kafka has its report, at most until [`crate::Phase::Closing`]. Called
    /// once, after the worker's last connection.
    fn finish(&self) -> impl Future<Output = ()> {
        std::future::ready(())
    }
}

#[cfg(test)]
mod tests {
    use super::Carried;

    #[test]
    fn values_keep_their_places_and_long_ones_are_left_out() {
        let long = vec![b'x'; Carried::VALUE_BYTES_MAX + 1];
        let carried = Carried::new([Some(&b"a"[..]), None, Some(&long), Some(&long[1..])].into_iter());
        assert_eq!((carried.get(0), carried.get(1), carried.get(2)), (Some(&b"a"[..]), None, None));
        assert_eq!(carried.get(3).map(<[u8]>::len), Some(Carried::VALUE_BYTES_MAX));
        assert_eq!(carried.get(4), None);
        assert!(carried.bytes() > Carried::VALUE_BYTES_MAX);
        assert_eq!(Carried::default().bytes(), 0);
    }
}
