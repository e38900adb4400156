//! A minute on real photographs: the whole way from BSDS500 to a network and its measures.

use std::path::Path;

use serde_json::Value;
use test_support::{data_folder, needs};

use crate::call::matbackprop;

/// Copies every n-th image of a split, with its human segmentations.
fn take(split: &str, count: usize, root: &Path) {
    let data = data_folder("bsds500");
    let images = data.join("images").join(split);
    let mut names: Vec<_> = std::fs::read_dir(&images)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "jpg"))
        .collect();
    names.sort();
    let [to_images, to_truth] = ["images", "groundTruth"].map(|kind| root.join(kind).join(split));
    std::fs::create_dir_all(&to_images).unwrap();
    std::fs::create_dir_all(&to_truth).unwrap();
    for image in names.iter().step_by(names.len() / count).take(count) {
        let name = image.file_stem().unwrap().to_str().unwrap();
        let truth = format!("{name}.mat");
        std::fs::copy(image, to_images.join(format!("{name}.jpg"))).unwrap();
        let from = data.join("groundTruth").join(split).join(&truth);
        std::fs::copy(from, to_truth.join(truth)).unwrap();
    }
}

fn mean_loss(lines: &[&str]) -> f64 {
    let loss = |line: &&str| {
        serde_json::from_str::<Value>(line).unwrap()["loss"]
            .as_f64()
            .unwrap()
    };
    lines.iter().map(loss).sum::<f64>() / lines.len() as f64
}

#[needs("bsds500", "weights")]
#[test]
fn a_head_learns_from_people_and_cuts_better_than_untrained_features() {
    let data = tempfile::tempdir().unwrap();
    take("train", 8, data.path());
    take("val", 4, data.path());
    let run = data.path().join("run").display().to_string();
    let root = data.path().display().to_string();
    let weights = data_folder("weights/efficientnet_lite0_f16.safetensors")
        .display()
        .to_string();
    let trunk = ["--trunk", "lite0", "--trunk-weights", &weights];
    matbackprop(&["train", "ncuts", "--data", &root, "--out", &run])
        .args(trunk)
        .args(["--epochs", "12", "--warmup", "8"])
        .succeed();
    let journal = std::fs::read_to_string(format!("{run}/journal.jsonl")).unwrap();
    let lines: Vec<&str> = journal.lines().collect();
    assert_eq!(lines.len(), 96);
    let (first, last) = (mean_loss(&lines[..16]), mean_loss(&lines[80..]));
    assert!(last < 0.95 * first, "{first} {last}");

    let covering = |network: &[&str]| {
        let eval = [
            "eval", "bsds", "--data", &root, "--split", "val", "--k", "2..8", "--json",
        ];
        let out = matbackprop(&eval).args(network).succeed();
        let report: Value = serde_json::from_str(&out).unwrap();
        report["average_covering"]["ois"].as_f64().unwrap()
    };
    let trained = covering(&["--run", &run]);
    let untrained = covering(&["--untrained", "lite0", "--trunk-weights", &weights]);
    assert!(trained > untrained, "{untrained} {trained}");
}

#[needs("coco-subset", "weights")]
#[test]
fn regions_are_learned_through_second_moments_of_a_real_trunk() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run").display().to_string();
    let data = data_folder("coco-subset").display().to_string();
    let weights = data_folder("weights/efficientnet_lite0_f16.safetensors")
        .display()
        .to_string();
    // The smaller split, once: whether the loss falls is asked here, not how far.
    matbackprop(&[
        "train",
        "o2p",
        "--model",
        "lite0-o2p-fc",
        "--data",
        &data,
        "--split",
        "val",
        "--trunk-weights",
        &weights,
        "--out",
        &run,
        "--epochs",
        "2",
    ])
    .succeed();
    let journal = std::fs::read_to_string(folder.path().join("run/journal.jsonl")).unwrap();
    let lines: Vec<&str> = journal.lines().collect();
    assert_eq!(lines.len(), 66);
    let (first, last) = (mean_loss(&lines[..11]), mean_loss(&lines[55..]));
    assert!(last < 0.8 * first, "{first} {last}");
}

#[needs("weights")]
#[test]
fn the_head_inside_looks_through_the_published_trunk() {
    let folder = tempfile::tempdir().unwrap();
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/samples/coffee.jpg");
    let segment = |quality: &str| {
        let out = matbackprop(&[
            "segment",
            "--quality",
            quality,
            "--json",
            "--max-side",
            "240",
        ])
        .args([&sample])
        .inside(folder.path())
        .with("MATBACKPROP_DATA", data_folder("").to_str().unwrap())
        .succeed();
        let report: Value = serde_json::from_str(&out).unwrap();
        report["images"][0]["soft_rank"].as_f64().unwrap()
    };
    // The soft rank is the mean of both networks'.
    let (one, both) = (segment("standard"), segment("high"));
    assert!(one > 1.0 && both > 1.0 && one != both, "{one} {both}");
}
