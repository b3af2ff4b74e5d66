//! The partition a JVM producer chooses for a key.
//!
//! Our own topics are partitioned by [`bus::partition_of`]. A topic that producers of other
//! languages write into is partitioned by them; who must know where a key of theirs is asks here.

/// The partition of a key in a topic of `partitions`, as the JVM's producer chooses it.
///
/// Source: `org.apache.kafka.common.utils.Utils.murmur2` and `toPositive`, which are the public
/// domain MurmurHash2 with a fixed seed.
///
/// ```
/// assert_eq!(bus_kafka::jvm_partition(b"21", 16), 12);
/// ```
#[must_use]
pub fn jvm_partition(key: &[u8], partitions: u16) -> u16 {
    let positive = murmur2(key) & 0x7fff_ffff;
    (positive % u32::from(partitions.max(1))) as u16
}

fn murmur2(key: &[u8]) -> u32 {
    const M: u32 = 0x5bd1_e995;
    let mut hash = 0x9747_b28c ^ key.len() as u32;
    let (words, rest) = key.as_chunks::<4>();
    for word in words {
        let mut mixed = u32::from_le_bytes(*word).wrapping_mul(M);
        mixed ^= mixed >> 24;
        hash = hash.wrapping_mul(M) ^ mixed.wrapping_mul(M);
    }
    if !rest.is_empty() {
        for (at, byte) in rest.iter().enumerate() {
            hash ^= u32::from(*byte) << (8 * at);
        }
        hash = hash.wrapping_mul(M);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(M);
    hash ^ hash >> 15
}

#[cfg(test)]
mod tests {
    use super::murmur2;

    /// From Kafka's own tests of its hash.
    #[test]
    fn the_hash_is_the_one_that_jvm_producers_use() {
        let known: [(&str, i32); 6] = [
            ("21", -973_932_308),
            ("foobar", -790_332_482),
            ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
            ("abc", 479_470_107),
        ];
        for (key, hash) in known {
            assert_eq!(murmur2(key.as_bytes()) as i32, hash, "{key}");
        }
    }
}
