//! The way nearly every message goes: its fields are written in the order they come (hop 6, "shape").

use super::Stop;
use super::regroup;
use super::steps::{Place, Step, Steps};
use super::value::{Key, Writer};
use crate::error::MalformedKind;
use crate::scan::{deeper, fault, skip_unknown, take_run, take_tag};
use crate::schema::{Kind, MessageId, wire_type};
use crate::simd::Cursor;
use crate::varint;

/// Which fields of a message have come, and the list that is open.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// One bit a field number.
    pub(super) seen: u32,
    /// The bit of the repeated field that came last, or 0.
    open: u32,
}

/// What a field is after those before it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// One more entry of the open list.
    Continues,
    /// A field that has not come yet.
    New,
    /// A field that came before, or whose oneof has a value already: text once written can't take it in.
    Again,
}

impl Progress {
    #[inline(always)]
    pub(super) fn step(&mut self, place: &Place) -> Turn {
        if place.list != 0 && self.open == place.list {
            return Turn::Continues;
        }
        self.open = place.list;
        if self.seen & place.clashes != 0 {
            return Turn::Again;
        }
        self.seen |= place.bit;
        Turn::New
    }
}

impl<const OTLP: bool> Writer<'_, OTLP> {
    /// Writes a message as an object and a comma. `below` is how many messages may still lie inside it.
    pub(super) fn message<'o>(
        &mut self,
        pen: Cursor<'o>,
        id: MessageId,
        bytes: &[u8],
        below: u32,
    ) -> Option<Cursor<'o>> {
        let done = self.fields(pen, id, bytes, below);
        // What is too long with a field twice may fit with it once.
        if done.is_none() && matches!(self.stop, Stop::Full) && regroup::is_needed(id, bytes) {
            self.stop = Stop::Regroup;
        }
        done
    }

    #[inline(always)]
    fn fields<'o>(
        &mut self,
        mut pen: Cursor<'o>,
        id: MessageId,
        bytes: &[u8],
        below: u32,
    ) -> Option<Cursor<'o>> {
        let steps = Steps::of_message(id, Self::STYLE);
        let mut progress = Progress::default();
        let mut list_key_len = 0;
        let mut rest = bytes;
        pen.padded(b"{", 1)?;
        while let [tag, after @ ..] = rest {
            let start = rest;
            let step = match steps.at_tag(*tag) {
                Some(step) => {
                    rest = after;
                    step
                }
                None => match self.find(steps, &mut rest, below)? {
                    Some(step) => step,
                    None => continue,
                },
            };
            let list_was_open = progress.open != 0;
            let turn = progress.step(&step.place);
            if turn != Turn::Continues {
                if list_was_open {
                    self.end_list(&mut pen, list_key_len)?;
                }
                if turn == Turn::Again {
                    self.stop = Stop::Regroup;
                    return None;
                }
                list_key_len = step.key.len();
            }
            let is_new = turn == Turn::New;
            let key = Key { text: &step.key, is_new, drops_default: step.drops_default };
            if let Kind::Message(sub) = step.kind {
                let body = self.checked(take_run(&mut rest))?;
                let counted = self.scan.count(step.role, start);
                self.checked(counted)?;
                let below = self.checked(deeper(below, start))?;
                key.write(&mut pen)?;
                pen = if sub == MessageId::KeyValue {
                    self.attributes(pen, *tag, body, &mut rest, below)?
                } else if sub == MessageId::AnyValue
                    && let Some(text) = only_text(body)
                {
                    let open = if OTLP { b"{\"stringValue\":\"\0" } else { b"{\"string_value\":\"" };
                    self.string(pen, (open, open.len() - usize::from(OTLP)), text, (b"\"},\0", 3))?
                } else {
                    self.message(pen, sub, body, below)?
                };
            } else if step.is_packed {
                let run = self.checked(take_run(&mut rest))?;
                key.write(&mut pen)?;
                pen = self.packed(pen, step.kind, run)?;
            } else {
                pen = self.scalar(pen, key, step.kind, &mut rest)?;
            }
        }
        if progress.open != 0 {
            self.end_list(&mut pen, list_key_len)?;
        }
        self.end_object(&mut pen, steps, progress.seen)?;
        Some(pen)
    }

    /// Writes one value that is no message: one branch, to code for each kind.
    #[inline(always)]
    fn scalar<'o>(
        &mut self,
        pen: Cursor<'o>,
        key: Key<'_>,
        kind: Kind,
        rest: &mut &[u8],
    ) -> Option<Cursor<'o>> {
        match kind {
            Kind::Str => self.value(pen, key, Kind::Str, rest),
            Kind::Id => self.value(pen, key, Kind::Id, rest),
            Kind::ProfileId => self.value(pen, key, Kind::ProfileId, rest),
            Kind::Bytes => self.value(pen, key, Kind::Bytes, rest),
            Kind::Enum(id) => self.value(pen, key, Kind::Enum(id), rest),
            Kind::Bool => self.value(pen, key, Kind::Bool, rest),
            Kind::Int32 => self.value(pen, key, Kind::Int32, rest),
            Kind::Int64 => self.value(pen, key, Kind::Int64, rest),
            Kind::Uint32 => self.value(pen, key, Kind::Uint32, rest),
            Kind::Uint64 => self.value(pen, key, Kind::Uint64, rest),
            Kind::Sint32 => self.value(pen, key, Kind::Sint32, rest),
            Kind::Fixed32 => self.value(pen, key, Kind::Fixed32, rest),
            Kind::Fixed64 => self.value(pen, key, Kind::Fixed64, rest),
            Kind::Sfixed64 => self.value(pen, key, Kind::Sfixed64, rest),
            Kind::Double => self.value(pen, key, Kind::Double, rest),
            Kind::Message(_) => Some(pen),
        }
    }

    /// Writes an attribute and those with the same tag that follow it, which most do.
    #[inline(always)]
    fn attributes<'o>(
        &mut self,
        mut pen: Cursor<'o>,
        tag: u8,
        first: &[u8],
        rest: &mut &[u8],
        below: u32,
    ) -> Option<Cursor<'o>> {
        let mut entry = first;
        loop {
            pen = self.attribute(pen, entry, below)?;
            match **rest {
                [next, ref after @ ..] if next == tag && next < 0x80 => *rest = after,
                _ => return Some(pen),
            }
            entry = self.checked(take_run(rest))?;
        }
    }

    /// Writes an attribute. Nearly all are `key` and `value` in this order, each not empty and below 128 bytes, and
    /// the value is one text or number.
    #[inline(always)]
    fn attribute<'o>(&mut self, mut pen: Cursor<'o>, entry: &[u8], below: u32) -> Option<Cursor<'o>> {
        const STRING: u8 = 1 << 3 | wire_type::LEN;
        const BOOL: u8 = 2 << 3 | wire_type::VARINT;
        const INT: u8 = 3 << 3 | wire_type::VARINT;
        const DOUBLE: u8 = 4 << 3 | wire_type::I64;

        let Some((key, value)) = key_and_value(entry).filter(|_| below > 0) else {
            return self.message(pen, MessageId::KeyValue, entry, below);
        };
        let template = templates::<OTLP>(value.first().copied().unwrap_or(0));
        let (kind, bits) = match *value {
            [STRING, text_len, ref text @ ..] if text.len() == usize::from(text_len) => {
                if pen.plain_pair(self.body, [key, text], KEY_OPEN, template, b"\"}},") {
                    return Some(pen);
                }
                pen = self.string(pen, (KEY_OPEN, 8), key, (b"\0\0\0\0", 0))?;
                return self.string(pen, template, text, (b"\"}},", 4));
            }
            [BOOL, ref number @ ..] => (Kind::Bool, whole_varint(number)),
            [INT, ref number @ ..] => (Kind::Int64, whole_varint(number)),
            [DOUBLE, ref number @ ..] => (Kind::Double, number.try_into().ok().map(u64::from_le_bytes)),
            _ => (Kind::Bool, None),
        };
        let Some(bits) = bits else { return self.nested_attribute(pen, key, value, below) };
        pen = self.string(pen, (KEY_OPEN, 8), key, (b"\0\0\0\0", 0))?;
        pen.padded(template.0, template.1)?;
        match kind {
            Kind::Bool => self.bits(&mut pen, Key::WRITTEN, Kind::Bool, bits)?,
            Kind::Int64 => self.bits(&mut pen, Key::WRITTEN, Kind::Int64, bits)?,
            _ => self.bits(&mut pen, Key::WRITTEN, Kind::Double, bits)?,
        }
        pen.back(1);
        pen.padded(b"}},\0", 3)?;
        Some(pen)
    }

    /// An attribute whose value is something else.
    #[inline(never)]
    fn nested_attribute<'o>(
        &mut self,
        pen: Cursor<'o>,
        key: &[u8],
        value: &[u8],
        below: u32,
    ) -> Option<Cursor<'o>> {
        let mut pen = self.string(pen, (KEY_OPEN, 8), key, (b"\",\0\0", 2))?;
        pen.copy(b"\"value\":")?;
        let mut pen = self.message(pen, MessageId::AnyValue, value, below - 1)?;
        pen.back(1);
        pen.copy(b"},")?;
        Some(pen)
    }

    /// Takes a tag that has no entry of its own: longer than a byte, of an unknown field, or not valid. An unknown
    /// field is skipped, and gives `None`.
    #[cold]
    #[inline(never)]
    fn find(&mut self, steps: &'static Steps, rest: &mut &[u8], below: u32) -> Option<Option<&'static Step>> {
        let start = *rest;
        let (number, wire) = self.checked(take_tag(rest))?;
        if steps.at_number(number, false).is_none() {
            self.checked(skip_unknown(number, wire, rest, below, start))?;
            return Some(None);
        }
        for is_packed in [false, true] {
            if let Some(step) = steps.at_number(number, is_packed)
                && step.wire_type() == wire
            {
                return Some(Some(step));
            }
        }
        self.fault(fault(start, MalformedKind::WireType))
    }
}

