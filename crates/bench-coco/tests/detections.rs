//! The detection table on annotations small enough to do by hand, and everything that is refused.

use std::path::PathBuf;

use bench_coco::{DetectionKind, DetectionTable, Error, Result, evaluate_detections};
use serde_json::{Value, json};
use tempfile::TempDir;

use DetectionKind::{Bbox, Segm};

/// Image 1 of 40 × 30 pixels: a square of 20 × 20 of category 7, one of 10 × 10 beside it, and nothing of category 8.
fn truth() -> Value {
    let square = |id: u64, x: u64, side: u64| {
        let far = x + side;
        json!({
            "id": id, "image_id": 1, "category_id": 7, "iscrowd": 0,
            "bbox": [x, 0, side, side], "area": side * side,
            "segmentation": [[x, 0, far, 0, far, side, x, side]],
        })
    };
    json!({
        "images": [{ "id": 1, "width": 40, "height": 30 }],
        "categories": [{ "id": 7, "name": "cat" }, { "id": 8, "name": "dog" }],
        "annotations": [square(1, 0, 20), square(2, 25, 10)],
    })
}

fn bbox(numbers: Value) -> Value {
    json!({ "image_id": 1, "category_id": 7, "score": 0.5, "bbox": numbers })
}

/// A mask of the first square, and what was to be said of its run lengths.
fn mask(size: Value, counts: Value) -> Value {
    json!({
        "image_id": 1, "category_id": 7, "score": 0.5,
        "segmentation": { "size": size, "counts": counts },
    })
}

/// Run lengths of the first square: nothing, then 20 of each 30 pixels, twenty times, and the rest.
fn square_counts() -> String {
    let mut counts = vec![0];
    for _ in 0..19 {
        counts.extend([20, 10]);
    }
    counts.extend([20, 10 + 20 * 30]);
    hotcoco::mask::rle_to_string(&hotcoco::Rle {
        h: 30,
        w: 40,
        counts,
    })
}

struct Files {
    folder: TempDir,
}

impl Files {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { folder }
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    fn evaluate(
        &self,
        truth: impl AsRef<[u8]>,
        results: impl AsRef<[u8]>,
        kind: impl Into<Option<DetectionKind>>,
    ) -> Result<DetectionTable> {
        let truth = self.write("truth.json", truth);
        evaluate_detections(&truth, &self.write("results.json", results), kind)
    }
}

fn table(results: Value, kind: impl Into<Option<DetectionKind>>) -> DetectionTable {
    let files = Files::new();
    files
        .evaluate(truth().to_string(), results.to_string(), kind)
        .unwrap()
}

fn refusal(
    truth: impl AsRef<[u8]>,
    results: impl AsRef<[u8]>,
    kind: impl Into<Option<DetectionKind>>,
) -> Error {
    Files::new().evaluate(truth, results, kind).unwrap_err()
}

/// The refusal of results with the annotations above.
fn refused(results: Value, kind: impl Into<Option<DetectionKind>>) -> Error {
    refusal(truth().to_string(), results.to_string(), kind)
}

#[test]
fn one_of_two_found() {
    let table = table(json!([bbox(json!([0, 0, 20, 20]))]), None);
    assert_eq!(table.kind, Bbox);
    // Precision 1 for recalls 0, 0.01 … 0.5, 51 of 101, and 0 after; both objects are small.
    for ap in [table.ap, table.ap50, table.ap75, table.ap_small] {
        assert!((ap.unwrap() - 51.0 / 101.0).abs() < 1e-12);
    }
    for ar in [table.ar1, table.ar10, table.ar100, table.ar_small] {
        assert_eq!(ar, Some(0.5));
    }
    for absent in [
        table.ap_medium,
        table.ap_large,
        table.ar_medium,
        table.ar_large,
    ] {
        assert_eq!(absent, None);
    }
    let categories: Vec<_> = table
        .categories
        .iter()
        .map(|c| (c.id, c.name.as_str(), c.ap))
        .collect();
    assert_eq!(categories, [(7, "cat", table.ap), (8, "dog", None)]);
}

