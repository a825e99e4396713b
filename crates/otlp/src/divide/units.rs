//! Single units, one after the other: each with what is around it.

use super::{
    Outline, RESOURCES, SCOPES, Stored, UNITS, child_bytes, length, offset_in, put_head, put_own, range,
};
use crate::Signal;
use crate::key::strings::Strings;
use crate::key::{self, KeyBy};
use crate::split::entry::{Entry, items, take};

/// Messages around a unit: the request, a ResourceX, a ScopeX.
const LEVELS: usize = 3;
const CHILD_NUMBER: [u64; LEVELS] = [RESOURCES, SCOPES, UNITS];

/// Where a division into units has come to.
#[derive(Debug)]
pub(super) struct Units {
    levels: [Level; LEVELS],
    open: usize,
    /// The own fields of the open levels.
    own: Vec<u8>,
    /// Of the open resource.
    key: Option<Stored>,
    strings: Vec<u32>,
    /// The next unit: its place, and that of its body.
    found: Option<(u32, u32, u32)>,
    output_bytes: usize,
}

/// A message around units: what is left of it, and where its own fields end in the list of all.
#[derive(Clone, Copy, Debug, Default)]
struct Level {
    at: u32,
    end: u32,
    own_start: usize,
    own_end: usize,
}

impl Units {
    pub(super) fn new(outline: &Outline, wire: &[u8], strings: Vec<u32>) -> Self {
        let mut own = Vec::with_capacity(outline.own_bytes_max);
        if outline.units > 0 {
            put_own(wire, RESOURCES, &mut own);
        }
        let mut levels = [Level::default(); LEVELS];
        levels[0] = Level { at: 0, end: length(wire.len()), own_start: 0, own_end: own.len() };
        let output_bytes = outline.unit_pieces_bytes;
        Self { levels, open: 1, own, key: None, strings, found: None, output_bytes }
    }

    pub(super) fn output_bytes(&self) -> usize {
        self.output_bytes
    }

    pub(super) fn next_bytes(&mut self, by: Option<KeyBy>, wire: &[u8]) -> Option<usize> {
        let (start, _, end) = self.find(by, wire)?;
        Some(self.bodies((end - start) as usize)[0])
    }

    pub(super) fn next(
        &mut self,
        (signal, by): (Signal, Option<KeyBy>),
        wire: &[u8],
        out: &mut Vec<u8>,
    ) -> Option<(Option<Stored>, u64, bool)> {
        let (start, body, end) = self.find(by, wire)?;
        self.found = None;
        let bodies = self.bodies((end - start) as usize);
        for level in 0..LEVELS {
            if level > 0 {
                put_head(CHILD_NUMBER[level - 1], bodies[level], out);
            }
            let Level { own_start, own_end, .. } = self.levels[level];
            out.extend_from_slice(&self.own[own_start..own_end]);
        }
        out.extend_from_slice(&wire[range(start, end)]);
        let unit = &wire[range(body, end)];
        let key = match by {
            Some(KeyBy::TraceId) => key::trace_id(signal, unit).map(Stored::TraceId),
            Some(KeyBy::Service | KeyBy::Resource) => self.key,
            None => None,
        };
        Some((key, items(signal, unit), true))
    }

    /// Bytes of the bodies around a unit of so many bytes, from the request's to the ScopeX's.
    fn bodies(&self, unit_bytes: usize) -> [usize; LEVELS] {
        let own = |level: usize| self.levels[level].own_end - self.levels[level].own_start;
        let scope = own(2) + unit_bytes;
        let resource = own(1) + child_bytes(scope);
        [own(0) + child_bytes(resource), resource, scope]
    }

    /// Goes on to the next unit, unless it is found already.
    fn find(&mut self, by: Option<KeyBy>, wire: &[u8]) -> Option<(u32, u32, u32)> {
        while self.found.is_none() {
            let inner = self.open - 1;
            let level = &mut self.levels[inner];
            let mut rest = wire.get(range(level.at, level.end)).unwrap_or_default();
            let entry = take(&mut rest);
            // Behind a fault there is nothing more.
            level.at = if entry.is_some() { level.end - length(rest.len()) } else { level.end };
            match entry {
                None if inner == 0 => return None,
                None => self.open = inner,
                Some(entry) if !entry.is_child(CHILD_NUMBER[inner]) => {}
                Some(entry) if inner == LEVELS - 1 => {
                    let start = offset_in(wire, entry.whole);
                    let end = start + length(entry.whole.len());
                    self.found = Some((start, end - length(entry.body.len()), end));
                }
                Some(entry) => self.descend(by, wire, entry),
            }
        }
        self.found
    }

    fn descend(&mut self, by: Option<KeyBy>, wire: &[u8], entry: Entry<'_>) {
        let own_start = self.levels[self.open - 1].own_end;
        self.own.truncate(own_start);
        put_own(entry.body, CHILD_NUMBER[self.open], &mut self.own);
        let at = offset_in(wire, entry.whole) + length(entry.whole.len() - entry.body.len());
        let end = at + length(entry.body.len());
        self.levels[self.open] = Level { at, end, own_start, own_end: self.own.len() };
        if let (1, Some(by)) = (self.open, by) {
            let body = &wire[range(at, end)];
            let key = key::of_resource(by, body, &Strings::new(wire, &self.strings));
            self.key = key.map(|key| Stored::of(key, wire));
        }
        self.open += 1;
    }
}
