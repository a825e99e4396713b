//! Hop 5: checks a request's wire bytes exactly as prost would, and counts, without decoding anything.
//!
//! Every tag, wire type, length, varint, text and depth is looked at; no value is kept. What it accepts, prost
//! accepts, and the other way round; the tests hold the two against each other.

mod ops;
#[cfg(test)]
mod tests;

use crate::error::{DEPTH_MAX, Malformed, MalformedKind};
use crate::schema::{Field, Kind, MessageId, Role, wire_type};
use crate::{Signal, steps, utf8, varint};
use ops::{OPS, Op};

/// What a request may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most items, span events, span links and exemplars together. Attributes don't count.
    pub elements: u64,
}

/// What a request holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Spans, data points, log records or profiles: what a partial success counts.
    pub items: u64,
    /// Items, span events, span links and exemplars together.
    pub elements: u64,
}

/// Checks a request and counts what is in it, in one pass and linear time, without allocating.
///
/// # Errors
///
/// [`Malformed`] where prost would refuse to decode the bytes as the signal's request, and when there are more
/// elements than `limits` allow.
pub fn scan(signal: Signal, wire: &[u8], limits: &Limits) -> Result<Counts, Malformed> {
    let mut scan = Scan::new(limits);
    match scan.message(signal.root(), wire, DEPTH_MAX) {
        Ok(()) => Ok(scan.counts),
        Err(fault) => Err(fault.in_request(wire)),
    }
}

/// The counting half of a scan; `json::write` counts and refuses with it as well.
pub(crate) struct Scan {
    counts: Counts,
    elements_max: u64,
}

/// A fault, by its address; the offset is worked out once, at the end.
pub(crate) struct Fault {
    at: usize,
    kind: MalformedKind,
}

impl Fault {
    /// The fault, by its place in the request that it was found in.
    pub(crate) fn in_request(self, wire: &[u8]) -> Malformed {
        Malformed { offset: self.at - wire.as_ptr().addr(), kind: self.kind }
    }
}

pub(crate) type Checked<T = ()> = Result<T, Fault>;

