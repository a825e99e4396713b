//! The way nearly every message goes: its fields are written in the order they come (hop 6, "shape").

use super::output::Pen;
use super::regroup;
use super::steps::{Place, Step, Steps};
use super::value::{FIELD_ROOM, Writer, number};
use super::{Stop, Style};
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

impl<const OTLP: bool> Writer<'_, OTLP> {
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
        let steps = Steps::of_message(id, Self::STYLE);
        let mut progress = Progress::default();
        let mut rest = bytes;
        self.text.room(FIELD_ROOM)?;
        self.text.push(b'{');
        let object = self.text.len();
        let (mut list, mut list_key) = (object, object);
        while let [tag, after @ ..] = rest {
            let start = rest;
            let (step, packed) = match steps.at_tag(*tag) {
                Some(found) => {
                    rest = after;
                    found
                }
                None => match find(steps, &mut rest, below)? {
                    Some(found) => found,
                    None => continue,
                },
            };
            let list_was_open = progress.open != 0;
            let turn = progress.step(&step.place);
            if list_was_open && turn != Turn::Continues {
                self.text.room(FIELD_ROOM)?;
                self.end_list(list_key, list);
            }
            if turn == Turn::Again {
                return Err(Stop::Regroup);
            }
            let mark = self.text.len();
            let is_new = turn == Turn::New;
            if is_new && step.place.repeated {
                (list_key, list) = (mark, mark + step.key.len() + 1);
            }
            match step.kind {
                Kind::Message(sub) => {
                    let mut pen = self.text.pen()?;
                    begin(&mut pen, step, is_new);
                    let written = pen.len();
                    self.text.advance(written);
                    let body = take_run(&mut rest)?;
                    self.scan.count(step.role, start)?;
                    let below = deeper(below, start)?;
                    if sub == MessageId::KeyValue {
                        self.attributes(*tag, body, &mut rest, below)?;
                    } else {
                        self.message(sub, body, below)?;
                    }
                }
                _ => self.scalars(step, is_new, packed, &mut rest)?,
            }
            if !step.dropped.is_empty() {
                self.text.drop_value(mark, mark + step.key.len(), &step.dropped);
            }
        }
        if progress.open != 0 {
            self.end_list(list_key, list);
        }
        self.end_object(object, id.message(), progress.seen)
    }

    /// Writes one value of a field that is no message, or a run of them, and before it the key if it `is_new`.
    #[inline(always)]
    fn scalars(&mut self, step: &Step, is_new: bool, packed: bool, rest: &mut &[u8]) -> Result<(), Stop> {
        let mut pen = self.text.pen()?;
        begin(&mut pen, step, is_new);
        match step.kind {
            kind if packed => {
                let written = pen.len();
                self.text.advance(written);
                self.packed(kind, take_run(rest)?)
            }
            kind @ (Kind::Str | Kind::Id | Kind::ProfileId | Kind::Bytes) => {
                let written = pen.len();
                self.text.advance(written);
                self.value(kind, rest)
            }
            kind => {
                number(Self::STYLE, &mut pen, kind, rest)?;
                let written = pen.len();
                self.text.advance(written);
                Ok(())
            }
        }
    }

    /// Writes an attribute and those with the same tag that follow it, which most do.
    #[inline(always)]
    fn attributes(&mut self, tag: u8, first: &[u8], rest: &mut &[u8], below: u32) -> Result<(), Stop> {
        let mut entry = first;
        loop {
            if !self.plain_attribute(entry, below)? {
                self.message(MessageId::KeyValue, entry, below)?;
            }
            match **rest {
                [next, ref after @ ..] if next == tag && next < 0x80 => *rest = after,
                _ => return Ok(()),
            }
            entry = take_run(rest)?;
        }
    }

    /// Writes an attribute, if it is `key` and `value` in this order, neither empty nor of 128 bytes and more; most are. `false`:
    /// it has another shape, and nothing was written.
    #[inline(always)]
    fn plain_attribute(&mut self, entry: &[u8], below: u32) -> Result<bool, Stop> {
        const KEY: u8 = 1 << 3 | wire_type::LEN;
        const VALUE: u8 = 2 << 3 | wire_type::LEN;

        let [KEY, key_len @ 1..0x80, rest @ ..] = entry else { return Ok(false) };
        let Some((key, rest)) = rest.split_at_checked(usize::from(*key_len)) else { return Ok(false) };
        let [VALUE, value_len @ 0..0x80, value @ ..] = rest else { return Ok(false) };
        if value.len() != usize::from(*value_len) || below == 0 {
            return Ok(false);
        }
        let mut pen = self.text.pen()?;
        if write_attribute::<OTLP>(&mut pen, self.body, key, value)? {
            let written = pen.len();
            self.text.advance(written);
            return Ok(true);
        }
        self.text.put(b"{\"key\":\"");
        self.string(key, b"\",\"value\":")?;
        self.message(MessageId::AnyValue, value, below - 1)?;
        self.text.pop_comma();
        self.text.put(b"},");
        Ok(true)
    }
}

