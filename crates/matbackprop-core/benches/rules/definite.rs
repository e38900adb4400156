//! Powers, distances and means of positive definite matrices.

use crate::positive_definite;
use divan::Bencher;
use faer::Mat;
use matbackprop_core::gradcheck::gaussian;
use matbackprop_core::{
    AffineInvariantDistance, KarcherMean, LogEuclideanDistance, LogEuclideanMean, SymmetricPower,
};

/// Sides of positive definite matrices.
pub const DEFINITE: [usize; 3] = [64, 128, 256];

/// GᵀG/n + 10⁻³ I of a Gaussian G, and a cotangent.
pub fn definite(n: usize) -> (Mat<f64>, Mat<f64>) {
    let g = gaussian(n, n, 1);
    let a = faer::Scale((n as f64).recip()) * (g.transpose() * &g);
    (
        a + faer::Scale(1e-3) * Mat::<f64>::identity(n, n),
        gaussian(n, n, 2),
    )
}

#[divan::bench(args = DEFINITE)]
fn symmetric_power(bencher: Bencher<'_, '_>, n: usize) {
    let (a, bar) = definite(n);
    bencher.bench_local(|| {
        let power = SymmetricPower::forward(a.as_ref(), 0.3).expect("a definite matrix");
        power.vjp(bar.as_ref()).expect("a definite matrix")
    });
}

#[divan::bench(args = DEFINITE)]
fn log_euclidean_distance(bencher: Bencher<'_, '_>, n: usize) {
    let (a, b) = (definite(n).0, positive_definite(n));
    bencher.bench_local(|| {
        let distance = LogEuclideanDistance::forward(a.as_ref(), b.as_ref()).expect("definite");
        distance.vjp(0.0, 1.0).expect("definite")
    });
}

#[divan::bench(args = DEFINITE)]
fn log_euclidean_mean(bencher: Bencher<'_, '_>, n: usize) {
    let ((a, bar), b) = (definite(n), positive_definite(n));
    bencher.bench_local(|| {
        let mean = LogEuclideanMean::forward(&[a.as_ref(), b.as_ref()], None).expect("definite");
        mean.vjp(bar.as_ref()).expect("definite")
    });
}

#[divan::bench(args = DEFINITE)]
fn affine_invariant_distance(bencher: Bencher<'_, '_>, n: usize) {
    let (a, b) = (definite(n).0, positive_definite(n));
    bencher.bench_local(|| {
        let distance = AffineInvariantDistance::forward(a.as_ref(), b.as_ref()).expect("definite");
        distance.vjp(0.0, 1.0).expect("definite")
    });
}

#[divan::bench(args = [8, 16, 32])]
fn karcher_mean_of_ten(bencher: Bencher<'_, '_>, n: usize) {
    let matrices: Vec<Mat<f64>> = (0..10)
        .map(|seed| {
            let g = gaussian(2 * n, n, seed);
            g.transpose() * &g
        })
        .collect();
    let (views, bar) = (
        matrices.iter().map(Mat::as_ref).collect::<Vec<_>>(),
        gaussian(n, n, 20),
    );
    bencher.bench_local(|| {
        let mean = KarcherMean::forward(&views, None).expect("definite");
        mean.vjp(bar.as_ref()).expect("definite")
    });
}
