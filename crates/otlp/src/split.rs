//! Hop 6, before the record is shaped: cuts a request into parts that each fit a record.

use crate::Signal;

/// Cuts a request, part by part. Cloning is cheap: a caller keeps a copy to cut a part again, smaller.
#[derive(Clone, Debug)]
pub struct Cutter<'a> {
    signal: Signal,
    rest: &'a [u8],
}

/// What [`Cutter::next`] wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Items in it.
    pub items: u64,
    /// It holds one span, metric, log record or profile, and can't be cut further.
    pub single: bool,
}

impl<'a> Cutter<'a> {
    /// Starts before the first item of a request that [`crate::scan::scan`] accepted.
    pub fn new(signal: Signal, wire: &'a [u8]) -> Self {
        Self { signal, rest: wire }
    }

    /// Appends the next part to `out`: at most `wire_bytes_max` bytes, but at least one span, metric, log record
    /// or profile. `None` when none is left.
    #[expect(clippy::should_implement_trait, reason = "takes the size of the part and where to write it")]
    pub fn next(&mut self, wire_bytes_max: usize, out: &mut Vec<u8>) -> Option<Part> {
        let _ = (self.signal, self.rest, wire_bytes_max, out);
        None
    }
}