/// Writes an attribute of a key and one scalar or text that is plain ASCII. `false`: it is something else.
#[inline(always)]
fn write_attribute<const OTLP: bool>(
    pen: &mut Pen<'_>,
    body: &[u8],
    key: &[u8],
    value: &[u8],
) -> Result<bool, Stop> {
    const STRING: u8 = 1 << 3 | wire_type::LEN;
    const BOOL: u8 = 2 << 3 | wire_type::VARINT;
    const INT: u8 = 3 << 3 | wire_type::VARINT;
    const DOUBLE: u8 = 4 << 3 | wire_type::I64;

    pen.put(b"{\"key\":\"");
    let (kind, mut number_bytes) = match value {
        [STRING, len, text @ ..] if text.len() == usize::from(*len) => {
            let done = if OTLP {
                pen.short_string(body, key, b"\",\"value\":{\"stringValue\":\"")
            } else {
                pen.short_string(body, key, b"\",\"value\":{\"string_value\":\"")
            };
            return Ok(done && pen.short_string(body, text, b"\"}},"));
        }
        [BOOL, rest @ ..] if is_varint(rest) => (Kind::Bool, rest),
        [INT, rest @ ..] if is_varint(rest) => (Kind::Int64, rest),
        [DOUBLE, rest @ ..] if rest.len() == 8 => (Kind::Double, rest),
        _ => return Ok(false),
    };
    let done = match (kind, OTLP) {
        (Kind::Bool, false) => pen.short_string(body, key, b"\",\"value\":{\"bool_value\":"),
        (Kind::Bool, true) => pen.short_string(body, key, b"\",\"value\":{\"boolValue\":"),
        (Kind::Int64, false) => pen.short_string(body, key, b"\",\"value\":{\"int_value\":"),
        (Kind::Int64, true) => pen.short_string(body, key, b"\",\"value\":{\"intValue\":"),
        (_, false) => pen.short_string(body, key, b"\",\"value\":{\"double_value\":"),
        (_, true) => pen.short_string(body, key, b"\",\"value\":{\"doubleValue\":"),
    };
    if !done {
        return Ok(false);
    }
    let style = if OTLP { Style::OtlpJson } else { Style::Json };
    number(style, pen, kind, &mut number_bytes)?;
    pen.take_back(1);
    pen.put(b"}},");
    Ok(true)
}

/// Writes what comes before the first value of a field.
#[inline(always)]
fn begin(pen: &mut Pen<'_>, step: &Step, is_new: bool) {
    if is_new {
        pen.put_padded(step.key.padded(), step.key.len());
        if step.place.repeated {
            pen.put(b"[");
        }
    }
}

/// Takes a tag that has no entry of its own: longer than a byte, of an unknown field, or not valid. An unknown
/// field is skipped, and gives `None`. Beside the step: whether it is a run of packed values.
#[cold]
#[inline(never)]
fn find(steps: &'static Steps, rest: &mut &[u8], below: u32) -> Result<Option<(&'static Step, bool)>, Stop> {
    let start = *rest;
    let (number, wire) = take_tag(rest)?;
    let Some(step) = steps.at_number(number) else {
        skip_unknown(number, wire, rest, below, start)?;
        return Ok(None);
    };
    let is_packed = wire == wire_type::LEN && step.place.repeated && step.kind.wire_type() != wire_type::LEN;
    if wire != step.kind.wire_type() && !is_packed {
        return Err(Stop::Fault(fault(start, MalformedKind::WireType)));
    }
    Ok(Some((step, is_packed)))
}

/// Whether the bytes are one varint and nothing else.
#[inline(always)]
fn is_varint(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    varint::take(&mut rest).is_ok() && rest.is_empty()
}
