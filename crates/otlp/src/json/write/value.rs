//! Values of fields that are not messages, and absent ones: what both ways through a message share
//! (hop 6, "shape").

use super::output::{Output, Pen, WINDOW};
use super::text::SHORT_BYTES;
use super::{Stop, Style};
use crate::error::MalformedKind;
use crate::scan::{Scan, fault, take_run, take_varint};
use crate::schema::{EnumId, Kind, Message};

/// Room for a key, a number and brackets, with the padding they are copied with.
pub(super) const FIELD_ROOM: usize = 160;

/// The text being written and what it is written from.
pub(super) struct Writer<'b, const OTLP: bool> {
    /// The whole request: blocks of a string are read past the string's end, up to this one.
    pub(super) body: &'b [u8],
    /// Counts, and refuses what is too much.
    pub(super) scan: Scan,
    pub(super) text: Output,
}

impl<const OTLP: bool> Writer<'_, OTLP> {
    pub(super) const STYLE: Style = if OTLP { Style::OtlpJson } else { Style::Json };

    /// Writes one value off the front of `rest`, and a comma.
    pub(super) fn value(&mut self, kind: Kind, rest: &mut &[u8]) -> Result<(), Stop> {
        match kind {
            Kind::Str => {
                let text = take_run(rest)?;
                self.text.room(FIELD_ROOM)?;
                self.text.push(b'"');
                self.string(text, b"\",")
            }
            Kind::Id | Kind::ProfileId | Kind::Bytes => {
                let bytes = take_run(rest)?;
                let is_hex = Self::STYLE.is_hex(kind, bytes.len());
                if bytes.len() > SHORT_BYTES {
                    return if is_hex { self.text.hex(bytes) } else { self.text.base64(bytes) };
                }
                let mut pen = self.text.pen()?;
                if is_hex {
                    pen.hex_short(bytes);
                } else {
                    pen.base64_short(bytes);
                }
                let written = pen.len();
                self.text.advance(written);
                Ok(())
            }
            kind => {
                let mut pen = self.text.pen()?;
                number(Self::STYLE, &mut pen, kind, rest)?;
                let written = pen.len();
                self.text.advance(written);
                Ok(())
            }
        }
    }

    /// Writes a run of packed values, each with a comma.
    pub(super) fn packed(&mut self, kind: Kind, mut run: &[u8]) -> Result<(), Stop> {
        // So many that each finds room, however long.
        const AT_ONCE: usize = WINDOW / 32;
        while !run.is_empty() {
            let mut pen = self.text.pen()?;
            for _ in 0..AT_ONCE {
                if !run.is_empty() {
                    number(Self::STYLE, &mut pen, kind, &mut run)?;
                }
            }
            let written = pen.len();
            self.text.advance(written);
        }
        Ok(())
    }

    /// Writes a slice of the request as text, without the opening quote, and `ending`.
    #[inline(always)]
    pub(super) fn string<const N: usize>(&mut self, text: &[u8], ending: &[u8; N]) -> Result<(), Stop> {
        let from = text.as_ptr().addr() - self.body.as_ptr().addr();
        if self.text.string(self.body, from, from + text.len(), ending)? {
            return Ok(());
        }
        Err(Stop::Fault(fault(text, MalformedKind::Utf8)))
    }

    /// Ends a list whose bracket ends at `opened` and whose key starts at `key`.
    #[inline(always)]
    pub(super) fn end_list(&mut self, key: usize, opened: usize) {
        if Self::STYLE.drops_empty_lists() && self.text.len() == opened {
            self.text.cut(key);
        } else {
            self.text.close(opened, b']');
        }
    }

    /// Ends an object whose brace ends at `opened`: writes the defaults of the fields that were not `seen`, and the brace.
    #[inline(always)]
    pub(super) fn end_object(&mut self, opened: usize, message: &Message, seen: u32) -> Result<(), Stop> {
        let mut missing = Self::STYLE.default_mask(message) & !seen;
        if missing != 0 {
            self.text.room(FIELD_ROOM * 16)?;
        }
        while missing != 0 {
            if let Some(field) = message.field(u64::from(missing.trailing_zeros())) {
                self.text.put_text(&field.default_text);
                self.text.push(b',');
            }
            missing &= missing - 1;
        }
        self.text.close(opened, b'}');
        Ok(())
    }
}

/// Writes a number, bool or enum off the front of `rest`, and a comma.
#[inline(always)]
pub(super) fn number(style: Style, pen: &mut Pen<'_>, kind: Kind, rest: &mut &[u8]) -> Result<(), Stop> {
    match kind {
        Kind::Fixed64 => pen.quoted_u64(u64::from_le_bytes(take_fixed(rest)?)),
        Kind::Sfixed64 => pen.quoted_i64(i64::from_le_bytes(take_fixed(rest)?)),
        Kind::Double => pen.double(f64::from_le_bytes(take_fixed(rest)?)),
        Kind::Fixed32 => pen.number_u32(u32::from_le_bytes(take_fixed(rest)?)),
        Kind::Uint64 => pen.quoted_u64(take_varint(rest)?),
        Kind::Int64 => pen.quoted_i64(take_varint(rest)?.cast_signed()),
        Kind::Bool => bool_value(pen, take_varint(rest)?),
        Kind::Uint32 => pen.number_u32(low_half(take_varint(rest)?)),
        Kind::Int32 => pen.number_i32(low_half(take_varint(rest)?).cast_signed()),
        Kind::Sint32 => pen.number_i32(unzigzag(low_half(take_varint(rest)?))),
        Kind::Enum(id) => enum_value(style, pen, id, low_half(take_varint(rest)?).cast_signed()),
        Kind::Str | Kind::Id | Kind::ProfileId | Kind::Bytes | Kind::Message(_) => {
            unreachable!("not a number; told apart by every caller")
        }
    }
    Ok(())
}

#[inline(always)]
fn bool_value(pen: &mut Pen<'_>, value: u64) {
    if value == 0 { pen.put(b"false,") } else { pen.put(b"true,") }
}

/// By name, or as a bare number when that is the style, or it has no name in this version of OTLP.
#[inline(always)]
fn enum_value(style: Style, pen: &mut Pen<'_>, id: EnumId, number: i32) {
    match style.name_of(id, number) {
        Some(name) => {
            pen.put(b"\"");
            pen.put_slice(name.as_bytes());
            pen.put(b"\",");
        }
        None => pen.number_i32(number),
    }
}

#[inline(always)]
fn take_fixed<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], Stop> {
    match rest.split_first_chunk::<N>() {
        Some((value, after)) => {
            *rest = after;
            Ok(*value)
        }
        None => Err(Stop::Fault(fault(rest, MalformedKind::Truncated))),
    }
}

/// 32-bit integers come as varints of up to 64 bits, of which the lower half counts.
#[inline(always)]
fn low_half(value: u64) -> u32 {
    let [a, b, c, d, ..] = value.to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}

/// `sint32` (Protocol Buffers, "Encoding", "Signed Integers").
#[inline(always)]
fn unzigzag(value: u32) -> i32 {
    (value >> 1).cast_signed() ^ -(value & 1).cast_signed()
}
