//! Hop 5, OTLP/JSON in: the JSON text (RFC 8259) token by token, without copies where it holds no escapes.

use super::brackets::Brackets;
use super::plain::{BLOCK, is_plain, plain_in, plain_run, plain_tail};
use super::{number, refused};
use crate::Malformed;
use crate::schema::Text;
use crate::steps;

/// The text of one JSON document and how far it has been read.
///
/// The text has been checked to be UTF-8 as a whole before the first token is taken.
#[derive(Debug)]
pub(super) struct Lexer<'a> {
    text: &'a [u8],
    at: usize,
}

/// A place in the text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark(usize);

/// What stands between the quotes of a string, its escapes checked but not resolved.
#[derive(Clone, Copy, Debug)]
pub(super) struct Quoted<'a> {
    /// The characters as sent.
    pub(super) raw: &'a [u8],
    /// Whether there is a backslash among them.
    pub(super) escaped: bool,
}

/// A scalar that may be written with or without quotes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Scalar<'a> {
    /// A string.
    Quoted(Quoted<'a>),
    /// A run of the characters that numbers are made of, not yet checked to be a number.
    Bare(&'a [u8]),
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a [u8]) -> Self {
        Self { text, at: 0 }
    }

    /// The offset of the next byte.
    #[inline]
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// The place reached, to come back to.
    #[inline]
    pub(super) fn mark(&self) -> Mark {
        Mark(self.at)
    }

    /// Undoes what was taken since.
    #[inline]
    pub(super) fn go_back(&mut self, mark: Mark) {
        self.at = mark.0;
    }

    /// A refusal at the next byte.
    #[cold]
    pub(super) fn fault(&self, expected: &'static str) -> Box<Malformed> {
        refused(self.at, expected)
    }

    /// The next byte that is not white space, or 0 at the end (no token starts with NUL). Consumes the space
    /// only.
    #[inline(always)]
    pub(super) fn peek(&mut self) -> u8 {
        match self.text.get(self.at) {
            Some(&byte) if byte > b' ' => byte,
            _ => self.peek_behind_space(),
        }
    }

    fn peek_behind_space(&mut self) -> u8 {
        steps::one();
        while let Some(&byte) = self.text.get(self.at) {
            if !matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
                return byte;
            }
            self.at += 1;
        }
        0
    }

    /// Takes `byte` if it comes next.
    #[inline(always)]
    pub(super) fn take(&mut self, byte: u8) -> bool {
        steps::one();
        if self.peek() != byte {
            return false;
        }
        self.at += 1;
        true
    }

    /// Takes `byte`, which must come next.
    #[inline(always)]
    pub(super) fn expect(&mut self, byte: u8, expected: &'static str) -> Result<(), Box<Malformed>> {
        if self.take(byte) { Ok(()) } else { Err(self.fault(expected)) }
    }

    /// Takes `literal` if it comes next, without white space before it.
    #[inline(always)]
    pub(super) fn take_literal(&mut self, literal: &[u8]) -> bool {
        let found = self.text[self.at..].starts_with(literal);
        if found {
            self.at += literal.len();
        }
        found
    }

    /// Takes `name`, which has its quotes, and a colon if both come next; else nothing but white space.
    #[inline(always)]
    pub(super) fn take_name(&mut self, name: &[u8]) -> bool {
        if self.peek() != b'"' {
            return false;
        }
        let start = self.mark();
        let taken = self.take_literal(name) && self.take(b':');
        if !taken {
            self.go_back(start);
        }
        taken
    }

    /// Whether nothing but white space is left.
    pub(super) fn is_at_end(&mut self) -> bool {
        self.peek() == 0 && self.at == self.text.len()
    }

    /// After an element: true when a comma announces another one, false at `close`.
    #[inline(always)]
    pub(super) fn more(&mut self, close: u8, expected: &'static str) -> Result<bool, Box<Malformed>> {
        let next = self.peek();
        steps::one();
        if next == b',' {
            self.at += 1;
            return Ok(true);
        }
        if next == close {
            self.at += 1;
            return Ok(false);
        }
        Err(self.fault(expected))
    }

    /// Takes `key`, a name with its quotes and the colon, if it comes next.
    #[inline(always)]
    pub(super) fn take_key(&mut self, key: &Text<32>) -> bool {
        let Some(text) = self.text[self.at..].first_chunk() else { return false };
        if !key.begins(text) {
            return false;
        }
        self.at += key.len();
        true
    }

    /// A member's name and the colon behind it.
    #[inline]
    pub(super) fn key(&mut self) -> Result<Quoted<'a>, Box<Malformed>> {
        let key = self.string("a quoted member name")?;
        if !self.take_literal(b":") {
            self.expect(b':', "a colon after the member name")?;
        }
        Ok(key)
    }

    /// A string, left where it is.
    #[inline]
    pub(super) fn string(&mut self, expected: &'static str) -> Result<Quoted<'a>, Box<Malformed>> {
        self.expect(b'"', expected)?;
        let start = self.at;
        self.at += plain_run(&self.text[start..]);
        if self.text.get(self.at) == Some(&b'"') {
            let raw = &self.text[start..self.at];
            self.at += 1;
            return Ok(Quoted { raw, escaped: false });
        }
        self.escaped_string(start)
    }

    #[cold]
    fn escaped_string(&mut self, start: usize) -> Result<Quoted<'a>, Box<Malformed>> {
        loop {
            match self.text.get(self.at) {
                Some(b'"') => {
                    let raw = &self.text[start..self.at];
                    self.at += 1;
                    return Ok(Quoted { raw, escaped: true });
                }
                Some(b'\\') => {
                    self.escape()?;
                }
                _ => return Err(self.unfinished_string()),
            }
            self.at += plain_run(&self.text[self.at..]);
        }
    }

    /// Appends the characters of a string up to the first that is not plain, its end in most cases. The opening
    /// quote has been taken.
    ///
    /// They are copied while they are looked at, by whole blocks of which what is too much is cut off again: for
    /// names and short texts a copy of just their length would cost more than all else.
    #[inline(always)]
    pub(super) fn copy_plain(&mut self, out: &mut Vec<u8>) {
        while let Some(block) = self.text[self.at..].first_chunk::<BLOCK>() {
            let plain = plain_in(block);
            steps::one();
            out.extend_from_slice(block);
            self.at += plain;
            if plain < BLOCK {
                out.truncate(out.len() - BLOCK + plain);
                return;
            }
        }
        let tail = &self.text[self.at..];
        let plain = plain_tail(tail);
        out.extend_from_slice(&tail[..plain]);
        self.at += plain;
    }

    /// Whether the closing quote of a string comes next, which is taken.
    #[inline(always)]
    pub(super) fn close_string(&mut self) -> bool {
        if self.text.get(self.at) == Some(&b'"') {
            self.at += 1;
            return true;
        }
        false
    }

    /// Appends the rest of a string that [`Lexer::copy_plain`] did not find the end of, its escapes resolved.
    #[inline(never)]
    pub(super) fn unescape_rest(&mut self, out: &mut Vec<u8>) -> Result<(), Box<Malformed>> {
        loop {
            match self.text.get(self.at..) {
                Some([b'"', ..]) => {
                    self.at += 1;
                    return Ok(());
                }
                Some([b'\\', letter, ..]) if SHORT_ESCAPES[usize::from(*letter)] != 0 => {
                    out.push(SHORT_ESCAPES[usize::from(*letter)]);
                    self.at += 2;
                }
                Some([b'\\', ..]) => push_char(out, self.escape()?),
                _ => return Err(self.unfinished_string()),
            }
            if !self.copy_short_run(out) {
                self.copy_plain(out);
            }
        }
    }

    /// Appends the few plain characters that stand between two escapes of text that is full of them, byte by byte:
    /// twice as fast there as whole blocks. `false` if there are more than a few.
    #[inline(always)]
    fn copy_short_run(&mut self, out: &mut Vec<u8>) -> bool {
        const FEW: usize = 6;
        steps::one();
        for _ in 0..FEW {
            match self.text.get(self.at) {
                Some(&byte) if is_plain(byte) => out.push(byte),
                _ => return true,
            }
            self.at += 1;
        }
        false
    }

    #[cold]
    fn unfinished_string(&self) -> Box<Malformed> {
        if self.at < self.text.len() {
            self.fault("an escape in place of a control character")
        } else {
            self.fault("the closing quote of a string")
        }
    }

    /// One escape sequence (RFC 8259 section 7), from its backslash on.
    fn escape(&mut self) -> Result<char, Box<Malformed>> {
        match self.text.get(self.at + 1) {
            Some(b'u') => self.unicode_escape(),
            Some(&letter) if SHORT_ESCAPES[usize::from(letter)] != 0 => {
                self.at += 2;
                Ok(char::from(SHORT_ESCAPES[usize::from(letter)]))
            }
            _ => Err(self.fault("an escape that JSON knows")),
        }
    }

    fn unicode_escape(&mut self) -> Result<char, Box<Malformed>> {
        const UNIT_LEN: usize = 6;
        let Some(first) = self.utf16_unit(self.at) else {
            return Err(self.fault("four hex digits after \\u"));
        };
        let (code_point, len) = match first {
            0xd800..=0xdbff => match self.utf16_unit(self.at + UNIT_LEN) {
                Some(second @ 0xdc00..=0xdfff) => {
                    (0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00), 2 * UNIT_LEN)
                }
                _ => return Err(self.fault("a low surrogate after the high one")),
            },
            _ => (first, UNIT_LEN),
        };
        let Some(resolved) = char::from_u32(code_point) else {
            return Err(self.fault("a high surrogate before the low one"));
        };
        self.at += len;
        Ok(resolved)
    }

    /// The UTF-16 code unit written as `\uXXXX` at `at`.
    fn utf16_unit(&self, at: usize) -> Option<u32> {
        let digits = self.text.get(at..at + 6)?.strip_prefix(b"\\u")?;
        digits.iter().try_fold(0, |unit, &digit| Some(unit << 4 | char::from(digit).to_digit(16)?))
    }

    /// A string, or a run of number characters.
    #[inline]
    pub(super) fn scalar(&mut self, expected: &'static str) -> Result<Scalar<'a>, Box<Malformed>> {
        if self.peek() == b'"' {
            return Ok(Scalar::Quoted(self.string(expected)?));
        }
        let bare = self.bare();
        if bare.is_empty() { Err(self.fault(expected)) } else { Ok(Scalar::Bare(bare)) }
    }

    /// A whole number below 2^63 that is written as most are, with or without quotes; `None` if something
    /// else comes next, and nothing has happened then.
    #[inline]
    pub(super) fn short_integer(&mut self) -> Option<u64> {
        let quoted = self.peek() == b'"';
        let text = if quoted { &self.text[self.at + 1..] } else { &self.text[self.at..] };
        let (value, len) = number::leading_digits(text)?;
        let end = text.get(len).copied();
        if quoted {
            if end != Some(b'"') {
                return None;
            }
            self.at += len + 2;
        } else {
            let leads_with_zero = text[0] == b'0' && len > 1;
            if leads_with_zero || end.is_some_and(is_number_byte) {
                return None;
            }
            self.at += len;
        }
        Some(value)
    }

    #[inline]
    fn bare(&mut self) -> &'a [u8] {
        let rest = &self.text[self.at..];
        let len = rest.iter().position(|byte| !is_number_byte(*byte)).unwrap_or(rest.len());
        self.at += len;
        steps::over(len);
        &rest[..len]
    }

    /// Takes one value of any kind and of any size, in constant memory and without recursion.
    pub(super) fn skip_value(&mut self) -> Result<(), Box<Malformed>> {
        let mut open = Brackets::default();
        loop {
            let started = match self.peek() {
                b'{' => self.open(&mut open, true)?,
                b'[' => self.open(&mut open, false)?,
                _ => {
                    self.skip_scalar()?;
                    false
                }
            };
            if started {
                continue;
            }
            loop {
                let Some(in_object) = open.innermost() else { return Ok(()) };
                let close = if in_object { b'}' } else { b']' };
                if self.more(close, "a comma or a closing bracket")? {
                    if in_object {
                        self.key()?;
                    }
                    break;
                }
                open.pop();
            }
        }
    }

    /// Takes an opening bracket; true when a value follows, false when the bracket closed at once.
    fn open(&mut self, open: &mut Brackets, object: bool) -> Result<bool, Box<Malformed>> {
        if open.depth == Brackets::DEPTH_MAX {
            return Err(self.fault("brackets nested less deeply"));
        }
        self.at += 1;
        if self.take(if object { b'}' } else { b']' }) {
            return Ok(false);
        }
        open.push(object);
        if object {
            self.key()?;
        }
        Ok(true)
    }

    fn skip_scalar(&mut self) -> Result<(), Box<Malformed>> {
        if self.take_literal(b"null") || self.take_literal(b"true") || self.take_literal(b"false") {
            return Ok(());
        }
        let start = self.at;
        if let Scalar::Bare(bare) = self.scalar("a value")?
            && !number::is_json_number(bare)
        {
            return Err(refused(start, "a number"));
        }
        Ok(())
    }
}

