//! The Rand index; averaged over annotators, the probabilistic Rand index.

use super::contingency::ContingencyTable;

/// The share of pixel pairs on which two segmentations agree: together in both, or apart in both.
///
/// ```text
/// RI = 1 − (½ Σᵢ aᵢ² + ½ Σⱼ bⱼ² − Σᵢⱼ nᵢⱼ²) / (N (N − 1) / 2)        aᵢ, bⱼ: sums of rows, columns; N: pixels
/// ```
///
/// # Conventions
/// A single pixel makes no pair: its index is 1.
///
/// # Cost
/// O(cells of the table that are not zero); whole numbers up to the last division.
///
/// # Source
/// Unnikrishnan, Pantofaru, Hebert, TPAMI 29(6), 2007, with every pair weighted alike: so the mean over annotators is
/// their probabilistic Rand index.
pub fn rand_index(table: &ContingencyTable) -> f64 {
    let pixels = u128::from(table.pixels());
    if pixels < 2 {
        return 1.0;
    }
    let squares = |sizes: &[u64]| {
        sizes
            .iter()
            .map(|size| u128::from(*size).pow(2))
            .sum::<u128>()
    };
    let shared: u128 = table
        .cells()
        .iter()
        .map(|cell| u128::from(cell.pixels).pow(2))
        .sum();
    // Twice the number of pairs that are together in one and apart in the other; never negative.
    let disagreeing = squares(table.segment_sizes()) + squares(table.region_sizes()) - 2 * shared;
    1.0 - disagreeing as f64 / (pixels * (pixels - 1)) as f64
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use segmentation::LabelMap;

    use super::*;

    fn index(segments: &[u32], regions: &[u32]) -> f64 {
        let map = |ids: &[u32]| LabelMap::new(ids.len(), 1, ids.to_vec()).unwrap();
        rand_index(&ContingencyTable::new(&map(segments), &map(regions)).unwrap())
    }

    #[test]
    fn pairs_by_hand() {
        // Of six pairs, {0,1} is together in both; {0,3} and {1,3} are apart in both; three differ.
        assert_eq!(index(&[1, 1, 2, 2], &[1, 1, 1, 2]), 0.5);
        assert_eq!(index(&[1, 1, 1], &[1, 2, 3]), 0.0);
        assert_eq!(index(&[3, 3, 8], &[1, 1, 0]), 1.0);
        assert_eq!(index(&[1], &[5]), 1.0);
    }

    #[test]
    fn is_the_count_over_all_pairs() {
        let mut random = rand_pcg::Pcg64::seed_from_u64(8);
        let mut ids = |count| {
            (0..40)
                .map(|_| random.random_range(0..count))
                .collect::<Vec<u32>>()
        };
        let (a, b) = (ids(5), ids(3));
        let pairs = (0..40).flat_map(|p| (0..p).map(move |q| (p, q)));
        let agreeing = pairs
            .filter(|(p, q)| (a[*p] == a[*q]) == (b[*p] == b[*q]))
            .count();
        assert!((index(&a, &b) - agreeing as f64 / 780.0).abs() < 1e-15);
        assert_eq!(index(&a, &b), index(&b, &a));
    }
}