#[test]
fn an_overlap_of_six_tenths_counts_at_three_thresholds() {
    // 12 of 20 columns: IoU 0.6, which is enough at 0.50, 0.55 and 0.60.
    let table = table(json!([bbox(json!([0, 0, 12, 20]))]), Bbox);
    assert!((table.ap.unwrap() - 0.3 * 51.0 / 101.0).abs() < 1e-12);
    assert_eq!((table.ar100, table.ap75), (Some(0.15), Some(0.0)));
}

#[test]
fn masks_are_compared_by_pixels_and_boxes_are_drawn_around_them() {
    let found = json!([mask(json!([30, 40]), json!(square_counts()))]);
    let masks = table(found.clone(), None);
    assert_eq!((masks.kind, masks.ar100), (Segm, Some(0.5)));
    let boxes = table(found, Bbox);
    assert_eq!((boxes.kind, boxes.ar100), (Bbox, Some(0.5)));
}

#[test]
fn an_empty_list_has_found_nothing() {
    for kind in [Segm, Bbox] {
        let table = table(json!([]), kind);
        assert_eq!(
            (table.ap, table.ar100, table.ap_large),
            (Some(0.0), Some(0.0), None)
        );
    }
    let error = refused(json!([]), None);
    assert!(matches!(error, Error::ResultsEmpty { .. }), "{error}");
}

#[test]
fn ids_may_be_written_with_a_point() {
    let mut found = bbox(json!([0, 0, 20, 20]));
    found["image_id"] = json!(1.0);
    found["category_id"] = json!(7.0);
    found["segmentation"] = json!([]);
    assert_eq!(table(json!([found]), Bbox).ar100, Some(0.5));
}

#[test]
fn prints_and_stores_the_official_names() {
    let table = table(json!([bbox(json!([0, 0, 20, 20]))]), Bbox);
    let printed = table.to_string();
    let lines: Vec<_> = printed.lines().collect();
    assert_eq!(lines.len(), 12);
    assert_eq!(
        lines[0],
        " Average Precision  (AP) @[ IoU=0.50:0.95 | area=   all | maxDets=100 ] = 0.505"
    );
    assert_eq!(
        lines[11],
        " Average Recall     (AR) @[ IoU=0.50:0.95 | area= large | maxDets=100 ] = -1.000"
    );
    let stored = serde_json::to_value(&table).unwrap();
    for row in table.rows() {
        assert_eq!(stored[row.name], json!(row.value), "{}", row.name);
    }
    assert_eq!(
        (&stored["kind"], &stored["APl"]),
        (&json!("bbox"), &Value::Null)
    );
    assert_eq!(
        serde_json::from_value::<DetectionTable>(stored).unwrap(),
        table
    );
}

#[test]
fn refuses_files_that_are_missing_or_no_json() {
    let files = Files::new();
    let truth_path = files.write("truth.json", truth().to_string());
    let missing = files.folder.path().join("missing.json");
    for (truth, results) in [(&missing, &truth_path), (&truth_path, &missing)] {
        let error = evaluate_detections(truth, results, Bbox).unwrap_err();
        assert!(
            matches!(&error, Error::Io { path, .. } if *path == missing),
            "{error}"
        );
    }
    for text in [
        "",
        "not json",
        "[",
        "[1, 2]",
        "[[1]]",
        "[null]",
        "\u{feff}[]",
        "{\"a\":",
    ] {
        let error = refusal(truth().to_string(), text, Bbox);
        assert!(matches!(error, Error::Json { .. }), "{text}: {error}");
        assert!(error.to_string().contains("results.json"), "{error}");
    }
    let deep = "[".repeat(100_000);
    for (truth, results) in [(deep.clone(), "[]".to_owned()), (truth().to_string(), deep)] {
        let error = refusal(truth, results, Bbox);
        assert!(matches!(error, Error::Json { .. }), "{error}");
    }
    let error = refusal(truth().to_string(), b"[\xff\xfe]", Bbox);
    assert!(matches!(error, Error::Json { .. }), "{error}");
    for (text, found) in [
        ("{}", "an object"),
        (" 3", "a number"),
        ("null", "null"),
        ("\"\"", "a string"),
    ] {
        match refusal(truth().to_string(), text, Bbox) {
            Error::ResultsNotAList { found: kind, .. } => assert_eq!(kind, found),
            error => panic!("{text}: {error}"),
        }
    }
}

