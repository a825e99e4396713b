//! Hop 5, OTLP/JSON in: appends protobuf's wire format ("Encoding", Protocol Buffers documentation).

use super::order::note_moved;
use crate::schema::{Field, Kind, wire_type};
use crate::varint;

/// A scalar as its wire type holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoded {
    Varint(u64),
    I64(u64),
    I32(u32),
}

impl Encoded {
    /// Whether proto3 leaves the value out where the field has no presence. Minus zero is not the default.
    #[inline]
    pub(super) fn is_default(self) -> bool {
        matches!(self, Self::Varint(0) | Self::I64(0) | Self::I32(0))
    }

    #[inline]
    pub(super) fn push(self, out: &mut Vec<u8>) {
        match self {
            Self::Varint(value) => push_varint(out, value),
            Self::I64(bits) => out.extend_from_slice(&bits.to_le_bytes()),
            Self::I32(bits) => out.extend_from_slice(&bits.to_le_bytes()),
        }
    }
}

#[inline]
pub(super) fn push_varint(out: &mut Vec<u8>, value: u64) {
    if value < 0x80 {
        out.push(value.to_le_bytes()[0]);
    } else {
        push_long_varint(out, value);
    }
}

#[inline(never)]
fn push_long_varint(out: &mut Vec<u8>, value: u64) {
    varint::put(out, value);
}

/// Appends the tag of one value of the field.
#[inline]
pub(super) fn push_tag(out: &mut Vec<u8>, field: &Field) {
    push_varint(out, u64::from(field.number) << 3 | u64::from(field.kind.wire_type()));
}

/// Appends the tag of the field's length-delimited form: one value of that type, or many scalars packed.
#[inline]
pub(super) fn push_len_tag(out: &mut Vec<u8>, field: &Field) {
    push_varint(out, u64::from(field.number) << 3 | u64::from(wire_type::LEN));
}

/// A length-delimited value whose length is not known yet: room for it is kept in front, of the width that is
/// likely.
#[derive(Debug)]
#[must_use]
pub(super) struct Open {
    start: usize,
    width: usize,
}

impl Open {
    const WIDTH_MAX: usize = 4;

    #[inline]
    pub(super) fn begin(out: &mut Vec<u8>, width: usize) -> Self {
        // A copy of a fixed size is cheaper than one of the right size.
        let start = out.len() + width;
        out.extend_from_slice(&[0; Self::WIDTH_MAX]);
        out.truncate(start);
        Self { start, width }
    }

    /// Whether nothing has been written since.
    #[inline]
    pub(super) fn is_empty(&self, out: &[u8]) -> bool {
        out.len() == self.start
    }

    /// Writes the length, and moves the content where the room was too wide or too narrow.
    #[inline]
    pub(super) fn end(self, out: &mut Vec<u8>) {
        let len = out.len() - self.start;
        if let (1, Ok(len @ 0..0x80)) = (self.width, u8::try_from(len)) {
            out[self.start - 1] = len;
            return;
        }
        self.end_long(out, len);
    }

    fn end_long(self, out: &mut Vec<u8>, len: usize) {
        let needed = varint_len(len);
        let prefix = self.start - self.width;
        if needed != self.width {
            if needed > self.width {
                out.resize(out.len() + needed - self.width, 0);
            }
            note_moved(len);
            out.copy_within(self.start..self.start + len, prefix + needed);
            out.truncate(prefix + needed + len);
        }
        varint::write(&mut out[prefix..prefix + needed], len as u64);
    }
}

/// How many bytes a length takes.
#[inline]
pub(super) fn varint_len(value: usize) -> usize {
    varint_len64(value as u64)
}

#[inline]
fn varint_len64(value: u64) -> usize {
    // Seven bits a byte, and at least one byte for zero; 9/64 stands for 1/7, right for all of 1 to 64 bits.
    let bits = u64::BITS - (value | 1).leading_zeros();
    (bits as usize * 9 + 64) / 64
}

/// The width of length that values of this type are likely to need.
#[inline]
pub(super) fn likely_width(kind: Kind) -> usize {
    use crate::schema::MessageId as M;
    match kind {
        Kind::Message(M::KeyValue | M::AnyValue | M::Status | M::ExponentialHistogramDataPointBuckets) => 1,
        Kind::Message(M::ResourceSpans | M::ResourceMetrics | M::ResourceLogs | M::ResourceProfiles) => 3,
        Kind::Message(M::ScopeSpans | M::ScopeMetrics | M::ScopeLogs | M::ScopeProfiles) => 3,
        Kind::Message(M::ProfilesDictionary) => 3,
        Kind::Message(
            M::SummaryDataPointValueAtQuantile | M::InstrumentationScope | M::Line | M::Location,
        ) => 1,
        Kind::Message(M::Mapping | M::Function | M::Link | M::KeyValueAndUnit | M::Stack | M::Sample) => 1,
        _ => 2,
    }
}
