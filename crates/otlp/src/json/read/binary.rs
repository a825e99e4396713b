//! Hop 5, OTLP/JSON in: bytes that JSON writes as text, ids in hex and everything else in base64 (RFC 4648).

use super::lexer::Quoted;

/// Appends the bytes that an even number of hex digits of any case write; false if it is something else.
#[inline]
pub(super) fn push_hex(text: &Quoted<'_>, out: &mut Vec<u8>) -> bool {
    if text.escaped {
        return push_hex_digits(text.unescaped(), out);
    }
    let (pairs, rest) = text.raw.as_chunks::<2>();
    let start = out.len();
    out.resize(start + pairs.len(), 0);
    let mut seen = 0;
    for (byte, [high, low]) in out[start..].iter_mut().zip(pairs) {
        let (high, low) = (HEX[usize::from(*high)], HEX[usize::from(*low)]);
        seen |= high | low;
        *byte = high << 4 | low & 0xf;
    }
    rest.is_empty() && seen <= 0xf
}

#[cold]
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
