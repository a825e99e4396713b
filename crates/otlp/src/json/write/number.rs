//! Numbers as the protobuf JSON mapping writes them: 64-bit integers as strings, doubles always
//! recognisable as such (hop 6, "shape").
//!
//! Each goes into a slot that is large enough for any, and says how many bytes of it count.

/// Room for any number with quotes, a comma and what is written behind its digits at once.
pub(super) type Slot = [u8; 32];

/// Integers of doubles below this are written without the general algorithm, which has the same digits for them.
const WHOLE_MAX: f64 = 1e15;

/// A 64-bit unsigned integer, as a string, and a comma.
#[inline(always)]
pub(super) fn quoted_u64(slot: &mut Slot, value: u64) -> usize {
    slot[0] = b'"';
    let at = digits(slot, 1, value);
    put(slot, at, *b"\",")
}

/// A 64-bit signed integer, as a string, and a comma.
#[inline(always)]
pub(super) fn quoted_i64(slot: &mut Slot, value: i64) -> usize {
    slot[0] = b'"';
    let at = signed_digits(slot, 1, value);
    put(slot, at, *b"\",")
}

/// A 32-bit unsigned integer and a comma.
#[inline(always)]
pub(super) fn number_u32(slot: &mut Slot, value: u32) -> usize {
    let at = digits(slot, 0, u64::from(value));
    put(slot, at, *b",")
}

/// A 32-bit signed integer and a comma.
#[inline(always)]
pub(super) fn number_i32(slot: &mut Slot, value: i32) -> usize {
    let at = signed_digits(slot, 0, i64::from(value));
    put(slot, at, *b",")
}

/// A double and a comma: the shortest digits that read back to the same value, with a fraction or an exponent, so
/// that typed readers don't take `1.0` for an integer.
#[inline(always)]
pub(super) fn double(slot: &mut Slot, value: f64) -> usize {
    #[expect(clippy::cast_possible_truncation, reason = "saturates, and what was cut off is compared")]
    let whole = value as i64;
    #[expect(clippy::cast_precision_loss, reason = "below 2^53 there is none")]
    let is_whole = whole as f64 == value && whole != 0 && value.abs() < WHOLE_MAX;
    if is_whole {
        let at = signed_digits(slot, 0, whole);
        return put(slot, at, *b".0,");
    }
    fraction(slot, value)
}

#[inline(never)]
fn fraction(slot: &mut Slot, value: f64) -> usize {
    let mut buffer = zmij::Buffer::new();
    let text = if value.is_finite() {
        buffer.format_finite(value)
    } else if value.is_nan() {
        "\"NaN\""
    } else if value > 0.0 {
        "\"Infinity\""
    } else {
        "\"-Infinity\""
    };
    let text = text.as_bytes();
    // In two moves that overlap: a copy of unknown length is a call.
    match (text.first_chunk::<16>(), text.last_chunk::<16>()) {
        (Some(first), Some(last)) => {
            put(slot, 0, *first);
            put(slot, text.len() - 16, *last);
        }
        _ => match (text.first_chunk::<8>(), text.last_chunk::<8>()) {
            (Some(first), Some(last)) => {
                put(slot, 0, *first);
                put(slot, text.len() - 8, *last);
            }
            _ => match (text.first_chunk::<4>(), text.last_chunk::<4>()) {
                (Some(first), Some(last)) => {
                    put(slot, 0, *first);
                    put(slot, text.len() - 4, *last);
                }
                _ => slot.iter_mut().zip(text).for_each(|(place, byte)| *place = *byte),
            },
        },
    }
    put(slot, text.len(), *b",")
}

#[inline(always)]
fn signed_digits(slot: &mut Slot, at: usize, value: i64) -> usize {
    if value < 0 {
        put(slot, at, *b"-");
        return digits(slot, at + 1, value.unsigned_abs());
    }
    digits(slot, at, value.unsigned_abs())
}

/// Writes the digits of any number at `at`; gives where they end.
#[inline(always)]
fn digits(slot: &mut Slot, at: usize, value: u64) -> usize {
    const EIGHT: u64 = 100_000_000;
    const SIXTEEN: u64 = EIGHT * EIGHT;
    if value < 10 {
        return put(slot, at, [b'0' + value.to_le_bytes()[0]]);
    }
    if value < EIGHT {
        return first_digits(slot, at, value);
    }
    let high = value / EIGHT;
    if value < SIXTEEN {
        let at = first_digits(slot, at, high);
        return put(slot, at, eight_digits(value % EIGHT).to_le_bytes());
    }
    // Times in nanoseconds, all of them.
    let at = first_digits(slot, at, high / EIGHT);
    put(slot, at, eight_digits(high % EIGHT).to_le_bytes());
    put(slot, at + 8, eight_digits(value % EIGHT).to_le_bytes())
}

