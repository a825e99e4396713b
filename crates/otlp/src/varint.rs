//! Base-128 varints (Protocol Buffers, "Encoding", "Base 128 Varints"), read and written.

use crate::error::MalformedKind;
use crate::steps;

/// Most bytes of a varint of 64 bits.
pub(crate) const LEN_MAX: usize = 10;

/// Takes a varint off the front of `rest`, which is left at the fault when there is one.
///
/// As in prost, longer forms than needed are accepted, more than 64 bits or 10 bytes are not.
#[inline(always)]
pub(crate) fn take(rest: &mut &[u8]) -> Result<u64, MalformedKind> {
    steps::one();
    match **rest {
        [first, ref tail @ ..] if first < 0x80 => {
            *rest = tail;
            Ok(u64::from(first))
        }
        [first, second, ref tail @ ..] if second < 0x80 => {
            *rest = tail;
            Ok(u64::from(first & 0x7f) | u64::from(second) << 7)
        }
        _ => take_long(rest),
    }
}

#[inline(never)]
fn take_long(rest: &mut &[u8]) -> Result<u64, MalformedKind> {
    let mut value = 0u64;
    // In an array of known length, behind which no byte is looked at: a padding of 0 would end the varint too late.
    let mut bytes = [0; LEN_MAX];
    let whole = rest.first_chunk::<LEN_MAX>();
    let (bytes, len) = match whole {
        Some(bytes) => (bytes, LEN_MAX),
        None => {
            bytes[..rest.len()].copy_from_slice(rest);
            (&bytes, rest.len())
        }
    };
    for (at, &byte) in bytes.iter().enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * at);
        if byte < 0x80 {
            if at == LEN_MAX - 1 && byte > 1 {
                return Err(MalformedKind::Varint);
            }
            let Some(behind) = rest.get(at + 1..).filter(|_| at < len) else { break };
            *rest = behind;
            return Ok(value);
        }
    }
    Err(if rest.len() < LEN_MAX { MalformedKind::Truncated } else { MalformedKind::Varint })
}

/// Appends `value` in its shortest form.
#[inline]
pub(crate) fn put(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}

/// Fills `out`, which has the length of the shortest form of `value`, with that form.
#[inline]
pub(crate) fn write(out: &mut [u8], mut value: u64) {
    let Some((last, longer)) = out.split_last_mut() else { return };
    for byte in longer {
        *byte = value.to_le_bytes()[0] | 0x80;
        value >>= 7;
    }
    *last = value.to_le_bytes()[0];
}

/// Bytes of the shortest form of `value`.
#[inline]
pub(crate) const fn len(value: u64) -> usize {
    // ceil(bits / 7), and one byte for zero.
    let bits = 64 - (value | 1).leading_zeros();
    bits.div_ceil(7) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes() {
        for shift in 0..64 {
            for value in [1u64 << shift, (1u64 << shift) - 1, (1u64 << shift) | 1, u64::MAX >> shift] {
                let mut out = Vec::new();
                put(&mut out, value);
                assert_eq!(out.len(), len(value), "{value}");
                let mut written = vec![0; out.len()];
                write(&mut written, value);
                assert_eq!(written, out);
                let mut rest = &out[..];
                assert_eq!(take(&mut rest), Ok(value));
                assert!(rest.is_empty());
            }
        }
    }

    #[test]
    fn accepts_long_forms_and_refuses_overflow() {
        let read = |mut bytes: &[u8]| take(&mut bytes);
        assert_eq!(read(&[0x80, 0x80, 0x00]), Ok(0));
        assert_eq!(read(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]), Ok(u64::MAX));
        assert_eq!(
            read(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02]),
            Err(MalformedKind::Varint)
        );
        assert_eq!(read(&[0x80; 11]), Err(MalformedKind::Varint));
        assert_eq!(read(&[0x80; 9]), Err(MalformedKind::Truncated));
        assert_eq!(read(&[]), Err(MalformedKind::Truncated));
    }
}
