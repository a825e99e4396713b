//! Hop 5, OTLP/JSON in: strings, bytes, numbers, enums and booleans, each as its field's type has it.

use super::lexer::{Quoted, Scalar};
use super::message::Reader;
use super::number::{self, Form, Integer};
use super::wire::{self, Encoded, Open};
use super::{binary, refused};
use crate::Malformed;
use crate::schema::{EnumId, Field, Kind};

/// Longest text of a quoted number or enum name in which escapes are resolved; nobody escapes digits.
const ESCAPED_ROOM: usize = 256;

/// Width of length that most bytes and strings need.
const BYTES_WIDTH: usize = 1;
const STRING_WIDTH: usize = 1;

impl Reader<'_, '_> {
    /// Reads the value of a field that holds one scalar.
    #[inline]
    pub(super) fn scalar(&mut self, field: &Field) -> Result<(), Box<Malformed>> {
        match field.kind {
            Kind::Str => self.string(field, field.has_presence()),
            Kind::Id | Kind::ProfileId | Kind::Bytes => self.bytes(field, field.has_presence()),
            kind => {
                let encoded = self.encoded(kind)?;
                if !encoded.is_default() || field.has_presence() {
                    wire::push_tag(self.out, field);
                    encoded.push(self.out);
                }
                Ok(())
            }
        }
    }

    /// Reads one entry of a repeated field that does not come packed.
    pub(super) fn element(&mut self, field: &Field) -> Result<(), Box<Malformed>> {
        match field.kind {
            Kind::Str => self.string(field, true),
            _ => self.bytes(field, true),
        }
    }

    #[inline]
    fn string(&mut self, field: &Field, keep_empty: bool) -> Result<(), Box<Malformed>> {
        self.lexer.expect(b'"', "a string")?;
        let field_start = self.out.len();
        wire::push_len_tag(self.out, field);
        let open = Open::begin(self.out, STRING_WIDTH);
        self.lexer.copy_plain(self.out);
        if !self.lexer.close_string() {
            self.lexer.unescape_rest(self.out)?;
        } else if !keep_empty && open.is_empty(self.out) {
            self.out.truncate(field_start);
            return Ok(());
        }
        open.end(self.out);
        Ok(())
    }

    fn bytes(&mut self, field: &Field, keep_empty: bool) -> Result<(), Box<Malformed>> {
        let at = self.lexer.at();
        let text = self.lexer.string("bytes in a string")?;
        if text.raw.is_empty() && !keep_empty {
            return Ok(());
        }
        wire::push_len_tag(self.out, field);
        let open = Open::begin(self.out, BYTES_WIDTH);
        let hex = field.kind == Kind::Id || field.kind == Kind::ProfileId && binary::is_hex_profile_id(&text);
        if hex {
            if !binary::push_hex(&text, self.out) {
                return Err(refused(at, "an even number of hex digits"));
            }
        } else if !binary::push_base64(&text, self.out) {
            return Err(refused(at, "base64"));
        }
        open.end(self.out);
        Ok(())
    }

    /// Reads a scalar of a type with a fixed or varint encoding.
    #[inline]
    pub(super) fn encoded(&mut self, kind: Kind) -> Result<Encoded, Box<Malformed>> {
        match kind {
            Kind::Bool => self.boolean(),
            Kind::Double => self.double(),
            Kind::Enum(id) => self.enumeration(id),
            _ => self.integer(kind),
        }
    }

    fn boolean(&mut self) -> Result<Encoded, Box<Malformed>> {
        self.lexer.peek();
        if self.lexer.take_literal(b"true") {
            return Ok(Encoded::Varint(1));
        }
        if self.lexer.take_literal(b"false") {
            return Ok(Encoded::Varint(0));
        }
        Err(self.lexer.fault("true or false"))
    }

    fn double(&mut self) -> Result<Encoded, Box<Malformed>> {
        let (at, scalar) = self.number_text("a number")?;
        with_text(&scalar, number::double)
            .map(|value| Encoded::I64(value.to_bits()))
            .ok_or_else(|| refused(at, "a number that a double can hold"))
    }

    #[inline]
    fn integer(&mut self, kind: Kind) -> Result<Encoded, Box<Malformed>> {
        let start = self.lexer.mark();
        if let Some(value) = self.lexer.short_integer() {
            if let Some(encoded) = encode(Integer::positive(value), kind) {
                return Ok(encoded);
            }
            self.lexer.go_back(start);
        }
        let (at, scalar) = self.number_text("a number")?;
        with_text(&scalar, number::integer)
            .and_then(|value| encode(value, kind))
            .ok_or_else(|| refused(at, wanted(kind)))
    }

    fn enumeration(&mut self, id: EnumId) -> Result<Encoded, Box<Malformed>> {
        let (at, scalar) = self.number_text("a number or name of an enum's value")?;
        with_text(&scalar, |text, form| match number::integer(text, form) {
            Some(value) => value.to_i32(),
            None if form == Form::Quoted => id.table().number_of(text),
            None => None,
        })
        .map(|value| Encoded::Varint(i64::from(value).cast_unsigned()))
        .ok_or_else(|| refused(at, "a number or known name of an enum's value"))
    }

    /// The text of a number and where it begins.
    #[inline]
    fn number_text(&mut self, expected: &'static str) -> Result<(usize, Scalar<'_>), Box<Malformed>> {
        self.lexer.peek();
        Ok((self.lexer.at(), self.lexer.scalar(expected)?))
    }
}

#[inline]
fn with_text<T>(scalar: &Scalar<'_>, parse: impl FnOnce(&[u8], Form) -> Option<T>) -> Option<T> {
    match scalar {
        Scalar::Bare(text) => parse(text, Form::Bare),
        Scalar::Quoted(Quoted { raw, escaped: false }) => parse(raw, Form::Quoted),
        Scalar::Quoted(quoted) => parse(quoted.resolve(&mut [0; ESCAPED_ROOM])?, Form::Quoted),
    }
}

/// The value on the wire, if the type can hold it.
#[inline]
fn encode(value: Integer, kind: Kind) -> Option<Encoded> {
    Some(match kind {
        Kind::Fixed64 => Encoded::I64(value.to_u64()?),
        Kind::Sfixed64 => Encoded::I64(value.to_i64()?.cast_unsigned()),
        Kind::Uint64 => Encoded::Varint(value.to_u64()?),
        Kind::Int64 => Encoded::Varint(value.to_i64()?.cast_unsigned()),
        Kind::Uint32 => Encoded::Varint(value.to_u32()?.into()),
        Kind::Fixed32 => Encoded::I32(value.to_u32()?),
        // A negative int32 takes ten bytes, as if it were an int64.
        Kind::Int32 => Encoded::Varint(i64::from(value.to_i32()?).cast_unsigned()),
        Kind::Sint32 => {
            let value = value.to_i32()?;
            Encoded::Varint((value << 1 ^ value >> 31).cast_unsigned().into())
        }
        Kind::Str | Kind::Id | Kind::ProfileId | Kind::Bytes | Kind::Message(_) => return None,
        Kind::Enum(_) | Kind::Bool | Kind::Double => return None,
    })
}

#[cold]
fn wanted(kind: Kind) -> &'static str {
    match kind {
        Kind::Int32 | Kind::Sint32 => "a whole number of 32 bits with sign",
        Kind::Uint32 | Kind::Fixed32 => "a whole number of 32 bits without sign",
        Kind::Int64 | Kind::Sfixed64 => "a whole number of 64 bits with sign",
        _ => "a whole number of 64 bits without sign",
    }
}