impl Scan {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self { counts: Counts::default(), elements_max: limits.elements }
    }

    /// What was counted so far.
    pub(crate) fn counts(&self) -> Counts {
        self.counts
    }

    /// `below` is how many messages may still lie inside this one.
    fn message(&mut self, id: MessageId, mut rest: &[u8], below: u32) -> Checked {
        let ops = &OPS[id as usize];
        while let [tag, after @ ..] = rest {
            let start = rest;
            steps::one();
            match ops[usize::from(*tag)] {
                Op::Varint => {
                    rest = after;
                    take_varint(&mut rest)?;
                }
                Op::I64 => rest = skip::<8>(after)?,
                Op::I32 => rest = skip::<4>(after)?,
                Op::Bytes => {
                    rest = after;
                    take_run(&mut rest)?;
                }
                Op::Str => {
                    rest = after;
                    check_text(take_run(&mut rest)?)?;
                }
                Op::KeyValue => rest = self.attributes(*tag, rest, below)?,
                Op::Message(sub) => {
                    rest = after;
                    self.child(sub, Role::Uncounted, &mut rest, below, start)?;
                }
                Op::Element(sub) => {
                    rest = after;
                    self.child(sub, Role::Element, &mut rest, below, start)?;
                }
                Op::Item(sub) => {
                    rest = after;
                    self.child(sub, Role::Item, &mut rest, below, start)?;
                }
                Op::PackedI64 => {
                    rest = after;
                    check_packed_fixed(take_run(&mut rest)?, 8)?;
                }
                Op::PackedVarint => {
                    rest = after;
                    check_packed_varint(take_run(&mut rest)?)?;
                }
                Op::Other => rest = self.other(id, rest, below)?,
            }
        }
        Ok(())
    }

    /// Attributes come in runs: takes all that have this tag.
    #[inline(always)]
    fn attributes<'a>(&mut self, tag: u8, mut rest: &'a [u8], below: u32) -> Checked<&'a [u8]> {
        while let [next, after @ ..] = rest
            && *next == tag
        {
            let start = rest;
            rest = after;
            steps::one();
            let entry = take_run(&mut rest)?;
            self.key_value(entry, below, start)?;
        }
        Ok(rest)
    }

    /// A field of any shape, tag included; gives what is behind it.
    fn other<'a>(&mut self, id: MessageId, start: &'a [u8], below: u32) -> Checked<&'a [u8]> {
        let mut rest = start;
        let (number, wire) = take_tag(&mut rest)?;
        let Some(field) = id.message().field(number) else {
            skip_unknown(number, wire, &mut rest, below, start)?;
            return Ok(rest);
        };
        if wire == field.kind.wire_type() {
            self.value(field, &mut rest, below, start)?;
        } else if wire == wire_type::LEN && field.is_packable() {
            check_packed(field.kind, take_run(&mut rest)?)?;
        } else {
            return Err(fault(start, MalformedKind::WireType));
        }
        Ok(rest)
    }

    /// One value of a known field, which has the field's own wire type.
    fn value(&mut self, field: &Field, rest: &mut &[u8], below: u32, start: &[u8]) -> Checked {
        match field.kind {
            Kind::Str => check_text(take_run(rest)?)?,
            Kind::Id | Kind::ProfileId | Kind::Bytes => {
                take_run(rest)?;
            }
            Kind::Message(sub) => self.child(sub, field.role, rest, below, start)?,
            Kind::Fixed64 | Kind::Sfixed64 | Kind::Double => *rest = skip::<8>(rest)?,
            Kind::Fixed32 => *rest = skip::<4>(rest)?,
            Kind::Enum(_)
            | Kind::Bool
            | Kind::Int32
            | Kind::Int64
            | Kind::Uint32
            | Kind::Uint64
            | Kind::Sint32 => {
                take_varint(rest)?;
            }
        }
        Ok(())
    }

    /// A message inside another one: its length and its body.
    #[inline(always)]
    fn child(&mut self, id: MessageId, role: Role, rest: &mut &[u8], below: u32, start: &[u8]) -> Checked {
        let body = take_run(rest)?;
        self.count(role, start)?;
        self.message(id, body, deeper(below, start)?)
    }

    #[inline(always)]
    pub(crate) fn count(&mut self, role: Role, start: &[u8]) -> Checked {
        match role {
            Role::Uncounted => return Ok(()),
            Role::Element => {}
            Role::Item => self.counts.items += 1,
        }
        self.counts.elements += 1;
        if self.counts.elements > self.elements_max {
            return Err(fault(start, MalformedKind::TooManyElements { max: self.elements_max }));
        }
        Ok(())
    }

    /// An attribute. Nearly all are a key and one plain value, both short: those are checked without the tables.
    #[inline(always)]
    fn key_value(&mut self, entry: &[u8], below: u32, start: &[u8]) -> Checked {
        // Two levels: the KeyValue and its AnyValue.
        if below >= 2 && is_plain_attribute(entry) {
            return Ok(());
        }
        self.message(MessageId::KeyValue, entry, deeper(below, start)?)
    }
}

/// Whether an entry is `key` and `value` in this order, each below 128 bytes, the value one valid scalar or text.
/// `false` says nothing about other shapes.
#[inline(always)]
fn is_plain_attribute(entry: &[u8]) -> bool {
    const KEY: u8 = 1 << 3 | wire_type::LEN;
    const VALUE: u8 = 2 << 3 | wire_type::LEN;
    const STRING: u8 = 1 << 3 | wire_type::LEN;
    const BOOL: u8 = 2 << 3 | wire_type::VARINT;
    const INT: u8 = 3 << 3 | wire_type::VARINT;
    const DOUBLE: u8 = 4 << 3 | wire_type::I64;

    let [KEY, key_len, rest @ ..] = entry else { return false };
    let Some((key, rest)) = rest.split_at_checked(usize::from(*key_len)) else { return false };
    // Lengths of 128 and more show as too long for what is there, or else as a byte that is no tag.
    let [VALUE, value_len, value @ ..] = rest else { return false };
    if *key_len >= 0x80 || *value_len >= 0x80 || value.len() != usize::from(*value_len) {
        return false;
    }
    match value {
        [STRING, len, text @ ..] if text.len() == usize::from(*len) => {
            if utf8::is_ascii(key) & utf8::is_ascii(text) {
                return true;
            }
            utf8::is_valid(key) && utf8::is_valid(text)
        }
        [INT | BOOL, number @ ..] => {
            let mut rest = number;
            varint::take(&mut rest).is_ok() && rest.is_empty() && utf8::is_valid(key)
        }
        [DOUBLE, number @ ..] => number.len() == 8 && utf8::is_valid(key),
        _ => false,
    }
}

