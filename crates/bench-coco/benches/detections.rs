//! Seconds for the official table of a hundred images, reading included. Without the sample results: nothing.

use std::path::{Path, PathBuf};

use bench_coco::{DetectionKind, evaluate_detections};
use divan::Bencher;

fn main() {
    if fixture().is_dir() {
        divan::main();
    }
}

fn fixture() -> PathBuf {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    std::env::var_os("MATBACKPROP_DATA")
        .map_or(beside, PathBuf::from)
        .join("coco-eval-fixture")
}

#[divan::bench(args = ["segm", "bbox"])]
fn hundred_images(bencher: Bencher, kind: &str) {
    let truth = fixture().join("instances_val2014_100.json");
    let results = fixture().join(format!("instances_val2014_fake{kind}100_results.json"));
    bencher.bench(|| evaluate_detections(&truth, &results, None::<DetectionKind>));
}
