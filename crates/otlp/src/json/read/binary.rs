//! Hop 5, OTLP/JSON in: bytes that JSON writes as text, ids in hex and everything else in base64 (RFC 4648).

use super::lexer::Quoted;

/// Appends the bytes that an even number of hex digits of any case write; false if it is something else.
#[inline]
pub(super) fn push_hex(text: &Quoted<'_>, out: &mut Vec<u8>) -> bool {
    if text.escaped {
        return push_hex_digits(text.unescaped(), out);
    }
    let (blocks, rest) = text.raw.as_chunks();
    for block in blocks {
        let Some(bytes) = eight_bytes(block) else { return false };
        out.extend_from_slice(&bytes);
    }
    rest.is_empty() || push_hex_digits(rest.iter().copied(), out)
}

/// The eight bytes that sixteen hex digits write. Loops of a form that compiles to vector instructions.
#[inline]
fn eight_bytes(digits: &[u8; 16]) -> Option<[u8; 8]> {
    let (mut bad, mut values) = ([0; 16], [0; 16]);
    for at in 0..16 {
        let digit = digits[at];
        let known = (digit.wrapping_sub(b'0') < 10) | ((digit | 0x20).wrapping_sub(b'a') < 6);
        bad[at] = u8::from(!known);
        // Letters of both cases have bit 6 set, and end in 1 to 6.
        values[at] = (digit & 0xf) + 9 * (digit >> 6 & 1);
    }
    if u128::from_ne_bytes(bad) != 0 {
        return None;
    }
    let (halves, _) = values.as_chunks();
    let [low, high] = [four_bytes(halves[0]), four_bytes(halves[1])];
    Some((u64::from(high) << 32 | u64::from(low)).to_le_bytes())
}

/// Joins neighbours: eight digits to four bytes, to two pairs of them, to all.
#[inline]
fn four_bytes(digits: [u8; 8]) -> u32 {
    let digits = u64::from_le_bytes(digits);
    let bytes = (digits << 4 | digits >> 8) & 0x00ff_00ff_00ff_00ff;
    let pairs = (bytes | bytes >> 8) & 0x0000_ffff_0000_ffff;
    let [a, b, c, d, ..] = (pairs | pairs >> 16).to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}

#[inline(never)]
fn push_hex_digits(mut digits: impl Iterator<Item = u8>, out: &mut Vec<u8>) -> bool {
    while let Some(high) = digits.next() {
        let low = digits.next().map_or(NOT_HEX, |low| HEX[usize::from(low)]);
        let high = HEX[usize::from(high)];
        if (high | low) > 0xf {
            return false;
        }
        out.push(high << 4 | low);
    }
    true
}

/// Whether `text` is a profile id as the Collector writes it: 32 hex digits. The specification has base64
/// there, in which 16 bytes take 22 or 24 characters, so that the two can't be mistaken for one another.
pub(super) fn is_hex_profile_id(text: &Quoted<'_>) -> bool {
    const DIGITS: usize = 32;
    let mut digits = 0;
    text.unescaped().take(DIGITS + 1).all(|byte| {
        digits += 1;
        byte.is_ascii_hexdigit()
    }) && digits == DIGITS
}

/// Appends the bytes that base64 writes, in the standard or the URL alphabet, padded or not; false if it is
/// something else.
pub(super) fn push_base64(text: &Quoted<'_>, out: &mut Vec<u8>) -> bool {
    if text.escaped {
        return push_base64_digits(text.unescaped(), out);
    }
    let start = out.len();
    if base64_simd::STANDARD.decode_append(text.raw, out).is_ok() {
        return true;
    }
    // Unpadded, the other alphabet, bits left over in the last digit: rarer than to need speed.
    out.truncate(start);
    push_base64_digits(text.raw.iter().copied(), out)
}

fn push_base64_digits(digits: impl Iterator<Item = u8>, out: &mut Vec<u8>) -> bool {
    let (mut standard, mut url) = (false, false);
    let (mut bits, mut count, mut padding) = (0_u32, 0_usize, 0_usize);
    for digit in digits {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' | b'/' => {
                standard = true;
                if digit == b'+' { 62 } else { 63 }
            }
            b'-' | b'_' => {
                url = true;
                if digit == b'-' { 62 } else { 63 }
            }
            b'=' => {
                padding += 1;
                continue;
            }
            _ => return false,
        };
        if padding > 0 {
            return false;
        }
        bits = bits << 6 | u32::from(value);
        count += 1;
        if count.is_multiple_of(4) {
            out.extend_from_slice(&bits.to_be_bytes()[1..]);
        }
    }
    let bytes_left = match count % 4 {
        0 => 0,
        2 => 1,
        3 => 2,
        _ => return false,
    };
    let bits_left = bits << (6 * (4 - count % 4) % 24);
    out.extend_from_slice(&bits_left.to_be_bytes()[1..1 + bytes_left]);
    !(standard && url) && (padding == 0 || bytes_left > 0 && padding == 3 - bytes_left)
}

const NOT_HEX: u8 = 0xff;

/// The value of each hex digit.
static HEX: [u8; 256] = {
    let mut values = [NOT_HEX; 256];
    let mut value = 0;
    while value < 16 {
        let digit = b"0123456789abcdef"[value as usize];
        values[digit as usize] = value;
        values[digit.to_ascii_uppercase() as usize] = value;
        value += 1;
    }
    values
};
