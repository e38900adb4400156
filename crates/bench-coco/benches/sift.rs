//! Seconds for the dense descriptors of one image as the networks see it, 224 × 224: every 8 pixels, three scales.

use bench_coco::{DenseSift, GrayPlane};
use divan::Bencher;

const SIDE: usize = 224;

fn main() {
    divan::main();
}

fn picture() -> GrayPlane {
    let values = (0..SIDE * SIDE).map(|at| {
        let (x, y) = ((at % SIDE) as f32, (at / SIDE) as f32);
        (0.31 * x).sin() + (0.17 * y + 0.05 * x).cos() + (0.011 * x * y).sin()
    });
    GrayPlane::new(SIDE, SIDE, values.collect()).expect("every pixel has a value")
}

#[divan::bench]
fn three_scales(bencher: Bencher) {
    let (sift, picture) = (DenseSift::default(), picture());
    bencher.bench(|| sift.describe(&picture));
}

#[divan::bench]
fn one_scale_on_one_thread(bencher: Bencher) {
    let sift = DenseSift::new(8, vec![8.0]).expect("possible options");
    let picture = picture();
    bencher.bench(|| sift.describe(&picture));
}
