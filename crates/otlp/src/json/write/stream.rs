//! The way nearly every message goes: its fields are written in the order they come (hop 6, "shape").

use super::Stop;
use super::regroup;
use super::steps::{Place, Step, Steps};
use super::value::{FIELD_ROOM, Writer};
use crate::error::MalformedKind;
use crate::scan::{deeper, fault, skip_unknown, take_run, take_tag};
use crate::schema::{Kind, MessageId, wire_type};
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
        if place.repeated && self.open == place.bit {
            return Turn::Continues;
        }
        self.open = if place.repeated { place.bit } else { 0 };
        if self.seen & place.clashes != 0 {
            return Turn::Again;
        }
        self.seen |= place.bit;
        Turn::New
    }
}

impl Writer<'_> {
    /// Writes a message as an object and a comma. `below` is how many messages may still lie inside it.
    pub(super) fn message(&mut self, id: MessageId, bytes: &[u8], below: u32) -> Result<(), Stop> {
        match self.fields(id, bytes, below) {
            // What is too long with a field twice may fit with it once.
            Err(Stop::Full) if regroup::is_needed(id, bytes) => Err(Stop::Regroup),
            done => done,
        }
    }

    #[inline(always)]
    fn fields(&mut self, id: MessageId, bytes: &[u8], below: u32) -> Result<(), Stop> {
        let steps = Steps::of_message(id);
        let mut progress = Progress::default();
        let mut rest = bytes;
        self.text.room(FIELD_ROOM)?;
        self.text.push(b'{');
        let object = self.text.len();
        let mut list = object;
        while let [tag, after @ ..] = rest {
            let start = rest;
            let (step, packed) = match steps.at_tag(*tag) {
                Some(found) => {
                    rest = after;
                    found
                }
                None => match find(steps, &mut rest, below)? {
                    Some(step) => (step, false),
                    None => continue,
                },
            };
            self.text.room(FIELD_ROOM)?;
            let list_was_open = progress.open != 0;
            let turn = progress.step(&step.place);
            if list_was_open && turn != Turn::Continues {
                self.text.close(list, b']');
            }
            let mark = self.text.len();
            if turn == Turn::Again {
                return Err(Stop::Regroup);
            }
            if turn == Turn::New {
                self.text.put_text(&step.key);
                if step.place.repeated {
                    self.text.push(b'[');
                    list = self.text.len();
                }
            }
            match step.kind {
                Kind::Message(sub) => {
                    let body = take_run(&mut rest)?;
                    self.scan.count(step.role, start)?;
                    let below = deeper(below, start)?;
                    if sub != MessageId::KeyValue || !self.plain_attribute(body, below)? {
                        self.message(sub, body, below)?;
                    }
                }
                kind if packed => self.packed(kind, take_run(&mut rest)?)?,
                kind => self.value(kind, &mut rest)?,
            }
            if step.drops_default {
                self.text.drop_default(mark, mark + step.key.len());
            }
        }
        if progress.open != 0 {
            self.text.close(list, b']');
        }
        self.end_object(object, id.message(), progress.seen)
    }

    /// Writes an attribute, if it is `key` and `value` in this order, each below 128 bytes; most are. `false`:
    /// it has another shape, and nothing was written.
    #[inline(always)]
    fn plain_attribute(&mut self, entry: &[u8], below: u32) -> Result<bool, Stop> {
        const KEY: u8 = 1 << 3 | wire_type::LEN;
        const VALUE: u8 = 2 << 3 | wire_type::LEN;
        const STRING: u8 = 1 << 3 | wire_type::LEN;
        const BOOL: u8 = 2 << 3 | wire_type::VARINT;
        const INT: u8 = 3 << 3 | wire_type::VARINT;
        const DOUBLE: u8 = 4 << 3 | wire_type::I64;

        let [KEY, key_len @ 0..0x80, rest @ ..] = entry else { return Ok(false) };
        let Some((key, rest)) = rest.split_at_checked(usize::from(*key_len)) else { return Ok(false) };
        let [VALUE, value_len @ 0..0x80, value @ ..] = rest else { return Ok(false) };
        if value.len() != usize::from(*value_len) || below == 0 {
            return Ok(false);
        }
        self.text.room(FIELD_ROOM)?;
        self.text.put(b"{\"key\":\"");
        match value {
            [STRING, len, text @ ..] if text.len() == usize::from(*len) => {
                self.string(key, b"\",\"value\":{\"string_value\":\"")?;
                self.string(text, b"\"}},")?;
            }
            [BOOL, bool @ 0..0x80] => {
                self.string(key, b"\",\"value\":{\"bool_value\":")?;
                let text: &[u8] = if *bool == 0 { b"false}}," } else { b"true}}," };
                self.text.put(text);
            }
            [INT, number @ ..] if is_varint(number) => {
                self.string(key, b"\",\"value\":{\"int_value\":")?;
                self.value(Kind::Int64, &mut &*number)?;
                self.text.pop_comma();
                self.text.put(b"}},");
            }
            [DOUBLE, number @ ..] if number.len() == 8 => {
                self.string(key, b"\",\"value\":{\"double_value\":")?;
                self.value(Kind::Double, &mut &*number)?;
                self.text.pop_comma();
                self.text.put(b"}},");
            }
            _ => {
                self.string(key, b"\",\"value\":")?;
                self.message(MessageId::AnyValue, value, below - 1)?;
                self.text.pop_comma();
                self.text.put(b"},");
            }
        }
        Ok(true)
    }
}

/// Takes a tag that has no entry of its own: longer than a byte, of an unknown field, or not valid. An unknown
/// field is skipped, and gives `None`.
#[cold]
#[inline(never)]
fn find(steps: &'static Steps, rest: &mut &[u8], below: u32) -> Result<Option<&'static Step>, Stop> {
    let start = *rest;
    let (number, wire) = take_tag(rest)?;
    let Some(step) = steps.at_number(number) else {
        skip_unknown(number, wire, rest, below, start)?;
        return Ok(None);
    };
    if wire != step.kind.wire_type() {
        return Err(Stop::Fault(fault(start, MalformedKind::WireType)));
    }
    Ok(Some(step))
}

/// Whether the bytes are one varint and nothing else.
#[inline(always)]
fn is_varint(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    varint::take(&mut rest).is_ok() && rest.is_empty()
}
