//! `matbackprop eval bsds`.
//!
//! Protects the official numbers, to the digits the benchmark prints, and the division of standard output (the result)
//! and standard error (progress, errors).

use std::path::{Path, PathBuf};

use image::{ImageBuffer, Luma};
use serde_json::Value;
use test_support::{data_folder, needs};

use crate::call::{Called, matbackprop};
use crate::small_bsds;

pub fn eval(root: &Path) -> Vec<String> {
    let data = root.display().to_string();
    ["eval", "bsds", "--split", "val", "--data", &data]
        .map(str::to_owned)
        .to_vec()
}

pub fn dataset() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    small_bsds::write(folder.path());
    folder
}

/// Label maps of both images of val: the annotation itself.
pub fn perfect_segmentations(folder: &Path) {
    std::fs::create_dir_all(folder).unwrap();
    for (seed, id) in ["21", "22"].iter().enumerate() {
        let map = ImageBuffer::from_fn(
            small_bsds::WIDTH as u32,
            small_bsds::HEIGHT as u32,
            |x, y| Luma([small_bsds::segment(seed, x as usize, y as usize)]),
        );
        map.save(folder.join(format!("{id}.png"))).unwrap();
    }
}

pub fn near(value: &Value, expected: f64) {
    assert!(
        (value.as_f64().unwrap() - expected).abs() < 1e-12,
        "{value}: expected {expected}"
    );
}

#[test]
fn a_perfect_folder_of_label_maps_is_perfect() {
    let data = dataset();
    perfect_segmentations(&data.path().join("segs"));
    let segs = data.path().join("segs").display().to_string();
    let call = || {
        matbackprop(&[])
            .args(eval(data.path()))
            .args(["--segs", &segs])
    };
    let object: Value = serde_json::from_str(&call().args(["--json"]).succeed()).unwrap();
    assert_eq!(object["images"], 2);
    for measure in ["ods", "ois", "best"] {
        near(&object["covering"][measure], 1.0);
    }
    for measure in ["ods", "ois"] {
        near(&object["pri"][measure], 1.0);
        near(&object["vi"][measure], 0.0);
        near(&object["average_covering"][measure], 1.0);
        near(&object["average_covering"]["best_annotator"][measure], 1.0);
    }
    let keys: Vec<_> = object
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(
        keys,
        ["average_covering", "covering", "images", "pri", "vi"]
    );
    let table = call().args(["--limit", "1", "--timing"]).succeed();
    assert!(table.contains("BSDS500 val, 1 image,"), "{table}");
    assert!(
        table.contains("covering                    1.0000  1.0000  1.0000  place 1"),
        "{table}"
    );
    assert!(table.contains("no network; peak memory"), "{table}");
}

#[test]
fn details_hold_every_image() {
    let data = dataset();
    perfect_segmentations(&data.path().join("segs"));
    let segs = data.path().join("segs").display().to_string();
    let call =
        matbackprop(&[])
            .args(eval(data.path()))
            .args(["--segs", &segs, "--json", "--details"]);
    let object: Value = serde_json::from_str(&call.succeed()).unwrap();
    let ids: Vec<_> = object["per_image"]
        .as_array()
        .unwrap()
        .iter()
        .map(|image| &image["id"])
        .collect();
    assert_eq!(ids, ["21", "22"]);
}

#[test]
fn a_network_is_measured_at_its_numbers_of_clusters() {
    let data = dataset();
    let weights = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/weights/ncuts_lite0_f16.safetensors"
    );
    let call = |more: &[&str]| {
        matbackprop(&[])
            .args(eval(data.path()))
            .args(["--weights", weights])
            .args(more)
    };
    let object: Value =
        serde_json::from_str(&call(&["--k", "2..4", "--json", "--timing"]).succeed()).unwrap();
    let level = object["covering"]["ods_level"].as_u64().unwrap();
    assert!((2..=4).contains(&level));
    let ods = object["covering"]["ods"].as_f64().unwrap();
    assert!(ods > 0.3 && ods <= object["covering"]["ois"].as_f64().unwrap());
    assert!(
        object["timing"]["seconds_per_image"]["trunk"]
            .as_f64()
            .unwrap()
            > 0.0
    );
    let table = call(&["--levels", "auto", "--limit", "1"]).succeed();
    assert!(table.contains("  auto "), "{table}");
}

#[test]
fn progress_goes_to_standard_error() {
    let data = dataset();
    perfect_segmentations(&data.path().join("segs"));
    let segs = data.path().join("segs").display().to_string();
    let Called { err, .. } = matbackprop(&[])
        .args(eval(data.path()))
        .args(["--segs", &segs])
        .call();
    assert!(err.contains("image 2/2: 22"), "{err}");
}