#[test]
fn refuses_unknown_ids() {
    let mut stranger = bbox(json!([0, 0, 1, 1]));
    stranger["image_id"] = json!(2);
    let error = refused(json!([bbox(json!([0, 0, 1, 1])), stranger]), Bbox);
    assert!(
        matches!(
            error,
            Error::DetectionImage {
                index: 1,
                image: 2,
                ..
            }
        ),
        "{error}"
    );
    assert!(
        error
            .to_string()
            .ends_with("detection 1: expected an annotated image, found image 2")
    );
    let mut stranger = bbox(json!([0, 0, 1, 1]));
    stranger["category_id"] = json!(9);
    let error = refused(json!([stranger]), Bbox);
    assert!(
        matches!(
            error,
            Error::DetectionCategory {
                index: 0,
                category: 9,
                ..
            }
        ),
        "{error}"
    );
    for id in [json!(-1), json!(1.5), json!(null), json!(1e300)] {
        let mut nobody = bbox(json!([0, 0, 1, 1]));
        nobody["image_id"] = id;
        let error = refused(json!([nobody]), Bbox);
        assert!(matches!(error, Error::Detection { .. }), "{error}");
    }
}

#[test]
fn refuses_scores_that_order_nothing() {
    for score in ["NaN", "Infinity", "-Infinity"] {
        let results = format!(
            r#"[{{"image_id": 1, "category_id": 7, "bbox": [0, 0, 1, 1], "score": {score}}}]"#
        );
        match refusal(truth().to_string(), results, Bbox) {
            Error::JsonNotFinite { found, line: 1, .. } => assert_eq!(found, score),
            error => panic!("{score}: {error}"),
        }
    }
    let mut silent = bbox(json!([0, 0, 1, 1]));
    silent["score"] = Value::Null;
    let error = refused(json!([silent]), Bbox);
    assert!(
        error.to_string().ends_with("expected a score, found none"),
        "{error}"
    );
}

#[test]
fn refuses_boxes_that_are_none() {
    for numbers in [
        json!([1]),
        json!([1, 2, 3]),
        json!([1, 2, 3, 4, 5]),
        json!([0, 0, -1, 5]),
        json!([0, 0, 5, -1]),
        json!([0, 0, 1e300, 1e300]),
        json!([1e308, 0, 1e308, 0]),
    ] {
        let good = bbox(json!([0, 0, 1, 1]));
        let error = refused(json!([good, bbox(numbers)]), Bbox);
        assert!(
            matches!(error, Error::Detection { index: 1, .. }),
            "{error}"
        );
    }
    // The first has a box, so all have; without box and mask there is nothing.
    let good = bbox(json!([0, 0, 1, 1]));
    for other in [
        bbox(Value::Null),
        bbox(json!([])),
        mask(json!([30, 40]), json!(square_counts())),
    ] {
        let error = refused(json!([good, other]), Bbox);
        assert!(
            matches!(error, Error::Detection { index: 1, .. }),
            "{error}"
        );
    }
    let error = refused(json!([bbox(json!([]))]), Bbox);
    assert!(
        matches!(error, Error::Detection { index: 0, .. }),
        "{error}"
    );
}

