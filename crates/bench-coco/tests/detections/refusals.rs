//! Files that would make the table say something else than it means.

use bench_coco::DetectionKind::{self, Bbox, Segm};
use bench_coco::{Error, Record, evaluate_detections};
use serde_json::{Value, json};

use crate::files::{Files, bbox, mask, square_counts, truth};

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
    for text in ["not json", "[1, 2]", "[[1]]", "[null]", "\u{feff}[]"] {
        let error = refusal(truth().to_string(), text, Bbox);
        assert!(matches!(error, Error::Json { .. }), "{text}: {error}");
        assert!(error.to_string().contains("results.json"), "{error}");
    }
    for text in ["", "[", "{\"a\":"] {
        let error = refusal(truth().to_string(), text, Bbox);
        assert!(matches!(error, Error::Truncated { .. }), "{text}: {error}");
    }
    let deep = "[".repeat(100_000);
    for (truth, results) in [(deep.clone(), "[]".to_owned()), (truth().to_string(), deep)] {
        let error = refusal(truth, results, Bbox);
        assert!(
            matches!(error, Error::JsonTooDeep { at: 32, .. }),
            "{error}"
        );
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
fn refuses_to_guess_a_kind_from_nothing() {
    let error = refused(json!([]), None);
    assert!(matches!(error, Error::ResultsEmpty { .. }), "{error}");
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
            matches!(
                error,
                Error::DuplicateId {
                    record: Record::Annotation(1),
                    ..
                }
            ),
            "{error}"
        );
        for list in ["images", "categories"] {
            let error = refused(&|truth| truth[list] = json!([]), kind);
            assert!(matches!(error, Error::TruthEmpty { .. }), "{error}");
        }
        let many: Vec<Value> = (1..=513)
            .map(|id| json!({ "id": id, "name": "a" }))
            .collect();
        let error = refused(&|truth| truth["categories"] = json!(many), kind);
        assert!(
            matches!(error, Error::TooManyCategories { found: 513, .. }),
            "{error}"
        );
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
            matches!(
                error,
                Error::Field {
                    record: Record::Image(1),
                    ..
                }
            ),
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
            matches!(
                error,
                Error::Field {
                    record: Record::Annotation(2),
                    field: "segmentation",
                    ..
                }
            ),
            "{mask}: {error}"
        );
    }
    // From corner to corner of a large image, again and again: each way is a walk of its own.
    let zigzag: Vec<u32> = (0..400).flat_map(|_| [0, 0, 65_000, 65_000]).collect();
    let error = refused(
        &|truth| {
            truth["images"][0] = json!({ "id": 1, "width": 65_000, "height": 65_000 });
            truth["annotations"] = json!([{ "id": 9, "image_id": 1, "category_id": 7, "iscrowd": 0, "area": 4,
                "bbox": [0, 0, 2, 2], "segmentation": [zigzag] }]);
        },
        Segm,
    );
    assert!(
        error
            .to_string()
            .contains("annotation 9: `segmentation`: expected an outline of at most"),
        "{error}"
    );
    for bbox in [Value::Null, json!([0, 0, 1e200, 1e200])] {
        let error = refused(
            &|truth| truth["annotations"][0]["bbox"] = bbox.clone(),
            Bbox,
        );
        assert!(
            matches!(
                error,
                Error::Field {
                    record: Record::Annotation(1),
                    field: "bbox",
                    ..
                }
            ),
            "{error}"
        );
    }
}
