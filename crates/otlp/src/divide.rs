//! Hop 6, before records are shaped: divides a request into the pieces that become records of their own, by what
//! their keys are to be, or into single units.
//!
//! ```text
//!  wire ─► Outline: what there is ─► (the caller charges Outline::memory) ─► Division ─► piece, piece, ...
//! ```
//!
//! Each piece is a request: its units with their resource and scope around them, and the request's own fields, such as
//! the profiles' dictionary. Units of one key keep their order, pieces come in the order of their first unit. A piece
//! that is larger than a record is cut further by [`crate::split::Cutter`].
//!
//! Time is linear in the bytes read and written, and in the texts of a dictionary that keys take, which the caller bounds. Nothing is allocated for each unit: the index of a division by key
//! is made in one piece, of the size that the outline says; single units need none.

mod groups;
mod outline;
#[cfg(test)]
mod tests;
mod units;

use std::ops::Range;

use crate::Signal;
use crate::key::strings::{self, Strings, offset_in};
use crate::key::{self, Key, KeyBy};
use crate::split::entry::{Entry, fields};
use crate::varint;
use groups::Groups;
pub use outline::Outline;
use units::Units;

/// How a request becomes records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rule {
    /// What the records' keys are; `None`: they have none.
    pub key: Option<KeyBy>,
    /// Each unit by itself: one span, metric, log record or profile with its resource and scope.
    pub units: bool,
}

/// What [`Division::next`] wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece<'a> {
    /// The key of everything in it.
    pub key: Option<Key<'a>>,
    /// Spans, data points, log records or profiles in it, as [`crate::scan::scan`] counts them.
    pub items: u64,
    /// It holds one unit, and no smaller piece can hold that.
    pub single: bool,
}

/// A request that [`crate::scan::scan`] accepted, on its way into pieces. Of bytes that it refuses, what comes after
/// the fault is lost.
#[derive(Debug)]
pub struct Division<W> {
    wire: W,
    signal: Signal,
    by: Option<KeyBy>,
    way: Way,
}

#[derive(Debug)]
enum Way {
    /// Everything has the same key: no piece is smaller than the request.
    Whole(Option<Stored>),
    Groups(Groups),
    Units(Units),
}

/// A key, without the borrow: texts as their place in the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stored {
    TraceId([u8; 16]),
    Service(u32, u32),
    Resource(u64),
}

impl Stored {
    fn of(key: Key<'_>, wire: &[u8]) -> Self {
        match key {
            Key::TraceId(id) => Self::TraceId(id),
            Key::Resource(hash) => Self::Resource(hash),
            Key::Service(name) => {
                let start = offset_in(wire, name.as_bytes());
                Self::Service(start, start.saturating_add(length(name.len())))
            }
        }
    }

    fn key(self, wire: &[u8]) -> Option<Key<'_>> {
        match self {
            Self::TraceId(id) => Some(Key::TraceId(id)),
            Self::Resource(hash) => Some(Key::Resource(hash)),
            Self::Service(start, end) => {
                let text = wire.get(range(start, end))?;
                std::str::from_utf8(text).ok().map(Key::Service)
            }
        }
    }
}

impl<W: AsRef<[u8]>> Division<W> {
    /// Prepares the pieces of `wire`, which `outline` was made of. `None` when the keys take more than `texts_bytes_max`
    /// bytes of texts that stand once in the request's dictionary, each counted as often as something points to it.
    pub fn new(outline: &Outline, wire: W, texts_bytes_max: usize) -> Option<Self> {
        let (signal, rule) = (outline.signal, outline.rule);
        let bytes = wire.as_ref();
        let offsets = strings::offsets(signal, bytes, outline.strings);
        let strings = Strings::new(bytes, &offsets);
        if outline.strings > 0 && texts_bytes(outline, bytes, &strings) > texts_bytes_max {
            return None;
        }
        let way = if rule.units {
            Way::Units(Units::new(outline, bytes, offsets))
        } else if let Some(key) = common_key(outline, bytes, &strings) {
            Way::Whole(key.map(|key| Stored::of(key, bytes)))
        } else {
            Way::Groups(Groups::new(outline, bytes, &strings))
        };
        Some(Self { wire, signal, by: rule.key, way })
    }

