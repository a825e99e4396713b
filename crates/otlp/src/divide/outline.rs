//! What a division will hold and make, counted without holding anything.

use super::groups::Groups;
use super::{RESOURCES, Rule, SCOPES, UNITS, child_bytes, is_divisible, resources, scopes, units};
use crate::Signal;
use crate::key::{KeyBy, strings};
use crate::split::entry::{Entry, fields};

/// What there is in a request that is to be divided.
#[derive(Clone, Copy, Debug)]
pub struct Outline {
    pub(super) signal: Signal,
    pub(super) rule: Rule,
    /// ResourceX, ScopeX and units; those around no unit are left out.
    pub(super) resources: usize,
    pub(super) scopes: usize,
    pub(super) units: usize,
    /// Bytes of the own fields of all messages that are taken apart.
    pub(super) own_bytes: usize,
    /// The same of those around one place, at most.
    pub(super) own_bytes_max: usize,
    /// Strings of a dictionary that keys may need.
    pub(super) strings: usize,
    /// Bytes of all pieces together when each holds one unit.
    pub(super) unit_pieces_bytes: usize,
}

impl Outline {
    /// Looks through a request that [`crate::scan::scan`] accepted. `None` for one of 4 GiB and more.
    pub fn of(signal: Signal, wire: &[u8], rule: Rule) -> Option<Self> {
        u32::try_from(wire.len()).ok()?;
        let rule = Rule { key: rule.key.filter(|by| is_divisible(signal, *by)), ..rule };
        let by_resource = matches!(rule.key, Some(KeyBy::Service | KeyBy::Resource));
        let mut outline = Self {
            signal,
            rule,
            resources: 0,
            scopes: 0,
            units: 0,
            own_bytes: 0,
            own_bytes_max: 0,
            strings: if by_resource { strings::count(signal, wire) } else { 0 },
            unit_pieces_bytes: 0,
        };
        let own = own_bytes(wire, RESOURCES);
        outline.own_bytes = own;
        // Without a key to divide by, and of one resource, nothing is taken apart.
        if rule.units || rule.key == Some(KeyBy::TraceId) || (by_resource && resources(wire).nth(1).is_some())
        {
            resources(wire).for_each(|resource| outline.add_resource(resource, own));
        }
        Some(outline)
    }

    /// Units: spans, metrics, log records or profiles. 0 when nothing has to be taken apart to divide the request.
    pub fn units(&self) -> usize {
        self.units
    }

    /// Bytes of memory that a [`super::Division`] of the request holds, beside the request and the piece that is being
    /// written.
    pub fn memory(&self) -> usize {
        let strings = self.strings * size_of::<u32>();
        let held = if self.rule.units { self.own_bytes_max } else { Groups::memory(self) };
        strings.saturating_add(held)
    }

    fn add_resource(&mut self, resource: Entry<'_>, of_request: usize) {
        let before = self.units;
        let own = own_bytes(resource.body, SCOPES);
        self.own_bytes_max = self.own_bytes_max.max(of_request + own);
        for scope in scopes(resource) {
            self.add_scope(scope, of_request, own);
        }
        if self.units > before {
            self.resources += 1;
            self.own_bytes += own;
        }
    }

    fn add_scope(&mut self, scope: Entry<'_>, of_request: usize, of_resource: usize) {
        let own = own_bytes(scope.body, UNITS);
        self.own_bytes_max = self.own_bytes_max.max(of_request + of_resource + own);
        let before = self.units;
        for unit in units(scope) {
            self.units += 1;
            let bytes = of_request + child_bytes(of_resource + child_bytes(own + unit.whole.len()));
            self.unit_pieces_bytes = self.unit_pieces_bytes.saturating_add(bytes);
        }
        if self.units > before {
            self.scopes += 1;
            self.own_bytes += own;
        }
    }

    /// Pieces of the wire that an index lists.
    pub(super) fn entries(&self) -> usize {
        match self.rule.key {
            Some(KeyBy::TraceId) => self.units,
            Some(KeyBy::Service | KeyBy::Resource) => self.resources,
            None => 0,
        }
    }
}

/// Bytes of a message beside its children.
fn own_bytes(body: &[u8], children: u64) -> usize {
    let children = fields(body).filter(|entry| entry.is_child(children));
    body.len() - children.map(|entry| entry.whole.len()).sum::<usize>()
}
