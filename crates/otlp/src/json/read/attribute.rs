//! Hop 5, OTLP/JSON in: the short way for attributes, which most of a request's JSON is made of.

use super::message::Reader;
use super::wire::push_len_tag;
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

/// Longest length that takes one byte.
const SHORT_MAX: usize = 0x7f;

impl Reader<'_, '_> {
    /// Reads an entry of the repeated field `field`, a `KeyValue`, if it is written as nearly all are: a key,
    /// then a value that is one string or one scalar, all of it short. Else nothing has happened, and the
    /// tables say what it is.
    ///
    /// All lengths take one byte, so that none of the bytes behind them is moved.
    #[inline]
    pub(super) fn plain_attribute(&mut self, field: &Field, depth: u32) -> bool {
        let (start, out_start) = (self.lexer.mark(), self.out.len());
        // Two levels: the KeyValue and its AnyValue.
        let written = depth + 2 <= DEPTH_MAX && self.try_plain_attribute(field).is_some();
        if !written {
            self.lexer.go_back(start);
            self.out.truncate(out_start);
        }
        written
    }

    #[inline]
    fn try_plain_attribute(&mut self, field: &Field) -> Option<()> {
        let lexer = &mut self.lexer;
        let opened = lexer.take_literal(b"{\"key\":\"")
            || lexer.take(b'{') && lexer.take_name(b"\"key\"") && lexer.take(b'"');
        if !opened {
            return None;
        }
        push_len_tag(self.out, field);
        let entry = self.out.len();
        self.out.extend_from_slice(&[0, KEY, 0]);
        lexer.copy_plain(self.out);
        let key_len = self.out.len() - entry - 3;
        // An empty key is a default and takes no bytes: the long way knows.
        if key_len == 0 {
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
        let value = self.out.len() + 2;
        self.plain_value()?;
        let closed = self.lexer.take_literal(b"}}") || self.lexer.take(b'}') && self.lexer.take(b'}');
        let entry_len = self.out.len() - entry - 1;
        if !closed || entry_len > SHORT_MAX {
            return None;
        }
        self.out[entry] = short(entry_len);
        self.out[entry + 2] = short(key_len);
        self.out[value - 1] = short(self.out.len() - value);
        Some(())
    }

    /// Appends the tag of `value`, room for its length, and the member of `AnyValue` that comes next.
    #[inline]
    fn plain_value(&mut self) -> Option<()> {
        let lexer = &mut self.lexer;
        if lexer.take_literal(b"\"stringValue\":\"")
            || lexer.take_name(b"\"stringValue\"") && lexer.take(b'"')
        {
            self.out.extend_from_slice(&[VALUE, 0, STRING_VALUE, 0]);
            let text = self.out.len();
            lexer.copy_plain(self.out);
            if !lexer.close_string() {
                // What is wrong in it, the long way finds as well.
                lexer.unescape_rest(self.out).ok()?;
            }
            let len = self.out.len() - text;
            self.out[text - 1] = short(len);
            return Some(());
        }
        let (tag, kind) = if lexer.take_name(b"\"intValue\"") {
            (INT_VALUE, Kind::Int64)
        } else if lexer.take_name(b"\"boolValue\"") {
            (BOOL_VALUE, Kind::Bool)
        } else if lexer.take_name(b"\"doubleValue\"") {
            (DOUBLE_VALUE, Kind::Double)
        } else {
            return None;
        };
        let encoded = self.encoded(kind).ok()?;
        self.out.extend_from_slice(&[VALUE, 0, tag]);
        encoded.push(self.out);
        Some(())
    }
}

/// A length that is known to fit, or that nobody will see, since the entry around it does not.
fn short(len: usize) -> u8 {
    len.to_le_bytes()[0]
}
