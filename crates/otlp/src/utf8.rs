//! Checks text: a quick look for plain ASCII, which is what most telemetry is, before the full UTF-8 check.

const HIGH_BITS: u64 = 0x8080_8080_8080_8080;

/// Whether `bytes` are UTF-8.
#[inline(always)]
pub(crate) fn is_valid(bytes: &[u8]) -> bool {
    is_ascii(bytes) || is_valid_wide(bytes)
}

/// Whether all bytes are below 0x80. Reads overlap, so that there is no loop over a tail.
#[inline(always)]
pub(crate) fn is_ascii(bytes: &[u8]) -> bool {
    if let (Some(last), Some(first)) = (bytes.last_chunk::<16>(), bytes.first_chunk::<16>()) {
        let mut seen = u128::from_ne_bytes(*last) | u128::from_ne_bytes(*first);
        if bytes.len() > 32 {
            for chunk in bytes[16..].chunks_exact(16) {
                seen |= chunk.first_chunk().map_or(0, |chunk| u128::from_ne_bytes(*chunk));
            }
        }
        return seen & (u128::from(HIGH_BITS) << 64 | u128::from(HIGH_BITS)) == 0;
    }
    if let (Some(last), Some(first)) = (bytes.last_chunk::<8>(), bytes.first_chunk::<8>()) {
        return (u64::from_ne_bytes(*last) | u64::from_ne_bytes(*first)) & HIGH_BITS == 0;
    }
    if let (Some(last), Some(first)) = (bytes.last_chunk::<4>(), bytes.first_chunk::<4>()) {
        return u64::from(u32::from_ne_bytes(*last) | u32::from_ne_bytes(*first)) & HIGH_BITS == 0;
    }
    bytes.iter().fold(0, |seen, byte| seen | byte) < 0x80
}

#[inline(never)]
fn is_valid_wide(bytes: &[u8]) -> bool {
    simdutf8::basic::from_utf8(bytes).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_a_high_byte_at_every_place_of_every_length() {
        for len in 0..100 {
            let mut bytes = vec![0x7f; len];
            assert!(is_ascii(&bytes), "{len}");
            for at in 0..len {
                bytes[at] = 0x80;
                assert!(!is_ascii(&bytes), "{len} {at}");
                assert!(!is_valid(&bytes), "{len} {at}");
                bytes[at] = 0x7f;
            }
        }
    }

    #[test]
    fn knows_utf8() {
        assert!(is_valid("na\u{ef}ve \u{65e5}\u{672c} \u{1f600}".as_bytes()));
        for bad in [&b"\xc0\x80"[..], b"\xed\xa0\x80", b"\xff", b"ok then \xe2\x82"] {
            assert!(!is_valid(bad), "{bad:x?}");
        }
    }
}
