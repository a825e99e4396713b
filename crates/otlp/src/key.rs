//! Hop 6: the values that records can have as keys, read off the wire: trace id, `service.name`, the resource's hash.

mod hash;
pub(crate) mod strings;
#[cfg(test)]
pub(crate) mod tests;

use crate::Signal;
use crate::split::entry::{Entry, fields};
use strings::Strings;

/// Longest key in bytes. Only names of services can be longer; they are cut.
pub const KEY_BYTES_MAX: usize = 1024;

/// What a request is divided by, and what the parts have as their keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyBy {
    /// The trace id of spans and log records. Metrics and profiles have none.
    TraceId,
    /// The resource's attribute `service.name`.
    Service,
    /// All attributes of the resource.
    Resource,
}

/// A key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Key<'a> {
    /// As text: 32 hexadecimal digits in lower case.
    TraceId([u8; 16]),
    /// The first [`KEY_BYTES_MAX`] bytes of the name, less where a character would be cut.
    Service(&'a str),
    /// The resource's hash (see docs/records.md). As text: 16 hexadecimal digits in lower case.
    Resource(u64),
}

impl Key<'_> {
    /// Appends the key's text.
    pub fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::TraceId(id) => id.iter().for_each(|byte| put_hex(*byte, out)),
            Self::Service(name) => out.extend_from_slice(name.as_bytes()),
            Self::Resource(hash) => hash.to_be_bytes().iter().for_each(|byte| put_hex(*byte, out)),
        }
    }

    /// Bytes of the key's text: [`KEY_BYTES_MAX`] at most.
    pub fn text_bytes(&self) -> usize {
        match self {
            Self::TraceId(id) => id.len() * 2,
            Self::Service(name) => name.len(),
            Self::Resource(_) => size_of::<u64>() * 2,
        }
    }
}

fn put_hex(byte: u8, out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.extend([DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
}

/// As much of a text as a key has. What is behind it is not even read: a dictionary's text may be long, and many may
/// point to it.
fn key_text(text: &[u8]) -> Option<&str> {
    let some = &text[..text.len().min(KEY_BYTES_MAX)];
    match std::str::from_utf8(some) {
        Ok(whole) => Some(whole),
        // A character that the end cuts is left out; others that are none do not come from a request that was checked.
        Err(error) if error.error_len().is_none() && some.len() < text.len() => {
            std::str::from_utf8(&some[..error.valid_up_to()]).ok()
        }
        Err(_) => None,
    }
}

/// The trace id of a span or log record. An id of other than 16 bytes or of zeros is none (trace.proto).
pub(crate) fn trace_id(signal: Signal, unit: &[u8]) -> Option<[u8; 16]> {
    let number = match signal {
        Signal::Traces => 1,
        Signal::Logs => 9,
        Signal::Metrics | Signal::Profiles => return None,
    };
    let id: [u8; 16] = last(unit, number)?.try_into().ok()?;
    (id != [0; 16]).then_some(id)
}

/// The key that everything below a ResourceX has: of a [`KeyBy::Service`] the first `service.name` that is a text
/// and not empty, of a [`KeyBy::Resource`] the hash when there is an attribute.
pub(crate) fn of_resource<'a>(by: KeyBy, resource_x: &'a [u8], strings: &Strings<'a>) -> Option<Key<'a>> {
    match by {
        KeyBy::TraceId => None,
        KeyBy::Service => attributes(resource_x).find_map(|attribute| {
            if name(attribute, strings) != SERVICE_NAME {
                return None;
            }
            let text = key_text(text_of(last(attribute, VALUE)?, strings)?)?;
            (!text.is_empty()).then_some(Key::Service(text))
        }),
        KeyBy::Resource => hash::of_attributes(attributes(resource_x), strings).map(Key::Resource),
    }
}

/// Bytes of a dictionary's texts that [`of_resource`] reads. A text stands there once, and a few bytes point to it: what is
/// read may be far more than was sent.
pub(crate) fn texts_bytes<'a>(by: KeyBy, resource_x: &'a [u8], strings: &Strings<'a>) -> usize {
    match by {
        // Of names no more is read than a key has.
        KeyBy::TraceId | KeyBy::Service => 0,
        KeyBy::Resource => hash::texts_bytes(attributes(resource_x), strings),
    }
}

const SERVICE_NAME: &[u8] = b"service.name";

/// Field numbers: of ResourceX, Resource, KeyValue and AnyValue (resource.proto, common.proto).
const RESOURCE: u64 = 1;
const ATTRIBUTES: u64 = 1;
const NAME: u64 = 1;
const VALUE: u64 = 2;
const NAME_INDEX: u64 = 3;
const STRING: u64 = 1;
const STRING_INDEX: u64 = 8;

/// The attributes of the resource that a ResourceX has. In two pieces they are one, as protobuf has it.
fn attributes(resource_x: &[u8]) -> impl Iterator<Item = &[u8]> {
    let resources = fields(resource_x).filter(|entry| entry.is_child(RESOURCE));
    let attributes = resources.flat_map(|resource| fields(resource.body));
    attributes.filter(|entry| entry.is_child(ATTRIBUTES)).map(|entry| entry.body)
}

/// The bytes of a field that stands once. If it stands twice the last counts.
fn last(message: &[u8], number: u64) -> Option<&[u8]> {
    fields(message).filter(|entry| entry.is_child(number)).last().map(|entry| entry.body)
}

/// The name of an attribute; profiles may have it in their dictionary.
fn name<'a>(attribute: &'a [u8], strings: &Strings<'a>) -> &'a [u8] {
    name_index(attribute)
        .map_or_else(|| last(attribute, NAME).unwrap_or_default(), |index| strings.get(index))
}

/// The place of an attribute's name in the dictionary, if it has one there.
fn name_index(attribute: &[u8]) -> Option<u64> {
    let index = fields(attribute).filter(|entry| entry.number == NAME_INDEX).last();
    index.map(|entry| entry.varint()).filter(|index| *index != 0)
}

/// What an `AnyValue` holds: the last member on the wire counts.
fn member(any: &[u8]) -> Option<Entry<'_>> {
    fields(any).filter(|entry| (STRING..=STRING_INDEX).contains(&entry.number)).last()
}

/// The text of a value, `None` when it is of another kind.
fn text_of<'a>(value: &'a [u8], strings: &Strings<'a>) -> Option<&'a [u8]> {
    let member = member(value)?;
    match member.number {
        STRING => Some(member.body),
        STRING_INDEX => Some(strings.get(member.varint())),
        _ => None,
    }
}
