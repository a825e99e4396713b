//! Hop 5, OTLP/JSON in: from a member's name to the field of the message, in constant time.

use crate::schema::{Field, Message, MessageId};

/// The longest name in the tables is shorter than this.
const NAME_ROOM: usize = 32;

/// A field found by name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    /// The field.
    pub(super) field: &'static Field,
    /// Its place among the message's fields.
    pub(super) index: u8,
    /// Whether the name was the one of the .proto file, and that differs from the JSON one.
    pub(super) snake_case: bool,
}

/// The field of `message` that is called `name`, in camelCase or in snake_case; `None` if there is none.
#[inline]
pub(super) fn find(id: MessageId, name: &[u8]) -> Option<Found> {
    let keys = &KEYS[id as usize];
    let mut slot = hash(name);
    loop {
        let entry = keys.slots[slot];
        if entry == EMPTY {
            return None;
        }
        let field = &id.message().fields[usize::from(entry >> 1)];
        let snake_case = entry & 1 == 1;
        let known = if snake_case { field.name } else { field.json_name };
        if same(known.as_bytes(), name) {
            return Some(Found { field, index: entry >> 1, snake_case });
        }
        slot = (slot + 1) % SLOTS;
    }
}

/// Whether two names are equal, by two overlapping words each: names are too short for the standard library's
/// comparison, which is a call, to pay off.
#[inline]
fn same(left: &[u8], right: &[u8]) -> bool {
    fn ends<const N: usize>(name: &[u8]) -> Option<([u8; N], [u8; N])> {
        Some((*name.first_chunk()?, *name.last_chunk()?))
    }
    left.len() == right.len()
        && match left.len() {
            0..4 => left.iter().eq(right),
            4..8 => ends::<4>(left) == ends(right),
            8..=16 => ends::<8>(left) == ends(right),
            17..=32 => ends::<16>(left) == ends(right),
            _ => left == right,
        }
}

/// As [`find`], for a name with escapes in it.
#[cold]
pub(super) fn find_escaped(id: MessageId, name: &super::lexer::Quoted<'_>) -> Option<Found> {
    find(id, name.resolve(&mut [0; NAME_ROOM])?)
}

/// Always more than twice the number of fields, so that probing ends.
const SLOTS: usize = 64;
const EMPTY: u8 = u8::MAX;

/// An open-addressed table: index of the field, doubled, and one more for its snake_case name.
struct Keys {
    slots: [u8; SLOTS],
}

static KEYS: [Keys; MessageId::ALL.len()] = {
    let mut keys = [const { Keys { slots: [EMPTY; SLOTS] } }; MessageId::ALL.len()];
    let mut id = 0;
    while id < keys.len() {
        keys[id] = Keys::of(MessageId::ALL[id].message());
        id += 1;
    }
    keys
};

impl Keys {
    const fn of(message: &Message) -> Self {
        let mut keys = Self { slots: [EMPTY; SLOTS] };
        let mut index = 0;
        while (index as usize) < message.fields.len() {
            let field = &message.fields[index as usize];
            keys.insert(field.json_name.as_bytes(), index << 1);
            if field.json_name.len() != field.name.len() {
                keys.insert(field.name.as_bytes(), index << 1 | 1);
            }
            index += 1;
        }
        keys
    }

    const fn insert(&mut self, name: &[u8], entry: u8) {
        assert!(name.len() < NAME_ROOM);
        let mut slot = hash(name);
        while self.slots[slot] != EMPTY {
            slot = (slot + 1) % SLOTS;
        }
        self.slots[slot] = entry;
    }
}

/// Mixes the length with the first, middle and last character: enough to tell the names of one message apart.
#[inline]
const fn hash(name: &[u8]) -> usize {
    let len = name.len();
    if len == 0 {
        return 0;
    }
    let (first, middle, last) = (name[0] as usize, name[len / 2] as usize, name[len - 1] as usize);
    (len.wrapping_mul(5) ^ first.wrapping_mul(3) ^ last ^ middle << 1) % SLOTS
}
