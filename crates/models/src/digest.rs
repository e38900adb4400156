//! The digest of caches, checkpoints and seeds: FNV-1a.

/// FNV-1a, 64 bits: the same on every machine.
///
/// It distinguishes caches and checkpoints, and makes seeds of names. It is no protection against an attacker: collisions
/// are easy to make. For files that others made, `experiments` takes SHA-256.
pub fn fnv_1a(bytes: impl Iterator<Item = u8>) -> u64 {
    bytes.fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
    })
}

#[cfg(test)]
mod tests {
    use super::fnv_1a;

    #[test]
    fn digests_that_were_published() {
        assert_eq!(fnv_1a("a".bytes()), 0xAF63_DC4C_8601_EC8C);
        assert_eq!(fnv_1a("foobar".bytes()), 0x8594_4171_F739_67E8);
    }
}
