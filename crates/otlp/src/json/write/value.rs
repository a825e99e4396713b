//! Values of fields that are not messages, and absent ones: what both ways through a message share
//! (hop 6, "shape").

use super::number::{Slot, double, number_i32, number_u32, quoted_i64, quoted_u64};
use super::steps::{Steps, name_of};
use super::text::{base64, escaped, hex};
use super::{Stop, Style};
use crate::error::MalformedKind;
use crate::scan::{Fault, Scan, fault, take_run, take_varint};
use crate::schema::{EnumId, Kind, Text, wire_type};
use crate::simd::{Cursor, Escaped, Plain};

/// Where a value goes, with the bytes that it costs to copy.
type Pen<'o> = Cursor<'o>;

/// Writes a request's text.
pub(super) struct Writer<'b, const OTLP: bool> {
    /// The whole request: blocks of a string are read past the string's end, up to this one.
    pub(super) body: &'b [u8],
    /// Counts, and refuses what is too much.
    pub(super) scan: Scan,
    /// Why a method returned `None`.
    pub(super) stop: Stop,
}

/// What stands before a value.
#[derive(Clone, Copy)]
pub(super) struct Key<'k> {
    pub(super) text: &'k Text<32>,
    /// Not before the second and later values of a list.
    pub(super) is_new: bool,
    /// Left out, key and all, when the value is the default.
    pub(super) drops_default: bool,
}

impl Key<'static> {
    /// Of a value whose key is there already.
    pub(super) const WRITTEN: Self = {
        static NONE: Text<32> = Text::EMPTY;
        Self { text: &NONE, is_new: false, drops_default: false }
    };
}

impl Key<'_> {
    #[inline(always)]
    pub(super) fn write(self, pen: &mut Pen<'_>) -> Option<()> {
        if self.is_new { pen_text(pen, self.text) } else { Some(()) }
    }
}

/// Writes a text padded for copying with one move.
#[inline(always)]
pub(super) fn pen_text<const N: usize>(pen: &mut Pen<'_>, text: &Text<N>) -> Option<()> {
    pen.padded(text.padded(), text.len())
}

