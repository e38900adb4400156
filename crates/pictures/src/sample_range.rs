//! Samples of 16 bits that fill fewer: the data of sensors and microscopes with 10, 12 or 14 bits.

/// Depths that are looked for where the file does not say one.
const DEPTHS: [u32; 4] = [8, 10, 12, 14];

/// The bits that samples with this largest value fill; none where that is all 16, or nothing is seen.
///
/// ```text
/// said by the file    b, where the largest value is below 2ᵇ: otherwise the samples are scaled already
/// not said            the least of 8, 10, 12, 14 with a largest value below 2ᵇ
/// ```
pub fn significant_bits(largest: u16, said: Option<u32>) -> Option<u32> {
    let fits = |bits: u32| u32::from(largest) < 1 << bits;
    match said {
        _ if largest == 0 => None,
        Some(bits) => (1..16)
            .contains(&bits)
            .then_some(bits)
            .filter(|bits| fits(*bits)),
        None => DEPTHS.into_iter().find(|bits| fits(*bits)),
    }
}

/// Brings samples of so many bits to 16.
pub fn stretch(samples: &mut [u16], bits: u32) {
    let most = (1_u32 << bits) - 1;
    for sample in samples {
        *sample = ((u32::from(*sample).min(most) * 65_535 + most / 2) / most) as u16;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_depth_that_holds_the_largest_value() {
        for (largest, said, bits) in [
            (4095, None, Some(12)),
            (4096, None, Some(14)),
            (1023, None, Some(10)),
            (255, None, Some(8)),
            (1, None, Some(8)),
            (16_384, None, None),
            (65_535, None, None),
            (0, None, None),
            // Scaled already, as the PNG specification asks.
            (65_520, Some(12), None),
            (3000, Some(12), Some(12)),
            (900, Some(12), Some(12)),
            // Dark on purpose.
            (900, Some(16), None),
            (900, Some(0), None),
        ] {
            assert_eq!(significant_bits(largest, said), bits, "{largest}, {said:?}");
        }
    }

    #[test]
    fn both_ends_are_reached() {
        let mut samples = [0, 1, 2048, 4095, 5000];
        stretch(&mut samples, 12);
        assert_eq!(samples, [0, 16, 32776, 65_535, 65_535]);
        let mut bytes: Vec<u16> = (0..256).collect();
        stretch(&mut bytes, 8);
        assert!(
            bytes
                .iter()
                .enumerate()
                .all(|(value, found)| value as u16 * 257 == *found)
        );
    }
}
