//! Hop 5, OTLP/JSON in: numbers, exact to the last of their 64 bits and in linear time whatever their length.

use crate::steps;

/// A whole number of up to 64 bits with its sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Integer {
    negative: bool,
    magnitude: u64,
}

impl Integer {
    /// A number without sign.
    #[inline]
    pub(super) fn positive(magnitude: u64) -> Self {
        Self { negative: false, magnitude }
    }

    pub(super) fn to_u64(self) -> Option<u64> {
        (!self.negative || self.magnitude == 0).then_some(self.magnitude)
    }

    pub(super) fn to_i64(self) -> Option<i64> {
        if self.negative {
            0_i64.checked_sub_unsigned(self.magnitude)
        } else {
            self.magnitude.try_into().ok()
        }
    }

    pub(super) fn to_u32(self) -> Option<u32> {
        self.to_u64()?.try_into().ok()
    }

    pub(super) fn to_i32(self) -> Option<i32> {
        self.to_i64()?.try_into().ok()
    }
}

/// Whether a number stands in quotes. There, zeros may lead: writers pad, and the predecessors read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Bare,
    Quoted,
}

/// Whether `text` is a number by RFC 8259 section 6.
pub(super) fn is_json_number(text: &[u8]) -> bool {
    Decimal::split(text, Form::Bare).is_some()
}

/// The whole number that `text` writes, also as `10.0` or `1.5e18`; `None` if it is no whole number or has
/// over 64 bits.
#[inline]
pub(super) fn integer(text: &[u8], form: Form) -> Option<Integer> {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    match plain_digits(digits) {
        Some(magnitude) if form == Form::Quoted || digits[0] != b'0' || digits.len() == 1 => {
            Some(Integer { negative, magnitude })
        }
        _ => Decimal::split(text, form)?.to_integer(),
    }
}

/// The nearest double to the number that `text` writes; `None` if it is none or its magnitude is too large
/// for one.
#[inline]
pub(super) fn double(text: &[u8], form: Form) -> Option<f64> {
    if form == Form::Quoted {
        match text {
            b"NaN" => return Some(f64::NAN),
            b"Infinity" => return Some(f64::INFINITY),
            b"-Infinity" => return Some(f64::NEG_INFINITY),
            _ => {}
        }
    }
    let decimal = Decimal::split(text, form)?;
    if decimal.exponent.abs() > Decimal::EXPONENT_OF_STD_MAX {
        return decimal.to_extreme_double();
    }
    let value: f64 = std::str::from_utf8(text).ok()?.parse().ok()?;
    value.is_finite().then_some(value)
}

/// The digits that `text` begins with, one to nineteen of them: their value, if it is below 2^63, and how
/// many they are.
#[inline]
pub(super) fn leading_digits(text: &[u8]) -> Option<(u64, usize)> {
    let mut value = 0_u64;
    let mut len = 0;
    while len <= 8
        && let Some(word) = text[len..].first_chunk()
        && let Some(digits) = eight_digits(*word)
    {
        value = value * 100_000_000 + digits;
        len += 8;
    }
    for digit in &text[len..] {
        let Some(digit) = digit_value(*digit) else { break };
        if len == 19 {
            return None;
        }
        value = value * 10 + u64::from(digit);
        len += 1;
    }
    (len > 0 && value < 1 << 63).then_some((value, len))
}

/// One to nineteen digits and nothing else, which always fit 64 bits, or twenty that do.
#[inline]
fn plain_digits(digits: &[u8]) -> Option<u64> {
    if let [digits @ .., last] = digits
        && digits.len() == 19
    {
        return plain_digits(digits)?.checked_mul(10)?.checked_add(digit_value(*last)?.into());
    }
    if digits.is_empty() || digits.len() > 19 {
        return None;
    }
    let (words, rest) = digits.as_chunks::<8>();
    let mut value = 0;
    for word in words {
        value = value * 100_000_000 + eight_digits(*word)?;
    }
    for digit in rest {
        value = value * 10 + u64::from(digit_value(*digit)?);
    }
    Some(value)
}

#[inline]
fn digit_value(digit: u8) -> Option<u8> {
    let value = digit.wrapping_sub(b'0');
    (value < 10).then_some(value)
}

