//! The fields of a message as slices of the wire, and what is counted in them.

use std::sync::Arc;

use super::{CHILD_NUMBER, LEVELS};
use crate::Signal;
use crate::error::DEPTH_MAX;
use crate::scan::{skip_unknown, take_run, take_tag, take_varint};
use crate::schema::{Kind, MessageId, Role, wire_type};

/// A field: its number, all of its bytes, and for length-delimited ones the bytes behind the length.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry<'a> {
    pub(crate) number: u64,
    pub(crate) whole: &'a [u8],
    pub(crate) body: &'a [u8],
    pub(crate) wire: u8,
}

impl<'a> Entry<'a> {
    pub(crate) fn is_child(&self, number: u64) -> bool {
        self.number == number && self.wire == wire_type::LEN
    }

    /// The number of a field that is a varint; 0 of any other.
    pub(crate) fn varint(&self) -> u64 {
        let mut rest = self.whole;
        match take_tag(&mut rest) {
            Ok((_, wire_type::VARINT)) => take_varint(&mut rest).unwrap_or(0),
            _ => 0,
        }
    }

    /// The bytes of a field of eight; none of any other.
    pub(crate) fn fixed64(&self) -> &'a [u8] {
        if self.wire == wire_type::I64 {
            self.whole.last_chunk::<8>().map_or(&[], |value| value)
        } else {
            &[]
        }
    }
}

/// Takes a field off the front; `None` at the end, and where the bytes are no valid field.
pub(crate) fn take<'a>(rest: &mut &'a [u8]) -> Option<Entry<'a>> {
    let start = *rest;
    let (number, wire) = take_tag(rest).ok()?;
    let body = if wire == wire_type::LEN {
        take_run(rest).ok()?
    } else {
        skip_unknown(number, wire, rest, DEPTH_MAX, start).ok()?;
        &[]
    };
    let whole = &start[..start.len() - rest.len()];
    Some(Entry { number, whole, body, wire })
}

pub(crate) fn fields(mut rest: &[u8]) -> impl Iterator<Item = Entry<'_>> {
    std::iter::from_fn(move || take(&mut rest))
}

/// The body of a length-delimited field.
pub(crate) fn body_of(mut whole: &[u8]) -> &[u8] {
    take(&mut whole).map_or(&[], |entry| entry.body)
}

/// Everything in a message but its children.
pub(super) fn own_fields(body: &[u8], child: u64) -> Arc<[u8]> {
    let mut own = Vec::new();
    let mut rest = body;
    while let Some(entry) = take(&mut rest) {
        if !entry.is_child(child) {
            own.extend_from_slice(entry.whole);
        }
        read_ahead(rest, entry.whole.len());
    }
    own.into()
}

/// Reads what a walk from length to length, which has just passed `passed` bytes, is about to come to.
///
/// Each length says where the next one is, so that in a request larger than the processor's caches such a walk would
/// wait for the memory once for each item: that took longer than to scan every byte. One byte of each cache line is
/// enough to have it fetched in the meantime.
#[inline]
pub(super) fn read_ahead(rest: &[u8], passed: usize) {
    const LARGE: usize = 64 << 10;
    const AHEAD: usize = 4 << 10;
    const LINE: usize = 64;
    if rest.len() > LARGE {
        // Behind an entry of this size the hardware has understood.
        let lines = passed.div_ceil(LINE).min(AHEAD / LINE);
        let seen = rest[AHEAD..].iter().step_by(LINE).take(lines).fold(0, |seen, byte| seen | byte);
        std::hint::black_box(seen);
    }
}

/// What lies inside a child.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) items: u64,
    pub(crate) units: u64,
    pub(super) scopes: u64,
    pub(super) resources: u64,
}

impl Tally {
    /// Counts a child of the message at `level`.
    pub(crate) fn of(signal: Signal, level: usize, body: &[u8]) -> Self {
        if level == LEVELS - 1 {
            return Self { items: items(signal, body), units: 1, scopes: 0, resources: 0 };
        }
        let child = CHILD_NUMBER[level + 1];
        let mut tally = Self::default();
        for entry in fields(body).filter(|entry| entry.is_child(child)) {
            let inner = Self::of(signal, level + 1, entry.body);
            tally.items += inner.items;
            tally.units += inner.units;
            tally.scopes += inner.scopes;
        }
        match level {
            0 => tally.resources = 1,
            _ => tally.scopes = 1,
        }
        tally
    }
}

/// Items of one unit: a metric's data points; any other unit is an item itself.
pub(crate) fn items(signal: Signal, unit: &[u8]) -> u64 {
    if signal != Signal::Metrics {
        return 1;
    }
    let mut items = 0;
    for entry in fields(unit) {
        if let Some(Kind::Message(data)) =
            MessageId::Metric.message().field(entry.number).map(|field| field.kind)
        {
            let is_item = |point: &Entry<'_>| {
                data.message().field(point.number).is_some_and(|field| field.role == Role::Item)
            };
            // Attributes of the metric hold no items either: their messages have no such field.
            items += fields(entry.body).filter(is_item).count() as u64;
        }
    }
    items
}
