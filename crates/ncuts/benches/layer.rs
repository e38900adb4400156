//! Forward and vjp of the layer, one thread, f64: n × d features, k segments.

use divan::Bencher;
use faer::Mat;
use matbackprop_core::RankTolerance;
use matbackprop_core::gradcheck::gaussian;
use ncuts::{Criterion, Indicator, NcutsLayer};

fn main() {
    divan::main();
}

/// Positions, features, segments.
const SIZES: [(usize, usize, usize); 3] = [(600, 64, 8), (2400, 128, 10), (9600, 128, 15)];

fn run(bencher: Bencher<'_, '_>, (n, d, k): (usize, usize, usize), criterion: Criterion) {
    let noise = gaussian(n, d, 1);
    let features = Mat::from_fn(n, d, |i, j| (noise[(i, j)] + 0.5).max(0.0));
    let assignment = (0..n).map(|i| (i * k / n) as u32).collect();
    let indicators = [Indicator::from_assignment(assignment, k).expect("segments below k")];
    let layer = NcutsLayer::new(criterion);
    bencher.bench_local(|| {
        let forward = layer
            .forward(features.as_ref(), None, &indicators)
            .expect("positive degrees");
        (
            forward.loss(),
            forward.vjp(1.0).expect("a finite cotangent").features,
        )
    });
}

#[divan::bench(args = SIZES)]
fn hard_projector(bencher: Bencher<'_, '_>, size: (usize, usize, usize)) {
    run(
        bencher,
        size,
        Criterion::HardProjector {
            rank_tolerance: RankTolerance::default(),
        },
    );
}

#[divan::bench(args = SIZES)]
fn regularised(bencher: Bencher<'_, '_>, size: (usize, usize, usize)) {
    run(bencher, size, Criterion::default());
}

/// The method by singular values, which small ε and ill-conditioned features take.
#[divan::bench(args = SIZES)]
fn regularised_by_svd(bencher: Bencher<'_, '_>, size: (usize, usize, usize)) {
    run(bencher, size, Criterion::Regularised { epsilon: 1e-8 });
}
