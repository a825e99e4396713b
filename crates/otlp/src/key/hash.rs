//! The hash of a resource's attributes: XXH64 of a form that does not depend on their order. docs/records.md has the
//! form and a program of ten lines for it; it never changes, as keys of old and new records have to agree.
//!
//! ```text
//!  map   = 'm', number of entries, sum of the entries' hashes       attributes of a resource, and a kvlist
//!  entry = text of its name, value                                  hashed on its own with XXH64
//!  text  = length, UTF-8
//!  value = 'n' | 's' text | 'b' byte | 'i' 8 bytes | 'd' 8 bytes | 'x' length, bytes | 'a' number, values | map
//! ```
//!
//! Numbers and lengths are 8 bytes, little-endian; the sum and the seed are modulo 2^64 and 0.

use std::hash::Hasher;

use twox_hash::XxHash64;

use super::strings::Strings;
use super::{STRING, STRING_INDEX, VALUE, last, member, name, name_index};
use crate::error::DEPTH_MAX;
use crate::split::entry::{Entry, fields};

/// Field numbers of AnyValue beside the texts.
const BOOL: u64 = 2;
const INT: u64 = 3;
const DOUBLE: u64 = 4;
const ARRAY: u64 = 5;
const KVLIST: u64 = 6;
const BYTES: u64 = 7;
/// Field number of the entries in ArrayValue and KeyValueList.
const VALUES: u64 = 1;

/// The hash of attributes; `None` when there are none.
pub(super) fn of_attributes<'a>(
    attributes: impl Iterator<Item = &'a [u8]>,
    strings: &Strings<'a>,
) -> Option<u64> {
    let mut attributes = attributes.peekable();
    attributes.peek()?;
    let mut hasher = XxHash64::with_seed(0);
    put_map(&mut hasher, attributes, strings, DEPTH_MAX);
    Some(hasher.finish())
}

fn put_map<'a>(
    hasher: &mut XxHash64,
    entries: impl Iterator<Item = &'a [u8]>,
    strings: &Strings<'a>,
    below: u32,
) {
    let (mut count, mut sum) = (0_u64, 0_u64);
    for entry in entries {
        let mut own = XxHash64::with_seed(0);
        put_run(&mut own, name(entry, strings));
        put_value(&mut own, last(entry, VALUE).unwrap_or_default(), strings, below);
        count += 1;
        sum = sum.wrapping_add(own.finish());
    }
    hasher.write(b"m");
    put_number(hasher, count);
    put_number(hasher, sum);
}

/// `below` bounds the recursion on bytes that were never checked; checked ones do not reach it.
fn put_value<'a>(hasher: &mut XxHash64, any: &'a [u8], strings: &Strings<'a>, below: u32) {
    let (Some(member), Some(below)) = (member(any), below.checked_sub(1)) else { return hasher.write(b"n") };
    match member.number {
        STRING => put_text(hasher, member.body),
        STRING_INDEX => put_text(hasher, strings.get(member.varint())),
        BOOL => hasher.write(&[b'b', u8::from(member.varint() != 0)]),
        INT => {
            hasher.write(b"i");
            put_number(hasher, member.varint());
        }
        DOUBLE => {
            hasher.write(b"d");
            hasher.write(member.fixed64());
        }
        BYTES => {
            hasher.write(b"x");
            put_run(hasher, member.body);
        }
        ARRAY => {
            hasher.write(b"a");
            put_number(hasher, values(member).count() as u64);
            values(member).for_each(|value| put_value(hasher, value, strings, below));
        }
        KVLIST => put_map(hasher, values(member), strings, below),
        _ => hasher.write(b"n"),
    }
}

/// Bytes of a dictionary's texts that [`of_attributes`] reads: each as often as something points to it.
pub(super) fn texts_bytes<'a>(attributes: impl Iterator<Item = &'a [u8]>, strings: &Strings<'a>) -> usize {
    entries_texts(attributes, strings, DEPTH_MAX)
}

fn entries_texts<'a>(entries: impl Iterator<Item = &'a [u8]>, strings: &Strings<'a>, below: u32) -> usize {
    let bytes = entries.map(|entry| {
        let value = last(entry, VALUE).unwrap_or_default();
        name_index(entry).map_or(0, |index| strings.get(index).len()) + value_texts(value, strings, below)
    });
    bytes.fold(0, usize::saturating_add)
}

fn value_texts<'a>(any: &'a [u8], strings: &Strings<'a>, below: u32) -> usize {
    let (Some(member), Some(below)) = (member(any), below.checked_sub(1)) else { return 0 };
    match member.number {
        STRING_INDEX => strings.get(member.varint()).len(),
        ARRAY => {
            let bytes = values(member).map(|value| value_texts(value, strings, below));
            bytes.fold(0, usize::saturating_add)
        }
        KVLIST => entries_texts(values(member), strings, below),
        _ => 0,
    }
}

fn values(list: Entry<'_>) -> impl Iterator<Item = &[u8]> {
    fields(list.body).filter(|entry| entry.is_child(VALUES)).map(|entry| entry.body)
}

fn put_text(hasher: &mut XxHash64, text: &[u8]) {
    hasher.write(b"s");
    put_run(hasher, text);
}

fn put_run(hasher: &mut XxHash64, bytes: &[u8]) {
    put_number(hasher, bytes.len() as u64);
    hasher.write(bytes);
}

fn put_number(hasher: &mut XxHash64, number: u64) {
    hasher.write(&number.to_le_bytes());
}