#[test]
fn refuses_masks_that_are_none() {
    let huge = u32::MAX;
    let overlong: String = "o".repeat(10_000);
    for (size, counts) in [
        (json!([40, 30]), json!(square_counts())),
        (json!([0, 0]), json!("")),
        (json!([huge, huge]), json!(square_counts())),
        (json!([30, 40]), json!("")),
        (json!([30, 40]), json!(square_counts()[..9])),
        (json!([30, 40]), json!("\u{1}\u{2}")),
        (json!([30, 40]), json!("ÿÿÿ")),
        (json!([30, 40]), json!(overlong)),
        (json!([30, 40]), json!("PPPPPPPPPPPPPPPP0")),
        (json!([30, 40]), json!("000000000000000000")),
        (json!([30, 40]), json!([0, 20, 1180])),
    ] {
        for kind in [Segm, Bbox] {
            let error = refused(json!([mask(size.clone(), counts.clone())]), kind);
            assert!(
                matches!(error, Error::Detection { index: 0, .. }),
                "{size} {counts}: {error}"
            );
        }
    }
    for (size, counts) in [
        (json!([30]), json!("")),
        (json!([30, 40, 50]), json!("")),
        (json!([-30, 40]), json!("")),
        (json!([30, 1e12]), json!("")),
        (json!([30, 40]), json!({})),
        (json!([30, 40]), json!([-1])),
    ] {
        let error = refused(json!([mask(size, counts)]), Segm);
        assert!(matches!(error, Error::Json { .. }), "{error}");
    }
    let mut polygon = bbox(Value::Null);
    polygon["segmentation"] = json!([[0, 0, 20, 0, 20, 20]]);
    for found in [polygon, bbox(json!([0, 0, 20, 20]))] {
        let error = refused(json!([found]), Segm);
        assert!(
            matches!(error, Error::Detection { index: 0, .. }),
            "{error}"
        );
    }
}

#[test]
fn refuses_annotations_that_cannot_be_measured() {
    let found = json!([mask(json!([30, 40]), json!(square_counts()))]).to_string();
    let refused = |change: &dyn Fn(&mut Value), kind| {
        let mut truth = truth();
        change(&mut truth);
        refusal(truth.to_string(), &found, kind)
    };
    for kind in [Segm, Bbox] {
        let error = refused(&|truth| truth["annotations"][1]["id"] = json!(1), kind);
        assert!(
            matches!(error, Error::TruthAnnotationTwice { annotation: 1, .. }),
            "{error}"
        );
        for list in ["images", "categories"] {
            let error = refused(&|truth| truth[list] = json!([]), kind);
            assert!(matches!(error, Error::TruthEmpty { .. }), "{error}");
        }
        let error = refused(&|truth| *truth = json!([]), kind);
        assert!(
            matches!(error, Error::TruthEmpty { .. } | Error::Json { .. }),
            "{error}"
        );
    }
    for (width, height) in [(0, 30), (40, 0), (u32::MAX, u32::MAX), (u32::MAX, 1)] {
        let error = refused(
            &|truth| truth["images"][0] = json!({ "id": 1, "width": width, "height": height }),
            Segm,
        );
        assert!(
            matches!(error, Error::TruthImageSize { image: 1, .. }),
            "{error}"
        );
    }
    for mask in [
        Value::Null,
        json!([]),
        json!([[]]),
        json!([[0, 0, 5, 5]]),
        json!({ "size": [3, 4], "counts": [12] }),
        json!({ "size": [30, 40], "counts": [4_000_000_000_u32, 4_000_000_000_u32] }),
        json!({ "size": [30, 40], "counts": "zzz" }),
    ] {
        let error = refused(
            &|truth| truth["annotations"][1]["segmentation"] = mask.clone(),
            Segm,
        );
        assert!(
            matches!(error, Error::TruthAnnotation { annotation: 2, .. }),
            "{mask}: {error}"
        );
    }
    for bbox in [Value::Null, json!([0, 0, 1e200, 1e200])] {
        let error = refused(
            &|truth| truth["annotations"][0]["bbox"] = bbox.clone(),
            Bbox,
        );
        assert!(
            matches!(error, Error::TruthAnnotation { annotation: 1, .. }),
            "{error}"
        );
    }
}

#[test]
fn polygons_far_outside_are_drawn_where_they_meet_the_image() {
    let files = Files::new();
    let found = json!([mask(json!([30, 40]), json!(square_counts()))]).to_string();
    for far in [1e4, 1e9, 1e300] {
        let mut truth = truth();
        truth["annotations"][0]["segmentation"] =
            json!([[-far, -far, far, -far, far, far, -far, far]]);
        let table = files.evaluate(truth.to_string(), &found, Segm).unwrap();
        // The whole image now, of which the square is a third.
        assert_eq!(table.ar100, Some(0.0), "{far}");
    }
}