impl<const OTLP: bool> Writer<'_, OTLP> {
    pub(super) const STYLE: Style = if OTLP { Style::OtlpJson } else { Style::Json };

    /// Ends with a fault.
    #[cold]
    #[inline(never)]
    pub(super) fn fault<T>(&mut self, fault: Fault) -> Option<T> {
        self.stop = Stop::Fault(fault);
        None
    }

    /// What was checked, or the end.
    #[inline(always)]
    pub(super) fn checked<T>(&mut self, checked: Result<T, Fault>) -> Option<T> {
        match checked {
            Ok(value) => Some(value),
            Err(fault) => self.fault(fault),
        }
    }

    /// Writes one value off the front of `rest`, its key before it, and a comma behind it.
    #[inline(always)]
    pub(super) fn value<'o>(
        &mut self,
        mut pen: Pen<'o>,
        key: Key<'_>,
        kind: Kind,
        rest: &mut &[u8],
    ) -> Option<Pen<'o>> {
        match kind {
            Kind::Str => {
                let text = self.checked(take_run(rest))?;
                if key.drops_default && text.is_empty() {
                    return Some(pen);
                }
                key.write(&mut pen)?;
                return self.string(pen, (b"\"\0\0\0", 1), text, (b"\",\0\0", 2));
            }
            Kind::Id | Kind::ProfileId | Kind::Bytes => {
                let bytes = self.checked(take_run(rest))?;
                if key.drops_default && bytes.is_empty() {
                    return Some(pen);
                }
                key.write(&mut pen)?;
                if Self::STYLE.is_hex(kind, bytes.len()) {
                    hex(&mut pen, bytes)?;
                } else {
                    base64(&mut pen, bytes)?;
                }
            }
            kind => self.number(&mut pen, key, kind, rest)?,
        }
        Some(pen)
    }

    /// Writes a slice of the request as text, between what is known to need no check.
    #[inline(always)]
    pub(super) fn string<'o, const B: usize>(
        &mut self,
        mut pen: Pen<'o>,
        before: (&[u8; B], usize),
        text: &[u8],
        after: (&[u8; 4], usize),
    ) -> Option<Pen<'o>> {
        match pen.plain_text(self.body, text, before, after) {
            Plain::Done => Some(pen),
            Plain::Full => None,
            Plain::No => {
                self.wide_string(pen, &before.0[..before.1.min(B)], text, &after.0[..after.1.min(4)])
            }
        }
    }

    /// A string that holds something to escape, or something that is not ASCII.
    #[inline(never)]
    fn wide_string<'o>(
        &mut self,
        mut pen: Pen<'o>,
        before: &[u8],
        text: &[u8],
        after: &[u8],
    ) -> Option<Pen<'o>> {
        pen.copy(before)?;
        let found = pen.escaped_text(self.body, text)?;
        if found != Escaped::Ascii && simdutf8::basic::from_utf8(text).is_err() {
            return self.fault(fault(text, MalformedKind::Utf8));
        }
        if found == Escaped::Nothing {
            escaped(&mut pen, text)?;
        }
        pen.copy(after)?;
        Some(pen)
    }

    /// Writes a run of packed values, each with a comma.
    #[inline(never)]
    pub(super) fn packed<'o>(&mut self, mut pen: Pen<'o>, kind: Kind, mut run: &[u8]) -> Option<Pen<'o>> {
        match kind {
            // What histograms are made of.
            Kind::Fixed64 => {
                while !run.is_empty() {
                    self.number(&mut pen, Key::WRITTEN, Kind::Fixed64, &mut run)?;
                }
            }
            Kind::Double => {
                while !run.is_empty() {
                    self.number(&mut pen, Key::WRITTEN, Kind::Double, &mut run)?;
                }
            }
            kind => {
                while !run.is_empty() {
                    self.number(&mut pen, Key::WRITTEN, kind, &mut run)?;
                }
            }
        }
        Some(pen)
    }

    /// Writes a number, bool or enum off the front of `rest`, its key before it, and a comma behind it.
    #[inline(always)]
    pub(super) fn number(
        &mut self,
        pen: &mut Pen<'_>,
        key: Key<'_>,
        kind: Kind,
        rest: &mut &[u8],
    ) -> Option<()> {
        let bits = match kind.wire_type() {
            wire_type::I64 => u64::from_le_bytes(self.checked(take_fixed(rest))?),
            wire_type::I32 => u64::from(u32::from_le_bytes(self.checked(take_fixed(rest))?)),
            _ => self.checked(take_varint(rest))?,
        };
        self.bits(pen, key, kind, bits)
    }

    /// Writes a number, bool or enum as [`Writer::number`] does, from its bits.
    #[inline(always)]
    pub(super) fn bits(&mut self, pen: &mut Pen<'_>, key: Key<'_>, kind: Kind, bits: u64) -> Option<()> {
        let half = low_half(bits);
        let is_default = match kind {
            Kind::Uint32 | Kind::Int32 | Kind::Sint32 | Kind::Enum(_) => half == 0,
            _ => bits == 0,
        };
        if key.drops_default && is_default {
            return Some(());
        }
        key.write(pen)?;
        if let Kind::Enum(id) = kind
            && Self::STYLE.names_enums()
        {
            return enum_value(pen, id, half.cast_signed());
        }
        let mut slot = pen.slot()?;
        let text = slot.bytes();
        let len = match kind {
            Kind::Fixed64 | Kind::Uint64 => quoted_u64(text, bits),
            Kind::Sfixed64 | Kind::Int64 => quoted_i64(text, bits.cast_signed()),
            Kind::Double => double(text, f64::from_bits(bits)),
            Kind::Fixed32 | Kind::Uint32 => number_u32(text, half),
            Kind::Int32 | Kind::Enum(_) => number_i32(text, half.cast_signed()),
            Kind::Sint32 => number_i32(text, unzigzag(half)),
            Kind::Bool => bool_value(text, bits),
            Kind::Str | Kind::Id | Kind::ProfileId | Kind::Bytes | Kind::Message(_) => {
                unreachable!("not a number; told apart by every caller")
            }
        };
        slot.keep(len);
        Some(())
    }

    /// Ends a list: its bracket takes the place of the comma after its last value, if there is one. `key_len` bytes
    /// are its key with the opening bracket.
    #[inline(always)]
    pub(super) fn end_list(&mut self, pen: &mut Pen<'_>, key_len: usize) -> Option<()> {
        if Self::STYLE.drops_empty_lists() && pen.ends_with(b'[') {
            pen.back(key_len);
            return Some(());
        }
        close(pen, b']')
    }

    /// Ends an object: writes the defaults of the fields that were not `seen`, and the brace.
    #[inline(always)]
    pub(super) fn end_object(&mut self, pen: &mut Pen<'_>, steps: &Steps, seen: u32) -> Option<()> {
        if !OTLP {
            let mut missing = steps.default_mask & !seen;
            while missing != 0 {
                let text = steps.default_text(missing.trailing_zeros())?;
                // Most are short.
                match text.padded().first_chunk::<32>() {
                    Some(short) if text.len() <= short.len() => pen.padded(short, text.len())?,
                    _ => pen_text(pen, text)?,
                }
                missing &= missing - 1;
            }
        }
        close(pen, b'}')
    }
}

/// `close` takes the place of the last comma, or follows the opening bracket, and is itself followed by a comma.
#[inline(always)]
fn close(pen: &mut Pen<'_>, close: u8) -> Option<()> {
    if pen.ends_with(b',') {
        pen.back(1);
    }
    pen.padded(&[close, b','], 2)
}

#[inline(always)]
fn bool_value(slot: &mut Slot, value: u64) -> usize {
    let (text, len) = if value == 0 { (b"false,", 6) } else { (b"true,\0", 5) };
    slot[..6].copy_from_slice(text);
    len
}

/// By name, or as a bare number when it has none in this version of OTLP.
#[inline(always)]
fn enum_value(pen: &mut Pen<'_>, id: EnumId, number: i32) -> Option<()> {
    match name_of(id, number) {
        Some(name) => pen_text(pen, name),
        None => {
            let mut slot = pen.slot()?;
            let len = number_i32(slot.bytes(), number);
            slot.keep(len);
            Some(())
        }
    }
}

#[inline(always)]
fn take_fixed<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], Fault> {
    match rest.split_first_chunk::<N>() {
        Some((value, after)) => {
            *rest = after;
            Ok(*value)
        }
        None => Err(fault(rest, MalformedKind::Truncated)),
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
