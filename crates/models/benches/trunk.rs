//! Speed of trunks, forward and forward + backward, at 321 × 481; and of Lite0 at the sides of a region's crop.
//!
//! `cargo bench -p matbackprop-models --bench trunk`; benches/compare_pytorch.py runs the same work in PyTorch.

use divan::{Bencher, black_box};
use models::{AlexnetLayout, BackwardScope, Chain, Mode, Parameters, Planes, TrunkKind};

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
    let parameters = Parameters::random(layers, 1).values().to_vec();
    (chain, parameters, image(3, 321, 481))
}

fn image(channels: usize, height: usize, width: usize) -> Planes {
    let pixels: Vec<f32> = (0..channels * height * width)
        .map(|i| ((i * 31) % 255) as f32 / 128.0 - 1.0)
        .collect();
    Planes::from_contiguous(channels, height, width, 0, &pixels)
}

#[divan::bench(args = [0, 1, 2], sample_count = 10)]
fn forward(bencher: Bencher<'_, '_>, index: usize) {
    let (chain, parameters, image) = chain(index);
    bencher.bench(|| {
        let run = chain.forward(image.clone(), &parameters, Mode::Inference);
        black_box(run.expect("an image that fits"))
    });
}

#[divan::bench(args = [0, 1, 2], sample_count = 10)]
fn forward_and_vjp(bencher: Bencher<'_, '_>, index: usize) {
    let (chain, parameters, image) = chain(index);
    bencher.bench(|| {
        let run = chain.forward_saving(image.clone(), &parameters, Mode::Inference);
        let (output, saved) = run.expect("an image that fits");
        black_box(chain.vjp(saved, &parameters, output, BackwardScope::PARAMETERS))
    });
}

/// Last layer, height and width: the whole trunk on a crop, and the frozen part below block 11 on a photograph.
const LITE0: [(&str, usize, usize); 2] = [("block15", 160, 160), ("block10", 321, 481)];

#[divan::bench(args = [0, 1], sample_count = 20)]
fn lite0_forward(bencher: Bencher<'_, '_>, index: usize) {
    let (layer, height, width) = LITE0[index];
    let taps = [(layer.to_owned(), 1.0)];
    let (chain, layers) = TrunkKind::Lite0.chain(&taps).expect("a layer of the trunk");
    let parameters = Parameters::random(layers, 1).values();
    let image = image(3, height, width);
    bencher.bench(|| {
        let run = chain.forward(image.clone(), &parameters, Mode::Inference);
        black_box(run.expect("an image that fits"))
    });
}

/// Blocks 11 to 15 on the maps of a crop of 160 × 160: the repeated part of a training of the last blocks.
#[divan::bench(sample_count = 100)]
fn lite0_last_blocks_forward_and_vjp(bencher: Bencher<'_, '_>) {
    let chain = |names: &[&str]| {
        let taps: Vec<_> = names.iter().map(|name| ((*name).to_owned(), 1.0)).collect();
        TrunkKind::Lite0.chain(&taps).expect("layers of the trunk")
    };
    let frozen = chain(&["block10"]).0.len();
    let (chain, layers) = chain(&["block10", "block15"]);
    let parameters = Parameters::random(layers, 1).values();
    let (below, above) = chain.split(frozen);
    let above = above.expect("blocks above the cut");
    let maps = below.forward(image(3, 160, 160), &parameters, Mode::Inference);
    let maps = maps.expect("an image that fits");
    bencher.bench(|| {
        let run = above.forward_saving(maps.clone(), &parameters, Mode::Inference);
        let (output, saved) = run.expect("maps that fit");
        black_box(above.vjp(saved, &parameters, output, BackwardScope::PARAMETERS))
    });
}
