//! Seconds of the cut on contours, nothing learned: 481 × 321 pixels in three channels.

use divan::Bencher;
use ncuts::{EdgeMap, InterveningContourCut, InterveningContourOptions, Planes};

const WIDTH: usize = 481;
const HEIGHT: usize = 321;

fn main() {
    divan::main();
}

/// Wavy regions of different colours, with a texture.
fn photograph() -> Planes {
    let channel = |c: usize| {
        (0..WIDTH * HEIGHT)
            .map(|p| {
                let (x, y) = ((p % WIDTH) as f32, (p / WIDTH) as f32);
                let region = (x / 120.0 + (y / 70.0).sin()).floor()
                    + 5.0 * (y / 110.0 + (x / 90.0).cos() * 0.4).floor();
                let texture = 0.02 * ((1 + p) as f32 * 0.37).sin();
                0.5 + 0.3 * (1.7 * region + c as f32).sin() + texture
            })
            .collect()
    };
    Planes::new(WIDTH, HEIGHT, (0..3).map(channel).collect()).expect("three channels")
}

#[divan::bench(sample_count = 3)]
fn edges_of_every_pixel(bencher: Bencher) {
    let planes = photograph();
    bencher.bench(|| EdgeMap::of(&planes));
}

#[divan::bench(args = [1, 2, 3], sample_count = 3)]
fn sixteen_vectors_by_step(bencher: Bencher, step: usize) {
    let (planes, usual) = (photograph(), InterveningContourOptions::default());
    bencher.bench(|| {
        InterveningContourCut::forward(&planes, &InterveningContourOptions { step, ..usual }, 16)
    });
}
