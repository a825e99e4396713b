//! The strings of a profiles request's dictionary, which attributes may point to instead of having text.

use super::last;
use crate::Signal;
use crate::split::entry::fields;

/// Field numbers of ExportProfilesServiceRequest and ProfilesDictionary.
const DICTIONARY: u64 = 2;
const STRING_TABLE: u64 = 5;

/// Where each string lies; nothing for signals without a dictionary.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Strings<'a> {
    wire: &'a [u8],
    /// Offset of each string's field in `wire`.
    offsets: &'a [u32],
}

/// How many strings there are.
pub(crate) fn count(signal: Signal, wire: &[u8]) -> usize {
    table(signal, wire).count()
}

/// The offset of each, in `wire`.
pub(crate) fn offsets(signal: Signal, wire: &[u8], count: usize) -> Vec<u32> {
    let mut offsets = Vec::with_capacity(count);
    offsets.extend(table(signal, wire).map(|string| offset_in(wire, string)));
    offsets
}

/// The strings, each with its tag and length.
fn table(signal: Signal, wire: &[u8]) -> impl Iterator<Item = &[u8]> {
    let dictionary = if signal == Signal::Profiles { last(wire, DICTIONARY) } else { None };
    let strings = fields(dictionary.unwrap_or_default()).filter(|entry| entry.is_child(STRING_TABLE));
    strings.map(|entry| entry.whole)
}

/// Where a slice of `wire` starts in it.
pub(crate) fn offset_in(wire: &[u8], slice: &[u8]) -> u32 {
    let offset = slice.as_ptr().addr().wrapping_sub(wire.as_ptr().addr());
    u32::try_from(offset).unwrap_or(u32::MAX)
}

impl<'a> Strings<'a> {
    pub(crate) fn new(wire: &'a [u8], offsets: &'a [u32]) -> Self {
        Self { wire, offsets }
    }

    /// The string at an index, an `int32` as it stands on the wire; one that points nowhere is the empty string.
    pub(super) fn get(&self, index: u64) -> &'a [u8] {
        let index = usize::try_from(index & u64::from(u32::MAX)).ok();
        let offset = index.and_then(|index| self.offsets.get(index));
        let wire = offset.and_then(|offset| self.wire.get(*offset as usize..));
        wire.and_then(|wire| fields(wire).next()).map_or(&[], |entry| entry.body)
    }
}
