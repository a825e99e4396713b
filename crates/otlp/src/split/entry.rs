//! The fields of a message as slices of the wire, and what is counted in them.

use std::sync::Arc;

use super::{CHILD_NUMBER, LEVELS};
use crate::Signal;
use crate::error::DEPTH_MAX;
use crate::scan::{skip_unknown, take_run, take_tag};
use crate::schema::{Kind, MessageId, Role, wire_type};

/// A field: its number, all of its bytes, and for length-delimited ones the bytes behind the length.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry<'a> {
    number: u64,
    pub(super) whole: &'a [u8],
    pub(super) body: &'a [u8],
    wire: u8,
}

impl Entry<'_> {
    pub(super) fn is_child(&self, number: u64) -> bool {
        self.number == number && self.wire == wire_type::LEN
    }
}

/// Takes a field off the front; `None` at the end, and where the bytes are no valid field.
pub(super) fn take<'a>(rest: &mut &'a [u8]) -> Option<Entry<'a>> {
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

fn fields(mut rest: &[u8]) -> impl Iterator<Item = Entry<'_>> {
    std::iter::from_fn(move || take(&mut rest))
}

/// Everything in a message but its children.
pub(super) fn own_fields(body: &[u8], child: u64) -> Arc<[u8]> {
    let mut own = Vec::new();
    for entry in fields(body).filter(|entry| !entry.is_child(child)) {
        own.extend_from_slice(entry.whole);
    }
    own.into()
}

/// What lies inside a child.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    pub(super) items: u64,
    pub(super) units: u64,
    pub(super) scopes: u64,
    pub(super) resources: u64,
}

impl Tally {
    /// Counts a child of the message at `level`.
    pub(super) fn of(signal: Signal, level: usize, body: &[u8]) -> Self {
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
fn items(signal: Signal, unit: &[u8]) -> u64 {
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