/// A field that OTLP does not know: any shape that is well formed in itself. Groups lie inside each other as
/// messages do, which bounds the recursion; prost asks for a free level even where there is no group.
pub(crate) fn skip_unknown(number: u64, wire: u8, rest: &mut &[u8], below: u32, start: &[u8]) -> Checked {
    let below = deeper(below, start)?;
    match wire {
        wire_type::VARINT => {
            take_varint(rest)?;
        }
        wire_type::I64 => *rest = skip::<8>(rest)?,
        wire_type::I32 => *rest = skip::<4>(rest)?,
        wire_type::LEN => {
            take_run(rest)?;
        }
        wire_type::SGROUP => loop {
            let start = *rest;
            let (inner, wire) = take_tag(rest)?;
            if wire != wire_type::EGROUP {
                skip_unknown(inner, wire, rest, below, start)?;
            } else if inner == number {
                break;
            } else {
                return Err(fault(start, MalformedKind::Group));
            }
        },
        _ => return Err(fault(start, MalformedKind::Group)),
    }
    Ok(())
}

/// The values of a packed field: whole ones, and nothing else.
fn check_packed(kind: Kind, run: &[u8]) -> Checked {
    match kind.wire_type() {
        wire_type::I64 => check_packed_fixed(run, 8),
        wire_type::I32 => check_packed_fixed(run, 4),
        _ => check_packed_varint(run),
    }
}

#[inline(always)]
fn check_packed_fixed(run: &[u8], width: usize) -> Checked {
    let left = run.len() % width;
    if left == 0 { Ok(()) } else { Err(fault(&run[run.len() - left..], MalformedKind::Truncated)) }
}

#[inline(always)]
fn check_packed_varint(mut run: &[u8]) -> Checked {
    while !run.is_empty() {
        take_varint(&mut run)?;
    }
    Ok(())
}

#[inline(always)]
fn check_text(text: &[u8]) -> Checked {
    steps::over(text.len());
    if utf8::is_valid(text) { Ok(()) } else { Err(fault(text, MalformedKind::Utf8)) }
}

#[inline(always)]
pub(crate) fn take_tag(rest: &mut &[u8]) -> Checked<(u64, u8)> {
    let start = *rest;
    let tag = take_varint(rest)?;
    let (number, wire) = (tag >> 3, tag.to_le_bytes()[0] & 7);
    if number == 0 || tag > u64::from(u32::MAX) || wire > wire_type::I32 {
        return Err(fault(start, MalformedKind::Tag));
    }
    Ok((number, wire))
}

#[inline(always)]
pub(crate) fn take_varint(rest: &mut &[u8]) -> Checked<u64> {
    varint::take(rest).map_err(|kind| fault(rest, kind))
}

/// A length, and as many bytes.
#[inline(always)]
pub(crate) fn take_run<'a>(rest: &mut &'a [u8]) -> Checked<&'a [u8]> {
    let start = *rest;
    let len = take_varint(rest)?;
    let run = usize::try_from(len).ok().and_then(|len| rest.split_at_checked(len));
    let Some((run, after)) = run else { return Err(fault(start, MalformedKind::Truncated)) };
    *rest = after;
    Ok(run)
}

#[inline(always)]
fn skip<const N: usize>(rest: &[u8]) -> Checked<&[u8]> {
    rest.get(N..).ok_or_else(|| fault(rest, MalformedKind::Truncated))
}

/// One level down.
#[inline(always)]
pub(crate) fn deeper(below: u32, start: &[u8]) -> Checked<u32> {
    below.checked_sub(1).ok_or_else(|| fault(start, MalformedKind::TooDeep))
}

#[cold]
#[inline(never)]
pub(crate) fn fault(at: &[u8], kind: MalformedKind) -> Fault {
    Fault { at: at.as_ptr().addr(), kind }
}
