//! `matbackprop train boundaries`, and the maps of its network.
//!
//! Protects the way from a folder and a recipe to boundary maps that are measured, and that a stopped training resumes.

use std::path::Path;

use serde_json::Value;

use crate::call::{Called, matbackprop, names_in};
use crate::small_bsds;

fn train(root: &Path, run: &str, more: &[&str]) -> Called {
    let (data, out) = (root.display().to_string(), root.join(run));
    let out = out.display().to_string();
    let call = [
        "train",
        "boundaries",
        "--recipe",
        "lite0-boundaries",
        "--data",
        &data,
        "--out",
        &out,
    ];
    matbackprop(&call).args(more).call()
}

/// Segments, and trees that are measured, follow the boundaries of a run's network.
fn segments_follow(root: &Path, run: &str) {
    // Without their picture segments follow the boundaries all the same.
    let (images, maps) = (root.join("images/val"), root.join("maps"));
    let (images, maps) = (images.display().to_string(), maps.display().to_string());
    let call = |more: &[&str]| {
        let words = [&["segment", &images, "-o", &maps, "--k", "3"], more].concat();
        matbackprop(&words).succeed();
        std::fs::read(root.join("maps/21.segments.png")).unwrap()
    };
    let plain = call(&[]);
    assert_ne!(call(&["--boundary-network", run]), plain);
    // The network inside the program draws, too.
    assert_ne!(call(&["--superpixels-by", "boundaries"]), plain);
    assert_eq!(call(&["--superpixels-by", "colours"]), plain);
    let data = root.display().to_string();
    let tree = [
        "eval",
        "bsds",
        "--data",
        &data,
        "--split",
        "val",
        "--weights",
    ];
    let weights = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/weights/ncuts_lite0_f16.safetensors"
    );
    let tree = [&tree[..], &[weights, "--boundary-network", run]].concat();
    let measures = matbackprop(&tree)
        .args(["--levels", "tree", "--json"])
        .succeed();
    let measures: Value = serde_json::from_str(&measures).unwrap();
    assert_eq!(measures["images"], 2);
    let clusters = matbackprop(&tree).call();
    assert_eq!(clusters.code, 2, "{}", clusters.err);
    assert!(clusters.err.contains("--levels tree"), "{}", clusters.err);
}

#[test]
fn a_small_training_ends_in_maps_that_are_measured() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    small_bsds::write(root);
    let head = root.join("head.safetensors").display().to_string();
    let small = ["--from-scratch", "--epochs", "2", "--export-head", &head];
    let Called { code, out, err } = train(root, "run", &small);
    assert_eq!(code, 0, "{err}");
    assert!(
        err.contains("step 4/4: epoch 2, loss ") && err.contains("boundaries "),
        "{err}"
    );
    assert!(out.contains("--boundary-network"), "{out}");
    let run = root.join("run");
    assert_eq!(
        names_in(&run),
        [
            "checkpoint-0.safetensors",
            "checkpoint.safetensors",
            "digests.jsonl",
            "journal.jsonl",
            "network.safetensors",
        ]
    );
    assert!(std::fs::metadata(&head).unwrap().len() < 200_000);
    let run = run.display().to_string();
    let printed = matbackprop(&["info", &format!("{run}/network.safetensors")]).succeed();
    assert!(printed.contains("boundaries, 68737 numbers"), "{printed}");
    let page = root.join("page.html").display().to_string();
    matbackprop(&["report", &run, "--out", &page]).succeed();
    let page = std::fs::read_to_string(page).unwrap();
    assert!(page.contains("Boundaries") && page.contains("<svg"));

    let (images, maps) = (root.join("images/val"), root.join("maps"));
    let (images, maps) = (images.display().to_string(), maps.display().to_string());
    let draw = [
        "segment",
        &images,
        "-o",
        &maps,
        "--boundaries",
        "--boundary-network",
    ];
    let network = format!("{run}/network.safetensors");
    let object = matbackprop(&draw).args([&run, "--json"]).succeed();
    let object: Value = serde_json::from_str(&object).unwrap();
    let path = object["images"][0]["boundaries"].as_str().unwrap();
    assert!(path.ends_with("21.boundaries.png"), "{path}");
    let picture = image::open(path).unwrap();
    let size = (small_bsds::WIDTH as u32, small_bsds::HEIGHT as u32);
    assert!(matches!(picture, image::DynamicImage::ImageLuma8(_)));
    assert_eq!((picture.width(), picture.height()), size);
    let before = std::fs::read(path).unwrap();
    matbackprop(&draw).args([&network]).succeed();
    assert_eq!(std::fs::read(path).unwrap(), before);
    segments_follow(root, &run);
    let data = root.display().to_string();
    let eval = [
        "eval", "bsds", "--data", &data, "--split", "val", "--pb", &maps, "--nms",
    ];
    let measures = matbackprop(&eval).args(["--json"]).succeed();
    let measures: Value = serde_json::from_str(&measures).unwrap();
    assert_eq!(measures["images"], 2);
}

#[test]
fn wrong_calls_are_refused_before_a_file_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    small_bsds::write(root);
    for (more, words) in [
        (
            &["--from-scratch", "--train-trunk", "all"][..],
            "frozen trunk",
        ),
        (&[], "--trunk-weights"),
        (&["--from-scratch", "--dropout", "2"], "dropout: expected"),
    ] {
        let Called { code, err, .. } = train(root, "run", more);
        assert_eq!(code, 2, "{err}");
        assert!(err.contains(words), "{more:?}: {err}");
        assert!(!root.join("run").exists());
    }
    let photograph = root.join("images/val/21.jpg").display().to_string();
    let out = root.join("out").display().to_string();
    let segment = ["segment", &photograph, "-o", &out];
    let alone = matbackprop(&segment).args(["--boundaries"]).call();
    assert_eq!(alone.code, 2, "{}", alone.err);
    let colours = ["--superpixels-by", "colours", "--boundary-network", "x"];
    let colours = matbackprop(&segment).args(colours).call();
    assert!(colours.code == 2 && colours.err.contains("found colours"));
    let call = ["--boundaries", "--boundary-network", &photograph];
    let other = matbackprop(&segment).args(call).call();
    assert_eq!(other.code, 1, "{}", other.err);
    assert!(other.err.contains("--boundary-network"), "{}", other.err);
    assert!(!root.join("out").exists());
}
