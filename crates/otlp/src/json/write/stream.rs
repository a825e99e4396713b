//! The way nearly every message goes: its fields are written in the order they come (hop 6, "shape").

use super::Stop;
use super::regroup;
use super::value::{FIELD_ROOM, Writer};
use crate::error::MalformedKind;
use crate::scan::{deeper, fault, skip_unknown, take_run, take_tag};
use crate::schema::{Field, Kind, Message, MessageId, wire_type};
use crate::varint;

/// Which fields of a message have come, and the list that is open.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// One bit a field number.
    pub(super) seen: u32,
    /// Number of the repeated field that came last, or 0.
    open: u32,
}

/// What a field is after those before it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// One more entry of the open list.
    Continues,
    /// A field that has not come yet.
    New,
    /// A field that came before, or whose oneof has a value already: text once written can't take it in.
    Again,
}

impl Progress {
    #[inline(always)]
    pub(super) fn step(&mut self, message: &Message, field: &Field) -> Step {
        let bit = 1 << field.number;
        let clashes = if field.oneof.is_some() { message.oneof_mask } else { bit };
        if field.repeated {
            if self.open == field.number {
                return Step::Continues;
            }
            self.open = field.number;
        } else {
            self.open = 0;
        }
        if self.seen & clashes != 0 {
            return Step::Again;
        }
        self.seen |= bit;
        Step::New
    }
}

impl Writer<'_, '_> {
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
        let message = id.message();
        let mut progress = Progress::default();
        let mut rest = bytes;
        self.text.room(FIELD_ROOM)?;
        self.text.push(b'{');
        while !rest.is_empty() {
            let start = rest;
            let (number, wire) = take_tag(&mut rest)?;
            let Some(field) = message.field(number) else {
                skip_unknown(number, wire, &mut rest, below, start)?;
                continue;
            };
            let plain = wire == field.kind.wire_type();
            let fits = plain || (wire == wire_type::LEN && field.is_packable());
            if !fits {
                return Err(Stop::Fault(fault(start, MalformedKind::WireType)));
            }
            self.text.room(FIELD_ROOM)?;
            let list_was_open = progress.open != 0;
            let step = progress.step(message, field);
            if list_was_open && step != Step::Continues {
                self.text.close(b']');
            }
            let mark = self.text.len();
            if step == Step::Again {
                return Err(Stop::Regroup);
            }
            if step == Step::New {
                self.text.put_text(&field.key);
                if field.repeated {
                    self.text.push(b'[');
                }
            }
            match field.kind {
                Kind::Message(sub) => {
                    let body = take_run(&mut rest)?;
                    self.scan.count(field.role, start)?;
                    let below = deeper(below, start)?;
                    if sub != MessageId::KeyValue || !self.plain_attribute(body, below)? {
                        self.message(sub, body, below)?;
                    }
                }
                kind if plain => self.value(kind, &mut rest)?,
                kind => self.packed(kind, take_run(&mut rest)?)?,
            }
            self.drop_newer_default(field, mark);
        }
        if progress.open != 0 {
            self.text.close(b']');
        }
        self.end_object(message, progress.seen)
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
        self.text.put(b"{\"key\":");
        match value {
            [STRING, len, text @ ..] if text.len() == usize::from(*len) => {
                self.string(key, b"\",\"value\":{\"string_value\":")?;
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
                self.close_attribute();
            }
            [DOUBLE, number @ ..] if number.len() == 8 => {
                self.string(key, b"\",\"value\":{\"double_value\":")?;
                self.value(Kind::Double, &mut &*number)?;
                self.close_attribute();
            }
            _ => {
                self.string(key, b"\",\"value\":")?;
                self.message(MessageId::AnyValue, value, below - 1)?;
                self.text.close(b'}');
            }
        }
        Ok(true)
    }

    #[inline(always)]
    fn close_attribute(&mut self) {
        self.text.close(b'}');
        self.text.close(b'}');
    }
}

/// Whether the bytes are one varint and nothing else.
#[inline(always)]
fn is_varint(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    varint::take(&mut rest).is_ok() && rest.is_empty()
}
