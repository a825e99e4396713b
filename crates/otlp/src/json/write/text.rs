//! JSON strings, hex and base64 (hop 6, "shape").

use crate::simd::{Cursor, escape_of};

/// Writes the inside of a JSON string that is known to be UTF-8, byte by byte: one near the end of the request.
#[cold]
pub(super) fn escaped(pen: &mut Cursor<'_>, text: &[u8]) -> Option<()> {
    for byte in text {
        if *byte < 0x20 || matches!(byte, b'"' | b'\\') {
            let (escape, len) = escape_of(*byte);
            pen.padded(&escape, len)?;
        } else {
            pen.padded(&[*byte], 1)?;
        }
    }
    Some(())
}

/// Writes `bytes` as a string of hex digits, in lower case, and a comma.
#[inline(always)]
pub(super) fn hex(pen: &mut Cursor<'_>, bytes: &[u8]) -> Option<()> {
    if let Ok(id) = <&[u8; 16]>::try_from(bytes) {
        return hex_id::<16>(pen, id);
    }
    if let Ok(id) = <&[u8; 8]>::try_from(bytes) {
        return hex_id::<8>(pen, id);
    }
    long_hex(pen, bytes)
}

#[inline(always)]
fn hex_id<const N: usize>(pen: &mut Cursor<'_>, id: &[u8; N]) -> Option<()> {
    // A trace id's digits, quotes and comma.
    let mut slot = pen.slot::<{ 2 * 16 + 3 }>()?;
    let text = slot.bytes();
    // In this form it compiles to vector instructions.
    let (high, low) = (id.map(|byte| hex_digit(byte >> 4)), id.map(|byte| hex_digit(byte & 15)));
    text[0] = b'"';
    for at in 0..N {
        text[1 + 2 * at] = high[at];
        text[2 + 2 * at] = low[at];
    }
    text[1 + 2 * N] = b'"';
    text[2 + 2 * N] = b',';
    slot.keep(2 * N + 3);
    Some(())
}

#[cold]
#[inline(never)]
fn long_hex(pen: &mut Cursor<'_>, bytes: &[u8]) -> Option<()> {
    pen.copy(b"\"")?;
    for byte in bytes {
        pen.copy(&hex_digits(*byte))?;
    }
    pen.copy(b"\",")
}

fn hex_digits(byte: u8) -> [u8; 2] {
    [hex_digit(byte >> 4), hex_digit(byte & 15)]
}

#[inline(always)]
fn hex_digit(nibble: u8) -> u8 {
    nibble + b'0' + if nibble > 9 { b'a' - b'0' - 10 } else { 0 }
}

/// Writes `bytes` as a string of padded base64 (RFC 4648 section 4) and a comma.
#[inline(always)]
pub(super) fn base64(pen: &mut Cursor<'_>, bytes: &[u8]) -> Option<()> {
    if let Ok(id) = <&[u8; 16]>::try_from(bytes) {
        return base64_of_16(pen, id);
    }
    if let Ok(id) = <&[u8; 8]>::try_from(bytes) {
        return base64_of_8(pen, id);
    }
    long_base64(pen, bytes)
}

/// Both digits of 12 bits.
static PAIRS: [[u8; 2]; 1 << 12] = {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut pairs = [[0; 2]; 1 << 12];
    let mut at = 0;
    while at < pairs.len() {
        pairs[at] = [alphabet[at >> 6], alphabet[at & 63]];
        at += 1;
    }
    pairs
};

/// The digits of the 12 bits that end `shift` bits above the lowest.
#[inline(always)]
fn pair(bits: u64, shift: u32) -> [u8; 2] {
    let [low, high, ..] = (bits >> shift).to_le_bytes();
    PAIRS[usize::from(u16::from_le_bytes([low, high & 0xf]))]
}

#[inline(always)]
fn base64_of_16(pen: &mut Cursor<'_>, id: &[u8; 16]) -> Option<()> {
    let all = u128::from_be_bytes(*id);
    let [first, last] =
        [all >> 64, all & u128::from(u64::MAX)].map(|half| u64::try_from(half).unwrap_or_default());
    let mut slot = pen.slot::<27>()?;
    let text = slot.bytes();
    text[0] = b'"';
    let mut put = |at: usize, digits: [u8; 2]| [text[1 + at], text[2 + at]] = digits;
    put(0, pair(first, 52));
    put(2, pair(first, 40));
    put(4, pair(first, 28));
    put(6, pair(first, 16));
    put(8, pair(first, 4));
    put(10, pair(first << 8 | last >> 56, 0));
    put(12, pair(last, 44));
    put(14, pair(last, 32));
    put(16, pair(last, 20));
    put(18, pair(last, 8));
    put(20, pair(last << 4, 0));
    put(22, *b"==");
    put(24, *b"\",");
    slot.keep(27);
    Some(())
}

#[inline(always)]
fn base64_of_8(pen: &mut Cursor<'_>, id: &[u8; 8]) -> Option<()> {
    let bits = u64::from_be_bytes(*id);
    let mut slot = pen.slot::<15>()?;
    let text = slot.bytes();
    text[0] = b'"';
    let mut put = |at: usize, digits: [u8; 2]| [text[1 + at], text[2 + at]] = digits;
    put(0, pair(bits, 52));
    put(2, pair(bits, 40));
    put(4, pair(bits, 28));
    put(6, pair(bits, 16));
    put(8, pair(bits, 4));
    put(10, [pair(bits << 8, 0)[0], b'=']);
    put(12, *b"\",");
    slot.keep(15);
    Some(())
}

#[inline(never)]
fn long_base64(pen: &mut Cursor<'_>, bytes: &[u8]) -> Option<()> {
    // Pieces without padding inside, through a buffer of their text.
    const PIECE: usize = 48;
    pen.copy(b"\"")?;
    for piece in bytes.chunks(PIECE) {
        let mut slot = pen.slot::<{ PIECE / 3 * 4 }>()?;
        let out = base64_simd::Out::from_slice(slot.bytes());
        let len = base64_simd::STANDARD.encode(piece, out).len();
        slot.keep(len);
    }
    pen.copy(b"\",")
}
