//! A part while it is written: which messages are open in it, and how large it is with their ends in place.

use super::entry::{Entry, Tally};
use super::{CHILD_NUMBER, LEVELS, Level, Part};
use crate::schema::wire_type;
use crate::varint;

pub(super) struct Draft<'o> {
    out: &'o mut Vec<u8>,
    max: usize,
    /// Where in `out` the body of each open message starts.
    starts: [usize; LEVELS],
    /// Bytes of each open message, without the one that is open inside it.
    bytes: [usize; LEVELS],
    open: usize,
    tally: Tally,
}

impl<'o> Draft<'o> {
    pub(super) fn new(out: &'o mut Vec<u8>, max: usize) -> Self {
        Self { out, max, starts: [0; LEVELS], bytes: [0; LEVELS], open: 0, tally: Tally::default() }
    }

    /// Whether there is nothing in it that could be sent.
    pub(super) fn is_empty(&self) -> bool {
        self.tally.units == 0
    }

    /// Whether a child of `len` bytes fits into the last of `levels`, here.
    pub(super) fn fits(&self, levels: &[Level<'_>], len: usize) -> bool {
        let bytes =
            |level: usize| if level < self.open { self.bytes[level] } else { levels[level].own.len() };
        closed(levels.len(), bytes, len) <= self.max
    }

    /// Whether it would fit into an empty part.
    pub(super) fn would_fit(&self, levels: &[Level<'_>], len: usize) -> bool {
        closed(levels.len(), |level| levels[level].own.len(), len) <= self.max
    }

    /// Appends a child to the last of `levels`. Without units in it, it is left out.
    pub(super) fn add(&mut self, levels: &[Level<'_>], entry: Entry<'_>, inside: Tally) {
        if inside.units == 0 {
            return;
        }
        for (at, level) in levels.iter().enumerate().skip(self.open) {
            self.starts[at] = self.out.len();
            self.bytes[at] = level.own.len();
            self.out.extend_from_slice(&level.own);
            self.tally.resources += u64::from(at == 1);
            self.tally.scopes += u64::from(at == 2);
            self.open = at + 1;
        }
        self.out.extend_from_slice(entry.whole);
        self.bytes[levels.len() - 1] += entry.whole.len();
        self.tally.items += inside.items;
        self.tally.units += inside.units;
        self.tally.scopes += inside.scopes;
        self.tally.resources += inside.resources;
    }

    /// Ends the message at `level`, if it is open here: puts tag and length before it.
    pub(super) fn close(&mut self, level: usize) {
        if level + 1 != self.open {
            return;
        }
        let body = self.out.len() - self.starts[level];
        let head_at = self.out.len();
        varint::put(self.out, CHILD_NUMBER[level - 1] << 3 | u64::from(wire_type::LEN));
        varint::put(self.out, body as u64);
        let head = self.out.len() - head_at;
        // Each byte is moved once a level at most.
        self.out[self.starts[level]..].rotate_right(head);
        self.bytes[level - 1] += head + body;
        self.open = level;
    }

    pub(super) fn finish(mut self) -> Option<Part> {
        for level in (1..self.open).rev() {
            self.close(level);
        }
        let Tally { items, units, scopes, resources } = self.tally;
        (units > 0).then_some(Part { items, single: units == 1 && scopes == 1 && resources == 1 })
    }
}

/// Size of a part whose innermost of `levels` open messages gets a child of `len` bytes and is then closed, as are
/// those around it.
fn closed(levels: usize, bytes: impl Fn(usize) -> usize, len: usize) -> usize {
    let mut size = bytes(levels - 1) + len;
    for level in (0..levels - 1).rev() {
        // The tags of children take one byte.
        size += bytes(level) + 1 + varint::len(size as u64);
    }
    size
}