/// Writes the digits of a number below 10^8, and not 0, without zeros before them.
#[inline(always)]
fn first_digits(slot: &mut Slot, at: usize, value: u64) -> usize {
    let digits = eight_digits(value);
    let zeros = (digits & 0x0f0f_0f0f_0f0f_0f0f).trailing_zeros() / 8;
    put(slot, at, (digits >> (zeros * 8)).to_le_bytes());
    at + 8 - zeros as usize
}

/// The digits of a number below 10^8, the first one lowest, by divisions of several parts of a word at once.
#[inline(always)]
fn eight_digits(value: u64) -> u64 {
    let fours = (value / 10_000) | ((value % 10_000) << 32);
    let hundreds = ((fours * 10_486) >> 20) & 0x0000_007f_0000_007f;
    let pairs = hundreds | ((fours - hundreds * 100) << 16);
    let tens = ((pairs * 103) >> 10) & 0x000f_000f_000f_000f;
    let digits = tens | ((pairs - tens * 10) << 8);
    digits | 0x3030_3030_3030_3030
}

/// Writes `bytes` at `at`, which leaves room for them; gives where they end.
#[inline(always)]
fn put<const N: usize>(slot: &mut Slot, at: usize, bytes: [u8; N]) -> usize {
    if let Some(place) = slot.get_mut(at..).and_then(|rest| rest.first_chunk_mut::<N>()) {
        *place = bytes;
    }
    at + N
}

#[cfg(test)]
mod tests {
    use fastrand::Rng;

    use super::*;

    fn text(write: impl FnOnce(&mut Slot) -> usize) -> String {
        let mut slot = [0; _];
        let len = write(&mut slot);
        String::from_utf8(slot[..len].to_vec()).unwrap()
    }

    fn assert_integer(value: u64) {
        assert_eq!(text(|slot| quoted_u64(slot, value)), format!("\"{value}\","));
        let signed = value.cast_signed();
        assert_eq!(text(|slot| quoted_i64(slot, signed)), format!("\"{signed}\","));
        let half = u32::try_from(value & 0xffff_ffff).unwrap();
        assert_eq!(text(|slot| number_u32(slot, half)), format!("{half},"));
        let signed = half.cast_signed();
        assert_eq!(text(|slot| number_i32(slot, signed)), format!("{signed},"));
    }

    #[test]
    fn integers_of_every_length() {
        for value in 0..20_000 {
            assert_integer(value);
        }
        for power in 0..20 {
            let power = 10_u64.pow(power);
            for value in [power - 1, power, power + 1, power.wrapping_mul(9), power.wrapping_neg()] {
                assert_integer(value);
            }
        }
        let mut rng = Rng::with_seed(1);
        for _ in 0..200_000 {
            assert_integer(rng.u64(..) >> rng.u32(0..64));
        }
    }

    #[test]
    fn doubles_have_the_digits_of_the_general_algorithm() {
        let check = |value: f64| {
            let found = text(|slot| double(slot, value));
            assert_eq!(found, format!("{},", zmij::Buffer::new().format_finite(value)), "{value:e}");
            assert_eq!(found.trim_end_matches(',').parse::<f64>().unwrap().to_bits(), value.to_bits());
        };
        let mut rng = Rng::with_seed(2);
        for value in (0..54).flat_map(|shift| [-1, 0, 1].map(|by| ((1_i64 << shift) + by) as f64)) {
            check(value);
            check(-value);
        }
        for exponent in 0..20 {
            check(10_f64.powi(exponent));
            check(10_f64.powi(exponent) - 1.0);
        }
        for _ in 0..200_000 {
            let bits = f64::from_bits(rng.u64(..));
            if bits.is_finite() {
                check(bits);
            }
            check(f64::from(rng.i32(..)) / 100.0);
        }
        check(0.0);
        check(-0.0);
        assert_eq!(text(|slot| double(slot, f64::NAN)), "\"NaN\",");
        assert_eq!(text(|slot| double(slot, f64::INFINITY)), "\"Infinity\",");
        assert_eq!(text(|slot| double(slot, f64::NEG_INFINITY)), "\"-Infinity\",");
    }
}