#[test]
fn missing_files_and_settings_are_named() {
    let data = dataset();
    let root = data.path().display().to_string();
    std::fs::create_dir(data.path().join("empty")).unwrap();
    let empty = data.path().join("empty").display().to_string();
    let call = |split: &str, more: &[&str]| {
        matbackprop(&["eval", "bsds", "--data", &root, "--split", split]).args(more)
    };
    // The split is not there: the message says where it was looked for.
    let err = call("test", &["--segs", &empty]).fail(1);
    assert!(
        err.contains("split test") && err.contains("images/test"),
        "{err}"
    );
    let err = call("val", &["--segs", &empty]).fail(1);
    assert!(err.contains("21") && err.contains(&empty), "{err}");
    let err = call("val", &["--run", &empty]).fail(1);
    assert!(err.contains("network.safetensors"), "{err}");
    let err = call("val", &["--weights", "absent.safetensors"]).fail(1);
    assert!(err.contains("absent.safetensors"), "{err}");
    let err = call("val", &["--ucm", "absent folder"]).fail(2);
    assert!(
        err.contains("--ucm") && err.contains("absent folder"),
        "{err}"
    );
    for more in [
        ["--thresholds", "0"],
        ["--limit", "0"],
        ["--k", "2..5"],
        ["--levels", "auto"],
    ] {
        let err = call("val", &["--ucm", &empty]).args(more).fail(2);
        assert!(err.contains(more[0]), "{err}");
    }
    let elsewhere = matbackprop(&[
        "eval", "bsds", "--split", "val", "--data", "absent", "--ucm", &empty,
    ])
    .fail(2);
    assert!(elsewhere.contains("--data"), "{elsewhere}");
}

/// The official benchmark's fixture, as a dataset of one split.
pub fn fixture(root: &Path) -> PathBuf {
    let fixture = data_folder("bsds-bench-fixture");
    for kind in ["images", "groundTruth"] {
        let below = root.join(kind).join("val");
        std::fs::create_dir_all(&below).unwrap();
        for entry in std::fs::read_dir(fixture.join(kind)).unwrap() {
            let path = entry.unwrap().path();
            std::fs::copy(&path, below.join(path.file_name().unwrap())).unwrap();
        }
    }
    fixture
}

#[needs("bsds-bench-fixture")]
#[test]
fn the_official_results_are_reproduced() {
    let data = tempfile::tempdir().unwrap();
    let fixture = fixture(data.path());
    let numbers = |path: PathBuf| -> Vec<f64> {
        let text = std::fs::read_to_string(path).unwrap();
        text.split_whitespace()
            .map(|word| word.parse().unwrap())
            .collect()
    };
    let sources: [(&str, &str, &[&str]); 2] = [
        ("--ucm", "ucm2", &["--thresholds", "5"]),
        ("--segs", "segs", &[]),
    ];
    for ((option, folder, more), test) in sources.into_iter().zip(["test_1", "test_4"]) {
        let folder = fixture.join(folder).display().to_string();
        let call = matbackprop(&[])
            .args(eval(data.path()))
            .args([option, &folder, "--json", "--boundaries"])
            .args(more);
        let object: Value = serde_json::from_str(&call.succeed()).unwrap();
        let covering = numbers(fixture.join(test).join("eval_cover.txt"));
        let others = numbers(fixture.join(test).join("eval_RI_VOI.txt"));
        let expected = [
            ("covering", "ods_level", covering[0]),
            ("covering", "ods", covering[1]),
            ("covering", "ois", covering[2]),
            ("covering", "best", covering[3]),
            ("pri", "ods_level", others[0]),
            ("pri", "ods", others[1]),
            ("pri", "ois", others[2]),
            ("vi", "ods_level", others[3]),
            ("vi", "ods", others[4]),
            ("vi", "ois", others[5]),
        ];
        for (measure, of, expected) in expected {
            let found = object[measure][of].as_f64().unwrap();
            // Six digits are printed.
            assert!(
                (found - expected).abs() <= 5.1e-6,
                "{test}: {measure}.{of}: {found}, expected {expected}"
            );
        }
        let official = numbers(fixture.join(test).join("eval_bdry.txt"));
        let boundary = &object["boundary"];
        let expected = [
            (&boundary["ods_level"], official[0]),
            (&boundary["ods"]["recall"], official[1]),
            (&boundary["ods"]["precision"], official[2]),
            (&boundary["ods"]["f"], official[3]),
            (&boundary["ois"]["recall"], official[4]),
            (&boundary["ois"]["precision"], official[5]),
            (&boundary["ois"]["f"], official[6]),
            (&boundary["average_precision"], official[7]),
        ];
        for (found, expected) in expected {
            let found = found.as_f64().unwrap();
            assert!(
                (found - expected).abs() <= 5e-4,
                "{test}: boundaries: {found}, expected {expected}"
            );
        }
    }
}

#[test]
fn contours_are_measured_without_a_network() {
    let data = dataset();
    let call = |more: &[&str]| {
        matbackprop(&[])
            .args(eval(data.path()))
            .args(["--model", "intervening-contour"])
            .args(more)
    };
    let table = call(&["--k", "2..4", "--timing"]).succeed();
    assert!(
        table.contains("BSDS500 val, 2 images, intervening-contour"),
        "{table}"
    );
    assert!(table.contains("layer "), "{table}");
    let again = call(&["--k", "2..4", "--timing"]).succeed();
    let measures = |table: &str| table.lines().take(7).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(measures(&table), measures(&again));
    for (more, word) in [
        (&["--k", "auto"][..], "auto"),
        (&["--levels", "auto"], "auto"),
        (&["--trunk-weights", "x"], "--trunk-weights"),
        (&["--taps", "relu4"], "--untrained"),
    ] {
        let err = call(more).fail(2);
        assert!(err.contains(word), "{more:?}: {err}");
    }
    let err = matbackprop(&[])
        .args(eval(data.path()))
        .args(["--model", "lite0-untrained-stride8"])
        .fail(2);
    assert!(err.contains("--trunk-weights"), "{err}");
}
