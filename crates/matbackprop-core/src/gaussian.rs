//! Independent standard normal numbers, the same for the same seed on every machine.

use faer::Mat;

/// Independent standard normal entries; the same numbers for the same seed on every machine.
///
/// # Source
/// Box, Muller, "A note on the generation of random normal deviates", Annals of Mathematical Statistics 29, 1958, on
/// O'Neill's generator PCG XSL RR 128/64 (MCG), seeded as the crates `rand_pcg` and `rand_core` do: the numbers are theirs.
///
/// # Example
/// ```
/// let a = matbackprop_core::gradcheck::gaussian(3, 2, 7);
/// assert_eq!(a, matbackprop_core::gradcheck::gaussian(3, 2, 7));
/// ```
pub fn gaussian(rows: usize, columns: usize, seed: u64) -> Mat<f64> {
    let mut random = Pcg64Mcg::new(seed);
    let mut a = Mat::zeros(rows, columns);
    for j in 0..columns {
        for i in 0..rows {
            // 1 − u lies in (0, 1].
            let radius = (-2.0 * (1.0 - random.uniform()).ln()).sqrt();
            a[(i, j)] = radius * (std::f64::consts::TAU * random.uniform()).cos();
        }
    }
    a
}

/// A multiplicative congruential generator with a permuted output: twenty lines in place of a dependency, since the rules
/// themselves need a few such numbers.
struct Pcg64Mcg {
    /// Odd.
    state: u128,
}

impl Pcg64Mcg {
    /// The state as four outputs of PCG32, the first one lowest.
    fn new(mut seed: u64) -> Self {
        let mut state = 0;
        for word in 0..4 {
            seed = seed
                .wrapping_mul(0x5851_f42d_4c95_7f2d)
                .wrapping_add(0xa176_54e4_6fbe_17f3);
            let shifted = (((seed >> 18) ^ seed) >> 27) as u32;
            let output = shifted.rotate_right((seed >> 59) as u32);
            state |= u128::from(output) << (32 * word);
        }
        Self { state: state | 1 }
    }

    fn next(&mut self) -> u64 {
        const MULTIPLIER: u128 = 0x2360_ed05_1fc6_5da4_4385_df64_9fcc_f645;
        self.state = self.state.wrapping_mul(MULTIPLIER);
        let folded = (self.state >> 64) as u64 ^ self.state as u64;
        folded.rotate_right((self.state >> 122) as u32)
    }

    /// A multiple of 2⁻⁵³ in [0, 1).
    fn uniform(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng};

    #[test]
    fn numbers_are_those_of_the_crates_that_define_them() {
        for seed in [0, 1, 11, 0x9e37_79b9_7f4a_7c15, u64::MAX] {
            let mut ours = Pcg64Mcg::new(seed);
            let mut theirs = rand_pcg::Pcg64Mcg::seed_from_u64(seed);
            for _ in 0..1000 {
                assert_eq!(ours.uniform().to_bits(), theirs.random::<f64>().to_bits());
            }
        }
    }

    #[test]
    fn mean_zero_and_variance_one() {
        let a = gaussian(200, 50, 1);
        let n = 10_000.0;
        let mean = a.col_iter().map(|c| c.sum()).sum::<f64>() / n;
        let square = a.squared_norm_l2() / n;
        // Four standard errors: 0.01 for the mean, 0.014 for the variance.
        assert!(
            mean.abs() < 0.04 && (square - 1.0).abs() < 0.06,
            "{mean} {square}"
        );
        assert_ne!(gaussian(2, 2, 1), gaussian(2, 2, 2));
    }
}
