//! Everything that has the same key, in one piece each: an index of what the pieces are made of, as linked lists.

use std::hash::{BuildHasher, RandomState};

use hashbrown::HashTable;

use super::{
    Outline, RESOURCES, SCOPES, Stored, UNITS, child_bytes, length, offset_in, put_head, put_own, range,
    resources, scopes, units,
};
use crate::Signal;
use crate::key::strings::Strings;
use crate::key::{self, Key, KeyBy};
use crate::split::entry::{Entry, Tally, body_of, items};

/// The end of a list, and no group.
const NONE: u32 = u32::MAX;

/// An index of a request.
#[derive(Debug)]
pub(super) struct Groups {
    /// Own fields of the request, then of each ResourceX and ScopeX that holds a unit and is taken apart.
    own: Vec<u8>,
    request_own: Own,
    resources: Vec<Own>,
    scopes: Vec<Scope>,
    /// In the order of the wire: units, or whole ResourceX where the key is theirs.
    entries: Vec<Listed>,
    groups: Vec<Group>,
    next: usize,
    output_bytes: usize,
}

/// A place in the list of own fields.
#[derive(Clone, Copy, Debug, Default)]
struct Own {
    start: u32,
    end: u32,
}

#[derive(Clone, Copy, Debug)]
struct Scope {
    own: Own,
    resource: u32,
}

/// A field of the wire that belongs to a group.
#[derive(Clone, Copy, Debug)]
struct Listed {
    start: u32,
    end: u32,
    /// Its place in `scopes`; [`NONE`] for a whole ResourceX.
    scope: u32,
    /// The next one of the same group.
    next: u32,
}

#[derive(Clone, Copy, Debug)]
struct Group {
    key: Option<Stored>,
    first: u32,
    last: u32,
}

impl Own {
    fn bytes(self) -> usize {
        (self.end - self.start) as usize
    }
}

impl Groups {
    /// Bytes that an index holds.
    pub(super) fn memory(outline: &Outline) -> usize {
        /// A place of the table of keys, with its control byte; a table is at least 7/16 full before it doubles.
        const TABLE: usize = (size_of::<u32>() + 1) * 16 / 7 + 1;
        const LISTED: usize = size_of::<Listed>() + size_of::<Group>() + TABLE;
        /// Smallest table, and the bytes beside the lists.
        const FIXED: usize = 128;
        let around = outline.resources * size_of::<Own>() + outline.scopes * size_of::<Scope>();
        (outline.own_bytes + around + FIXED).saturating_add(outline.entries().saturating_mul(LISTED))
    }

    pub(super) fn new(outline: &Outline, wire: &[u8], strings: &Strings<'_>) -> Self {
        let by_unit = outline.rule.key == Some(KeyBy::TraceId);
        let room = |count: usize| if by_unit { count } else { 0 };
        let mut groups = Self {
            own: Vec::with_capacity(outline.own_bytes),
            request_own: Own::default(),
            resources: Vec::with_capacity(room(outline.resources)),
            scopes: Vec::with_capacity(room(outline.scopes)),
            entries: Vec::with_capacity(outline.entries()),
            groups: Vec::with_capacity(outline.entries()),
            next: 0,
            output_bytes: 0,
        };
        groups.request_own = groups.keep_own(wire, RESOURCES);
        let mut keys = Keys::new(outline.entries());
        for resource in resources(wire) {
            match outline.rule.key {
                Some(KeyBy::TraceId) => groups.add_units(outline.signal, wire, resource, &mut keys),
                Some(by) if Tally::of(outline.signal, 0, resource.body).units > 0 => {
                    let key = key::of_resource(by, resource.body, strings);
                    groups.add(wire, resource, NONE, key, &mut keys);
                }
                _ => {}
            }
        }
        groups
    }

