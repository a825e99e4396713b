//! Values of fields that are not messages, and absent ones: what both ways through a message share
//! (hop 6, "shape").

use super::Stop;
use super::number;
use super::output::Output;
use crate::error::MalformedKind;
use crate::scan::{Scan, fault, take_run, take_varint};
use crate::schema::{EnumId, Kind, Message};

/// Room for a key, a number and brackets, with the padding they are copied with.
pub(super) const FIELD_ROOM: usize = 160;

/// The text being written and what it is written from.
pub(super) struct Writer<'b> {
    /// The whole request: blocks of a string are read past the string's end, up to this one.
    pub(super) body: &'b [u8],
    /// Counts, and refuses what is too much.
    pub(super) scan: Scan,
    pub(super) text: Output,
}

impl Writer<'_> {
    /// Writes one value off the front of `rest`, and a comma.
    #[inline(always)]
    pub(super) fn value(&mut self, kind: Kind, rest: &mut &[u8]) -> Result<(), Stop> {
        match kind {
            Kind::Str => {
                let run = take_run(rest)?;
                self.text.push(b'"');
                self.string(run, b"\",")?;
            }
            Kind::Id | Kind::ProfileId | Kind::Bytes => self.text.base64(take_run(rest)?)?,
            Kind::Fixed64 => self.text.quoted_u64(u64::from_le_bytes(take_fixed(rest)?)),
            Kind::Sfixed64 => self.text.quoted_i64(i64::from_le_bytes(take_fixed(rest)?)),
            Kind::Double => self.text.double(f64::from_le_bytes(take_fixed(rest)?)),
            Kind::Fixed32 => self.text.number_u32(u32::from_le_bytes(take_fixed(rest)?)),
            Kind::Uint64 => self.text.quoted_u64(take_varint(rest)?),
            Kind::Int64 => self.text.quoted_i64(take_varint(rest)?.cast_signed()),
            Kind::Bool => {
                let text: &[u8] = if take_varint(rest)? == 0 { b"false," } else { b"true," };
                self.text.put(text);
            }
            Kind::Uint32 => self.text.number_u32(low_half(take_varint(rest)?)),
            Kind::Int32 => self.text.number_i32(low_half(take_varint(rest)?).cast_signed()),
            Kind::Sint32 => self.text.number_i32(unzigzag(low_half(take_varint(rest)?))),
            Kind::Enum(id) => self.enum_value(id, low_half(take_varint(rest)?).cast_signed()),
            Kind::Message(_) => unreachable!("messages are written field by field"),
        }
        Ok(())
    }

    /// Writes a run of packed values, each with a comma.
    pub(super) fn packed(&mut self, kind: Kind, mut run: &[u8]) -> Result<(), Stop> {
        while !run.is_empty() {
            self.text.room(number::LONGEST)?;
            self.value(kind, &mut run)?;
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

    /// By name, or as a bare number when it has none in this version of OTLP.
    #[inline(always)]
    fn enum_value(&mut self, id: EnumId, number: i32) {
        match id.table().name_of(number) {
            Some(name) => {
                self.text.push(b'"');
                self.text.put(name.as_bytes());
                self.text.put(b"\",");
            }
            None => self.text.number_i32(number),
        }
    }

    /// Ends an object whose brace ends at `opened`: writes the defaults of the fields that were not `seen`, and the brace.
    #[inline(always)]
    pub(super) fn end_object(&mut self, opened: usize, message: &Message, seen: u32) -> Result<(), Stop> {
        let mut missing = message.default_mask & !seen;
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
