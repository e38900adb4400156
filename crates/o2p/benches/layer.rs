//! Forward and vjp of the layer, f64: regions of a 13 × 13 × 256 feature map, in regions a second.

use divan::Bencher;
use divan::counter::ItemsCount;
use faer::Mat;
use matbackprop_core::gradcheck::gaussian;
use o2p::{O2pLayer, O2pOptions, Region, SpectralMap};

fn main() {
    divan::main();
}

const SIDE: usize = 13;
const CHANNELS: usize = 256;

fn features() -> Mat<f64> {
    let noise = gaussian(SIDE * SIDE, CHANNELS, 1);
    Mat::from_fn(SIDE * SIDE, CHANNELS, |i, j| noise[(i, j)].max(0.0))
}

/// Discs around points of the grid, as bitmaps of 208 × 208 pixels.
fn regions(count: usize) -> Vec<Region> {
    let pixels = 16 * SIDE;
    let disc = |index: usize| {
        let (x, y) = (60 + 31 * index % 90, 60 + 47 * index % 90);
        let inside = |pixel: usize| {
            let (dx, dy) = ((pixel % pixels).abs_diff(x), (pixel / pixels).abs_diff(y));
            dx * dx + dy * dy < 60 * 60
        };
        let mask: Vec<bool> = (0..pixels * pixels).map(inside).collect();
        Region::from_mask(&mask, pixels, pixels, SIDE, SIDE).expect("a disc that meets the grid")
    };
    (0..count).map(disc).collect()
}

fn run(bencher: Bencher<'_, '_>, options: O2pOptions, regions: &[Region], reduced: Option<usize>) {
    let x = features();
    let r = reduced.map(|d| gaussian(CHANNELS, d, 2));
    let d = reduced.unwrap_or(CHANNELS);
    let bar = gaussian(regions.len(), d * (d + 1) / 2, 3);
    let layer = O2pLayer::new(options);
    bencher
        .counter(ItemsCount::new(regions.len()))
        .bench_local(|| {
            let forward = layer
                .forward(x.as_ref(), r.as_ref().map(Mat::as_ref), regions)
                .expect("finite features");
            forward.vjp(bar.as_ref()).expect("a finite cotangent")
        });
}

#[divan::bench]
fn whole_image(bencher: Bencher<'_, '_>) {
    let all = [Region::all(SIDE * SIDE).expect("positions")];
    run(bencher, O2pOptions::default(), &all, None);
}

#[divan::bench(args = [1, 8])]
fn free_form_regions(bencher: Bencher<'_, '_>, count: usize) {
    run(bencher, O2pOptions::default(), &regions(count), None);
}

#[divan::bench(args = [1, 8])]
fn free_form_regions_of_64_channels(bencher: Bencher<'_, '_>, count: usize) {
    run(bencher, O2pOptions::default(), &regions(count), Some(64));
}

#[divan::bench]
fn square_root_and_normalisation(bencher: Bencher<'_, '_>) {
    let options = O2pOptions {
        map: SpectralMap::SquareRoot { epsilon: 1e-3 },
        centred: true,
        signed_square_root: Some(1e-3),
        unit_norm: true,
        ..O2pOptions::default()
    };
    run(bencher, options, &regions(1), None);
}