    fn add_units(&mut self, signal: Signal, wire: &[u8], resource: Entry<'_>, keys: &mut Keys) {
        let mut resource_at = NONE;
        for scope in scopes(resource) {
            let mut scope_at = NONE;
            for unit in units(scope) {
                if resource_at == NONE {
                    resource_at = length(self.resources.len());
                    let own = self.keep_own(resource.body, SCOPES);
                    self.resources.push(own);
                }
                if scope_at == NONE {
                    scope_at = length(self.scopes.len());
                    let own = self.keep_own(scope.body, UNITS);
                    self.scopes.push(Scope { own, resource: resource_at });
                }
                let key = key::trace_id(signal, unit.body).map(Key::TraceId);
                self.add(wire, unit, scope_at, key, keys);
            }
        }
    }

    fn keep_own(&mut self, body: &[u8], children: u64) -> Own {
        let start = length(self.own.len());
        put_own(body, children, &mut self.own);
        Own { start, end: length(self.own.len()) }
    }

    /// Puts a field at the end of its key's list.
    fn add(&mut self, wire: &[u8], entry: Entry<'_>, scope: u32, key: Option<Key<'_>>, keys: &mut Keys) {
        let key = key.map(|key| Stored::of(key, wire));
        let start = offset_in(wire, entry.whole);
        let listed = Listed { start, end: start + length(entry.whole.len()), scope, next: NONE };
        let at = length(self.entries.len());
        self.entries.push(listed);
        self.output_bytes = self.output_bytes.saturating_add(entry.whole.len());
        let found = keys.place(key, wire, &self.groups);
        let Some(group) = self.groups.get_mut(found as usize) else {
            self.groups.push(Group { key, first: at, last: at });
            self.count_around(listed, None);
            return;
        };
        let before = std::mem::replace(&mut group.last, at);
        let before = &mut self.entries[before as usize];
        before.next = at;
        let before = *before;
        self.count_around(listed, Some(before));
    }

    /// Counts what has to stand before a field in its piece, behind the one `before` it.
    fn count_around(&mut self, listed: Listed, before: Option<Listed>) {
        /// A tag and a length have so many bytes or more.
        const HEAD_BYTES: usize = 2;
        let mut more = if before.is_none() { self.request_own.bytes() } else { 0 };
        if let Some(scope) = self.scopes.get(listed.scope as usize)
            && before.is_none_or(|before| before.scope != listed.scope)
        {
            more += scope.own.bytes() + HEAD_BYTES;
            let before = before.and_then(|before| self.scopes.get(before.scope as usize));
            if before.is_none_or(|before| before.resource != scope.resource) {
                let own = self.resources.get(scope.resource as usize).copied().unwrap_or_default();
                more += own.bytes() + HEAD_BYTES;
            }
        }
        self.output_bytes = self.output_bytes.saturating_add(more);
    }

    pub(super) fn output_bytes(&self) -> usize {
        self.output_bytes
    }

    pub(super) fn next_bytes(&self) -> Option<usize> {
        let group = self.groups.get(self.next)?;
        let mut bytes = self.request_own.bytes();
        let mut at = group.first;
        while let Some(listed) = self.entries.get(at as usize) {
            if listed.scope == NONE {
                bytes += range(listed.start, listed.end).len();
                at = listed.next;
            } else {
                let (body, after) = self.resource_bytes(at);
                bytes += child_bytes(body);
                at = after;
            }
        }
        Some(bytes)
    }

    pub(super) fn next(
        &mut self,
        signal: Signal,
        wire: &[u8],
        out: &mut Vec<u8>,
    ) -> Option<(Option<Stored>, u64, bool)> {
        let group = *self.groups.get(self.next)?;
        self.next += 1;
        self.put_own(self.request_own, out);
        let mut inside = Inside::default();
        let mut at = group.first;
        while let Some(listed) = self.entries.get(at as usize) {
            at = if listed.scope == NONE {
                let whole = wire.get(range(listed.start, listed.end)).unwrap_or_default();
                out.extend_from_slice(whole);
                let tally = Tally::of(signal, 0, body_of(whole));
                inside.add(tally.items, tally.units);
                listed.next
            } else {
                self.put_resource(signal, wire, at, out, &mut inside)
            };
        }
        Some((group.key, inside.items, inside.units == 1))
    }

