//! Seconds for the boundaries of one image of BSDS500's size at 99 thresholds: thinning, and matching with annotators.

use std::path::PathBuf;

use bench_bsds::{
    BoundaryEvaluation, BoundaryMap, BoundaryPool, SoftBoundaryMap, Thresholds, read_boundaries,
    read_ground_truth,
};
use divan::Bencher;
use rand::{RngExt, SeedableRng};
use test_support::{data_folder, needs};

const WIDTH: usize = 481;
const HEIGHT: usize = 321;

fn main() {
    divan::main();
}

fn thresholds() -> Thresholds {
    Thresholds::official(99).expect("not 0")
}

/// Waving lines from left to right, `apart` pixels apart, each of a random strength, shifted by `shift`.
fn waves(apart: usize, shift: f64) -> SoftBoundaryMap {
    let mut random = rand_pcg::Pcg64::seed_from_u64(2);
    let mut strengths = vec![0.0_f64; WIDTH * HEIGHT];
    for start in (0..HEIGHT).step_by(apart) {
        let (strength, phase) = (random.random_range(0.0..1.0), random.random_range(0.0..6.0));
        for x in 0..WIDTH {
            let y = start as f64 + shift + 5.0 * (x as f64 / 20.0 + phase).sin();
            for row in [y as usize, y as usize + 1] {
                if row < HEIGHT {
                    strengths[row * WIDTH + x] = strengths[row * WIDTH + x].max(strength);
                }
            }
        }
    }
    SoftBoundaryMap::new(WIDTH, HEIGHT, strengths).expect("every pixel has a strength")
}

/// Five annotators who drew every second, third, … of the lines, none exactly where another did.
fn drawn() -> Vec<BoundaryMap> {
    (2..7)
        .map(|share| {
            waves(12 * share, 5.0 + share as f64 / 2.0)
                .at(0.0001)
                .thinned()
        })
        .collect()
}

#[divan::bench]
fn waves_thinned_at_99_thresholds(bencher: Bencher) {
    let (soft, thresholds) = (waves(12, 6.0), thresholds());
    bencher.bench(|| BoundaryPool::from_soft(&soft, &thresholds));
}

#[divan::bench]
fn waves_matched_at_99_thresholds(bencher: Bencher) {
    let (pool, drawn) = (
        BoundaryPool::from_soft(&waves(12, 6.0), &thresholds()),
        drawn(),
    );
    bencher.bench(|| BoundaryEvaluation::default().push("image", &drawn, &pool));
}

/// A file of the official benchmark's sample, and the boundaries of its annotators.
fn sample(id: &str) -> (PathBuf, Vec<BoundaryMap>) {
    let data = data_folder("bsds-bench-fixture");
    let file = |folder| data.join(folder).join(format!("{id}.mat"));
    let annotations = read_ground_truth(&file("groundTruth")).expect("annotations");
    let drawn = annotations
        .iter()
        .map(|annotation| annotation.boundary_map().expect("boundaries"));
    (file("ucm2"), drawn.collect())
}

/// A contour map of the sample, read, thinned and matched: about thirty different maps.
#[needs("bsds-bench-fixture")]
#[divan::bench(args = ["2018", "8068"])]
fn photograph_at_99_thresholds(bencher: Bencher, id: &str) {
    let ((file, drawn), thresholds) = (sample(id), thresholds());
    bencher.bench(|| {
        let pool = read_boundaries(&file, &thresholds).expect("a contour map");
        BoundaryEvaluation::default().push("image", &drawn, &pool)
    });
}

/// The same contours with a random strength in each block of 20 × 20 pixels: nearly a hundred different maps.
#[needs("bsds-bench-fixture")]
#[divan::bench(args = ["2018", "8068"])]
fn photograph_with_99_different_maps(bencher: Bencher, id: &str) {
    const BLOCK: usize = 20;
    let ((file, drawn), thresholds) = (sample(id), thresholds());
    let all = read_boundaries(&file, &thresholds)
        .expect("a contour map")
        .map(0)
        .clone();
    let (width, height) = (all.size().width, all.size().height);
    let across = width / BLOCK + 1;
    let mut random = rand_pcg::Pcg64::seed_from_u64(3);
    let blocks: Vec<f64> = (0..across * (height / BLOCK + 1))
        .map(|_| random.random_range(0.0..1.0))
        .collect();
    let strengths = all.pixels().iter().enumerate().map(|(pixel, set)| {
        let block = pixel / width / BLOCK * across + pixel % width / BLOCK;
        if *set { blocks[block] } else { 0.0 }
    });
    let soft = SoftBoundaryMap::new(width, height, strengths.collect())
        .expect("every pixel has a strength");
    bencher.bench(|| {
        let pool = BoundaryPool::from_soft(&soft, &thresholds);
        BoundaryEvaluation::default().push("image", &drawn, &pool)
    });
}
