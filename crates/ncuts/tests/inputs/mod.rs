//! Features, weights and segments that the tests share.

use faer::Mat;
use matbackprop_core::gradcheck::gaussian;

/// Features as a ReLU leaves them: non-negative, with zeros.
pub fn relu_features(n: usize, d: usize, seed: u64) -> Mat<f64> {
    let noise = gaussian(n, d, seed);
    Mat::from_fn(n, d, |i, j| (noise[(i, j)] + 0.5).max(0.0))
}

/// A positive definite Λ with positive entries on average.
pub fn definite_lambda(d: usize, rank: usize, seed: u64) -> Mat<f64> {
    let half = relu_features(d, rank, seed);
    &half * half.transpose()
}

/// Segment i mod k, in uneven blocks.
pub fn blocks(n: usize, k: u32) -> Vec<u32> {
    (0..n).map(|i| (i * i / n) as u32 * k / n as u32).collect()
}