impl Quoted<'_> {
    /// The bytes that the string stands for, one by one.
    pub(super) fn unescaped(&self) -> impl Iterator<Item = u8> + '_ {
        let mut lexer = Lexer::new(self.raw);
        let mut pending = [0; 4];
        let mut left = 0..0;
        std::iter::from_fn(move || {
            if left.is_empty() {
                let &byte = lexer.text.get(lexer.at)?;
                if byte != b'\\' {
                    lexer.at += 1;
                    return Some(byte);
                }
                // The escapes were checked when the string was taken.
                left = 0..lexer.escape().ok()?.encode_utf8(&mut pending).len();
            }
            left.next().map(|index| pending[index])
        })
    }

    /// The text with its escapes resolved, in `room` if it has any; `None` if it doesn't fit there.
    pub(super) fn resolve<'r>(&'r self, room: &'r mut [u8]) -> Option<&'r [u8]> {
        if !self.escaped {
            return Some(self.raw);
        }
        let mut len = 0;
        for byte in self.unescaped() {
            *room.get_mut(len)? = byte;
            len += 1;
        }
        Some(&room[..len])
    }
}

fn push_char(out: &mut Vec<u8>, char: char) {
    out.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
}

/// What a backslash and one letter stand for, by the letter; 0 for those that JSON does not have.
static SHORT_ESCAPES: [u8; 256] = {
    let mut table = [0; 256];
    let pairs = *b"\"\"\\\\//b\x08f\x0cn\nr\rt\t";
    let mut at = 0;
    while at < pairs.len() {
        table[pairs[at] as usize] = pairs[at + 1];
        at += 2;
    }
    table
};

#[inline]
fn is_number_byte(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E')
}
