//! Values for tests.

use rand::{RngExt, SeedableRng};

/// `n` seeded values in (−1, 1).
pub(crate) fn random_values(n: usize, seed: u64) -> Vec<f32> {
    let mut random = rand_pcg::Pcg64Mcg::seed_from_u64(seed);
    (0..n).map(|_| random.random_range(-1.0..1.0)).collect()
}