    /// Whether the request stays in one piece, which is the request as it is; [`Division::next`] writes none then.
    /// The inner value is its key.
    pub fn whole(&self) -> Option<Option<Key<'_>>> {
        match &self.way {
            Way::Whole(key) => Some(key.and_then(|key| key.key(self.wire.as_ref()))),
            Way::Groups(_) | Way::Units(_) => None,
        }
    }

    /// Bytes of all pieces together; by trace id up to 8 less for each unit, as some lengths are not known yet.
    pub fn output_bytes(&self) -> usize {
        match &self.way {
            Way::Whole(_) => self.wire.as_ref().len(),
            Way::Groups(groups) => groups.output_bytes(),
            Way::Units(units) => units.output_bytes(),
        }
    }

    /// Bytes of the next piece; `None` when there is none.
    pub fn next_bytes(&mut self) -> Option<usize> {
        let wire = self.wire.as_ref();
        match &mut self.way {
            Way::Whole(_) => None,
            Way::Groups(groups) => groups.next_bytes(),
            Way::Units(units) => units.next_bytes(self.by, wire),
        }
    }

    /// Appends the next piece to `out`. `None` when there is none.
    pub fn next(&mut self, out: &mut Vec<u8>) -> Option<Piece<'_>> {
        let wire = self.wire.as_ref();
        let (key, items, single) = match &mut self.way {
            Way::Whole(_) => return None,
            Way::Groups(groups) => groups.next(self.signal, wire, out)?,
            Way::Units(units) => units.next((self.signal, self.by), wire, out)?,
        };
        Some(Piece { key: key.and_then(|key| key.key(wire)), items, single })
    }
}

fn texts_bytes<'a>(outline: &Outline, wire: &'a [u8], strings: &Strings<'a>) -> usize {
    let Some(by) = outline.rule.key else { return 0 };
    let bytes = resources(wire).map(|resource| key::texts_bytes(by, resource.body, strings));
    bytes.fold(0, usize::saturating_add)
}

/// The one key that everything has, `None` when there are several.
fn common_key<'a>(outline: &Outline, wire: &'a [u8], strings: &Strings<'a>) -> Option<Option<Key<'a>>> {
    let Some(by) = outline.rule.key.filter(|by| is_divisible(outline.signal, *by)) else { return Some(None) };
    let mut keys = resources(wire).flat_map(|resource| keys_of(outline.signal, by, resource, strings));
    let first = keys.next()?;
    keys.all(|key| key == first).then_some(first)
}

/// Metrics and profiles have no trace ids.
fn is_divisible(signal: Signal, by: KeyBy) -> bool {
    by != KeyBy::TraceId || matches!(signal, Signal::Traces | Signal::Logs)
}

/// The keys of what lies in a ResourceX: that of each unit, or its own one if it has a unit.
fn keys_of<'a>(
    signal: Signal,
    by: KeyBy,
    resource: Entry<'a>,
    strings: &Strings<'a>,
) -> impl Iterator<Item = Option<Key<'a>>> {
    let mut units = scopes(resource).flat_map(units);
    let strings = *strings;
    std::iter::from_fn(move || {
        let unit = units.next()?;
        if by == KeyBy::TraceId {
            return Some(key::trace_id(signal, unit.body).map(Key::TraceId));
        }
        units.by_ref().for_each(drop);
        Some(key::of_resource(by, resource.body, &strings))
    })
}

/// Field numbers of what a request, a ResourceX and a ScopeX are made of, the same in all four signals.
const RESOURCES: u64 = 1;
const SCOPES: u64 = 2;
const UNITS: u64 = 2;

fn resources(wire: &[u8]) -> impl Iterator<Item = Entry<'_>> {
    fields(wire).filter(|entry| entry.is_child(RESOURCES))
}

fn scopes(resource: Entry<'_>) -> impl Iterator<Item = Entry<'_>> {
    fields(resource.body).filter(|entry| entry.is_child(SCOPES))
}

fn units(scope: Entry<'_>) -> impl Iterator<Item = Entry<'_>> {
    fields(scope.body).filter(|entry| entry.is_child(UNITS))
}

/// Appends what a message has beside its children.
fn put_own(body: &[u8], children: u64, out: &mut Vec<u8>) {
    for entry in fields(body).filter(|entry| !entry.is_child(children)) {
        out.extend_from_slice(entry.whole);
    }
}

/// Appends tag and length of a child, whose number is below 16.
fn put_head(number: u64, body_bytes: usize, out: &mut Vec<u8>) {
    varint::put(out, number << 3 | u64::from(crate::schema::wire_type::LEN));
    varint::put(out, body_bytes as u64);
}

/// Bytes of a child with a body of so many.
fn child_bytes(body_bytes: usize) -> usize {
    1 + varint::len(body_bytes as u64) + body_bytes
}

fn range(start: u32, end: u32) -> Range<usize> {
    start as usize..end as usize
}

/// A length within a request, which [`Outline::of`] has found to be below 4 GiB.
fn length(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}
