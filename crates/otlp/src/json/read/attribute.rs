//! Hop 5, OTLP/JSON in: the short way for attributes, which most of a request's JSON is made of.

use super::message::Reader;
use super::wire::{Encoded, push_len_tag, push_varint, varint_len};
use crate::DEPTH_MAX;
use crate::schema::{Field, Kind, wire_type};

const fn tag(number: u8, wire_type: u8) -> u8 {
    number << 3 | wire_type
}

/// Fields of `KeyValue`.
const KEY: u8 = tag(1, wire_type::LEN);
const VALUE: u8 = tag(2, wire_type::LEN);

/// Fields of `AnyValue` that take the short way.
const STRING_VALUE: u8 = tag(1, wire_type::LEN);
const BOOL_VALUE: u8 = tag(2, wire_type::VARINT);
const INT_VALUE: u8 = tag(3, wire_type::VARINT);
const DOUBLE_VALUE: u8 = tag(4, wire_type::I64);

/// What an attribute holds, in a form whose length is known.
enum Value<'a> {
    Text(&'a [u8]),
    Scalar(u8, Encoded),
}

impl Reader<'_, '_> {
    /// Reads an entry of the repeated field `field`, a `KeyValue`, if it is written as nearly all are: a key,
    /// then a value that is one string without escapes or one scalar. Else nothing has happened, and the
    /// tables say what it is.
    ///
    /// All lengths are known before a byte is written, so none is moved.
    #[inline]
    pub(super) fn plain_attribute(&mut self, field: &Field, depth: u32) -> bool {
        let start = self.lexer.mark();
        // Two levels: the KeyValue and its AnyValue.
        let written = depth + 2 <= DEPTH_MAX && self.try_plain_attribute(field).is_some();
        if !written {
            self.lexer.go_back(start);
        }
        written
    }

    #[inline]
    fn try_plain_attribute(&mut self, field: &Field) -> Option<()> {
        let lexer = &mut self.lexer;
        let opened = lexer.take_literal(b"{\"key\":\"")
            || lexer.take(b'{') && lexer.take_name(b"\"key\"") && lexer.take(b'"');
        let key = lexer.plain_characters();
        // An empty key is a default and takes no bytes: the long way knows.
        if !opened || key.is_empty() {
            return None;
        }
        let value_opened = lexer.take_literal(b"\",\"value\":{")
            || lexer.take_literal(b"\"")
                && lexer.take(b',')
                && lexer.take_name(b"\"value\"")
                && lexer.take(b'{');
        if !value_opened {
            return None;
        }
        let value = if lexer.take_literal(b"\"stringValue\":\"")
            || lexer.take_name(b"\"stringValue\"") && lexer.take(b'"')
        {
            let text = lexer.plain_characters();
            if !lexer.take_literal(b"\"") {
                return None;
            }
            Value::Text(text)
        } else {
            let (tag, kind) = if lexer.take_name(b"\"intValue\"") {
                (INT_VALUE, Kind::Int64)
            } else if lexer.take_name(b"\"boolValue\"") {
                (BOOL_VALUE, Kind::Bool)
            } else if lexer.take_name(b"\"doubleValue\"") {
                (DOUBLE_VALUE, Kind::Double)
            } else {
                return None;
            };
            Value::Scalar(tag, self.encoded(kind).ok()?)
        };
        let closed = self.lexer.take_literal(b"}}") || self.lexer.take(b'}') && self.lexer.take(b'}');
        if !closed {
            return None;
        }
        self.push_attribute(field, key, &value);
        Some(())
    }

    #[inline]
    fn push_attribute(&mut self, field: &Field, key: &[u8], value: &Value<'_>) {
        let out = &mut *self.out;
        let value_len = match value {
            Value::Text(text) => 1 + varint_len(text.len()) + text.len(),
            Value::Scalar(_, encoded) => 1 + encoded.len(),
        };
        let len = 1 + varint_len(key.len()) + key.len() + 1 + varint_len(value_len) + value_len;
        push_len_tag(out, field);
        match (u8::try_from(len), u8::try_from(key.len()), u8::try_from(value_len)) {
            // All lengths take one byte: copies of a fixed size.
            (Ok(len @ 0..0x80), Ok(key_len), Ok(value_len)) => {
                out.extend_from_slice(&[len, KEY, key_len]);
                out.extend_from_slice(key);
                match value {
                    Value::Text(text) => {
                        out.extend_from_slice(&[VALUE, value_len, STRING_VALUE, value_len - 2]);
                        out.extend_from_slice(text);
                    }
                    Value::Scalar(tag, encoded) => {
                        out.extend_from_slice(&[VALUE, value_len, *tag]);
                        encoded.push(out);
                    }
                }
            }
            _ => {
                push_varint(out, len as u64);
                out.push(KEY);
                push_varint(out, key.len() as u64);
                out.extend_from_slice(key);
                out.push(VALUE);
                push_varint(out, value_len as u64);
                match value {
                    Value::Text(text) => {
                        out.push(STRING_VALUE);
                        push_varint(out, text.len() as u64);
                        out.extend_from_slice(text);
                    }
                    Value::Scalar(tag, encoded) => {
                        out.push(*tag);
                        encoded.push(out);
                    }
                }
            }
        }
    }
}
