//! CRC-32C, the checksum of record batches, by the widest instructions that the processor has.

use crc_fast::{CrcAlgorithm, Digest};

/// The CRC-32C (RFC 3720, appendix B.4) of these pieces one behind the other.
#[must_use]
pub fn crc32c<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> u32 {
    let mut digest = Digest::new(CrcAlgorithm::Crc32Iscsi);
    pieces.into_iter().for_each(|piece| digest.update(piece));
    let [.., a, b, c, d] = digest.finalize().to_be_bytes();
    u32::from_be_bytes([a, b, c, d])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_of_every_length_have_the_checksum_of_the_whole() {
        // "123456789" is the check value of the catalogues.
        assert_eq!(crc32c([&b"123456789"[..]]), 0xe306_9283);
        let bytes: Vec<u8> = std::iter::repeat_with(|| fastrand::u8(..)).take(70_007).collect();
        for length in (0..1100).chain([4096, 16_385, 69_999]) {
            let whole = &bytes[length % 7..][..length];
            let (before, behind) = whole.split_at(length * 2 / 3);
            let expected = crc32c::crc32c(whole);
            assert_eq!((crc32c([whole]), crc32c([before, behind])), (expected, expected), "{length}");
        }
    }
}
