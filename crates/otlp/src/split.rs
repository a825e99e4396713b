//! Hop 6, before a record is shaped: cuts a request into parts that each fit a record.
//!
//! ```text
//!  request   fields of its own, and  ResourceX, ResourceX, ...     X: Spans, Metrics, Logs, Profiles
//!  ResourceX fields of its own, and  ScopeX, ScopeX, ...
//!  ScopeX    fields of its own, and  units                         Span, Metric, LogRecord, Profile
//! ```
//!
//! What fits is taken whole, from the top; what doesn't is opened, and its own fields (the resource, the scope, the
//! schema URL, fields OTLP does not know) are repeated in every part that holds something of it. A request's own
//! fields, such as the profiles' dictionary, are in every part. Items keep their order. What holds no unit is
//! left out.

mod draft;
pub(crate) mod entry;
#[cfg(test)]
pub(crate) mod tests;

use std::sync::Arc;

use crate::Signal;
use draft::Draft;
use entry::{Entry, Tally};

/// Messages that can be opened: the request, one ResourceX, one ScopeX.
const LEVELS: usize = 3;

/// Field number of what a level is made of: `resource_*`, `scope_*`, the units. The same in all four signals.
const CHILD_NUMBER: [u64; LEVELS] = [1, 2, 2];

/// Cuts a request, part by part, in linear time. Cloning is cheap, whatever the size of the request: a caller
/// keeps a copy to cut a part again, smaller, when its encoded form is too large for a record.
///
/// The parts together can be far larger than the request: each repeats the own fields of what it holds a piece of,
/// a resource of a megabyte around small spans included. Whoever asks for the parts bounds their sum.
#[derive(Clone, Debug)]
pub struct Cutter<'a> {
    signal: Signal,
    levels: [Level<'a>; LEVELS],
    /// How many of the levels are open.
    open: usize,
}

/// What [`Cutter::next`] wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Spans, data points, log records or profiles in it, as [`crate::scan::scan`] counts them.
    pub items: u64,
    /// It holds one span, metric, log record or profile, and no smaller part can hold that.
    pub single: bool,
}

/// A message that is being cut.
#[derive(Clone, Debug, Default)]
pub(crate) struct Level<'a> {
    /// The fields that every part of it repeats.
    own: Arc<[u8]>,
    /// What is not cut off yet; fields of its own may still be between the children.
    rest: &'a [u8],
}

impl<'a> Cutter<'a> {
    /// Starts before the first item of a request that [`crate::scan::scan`] accepted. Of bytes that it refuses,
    /// what comes after the fault is lost.
    pub fn new(signal: Signal, wire: &'a [u8]) -> Self {
        let mut levels = <[Level<'a>; LEVELS]>::default();
        levels[0] = Level::of(wire, CHILD_NUMBER[0]);
        Self { signal, levels, open: 1 }
    }

    /// Appends the next part to `out`: at most `wire_bytes_max` bytes, except where a single span, metric, log
    /// record or profile with what it needs around it is larger. `None` when none is left.
    pub fn next(&mut self, wire_bytes_max: usize, out: &mut Vec<u8>) -> Option<Part> {
        let mut part = Draft::new(out, wire_bytes_max);
        loop {
            let level = self.open - 1;
            let Some((entry, after)) = self.levels[level].peek(CHILD_NUMBER[level]) else {
                if level == 0 {
                    break;
                }
                part.close(level);
                self.open = level;
                continue;
            };
            entry::read_ahead(after, entry.whole.len());
            let open = &self.levels[..self.open];
            let fits = part.fits(open, entry.whole.len());
            if fits || (level == LEVELS - 1 && part.is_empty()) {
                part.add(open, entry, Tally::of(self.signal, level, entry.body));
                self.levels[level].rest = after;
            } else if level == LEVELS - 1 || (!part.is_empty() && part.would_fit(open, entry.whole.len())) {
                break;
            } else {
                self.levels[level].rest = after;
                self.levels[level + 1] = Level::of(entry.body, CHILD_NUMBER[level + 1]);
                self.open = level + 2;
            }
        }
        part.finish()
    }
}

impl<'a> Level<'a> {
    fn of(body: &'a [u8], child: u64) -> Self {
        Self { own: entry::own_fields(body, child), rest: body }
    }

    /// The next child, left in place, and what is behind it. Fields between are passed for good.
    fn peek(&mut self, child: u64) -> Option<(Entry<'a>, &'a [u8])> {
        loop {
            let mut after = self.rest;
            let entry = entry::take(&mut after)?;
            if entry.is_child(child) {
                return Some((entry, after));
            }
            self.rest = after;
        }
    }
}