/// Eight digits at once: pairs, then fours, then all, each step one multiplication for all lanes.
#[inline]
fn eight_digits(digits: [u8; 8]) -> Option<u64> {
    const HIGH_BITS: u64 = 0x8080_8080_8080_8080;
    let digits = u64::from_le_bytes(digits).wrapping_sub(0x3030_3030_3030_3030);
    // A byte that was below '0' or above '9' has its high bit set, before or after adding 0x76.
    if (digits | digits.wrapping_add(0x7676_7676_7676_7676)) & HIGH_BITS != 0 {
        return None;
    }
    let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8);
    let low = (pairs & 0x0000_00ff_0000_00ff).wrapping_mul(0x000f_4240_0000_0064);
    let high = (pairs >> 16 & 0x0000_00ff_0000_00ff).wrapping_mul(0x0000_2710_0000_0001);
    Some(low.wrapping_add(high) >> 32)
}

/// A number's text, taken apart and checked.
struct Decimal<'a> {
    negative: bool,
    whole: &'a [u8],
    fraction: &'a [u8],
    /// Held at a value that no sum with a text's length can bring near to zero or over the edge.
    exponent: i64,
}

impl<'a> Decimal<'a> {
    const EXPONENT_MAX: i64 = i64::MAX / 4;
    /// The standard library's parser drops the last digits of longer exponents.
    const EXPONENT_OF_STD_MAX: i64 = 65_535;

    #[inline]
    fn split(text: &'a [u8], form: Form) -> Option<Self> {
        let (negative, rest) = match text {
            [b'-', rest @ ..] => (true, rest),
            rest => (false, rest),
        };
        let (whole, rest) = digits(rest);
        if whole.is_empty() || form == Form::Bare && whole.len() > 1 && whole[0] == b'0' {
            return None;
        }
        let (fraction, rest) = match rest {
            [b'.', rest @ ..] => match digits(rest) {
                ([], _) => return None,
                found => found,
            },
            rest => (&rest[..0], rest),
        };
        let (exponent, rest) = match rest {
            [b'e' | b'E', rest @ ..] => exponent(rest)?,
            rest => (0, rest),
        };
        rest.is_empty().then_some(Self { negative, whole, fraction, exponent })
    }

    /// The double of a number whose exponent alone is beyond all doubles: zero, none, or, where ten thousands
    /// of digits bring it back into their range, none either.
    #[cold]
    fn to_extreme_double(&self) -> Option<f64> {
        const MAGNITUDE_OF_LEAST: i64 = -324;
        let first = self.whole.iter().chain(self.fraction).position(|digit| *digit != b'0');
        let is_zero = match first {
            None => true,
            Some(first) => {
                let point = i64::try_from(self.whole.len()).ok()? - i64::try_from(first).ok()?;
                point.saturating_add(self.exponent) < MAGNITUDE_OF_LEAST
            }
        };
        is_zero.then_some(if self.negative { -0.0 } else { 0.0 })
    }

    /// Looks at the significant digits only, so that neither a huge exponent nor a run of zeros costs more
    /// than reading it.
    fn to_integer(&self) -> Option<Integer> {
        const DIGITS_MAX: i64 = 20;
        let digits = || self.whole.iter().chain(self.fraction);
        steps::over(self.whole.len() + self.fraction.len());
        let Some(first) = digits().position(|digit| *digit != b'0') else {
            return Some(Integer { negative: self.negative, magnitude: 0 });
        };
        let zeros_behind = digits().rev().take_while(|digit| **digit == b'0').count();
        let significant = self.whole.len() + self.fraction.len() - first - zeros_behind;
        let scale =
            i64::try_from(zeros_behind).ok()? - i64::try_from(self.fraction.len()).ok()? + self.exponent;
        if scale < 0 || i64::try_from(significant).ok()?.checked_add(scale)? > DIGITS_MAX {
            return None;
        }
        let magnitude = digits()
            .skip(first)
            .take(significant)
            .try_fold(0_u64, |value, digit| value.checked_mul(10)?.checked_add(u64::from(digit - b'0')))?;
        let magnitude = magnitude.checked_mul(10_u64.checked_pow(scale.try_into().ok()?)?)?;
        Some(Integer { negative: self.negative, magnitude })
    }
}

/// The digits that `text` starts with, and the rest.
#[inline]
fn digits(text: &[u8]) -> (&[u8], &[u8]) {
    let len = text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    steps::over(len);
    text.split_at(len)
}

fn exponent(text: &[u8]) -> Option<(i64, &[u8])> {
    let (negative, text) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    let (digits, rest) = digits(text);
    if digits.is_empty() {
        return None;
    }
    let value = digits.iter().fold(0_i64, |value, digit| {
        value.saturating_mul(10).saturating_add(i64::from(digit - b'0')).min(Decimal::EXPONENT_MAX)
    });
    Some((if negative { -value } else { value }, rest))
}
