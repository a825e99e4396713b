//! Hop 5, OTLP/JSON in: finds the end of a string's plain characters, eight bytes at a time.

/// How many bytes come before the first quote, backslash or control character.
#[inline]
pub(super) fn plain_run(text: &[u8]) -> usize {
    let (words, rest) = text.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let special = special_bytes(u64::from_le_bytes(*word));
        if special != 0 {
            return index * 8 + special.trailing_zeros() as usize / 8;
        }
    }
    let special = |byte: &u8| *byte < b' ' || matches!(byte, b'"' | b'\\');
    words.len() * 8 + rest.iter().position(special).unwrap_or(rest.len())
}

/// The high bit of each byte that ends a plain run. Only the lowest bit set is sure to be right: borrows run
/// upwards.
#[inline(always)]
fn special_bytes(word: u64) -> u64 {
    const EACH: u64 = u64::from_ne_bytes([1; 8]);
    // Neither the quote (0x22) nor the space (0x20) is below 0x20; with bit 1 flipped, the quote becomes 0x20
    // and the space 0x22, so that one comparison with 0x21 finds the control characters and the quote, and
    // 0x21 itself becomes 0x23.
    let flipped = word ^ (EACH * 2);
    let backslash = word ^ (EACH * b'\\' as u64);
    let controls_and_quotes = flipped.wrapping_sub(EACH * 0x21) & !flipped;
    let backslashes = backslash.wrapping_sub(EACH) & !backslash;
    (controls_and_quotes | backslashes) & EACH << 7
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_first_special_byte_among_any_others() {
        let mut rng = fastrand::Rng::with_seed(7);
        for _ in 0..100_000 {
            let common = rng.u8(..);
            let text: Vec<u8> = (0..rng.usize(..50))
                .map(|_| match rng.u32(..16) {
                    0 => [b'"', b'\\', 0x1f, b' ', 0x7f, 0x80, b'!', b'#'][rng.usize(..8)],
                    1 => rng.u8(..),
                    _ => common,
                })
                .collect();
            let found = text.iter().position(|&byte| byte < 0x20 || byte == b'"' || byte == b'\\');
            assert_eq!(plain_run(&text), found.unwrap_or(text.len()), "{text:?}");
        }
    }
}
