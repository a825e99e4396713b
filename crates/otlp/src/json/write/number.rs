//! Numbers as the protobuf JSON mapping writes them: 64-bit integers as strings, doubles always
//! recognisable as such (hop 6, "shape").

use super::output::Pen;

/// From here to `NINETEEN_MAX` an integer has 19 digits: times in nanoseconds since 2001.
const NINETEEN_MIN: u64 = 1_000_000_000_000_000_000;
const NINETEEN_MAX: u64 = 9_999_999_999_999_999_999;

impl Pen<'_> {
    /// A 64-bit unsigned integer, as a string, and a comma.
    #[inline(always)]
    pub(super) fn quoted_u64(&mut self, value: u64) {
        if value < 10 {
            self.put(&[b'"', b'0' + value.to_le_bytes()[0], b'"', b',']);
        } else if (NINETEEN_MIN..=NINETEEN_MAX).contains(&value) {
            self.put(&nineteen_digits(value));
        } else {
            self.put(b"\"");
            self.put_slice(itoa::Buffer::new().format(value).as_bytes());
            self.put(b"\",");
        }
    }

    /// A 64-bit signed integer, as a string, and a comma.
    #[inline(always)]
    pub(super) fn quoted_i64(&mut self, value: i64) {
        if let Ok(value) = u64::try_from(value) {
            self.quoted_u64(value);
        } else {
            self.put(b"\"");
            self.put_slice(itoa::Buffer::new().format(value).as_bytes());
            self.put(b"\",");
        }
    }

    /// A 32-bit unsigned integer and a comma.
    #[inline(always)]
    pub(super) fn number_u32(&mut self, value: u32) {
        if value < 10 {
            self.put(&[b'0' + value.to_le_bytes()[0], b',']);
        } else {
            self.put_slice(itoa::Buffer::new().format(value).as_bytes());
            self.put(b",");
        }
    }

    /// A 32-bit signed integer and a comma.
    #[inline(always)]
    pub(super) fn number_i32(&mut self, value: i32) {
        if let Ok(value) = u32::try_from(value) {
            self.number_u32(value);
        } else {
            self.put_slice(itoa::Buffer::new().format(value).as_bytes());
            self.put(b",");
        }
    }

    /// A double and a comma: the shortest digits that read back to the same value, with a
    /// fraction or an exponent, so that typed readers don't take `1.0` for an integer.
    #[inline(always)]
    pub(super) fn double(&mut self, value: f64) {
        if value.is_finite() {
            self.put_slice(zmij::Buffer::new().format_finite(value).as_bytes());
            self.put(b",");
        } else if value.is_nan() {
            self.put(b"\"NaN\",");
        } else if value > 0.0 {
            self.put(b"\"Infinity\",");
        } else {
            self.put(b"\"-Infinity\",");
        }
    }
}

/// `"ddddddddddddddddddd",`
#[inline(always)]
fn nineteen_digits(value: u64) -> [u8; 22] {
    let (high, low) = (value / 10_000_000_000_000_000, value % 10_000_000_000_000_000);
    let [_, _, _, _, _, a, b, c] = eight_digits(high);
    let mut text = [b'"', a, b, c, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, b'"', b','];
    text[4..12].copy_from_slice(&eight_digits(low / 100_000_000));
    text[12..20].copy_from_slice(&eight_digits(low % 100_000_000));
    text
}

/// The digits of a number below 10^8, by three divisions of several parts of a word at once.
#[inline(always)]
fn eight_digits(value: u64) -> [u8; 8] {
    let fours = (value / 10_000) | ((value % 10_000) << 32);
    let hundreds = ((fours * 10_486) >> 20) & 0x0000_007f_0000_007f;
    let pairs = hundreds | ((fours - hundreds * 100) << 16);
    let tens = ((pairs * 103) >> 10) & 0x000f_000f_000f_000f;
    let digits = tens | ((pairs - tens * 10) << 8);
    (digits | 0x3030_3030_3030_3030).to_le_bytes()
}