    /// Writes the ResourceX around the field at `at` and those after it in its list that have the same; gives the first
    /// that has another.
    fn put_resource(
        &self,
        signal: Signal,
        wire: &[u8],
        mut at: u32,
        out: &mut Vec<u8>,
        inside: &mut Inside,
    ) -> u32 {
        let (body, after) = self.resource_bytes(at);
        put_head(RESOURCES, body, out);
        self.put_own(self.resource_of(at).map_or(Own::default(), |(_, own)| own), out);
        while at != after {
            let (body, behind) = self.scope_bytes(at);
            put_head(SCOPES, body, out);
            let Some(scope) = self.scope_of(at) else { return NONE };
            self.put_own(scope.own, out);
            while at != behind {
                let Some(listed) = self.entries.get(at as usize) else { return NONE };
                let whole = wire.get(range(listed.start, listed.end)).unwrap_or_default();
                out.extend_from_slice(whole);
                inside.add(items(signal, body_of(whole)), 1);
                at = listed.next;
            }
        }
        after
    }

    /// Bytes of the ResourceX body that [`Groups::put_resource`] writes, and the first field behind it.
    fn resource_bytes(&self, mut at: u32) -> (usize, u32) {
        let Some((resource, own)) = self.resource_of(at) else { return (0, NONE) };
        let mut bytes = own.bytes();
        while self.resource_of(at).is_some_and(|(other, _)| other == resource) {
            let (scope, after) = self.scope_bytes(at);
            bytes += child_bytes(scope);
            at = after;
        }
        (bytes, at)
    }

    /// The same of the ScopeX.
    fn scope_bytes(&self, mut at: u32) -> (usize, u32) {
        let Some(scope) = self.entries.get(at as usize).map(|listed| listed.scope) else { return (0, NONE) };
        let mut bytes = self.scope_of(at).map_or(0, |scope| scope.own.bytes());
        while let Some(listed) = self.entries.get(at as usize).filter(|listed| listed.scope == scope) {
            bytes += range(listed.start, listed.end).len();
            at = listed.next;
        }
        (bytes, at)
    }

    fn scope_of(&self, at: u32) -> Option<Scope> {
        let listed = self.entries.get(at as usize)?;
        self.scopes.get(listed.scope as usize).copied()
    }

    fn resource_of(&self, at: u32) -> Option<(u32, Own)> {
        let resource = self.scope_of(at)?.resource;
        Some((resource, *self.resources.get(resource as usize)?))
    }

    fn put_own(&self, own: Own, out: &mut Vec<u8>) {
        out.extend_from_slice(self.own.get(range(own.start, own.end)).unwrap_or_default());
    }
}

/// What a piece holds so far.
#[derive(Debug, Default)]
struct Inside {
    items: u64,
    units: u64,
}

impl Inside {
    fn add(&mut self, items: u64, units: u64) {
        self.items += items;
        self.units += units;
    }
}

/// The group of each key. Senders choose the keys, so the table's hash has a secret seed.
struct Keys {
    table: HashTable<u32>,
    state: RandomState,
    /// The group of what has no key.
    keyless: u32,
    /// Most fields have the key of the one before them.
    before: u32,
}

impl Keys {
    fn new(keys_max: usize) -> Self {
        let (table, state) = (HashTable::with_capacity(keys_max), RandomState::new());
        Self { table, state, keyless: NONE, before: NONE }
    }

    /// The key's group; the number of groups for a key that is new, which the caller adds.
    fn place(&mut self, key: Option<Stored>, wire: &[u8], groups: &[Group]) -> u32 {
        let of = |group: u32| groups.get(group as usize).and_then(|group| group.key);
        let same = |group: u32| match (of(group), key) {
            (Some(one), Some(other)) => one.key(wire) == other.key(wire),
            _ => false,
        };
        let fresh = length(groups.len());
        let Some(stored) = key else {
            if self.keyless == NONE {
                self.keyless = fresh;
            }
            return self.keyless;
        };
        if self.before != NONE && same(self.before) {
            return self.before;
        }
        let hash = |stored: Stored| self.state.hash_one(stored.key(wire));
        let entry = self.table.entry(hash(stored), |group| same(*group), |group| of(*group).map_or(0, hash));
        self.before = *entry.or_insert(fresh).get();
        self.before
    }
}
