//! From the image to the loss and back, through the whole network.

use models::{
    CutArchitecture, DeepNcuts, HeadLayer, HeadLayout, InputRecipe, TapLayer, TrunkKind,
    TrunkWeights,
};
use ncuts::{Criterion, NcutsLayer};
use rand::{RngExt, SeedableRng};
use segmentation::LabelMap;

const WIDTH: usize = 72;
const HEIGHT: usize = 56;

/// The smallest trunk, cut at strides 4 and 8, random weights, a small head.
fn network() -> DeepNcuts {
    let tap = |layer: &str| TapLayer {
        layer: layer.into(),
        scale: 1.0,
    };
    let layer = |channels, kernel| HeadLayer { channels, kernel };
    let head = HeadLayout {
        layers: vec![layer(24, 1), layer(12, 3)],
        dropout: 0.0,
    };
    let taps = vec![tap("expand3"), tap("expand5")];
    let architecture = CutArchitecture {
        taps,
        ..CutArchitecture::new(TrunkKind::Lite0, Some(head))
    };
    DeepNcuts::new(architecture, &TrunkWeights::Random, 4).unwrap()
}

fn image(seed: u64) -> Vec<f32> {
    let mut random = rand_pcg::Pcg64Mcg::seed_from_u64(seed);
    // Smooth shapes and some noise.
    let pixel = |c: usize, y: usize, x: usize| ((x / 9 + y / 7 + c) as f32 * 1.7).sin();
    (0..3 * HEIGHT * WIDTH)
        .map(|i| {
            pixel(i / (HEIGHT * WIDTH), i / WIDTH % HEIGHT, i % WIDTH)
                + random.random_range(-0.3..0.3)
        })
        .collect()
}

fn annotation() -> LabelMap {
    let ids =
        (0..WIDTH * HEIGHT).map(|i| u32::from(i % WIDTH > 30) + 2 * u32::from(i / WIDTH > 25));
    LabelMap::new(WIDTH, HEIGHT, ids.collect()).unwrap()
}

#[test]
fn image_to_loss_equals_differences_along_random_directions() {
    let network = network();
    let labels = annotation();
    let x = image(1);
    for criterion in [
        Criterion::Regularised { epsilon: 1e-2 },
        Criterion::Regularised { epsilon: 1e-3 },
    ] {
        let layer = NcutsLayer::new(criterion);
        let loss = |x: &[f32]| {
            network
                .image_cotangent(x, (HEIGHT, WIDTH), &[&labels], &layer)
                .unwrap()
                .0
        };
        let (_, x_bar) = network
            .image_cotangent(&x, (HEIGHT, WIDTH), &[&labels], &layer)
            .unwrap();
        for seed in 0..5 {
            // A random direction with a share of the gradient, so that the slope is not all noise.
            let norm = x_bar.iter().map(|v| v * v).sum::<f32>().sqrt();
            let random = image(100 + seed);
            let size = random.iter().map(|v| v * v).sum::<f32>().sqrt();
            let direction: Vec<f32> = x_bar
                .iter()
                .zip(&random)
                .map(|(g, r)| 0.5 * g / norm + r / size)
                .collect();
            let step = 2e-2_f32;
            let moved = |step: f32| -> Vec<f32> {
                x.iter()
                    .zip(&direction)
                    .map(|(x, d)| x + step * d)
                    .collect()
            };
            let slope = (loss(&moved(step)) - loss(&moved(-step))) / (2.0 * f64::from(step));
            let expected: f64 = x_bar
                .iter()
                .zip(&direction)
                .map(|(g, d)| f64::from(*g) * f64::from(*d))
                .sum();
            let relative = (slope - expected).abs() / expected.abs();
            // f32 features and ReLU kinks along the way; a wrong rule is off by tens of percent.
            assert!(
                relative < 1e-2,
                "{criterion:?} {seed}: {slope} {expected} {relative}"
            );
        }
    }
}

#[test]
fn the_recipe_belongs_to_the_trunk() {
    assert_eq!(TrunkKind::Vgg16.recipe(), InputRecipe::CAFFE);
    assert_eq!(TrunkKind::Lite0.recipe(), InputRecipe::LITE);
}
