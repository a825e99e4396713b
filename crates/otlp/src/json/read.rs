//! Hop 5, OTLP/JSON in: the text becomes canonical wire bytes in one pass, without a tree.
//!
//! ```text
//! text ─► lexer ─► message (keys: name to field) ─► scalar (number, binary) ─► wire
//!                     ├─ attribute: the short way for most
//!                     └─ order: when members came out of order or twice
//! ```
//!
//! The rules are proto3's JSON mapping with the deviations of OTLP ("JSON Protobuf Encoding" in the OTLP
//! specification), and are lenient where both senders and earlier receivers are: snake_case names, enums by
//! name, whole numbers in any notation.

mod attribute;
mod lexer;
mod message;
mod scalar;

mod binary;
mod brackets;
mod keys;
mod number;
mod plain;

mod order;
mod wire;

use crate::{Counts, Limits, Malformed, MalformedKind, Signal};
use lexer::Lexer;
use message::{Habits, Reader};

/// Appends the protobuf encoding of an OTLP/JSON request to `out`; on error `out` is cut back to its former
/// length.
///
/// The encoding is the canonical one, as protobuf-java writes it: fields in the order of their numbers, defaults
/// left out, lengths as short as they can be. It is made in place: beside `out` the reader holds a few KiB, and an
/// `out` with room for the result and [`READ_SLACK_BYTES`] is not moved, except where a member comes twice and its
/// first value, which the second one replaces, is the larger one. An `out` without that room grows to at most twice
/// of what it comes to hold.
///
/// # Errors
///
/// [`Malformed`] with an offset in `json` when it is not one OTLP/JSON request of the signal, in UTF-8, or
/// holds more elements than `limits` allow.
pub fn read(signal: Signal, json: &[u8], limits: &Limits, out: &mut Vec<u8>) -> Result<Counts, Malformed> {
    let start = out.len();
    let counts = read_document(signal, json, limits, out);
    if counts.is_err() {
        out.truncate(start);
    }
    counts.map_err(|malformed| *malformed)
}

/// What the reader writes beyond its result, and takes back: blocks of text, and lengths wider than they turn out.
pub const READ_SLACK_BYTES: usize = 1024;

/// Errors are boxed on the way out: it keeps results as small as a pointer.
fn read_document(
    signal: Signal,
    json: &[u8],
    limits: &Limits,
    out: &mut Vec<u8>,
) -> Result<Counts, Box<Malformed>> {
    if simdutf8::basic::from_utf8(json).is_err() {
        return Err(not_utf8(json));
    }
    if out.capacity() - out.len() < READ_SLACK_BYTES {
        // Compact JSON is 1.8 to 2.1 times as long as the same in protobuf.
        out.reserve(json.len() / 8 * 5);
    }
    let mut reader = Reader {
        lexer: Lexer::new(json),
        out,
        counts: Counts::default(),
        elements_max: limits.elements,
        habits: Habits::new(),
        runs: Vec::new(),
    };
    reader.lexer.take_literal(BYTE_ORDER_MARK);
    reader.message(signal.root(), 0)?;
    if !reader.lexer.is_at_end() {
        return Err(reader.lexer.fault("nothing after the document"));
    }
    Ok(reader.counts)
}

const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

#[cold]
fn not_utf8(json: &[u8]) -> Box<Malformed> {
    let offset = simdutf8::compat::from_utf8(json).map_or_else(|error| error.valid_up_to(), str::len);
    Box::new(Malformed { offset, kind: MalformedKind::Utf8 })
}

/// What to answer when something else stands at `offset`.
#[cold]
fn refused(offset: usize, expected: &'static str) -> Box<Malformed> {
    Box::new(Malformed { offset, kind: MalformedKind::Json { expected } })
}

#[cfg(test)]
mod tests;
