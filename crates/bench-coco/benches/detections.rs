//! Seconds for the official table of a hundred images, reading included. Without the sample results: nothing.

use std::path::PathBuf;

use bench_coco::{DetectionKind, evaluate_detections};
use divan::Bencher;
use test_support::data_folder;

fn main() {
    if fixture().is_dir() {
        divan::main();
    }
}

fn fixture() -> PathBuf {
    data_folder("coco-eval-fixture")
}

#[divan::bench(args = ["segm", "bbox"])]
fn hundred_images(bencher: Bencher, kind: &str) {
    let truth = fixture().join("instances_val2014_100.json");
    let results = fixture().join(format!("instances_val2014_fake{kind}100_results.json"));
    bencher.bench(|| evaluate_detections(&truth, &results, None::<DetectionKind>));
}
