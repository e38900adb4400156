//! `matbackprop eval coco`.
//!
//! Protects the official table, to the digits COCO publishes, and that no file is measured that is no result.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use test_support::{data_folder, needs};

use crate::call::{Call, Called, matbackprop};

fn eval(detections: &Path, truth: &Path) -> Call {
    matbackprop(&["eval", "coco"])
        .args(["--detections".as_ref(), detections.as_os_str()])
        .args(["--truth".as_ref(), truth.as_os_str()])
}

/// One object of 20 × 20 pixels, and files beside it.
struct Files(tempfile::TempDir);

impl Files {
    fn new() -> Self {
        let files = Self(tempfile::tempdir().unwrap());
        let truth = json!({
            "images": [{ "id": 1, "width": 40, "height": 30 }],
            "categories": [{ "id": 7, "name": "cat" }],
            "annotations": [{
                "id": 1, "image_id": 1, "category_id": 7, "iscrowd": 0, "bbox": [0, 0, 20, 20], "area": 400,
                "segmentation": [[0, 0, 20, 0, 20, 20, 0, 20]],
            }],
        });
        files.write("truth.json", &truth.to_string());
        files
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Evaluates these results.
    fn eval(&self, results: &str) -> Call {
        let results = self.write("results.json", results);
        eval(&results, &self.path("truth.json"))
    }
}

fn bbox(image: u64) -> Value {
    json!([{ "image_id": image, "category_id": 7, "score": 0.5, "bbox": [0, 0, 20, 20] }])
}

#[test]
fn the_table_goes_to_standard_output_alone() {
    let files = Files::new();
    let found = bbox(1).to_string();
    let Called { code, out, err } = files.eval(&found).call();
    assert_eq!((code, err.as_str()), (0, ""));
    let lines: Vec<_> = out.lines().collect();
    assert_eq!(lines.len(), 12);
    assert_eq!(
        lines[0],
        " Average Precision  (AP) @[ IoU=0.50:0.95 | area=   all | maxDets=100 ] = 1.000"
    );
    assert_eq!(
        lines[5],
        " Average Precision  (AP) @[ IoU=0.50:0.95 | area= large | maxDets=100 ] = -1.000"
    );
    let object: Value =
        serde_json::from_str(&files.eval(&found).args(["--json"]).succeed()).unwrap();
    assert_eq!(
        (&object["kind"], &object["AR100"], &object["APl"]),
        (&json!("bbox"), &json!(1.0), &Value::Null)
    );
    assert_eq!(object["categories"][0]["name"], "cat");
}

#[test]
fn the_kind_is_detected_or_given() {
    let files = Files::new();
    let err = files.eval("[]").fail(2);
    assert!(
        err.contains("--kind") && err.contains("results.json"),
        "{err}"
    );
    for kind in ["segm", "bbox"] {
        let out = files.eval("[]").args(["--kind", kind, "--json"]).succeed();
        let object: Value = serde_json::from_str(&out).unwrap();
        assert_eq!(
            (&object["kind"], &object["AP"]),
            (&json!(kind), &json!(0.0))
        );
    }
    // Boxes do not pass for masks.
    let err = files
        .eval(&bbox(1).to_string())
        .args(["--kind", "segm"])
        .fail(1);
    assert!(err.contains("results.json: detection 0"), "{err}");
}

#[test]
fn missing_files_and_settings_are_named() {
    let files = Files::new();
    let (truth, absent) = (files.path("truth.json"), files.path("absent.json"));
    for call in [eval(&absent, &truth), eval(&truth, &absent)] {
        let err = call.fail(1);
        assert!(err.contains("absent.json: "), "{err}");
    }
    let calls = [
        ("--detections", ["--truth", "t.json"]),
        ("--truth", ["--detections", "d.json"]),
    ];
    for (missing, given) in calls {
        let err = matbackprop(&["eval", "coco"]).args(given).fail(2);
        assert!(err.contains(missing), "{err}");
    }
}

#[test]
fn invalid_results_are_refused_with_file_and_place() {
    let files = Files::new();
    for (results, reason) in [
        ("not json", "results.json: expected a list of detections"),
        ("[", "results.json: expected more JSON"),
        (
            "{}",
            "results.json: expected a list of detections, found an object",
        ),
        (
            &bbox(2).to_string(),
            "results.json: detection 0: expected an annotated image, found image 2",
        ),
    ] {
        let err = files.eval(results).fail(1);
        assert!(err.contains(reason), "{err}");
        assert_eq!(err.lines().count(), 1, "{err}");
    }
    let found = files.write("results.json", &bbox(1).to_string());
    let err = eval(&found, &files.write("truth.json", "no JSON")).fail(1);
    assert!(err.contains("truth.json: expected annotations"), "{err}");
}

#[test]
fn what_the_table_does_not_show_goes_to_standard_error_and_json() {
    let files = Files::new();
    let text = std::fs::read_to_string(files.path("truth.json")).unwrap();
    let mut truth: Value = serde_json::from_str(&text).unwrap();
    let mut stray = truth["annotations"][0].clone();
    (stray["id"], stray["image_id"]) = (json!(0), json!(9));
    truth["annotations"][0]["id"] = json!(0);
    truth["annotations"].as_array_mut().unwrap().push(stray);
    files.write("truth.json", &truth.to_string());
    let found = bbox(1).to_string();
    let Called { code, out, err } = files.eval(&found).call();
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("= 1.000"), "{out}");
    for line in [
        "truth.json: 1 annotation with the id of another",
        "truth.json: 1 annotation of an image that is not listed: left out; first: annotation 0: image 9",
        "truth.json: 1 annotation with the id 0",
        "pycocotools says AP -1.000 for these files, not 1.000: --as-pycocotools prints its table",
    ] {
        assert!(err.contains(line), "{line}: {err}");
    }
    let object = files.eval(&found).args(["--json"]).succeed();
    let object: Value = serde_json::from_str(&object).unwrap();
    assert_eq!(object["findings"].as_array().unwrap().len(), 3);
    assert_eq!(object["findings"][0]["kind"], "repeated-annotations");
    assert_eq!(object["pycocotools"]["AP"], Value::Null);
    let strict = files.eval(&found).args(["--strict"]).fail(1);
    assert!(
        strict.contains("2 more findings; --strict refuses them"),
        "{strict}"
    );
    let official = files.eval(&found).args(["--as-pycocotools"]).succeed();
    assert!(official.starts_with(
        " Average Precision  (AP) @[ IoU=0.50:0.95 | area=   all | maxDets=100 ] = -1.000"
    ));
}

