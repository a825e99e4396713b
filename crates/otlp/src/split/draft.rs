//! A part while it is written: which messages are open in it, and how large it is with their ends in place.

use super::entry::{Entry, Tally};
use super::{CHILD_NUMBER, LEVELS, Level, Part};
use crate::schema::wire_type;
use crate::{steps, varint};

/// Tags of children, all of one byte.
const CHILD_TAG: [u8; LEVELS] = {
    let mut tags = [0; LEVELS];
    let mut level = 0;
    while level < LEVELS {
        assert!(CHILD_NUMBER[level] < 16);
        tags[level] = CHILD_NUMBER[level].to_le_bytes()[0] << 3 | wire_type::LEN;
        level += 1;
    }
    tags
};
const TAG_LEN: usize = 1;

pub(super) struct Draft<'a, 'o> {
    out: &'o mut Vec<u8>,
    max: usize,
    /// Bytes kept in front of an open message for its length: as many as a whole part's would take.
    len_width: usize,
    /// Where in `out` the body of each open message starts.
    starts: [usize; LEVELS],
    /// Bytes of each open message, without the one that is open inside it.
    bytes: [usize; LEVELS],
    open: usize,
    tally: Tally,
    run: Run<'a>,
}

/// Children that lie next to each other on the wire and are not copied yet: one copy for many.
#[derive(Clone, Copy, Default)]
struct Run<'a> {
    /// From the first of them to the end of the message that they are in.
    from: &'a [u8],
    len: usize,
}

impl<'a, 'o> Draft<'a, 'o> {
    pub(super) fn new(out: &'o mut Vec<u8>, max: usize) -> Self {
        Self {
            out,
            max,
            len_width: varint::len(max as u64),
            starts: [0; LEVELS],
            bytes: [0; LEVELS],
            open: 0,
            tally: Tally::default(),
            run: Run::default(),
        }
    }

    /// Whether there is nothing in it that could be sent.
    pub(super) fn is_empty(&self) -> bool {
        self.tally.units == 0
    }

    /// Whether a child of `len` bytes fits into the last of `levels`, here.
    #[inline]
    pub(super) fn fits(&self, levels: &[Level<'a>], len: usize) -> bool {
        let bytes =
            |level: usize| if level < self.open { self.bytes[level] } else { levels[level].own.len() };
        closed(levels.len(), bytes, len) <= self.max
    }

    /// Whether it would fit into an empty part.
    pub(super) fn would_fit(&self, levels: &[Level<'a>], len: usize) -> bool {
        closed(levels.len(), |level| levels[level].own.len(), len) <= self.max
    }

    /// Appends the child that the last of `levels` goes on with. Without units in it, it is left out.
    #[inline]
    pub(super) fn add(&mut self, levels: &[Level<'a>], entry: Entry<'a>, inside: Tally) {
        if inside.units == 0 {
            return;
        }
        if self.open < levels.len() {
            self.open_all(levels);
        }
        let from = levels[levels.len() - 1].rest;
        // Next to the run, and in the message that it lies in: the messages' ends are the same then.
        if self.run.from.len() != self.run.len + from.len() || self.run.len == 0 {
            self.copy_run();
            self.run = Run { from, len: 0 };
        }
        self.run.len += entry.whole.len();
        self.bytes[levels.len() - 1] += entry.whole.len();
        self.tally.items += inside.items;
        self.tally.units += inside.units;
        self.tally.scopes += inside.scopes;
        self.tally.resources += inside.resources;
    }

    fn open_all(&mut self, levels: &[Level<'a>]) {
        self.copy_run();
        for (at, level) in levels.iter().enumerate().skip(self.open) {
            if at > 0 {
                self.out.resize(self.out.len() + TAG_LEN + self.len_width, 0);
            }
            self.starts[at] = self.out.len();
            self.bytes[at] = level.own.len();
            steps::over(level.own.len());
            self.out.extend_from_slice(&level.own);
            self.tally.resources += u64::from(at == 1);
            self.tally.scopes += u64::from(at == 2);
            self.open = at + 1;
        }
    }

    fn copy_run(&mut self) {
        steps::over(self.run.len);
        self.out.extend_from_slice(&self.run.from[..self.run.len]);
        self.run = Run::default();
    }

    /// Ends the message at `level`, if it is open here: puts tag and length before it.
    pub(super) fn close(&mut self, level: usize) {
        if level + 1 != self.open {
            return;
        }
        self.copy_run();
        let start = self.starts[level];
        let body = self.out.len() - start;
        let len_width = varint::len(body as u64);
        if len_width != self.len_width {
            // Each byte is moved once a level at most. Longer is only what holds a single unit above the limit.
            self.out.resize(start - self.len_width + len_width.max(self.len_width) + body, 0);
            steps::over(body);
            self.out.copy_within(start..start + body, start - self.len_width + len_width);
            self.out.truncate(start - self.len_width + len_width + body);
        }
        let head = &mut self.out[start - self.len_width - TAG_LEN..];
        head[0] = CHILD_TAG[level - 1];
        varint::write(&mut head[TAG_LEN..TAG_LEN + len_width], body as u64);
        self.bytes[level - 1] += TAG_LEN + len_width + body;
        self.open = level;
    }

    pub(super) fn finish(mut self) -> Option<Part> {
        self.copy_run();
        for level in (1..self.open).rev() {
            self.close(level);
        }
        let Tally { items, units, scopes, resources } = self.tally;
        (units > 0).then_some(Part { items, single: units == 1 && scopes == 1 && resources == 1 })
    }
}

/// Size of a part whose innermost of `levels` open messages gets a child of `len` bytes and is then closed, as are
/// those around it.
#[inline]
fn closed(levels: usize, bytes: impl Fn(usize) -> usize, len: usize) -> usize {
    let mut size = bytes(levels - 1) + len;
    for level in (0..levels - 1).rev() {
        size += bytes(level) + TAG_LEN + varint::len(size as u64);
    }
    size
}
