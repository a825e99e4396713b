//! Hop 7: the partition that a key stands for, the same one that Java's clients choose.

const SEED: u32 = 0x9747_b28c;
const M: u32 = 0x5bd1_e995;
const R: u32 = 24;

/// `Utils.murmur2` of Java's clients: MurmurHash2, with their seed and their order of the last bytes.
fn murmur2(key: &[u8]) -> i32 {
    let length = u32::try_from(key.len()).unwrap_or(u32::MAX);
    let (words, rest) = key.as_chunks::<4>();
    let mut hash = SEED ^ length;
    for word in words {
        let mut k = u32::from_le_bytes(*word).wrapping_mul(M);
        k ^= k >> R;
        hash = hash.wrapping_mul(M) ^ k.wrapping_mul(M);
    }
    if !rest.is_empty() {
        let tail = rest.iter().rev().fold(0, |tail, byte| tail << 8 | u32::from(*byte));
        hash = (hash ^ tail).wrapping_mul(M);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(M);
    (hash ^ hash >> 15).cast_signed()
}

/// `BuiltInPartitioner.partitionForKey` of Java's clients. A topic of no partitions has number 0, which no broker takes.
#[must_use]
pub fn partition_of(key: &[u8], partitions: u32) -> i32 {
    let positive = (murmur2(key) & i32::MAX).cast_unsigned();
    let partition = positive.checked_rem(partitions).unwrap_or(0);
    // Below 2^31, as it is at most the positive hash.
    partition.cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `org.apache.kafka.common.utils.UtilsTest.testMurmur2`.
    const OF_JAVA: [(&str, i32); 6] = [
        ("21", -973_932_308),
        ("foobar", -790_332_482),
        ("a-little-bit-long-string", -985_981_536),
        ("a-little-bit-longer-string", -1_486_304_829),
        ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
        ("abc", 479_470_107),
    ];

    #[test]
    fn hashes_are_those_of_java() {
        for (key, hash) in OF_JAVA {
            assert_eq!(murmur2(key.as_bytes()), hash, "{key}");
        }
    }

    /// `BuiltInPartitioner.partitionForKey` of Java's clients 4.3.1 over keys of every length and every byte: the
    /// partitions of 256 keys, written one after the other in base 7.
    #[test]
    fn partitions_are_those_of_java() {
        let digits: String = (0..=255_u8)
            .map(|n| {
                let key: Vec<u8> = (0..n % 13).map(|i| n.wrapping_mul(31).wrapping_add(i)).collect();
                char::from(b'0' + u8::try_from(partition_of(&key, 7)).unwrap())
            })
            .collect();
        assert_eq!(digits, include_str!("partitioner/java.txt").trim());
        for (key, hash) in OF_JAVA {
            assert_eq!(partition_of(key.as_bytes(), u32::MAX), hash & i32::MAX);
            assert_eq!(partition_of(key.as_bytes(), 1), 0);
            assert_eq!(partition_of(key.as_bytes(), 0), 0);
        }
    }
}
