//! Speed of trunks, forward and forward + backward, at 321 × 481.
//!
//! `cargo bench -p models --bench trunk`; benches/compare_pytorch.py runs the same work in PyTorch.

use divan::{Bencher, black_box};
use models::{AlexnetLayout, Chain, Mode, Parameters, Planes, TrunkKind};

fn main() {
    divan::main();
}

/// Trunk and its last layer.
const WORK: [(&str, TrunkKind, &str); 3] = [
    (
        "alexnet",
        TrunkKind::Alexnet(AlexnetLayout::Original),
        "relu5",
    ),
    ("vgg16", TrunkKind::Vgg16, "relu4_3"),
    ("lite0", TrunkKind::Lite0, "expand11"),
];

fn chain(index: usize) -> (Chain, Vec<Vec<f32>>, Planes) {
    let (_, kind, layer) = WORK[index];
    let (chain, layers) = kind
        .chain(&[(layer.to_owned(), 1.0)])
        .expect("a layer of the trunk");
    let parameters = Parameters::random(layers, 1).values();
    let pixels: Vec<f32> = (0..3 * 321 * 481)
        .map(|i| ((i * 31) % 255) as f32 / 128.0 - 1.0)
        .collect();
    (
        chain,
        parameters,
        Planes::from_contiguous(3, 321, 481, 0, &pixels),
    )
}

#[divan::bench(args = [0, 1, 2], sample_count = 10)]
fn forward(bencher: Bencher<'_, '_>, index: usize) {
    let (chain, parameters, image) = chain(index);
    bencher.bench(|| {
        let run = chain.forward(image.clone(), &parameters, Mode::Inference, false);
        black_box(run.expect("an image that fits").0)
    });
}

#[divan::bench(args = [0, 1, 2], sample_count = 10)]
fn forward_and_vjp(bencher: Bencher<'_, '_>, index: usize) {
    let (chain, parameters, image) = chain(index);
    bencher.bench(|| {
        let run = chain.forward(image.clone(), &parameters, Mode::Inference, true);
        let (output, saved) = run.expect("an image that fits");
        black_box(chain.vjp(saved, &parameters, &output, 0, false))
    });
}