/// The text of a value that is nothing but one: the body of most log records.
#[inline(always)]
fn only_text(value: &[u8]) -> Option<&[u8]> {
    const STRING: u8 = 1 << 3 | wire_type::LEN;

    let [STRING, rest @ ..] = value else { return None };
    let mut rest = rest;
    let text = take_run(&mut rest).ok()?;
    if rest.is_empty() { Some(text) } else { None }
}

/// What an attribute starts with.
const KEY_OPEN: &[u8; 8] = b"{\"key\":\"";

/// What stands between an attribute's key and its value, by the tag of the value's one field.
#[inline(always)]
fn templates<const OTLP: bool>(tag: u8) -> (&'static [u8; 32], usize) {
    const fn padded(text: &str) -> ([u8; 32], usize) {
        let mut padded = [0; 32];
        let mut at = 0;
        while at < text.len() {
            padded[at] = text.as_bytes()[at];
            at += 1;
        }
        (padded, text.len())
    }
    // By field number, 1 to 4.
    static JSON: [([u8; 32], usize); 4] = [
        padded("\",\"value\":{\"string_value\":\""),
        padded("\",\"value\":{\"bool_value\":"),
        padded("\",\"value\":{\"int_value\":"),
        padded("\",\"value\":{\"double_value\":"),
    ];
    static OTLP_JSON: [([u8; 32], usize); 4] = [
        padded("\",\"value\":{\"stringValue\":\""),
        padded("\",\"value\":{\"boolValue\":"),
        padded("\",\"value\":{\"intValue\":"),
        padded("\",\"value\":{\"doubleValue\":"),
    ];
    let table = if OTLP { &OTLP_JSON } else { &JSON };
    let (text, len) = &table[usize::from((tag >> 3).wrapping_sub(1) & 3)];
    (text, *len)
}

/// The parts of an attribute of the usual shape: `key` and `value`, neither empty nor of 128 bytes and more.
#[inline(always)]
fn key_and_value(entry: &[u8]) -> Option<(&[u8], &[u8])> {
    const KEY: u8 = 1 << 3 | wire_type::LEN;
    const VALUE: u8 = 2 << 3 | wire_type::LEN;

    let [KEY, key_len @ 1..0x80, rest @ ..] = entry else { return None };
    let (key, rest) = rest.split_at_checked(usize::from(*key_len))?;
    let [VALUE, value_len @ 1..0x80, value @ ..] = rest else { return None };
    if value.len() == usize::from(*value_len) { Some((key, value)) } else { None }
}

/// The varint that the bytes are, if they are one and nothing else.
#[inline(always)]
fn whole_varint(bytes: &[u8]) -> Option<u64> {
    let mut rest = bytes;
    let value = varint::take(&mut rest).ok()?;
    if rest.is_empty() { Some(value) } else { None }
}