#[test]
fn detections_are_counted_and_pooled_as_asked() {
    let files = Files::new();
    let found = bbox(1).to_string();
    let out = files
        .eval(&found)
        .args(["--max-dets", "300", "--class-agnostic"])
        .succeed();
    assert!(out.contains("maxDets=300 ] = 1.000"), "{out}");
    for numbers in ["0", "10,5,1", "1,2", "a"] {
        let err = files.eval(&found).args(["--max-dets", numbers]).fail(2);
        assert!(err.contains("--max-dets"), "{err}");
    }
}

#[test]
fn the_help_explains_files_and_kinds() {
    let help = matbackprop(&["eval", "coco", "--help"]).succeed();
    for word in [
        "--detections <FILE>",
        "--truth <FILE>",
        "segm",
        "bbox",
        "--json",
        "\"category_id\"",
        "--as-pycocotools",
        "id 0",
        "--strict",
    ] {
        assert!(help.contains(word), "{word}: {help}");
    }
}

#[needs("coco-eval-fixture")]
#[test]
fn the_official_table_is_reproduced() {
    let fixture = data_folder("coco-eval-fixture");
    let published = std::fs::read_to_string(fixture.join("val2014_fake_eval_res.txt")).unwrap();
    // The published lines have fewer spaces than the tool prints today.
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    for kind in ["segm", "bbox"] {
        let section = format!("type={kind}");
        let expected: Vec<_> = published
            .lines()
            .skip_while(|line| *line != section)
            .skip(1)
            .take_while(|line| !line.starts_with("type="))
            .filter(|line| line.contains("@["))
            .map(words)
            .collect();
        assert_eq!(expected.len(), 12);
        let results = fixture.join(format!("instances_val2014_fake{kind}100_results.json"));
        let truth = fixture.join("instances_val2014_100.json");
        let out = eval(&results, &truth).args(["--kind", kind]).succeed();
        assert_eq!(out.lines().map(words).collect::<Vec<_>>(), expected);
        assert_eq!(eval(&results, &truth).succeed(), out);
    }
}
