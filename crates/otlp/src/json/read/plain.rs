//! Hop 5, OTLP/JSON in: finds the end of a string's plain characters, sixteen bytes at a time.

/// How many bytes come before the first quote, backslash or control character.
#[inline]
pub(super) fn plain_run(text: &[u8]) -> usize {
    let (blocks, rest) = text.as_chunks::<16>();
    for (index, block) in blocks.iter().enumerate() {
        if let Some(at) = first_special(*block) {
            return index * 16 + at;
        }
    }
    let plain = rest.iter().position(|&byte| is_special(byte)).unwrap_or(rest.len());
    blocks.len() * 16 + plain
}

#[inline(always)]
fn is_special(byte: u8) -> bool {
    (byte < b' ') | (byte == b'"') | (byte == b'\\')
}

/// Where the first byte of a block is that ends a plain run. The compiler makes a handful of vector instructions of it.
#[inline(always)]
fn first_special(block: [u8; 16]) -> Option<usize> {
    let special = block.map(|byte| if is_special(byte) { 0xff } else { 0 });
    let (halves, _) = special.as_chunks::<8>();
    let [low, high] = [u64::from_le_bytes(halves[0]), u64::from_le_bytes(halves[1])];
    if low != 0 {
        return Some(low.trailing_zeros() as usize / 8);
    }
    (high != 0).then(|| 8 + high.trailing_zeros() as usize / 8)
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
