//! Hop 5, OTLP/JSON in: finds the end of a string's plain characters, sixteen bytes at a time.

use crate::steps;

/// Bytes looked at together: one vector register of every 64-bit target.
pub(super) const BLOCK: usize = 16;

/// How many bytes come before the first quote, backslash or control character.
#[inline]
pub(super) fn plain_run(text: &[u8]) -> usize {
    let mut len = 0;
    while let Some(block) = text[len..].first_chunk() {
        steps::one();
        let plain = plain_in(block);
        len += plain;
        if plain < BLOCK {
            return len;
        }
    }
    len + plain_tail(&text[len..])
}

/// How many bytes of the block come before the first special one.
///
/// Written so that it compiles to vector instructions, without one that is not on every processor.
#[inline(always)]
pub(super) fn plain_in(block: &[u8; BLOCK]) -> usize {
    let mut hits = [0; BLOCK];
    for at in 0..BLOCK {
        let special = (block[at] < b' ') | (block[at] == b'"') | (block[at] == b'\\');
        hits[at] = u8::from(special).wrapping_neg();
    }
    match u128::from_le_bytes(hits) {
        0 => BLOCK,
        hits => hits.trailing_zeros() as usize / 8,
    }
}

/// [`plain_run`] for less than a block.
#[inline(never)]
pub(super) fn plain_tail(tail: &[u8]) -> usize {
    steps::one();
    tail.iter().position(|byte| !is_plain(*byte)).unwrap_or(tail.len())
}

/// Whether a byte of a string stands for itself and does not end it.
#[inline(always)]
pub(super) fn is_plain(byte: u8) -> bool {
    byte >= b' ' && !matches!(byte, b'"' | b'\\')
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
