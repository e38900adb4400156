//! The variation of information between two segmentations.

use super::contingency::ContingencyTable;

/// The information in each of two segmentations that the other does not give, in bits; 0 when they agree.
///
/// ```text
/// VI = H(S) + H(R) − 2 I(S, R) = (Σᵢ aᵢ log₂ aᵢ + Σⱼ bⱼ log₂ bⱼ − 2 Σᵢⱼ nᵢⱼ log₂ nᵢⱼ) / N
/// ```
///
/// with aᵢ, bⱼ the sums of rows and columns and N the number of pixels.
///
/// # Units
/// Bits.
///
/// # Cost
/// One logarithm for every cell of the table that is not zero.
///
/// # Source
/// Meilă, Comparing clusterings, COLT 2003, eq. 15; the second form is ours, from the counts. The benchmark's logarithm
/// is that to base 2.
pub fn variation_of_information(table: &ContingencyTable) -> f64 {
    let weighted = |sizes: &[u64]| {
        sizes
            .iter()
            .copied()
            .map(count_times_logarithm)
            .sum::<f64>()
    };
    let shared: f64 = table
        .cells()
        .iter()
        .map(|cell| count_times_logarithm(cell.pixels))
        .sum();
    let bits = weighted(table.segment_sizes()) + weighted(table.region_sizes()) - 2.0 * shared;
    // Rounding may leave a little below zero where the two agree.
    (bits / table.pixels() as f64).max(0.0)
}

/// n log₂ n, and its limit 0 at 0.
fn count_times_logarithm(count: u64) -> f64 {
    if count == 0 {
        return 0.0;
    }
    let real = count as f64;
    real * real.log2()
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use segmentation::LabelMap;

    use super::*;

    fn information(segments: &[u32], regions: &[u32]) -> f64 {
        let map = |ids: &[u32]| LabelMap::new(ids.len(), 1, ids.to_vec()).unwrap();
        variation_of_information(&ContingencyTable::new(&map(segments), &map(regions)).unwrap())
    }

    #[test]
    fn bits_by_hand() {
        // Two halves against quarters: one bit more in the quarters, none in the halves.
        assert_eq!(information(&[1, 1, 2, 2], &[1, 2, 3, 4]), 1.0);
        // Two halves that know nothing of each other.
        assert_eq!(information(&[1, 1, 2, 2], &[1, 2, 1, 2]), 2.0);
        assert_eq!(information(&[7, 7, 1], &[0, 0, 3]), 0.0);
        assert_eq!(information(&[1], &[1]), 0.0);
    }

    #[test]
    fn is_a_metric_up_to_rounding() {
        let mut random = rand_pcg::Pcg64::seed_from_u64(4);
        let mut ids = |count| {
            (0..200)
                .map(|_| random.random_range(0..count))
                .collect::<Vec<u32>>()
        };
        for _ in 0..20 {
            let (a, b, c) = (ids(6), ids(3), ids(4));
            assert!((information(&a, &b) - information(&b, &a)).abs() < 1e-13);
            assert!(information(&a, &c) <= information(&a, &b) + information(&b, &c) + 1e-13);
        }
    }
}
