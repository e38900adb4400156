//! Seconds of inference: an image of 481 × 321 pixels on a grid of 61 × 41.

use divan::Bencher;
use faer::Mat;
use ncuts::Embedding;
use segmentation::{Clustering, SegmentOptions, merge_small_pieces, segmentation_pool};

const GRID: (usize, usize) = (61, 41);
const IMAGE: (usize, usize) = (481, 321);

fn main() {
    divan::main();
}

/// Non-negative features of twelve wavy regions, with a texture that differs from channel to channel.
fn features(channels: usize) -> Mat<f64> {
    Mat::from_fn(GRID.0 * GRID.1, channels, |i, c| {
        let (x, y) = ((i % GRID.0) as f64, (i / GRID.0) as f64);
        let region = ((x / 15.0 + (y / 9.0).sin()).floor()
            + 5.0 * (y / 14.0 + (x / 11.0).cos() * 0.4).floor())
        .abs();
        let tuned = (1.7 * region + 0.61 * c as f64 * (1.0 + region)).sin();
        let texture = 0.35 * ((1 + i) as f64 * (0.37 + 0.173 * c as f64)).sin();
        (tuned + texture).max(0.0)
    })
}

fn embedding(channels: usize) -> Embedding {
    Embedding::from_features(features(channels).as_ref(), None, GRID.0, GRID.1, 16)
        .expect("features with an affinity")
}

#[divan::bench(args = [32, 64, 128, 192, 256, 512, 1024])]
fn from_features(bencher: Bencher, channels: usize) {
    let features = features(channels);
    bencher.bench(|| Embedding::from_features(features.as_ref(), None, GRID.0, GRID.1, 16));
}

#[divan::bench]
fn pool_by_kmeans(bencher: Bencher) {
    let embedding = embedding(64);
    bencher.bench(|| segmentation_pool(&embedding, IMAGE.0, IMAGE.1, &SegmentOptions::default()));
}

#[divan::bench(args = [2, 8, 16])]
fn kmeans_of_one_count(bencher: Bencher, k: usize) {
    let embedding = embedding(64);
    let options = SegmentOptions::default().with_cluster_counts([k]);
    bencher.bench(|| segmentation_pool(&embedding, IMAGE.0, IMAGE.1, &options));
}

#[divan::bench]
fn pool_by_tree(bencher: Bencher) {
    let embedding = embedding(64);
    let options = SegmentOptions::default().with_clustering(Clustering::Tree);
    bencher.bench(|| segmentation_pool(&embedding, IMAGE.0, IMAGE.1, &options));
}

#[divan::bench]
fn merge_pieces(bencher: Bencher) {
    let options = SegmentOptions::default().with_cluster_counts([16]);
    let pool = segmentation_pool(&embedding(64), IMAGE.0, IMAGE.1, &options).expect("a pool");
    bencher.bench(|| merge_small_pieces(&pool[0].labels, 1000));
}
