//! Seconds for one image of BSDS500's size: cutting a contour map at 99 thresholds, and measuring the segmentations.

use bench_bsds::{Evaluation, Level, Pool, Thresholds, Ucm};
use divan::Bencher;
use rand::{RngExt, SeedableRng};
use segmentation::LabelMap;

const WIDTH: usize = 481;
const HEIGHT: usize = 321;
const LEVELS: usize = 99;

fn main() {
    divan::main();
}

/// Blocks of `side × side` pixels.
fn blocks(side: usize) -> LabelMap {
    let across = WIDTH.div_ceil(side);
    let ids = (0..WIDTH * HEIGHT)
        .map(|pixel| (pixel / WIDTH / side * across + pixel % WIDTH / side) as u32);
    LabelMap::new(WIDTH, HEIGHT, ids.collect()).expect("every pixel has an id")
}

/// Blocks of 12 × 12 pixels, about a thousand, with a random strength between two neighbours.
fn contour_map() -> Ucm {
    const STEP: usize = 24;
    let mut random = rand_pcg::Pcg64::seed_from_u64(1);
    let (width, height) = (2 * WIDTH + 1, 2 * HEIGHT + 1);
    let columns = width / STEP + 1;
    let drawn: Vec<f64> = (0..2 * columns * (height / STEP + 1))
        .map(|_| random.random_range(0.0..1.0))
        .collect();
    let strengths = (0..width * height).map(|cell| match (cell % width, cell / width) {
        (x, y) if x % STEP == 0 && y % STEP == 0 => 1.0,
        (x, y) if x % STEP == 0 => drawn[2 * (y / STEP * columns + x / STEP)],
        (x, y) if y % STEP == 0 => drawn[2 * (y / STEP * columns + x / STEP) + 1],
        _ => 0.0,
    });
    Ucm::new(width, height, strengths.collect()).expect("every cell has a strength")
}

fn annotations() -> Vec<LabelMap> {
    [40, 60, 80, 100, 160].map(blocks).to_vec()
}

#[divan::bench]
fn contour_map_cut_at_99_thresholds(bencher: Bencher) {
    let (ucm, thresholds) = (contour_map(), Thresholds::official(LEVELS).expect("not 0"));
    bencher.bench(|| ucm.pool(&thresholds));
}

#[divan::bench]
fn contour_map_measured_at_99_thresholds(bencher: Bencher) {
    let pool = contour_map()
        .pool(&Thresholds::official(LEVELS).expect("not 0"))
        .expect("a pool");
    let annotations = annotations();
    bencher.bench(|| Evaluation::default().push("image", &annotations, &pool));
}

#[divan::bench]
fn fifteen_label_maps_measured(bencher: Bencher) {
    let pool = Pool::from(
        (2..17)
            .map(|k| (Level::Clusters(k), blocks(500 / k as usize)))
            .collect::<Vec<_>>(),
    );
    let annotations = annotations();
    bencher.bench(|| Evaluation::default().push("image", &annotations, &pool));
}
