//! Files that would make the table say something else than it means.
//!
//! Each test is a table of faults of a file, and the errors that name them.

use bench_coco::DetectionKind::{self, Bbox, Segm};
use bench_coco::{DetectionTable, Error, Id, Record, Result, evaluate_detections};
use serde_json::{Value, json};
use test_support::refused;

use crate::files::{Files, bbox, mask, square_counts, truth};

/// The table of results with the annotations above.
fn text(results: impl AsRef<[u8]>) -> Result<DetectionTable> {
    Files::new().evaluate(truth().to_string(), results, Bbox)
}

fn results(results: Value, kind: impl Into<Option<DetectionKind>>) -> Result<DetectionTable> {
    Files::new().evaluate(truth().to_string(), results.to_string(), kind)
}

/// The table of one detection that is right, with annotations of which something was changed.
fn changed(kind: DetectionKind, change: impl FnOnce(&mut Value)) -> Result<DetectionTable> {
    let mut truth = truth();
    change(&mut truth);
    let found = json!([mask(json!([30, 40]), json!(square_counts()))]);
    Files::new().evaluate(truth.to_string(), found.to_string(), kind)
}

/// A detection with one field replaced.
fn with(field: &str, value: Value) -> Value {
    let mut detection = bbox(json!([0, 0, 1, 1]));
    detection[field] = value;
    detection
}

#[test]
fn files_that_are_missing_or_no_json() {
    let files = Files::new();
    let truth_path = files.write("truth.json", truth().to_string());
    let missing = files.folder.path().join("missing.json");
    let deep = "[".repeat(100_000);
    let about_results = |error: &Error| error.to_string().contains("results.json");
    refused! {
        evaluate_detections(&missing, &truth_path, Bbox)
            => Error::Io { path, .. } if path == missing,
        evaluate_detections(&truth_path, &missing, Bbox)
            => Error::Io { path, .. } if path == missing,
        text("not json") => ref error @ Error::Json { .. } if about_results(error),
        text("[1, 2]") => ref error @ Error::Json { .. } if about_results(error),
        text("[[1]]") => ref error @ Error::Json { .. } if about_results(error),
        text("[null]") => ref error @ Error::Json { .. } if about_results(error),
        text(b"[\xff\xfe]") => Error::Json { .. },
        text("") => Error::Truncated { .. },
        text("[") => Error::Truncated { .. },
        text("{\"a\":") => Error::Truncated { .. },
        text(&deep) => Error::JsonTooDeep { at: 32, .. },
        Files::new().evaluate(&deep, "[]", Bbox) => Error::JsonTooDeep { at: 32, .. },
        text("{}") => Error::ResultsNotAList { found, .. } if found == "an object",
        text(" 3") => Error::ResultsNotAList { found, .. } if found == "3",
        text("null") => Error::ResultsNotAList { found, .. } if found == "null",
        text("\"a\"") => Error::ResultsNotAList { found, .. } if found == "the text \"a\"",
        // An empty list has no kind.
        results(json!([]), None) => Error::ResultsEmpty { .. },
    }
}

#[test]
fn unknown_ids() {
    let good = bbox(json!([0, 0, 1, 1]));
    let place = "detection 1: expected an annotated image, found image 2";
    refused! {
        results(json!([good, with("image_id", json!(2))]), Bbox)
            => ref error @ Error::DetectionImage { index: 1, .. }
                if error.to_string().ends_with(place),
        results(json!([with("category_id", json!(9))]), Bbox)
            => Error::DetectionCategory { index: 0, category, .. } if category == 9,
        results(json!([with("image_id", json!(-1))]), Bbox) => Error::DetectionImage { .. },
        results(json!([with("image_id", json!(1e300))]), Bbox) => Error::DetectionImage { .. },
        results(json!([with("image_id", json!("1"))]), Bbox)
            => error if error.to_string().ends_with(
                "found image \"1\": a text, where the annotations have that number"),
        results(json!([with("image_id", json!(1.5))]), Bbox) => Error::Detection { .. },
        results(json!([with("image_id", json!(null))]), Bbox) => Error::Detection { .. },
        results(json!([with("image_id", json!([1]))]), Bbox) => Error::Detection { .. },
    }
}

#[test]
fn scores_that_order_nothing() {
    let score = |score: &str| {
        text(format!(
            r#"[{{"image_id": 1, "category_id": 7, "bbox": [0, 0, 1, 1], "score": {score}}}]"#
        ))
    };
    let ends = |error: &Error, with: &str| error.to_string().ends_with(with);
    refused! {
        score("NaN") => error if ends(&error, "detection 0: expected a finite score, found NaN"),
        score("Infinity") => error if ends(&error, "expected a finite score, found Infinity"),
        score("-Infinity") => error if ends(&error, "expected a finite score, found -Infinity"),
        score("1e999") => error if ends(&error, "expected a finite score, found Infinity"),
        score("null") => error if ends(&error, "detection 0: expected a score, found none"),
        score("\"0.9\"") => error
            if ends(&error, "detection 0: expected a score, found the text \"0.9\""),
        score("[0.9]") => error if ends(&error, "detection 0: expected a score, found a list"),
        score("true") => error if ends(&error, "detection 0: expected a score, found true"),
    }
}

#[test]
fn boxes_that_are_none() {
    let good = || bbox(json!([0, 0, 1, 1]));
    let second = |numbers: Value| results(json!([good(), bbox(numbers)]), Bbox);
    let whole = mask(json!([30, 40]), json!(square_counts()));
    refused! {
        second(json!([1])) => Error::Detection { index: 1, .. },
        second(json!([1, 2, 3])) => Error::Detection { index: 1, .. },
        second(json!([1, 2, 3, 4, 5])) => Error::Detection { index: 1, .. },
        second(json!([0, 0, -1, 5])) => Error::Detection { index: 1, .. },
        second(json!([0, 0, 5, -1])) => Error::Detection { index: 1, .. },
        second(json!([0, 0, 1e300, 1e300])) => Error::Detection { index: 1, .. },
        second(json!([1e308, 0, 1e308, 0])) => Error::Detection { index: 1, .. },
        // The first has a box, so all have; without box and mask there is nothing.
        second(Value::Null) => Error::Detection { index: 1, .. },
        second(json!([])) => Error::Detection { index: 1, .. },
        results(json!([good(), whole]), Bbox) => Error::Detection { index: 1, .. },
        results(json!([bbox(json!([]))]), Bbox) => Error::Detection { index: 0, .. },
    }
}

#[test]
fn masks_that_are_none() {
    let huge = u32::MAX;
    let overlong: String = "o".repeat(10_000);
    let counts = square_counts();
    let mut polygon = bbox(Value::Null);
    polygon["segmentation"] = json!([[0, 0, 20, 20]]);
    for kind in [Segm, Bbox] {
        let mask = |size, counts| results(json!([mask(size, counts)]), kind);
        let of = |counts| mask(json!([30, 40]), counts);
        refused! {
            mask(json!([40, 30]), json!(counts)) => Error::Detection { index: 0, .. },
            mask(json!([0, 0]), json!("")) => Error::Detection { index: 0, .. },
            mask(json!([huge, huge]), json!(counts)) => Error::Detection { index: 0, .. },
            of(json!("")) => Error::Detection { index: 0, .. },
            of(json!(counts[..9])) => Error::Detection { index: 0, .. },
            of(json!("\u{1}\u{2}")) => Error::Detection { index: 0, .. },
            of(json!("ÿÿÿ")) => Error::Detection { index: 0, .. },
            of(json!(overlong)) => Error::Detection { index: 0, .. },
            of(json!("PPPPPPPPPPPPPPPP0")) => Error::Detection { index: 0, .. },
            of(json!("000000000000000000")) => Error::Detection { index: 0, .. },
            of(json!([0, 20, 1181])) => Error::Detection { index: 0, .. },
            of(json!([0, 20])) => Error::Detection { index: 0, .. },
        }
    }
    let of = |size, counts| results(json!([mask(size, counts)]), Segm);
    refused! {
        of(json!([30]), json!("")) => Error::Detection { index: 0, .. },
        of(json!([30, 40, 50]), json!("")) => Error::Detection { index: 0, .. },
        of(json!([-30, 40]), json!("")) => Error::Detection { index: 0, .. },
        of(json!([30, 1e12]), json!("")) => Error::Detection { index: 0, .. },
        of(json!([30, 40]), json!({})) => Error::Detection { index: 0, .. },
        of(json!([30, 40]), json!([-1])) => Error::Detection { index: 0, .. },
        results(json!([polygon]), Segm) => Error::Detection { index: 0, .. },
        results(json!([bbox(json!([0, 0, 20, 20]))]), Segm) => Error::Detection { index: 0, .. },
    }
}

#[test]
fn annotations_that_do_not_join() {
    let many: Vec<Value> = (1..=16_385)
        .map(|id| json!({ "id": id, "name": "a" }))
        .collect();
    let each: Vec<Value> = (1..=16_385)
        .map(|id| {
            let mut one = truth()["annotations"][0].clone();
            (one["id"], one["category_id"]) = (json!(id), json!(id));
            one
        })
        .collect();
    for kind in [Segm, Bbox] {
        refused! {
            changed(kind, |truth| truth["images"] = json!([])) => Error::TruthEmpty { .. },
            changed(kind, |truth| truth["categories"] = json!([])) => Error::TruthEmpty { .. },
            changed(kind, |truth| {
                truth["categories"] = json!(many);
                truth["annotations"] = json!(each);
            }) => Error::TooManyCategories { found: 16_385, .. },
            changed(kind, |truth| *truth = json!([]))
                => Error::TruthEmpty { .. } | Error::Json { .. },
        }
    }
}

#[test]
fn annotations_that_cannot_be_measured() {
    let huge = u32::MAX;
    let image = |width: u32, height: u32| {
        let image = json!({ "id": 1, "width": width, "height": height });
        changed(Segm, |truth| truth["images"][0] = image)
    };
    let mask = |mask: Value| {
        changed(Segm, |truth| {
            truth["annotations"][1]["segmentation"] = mask;
        })
    };
    let bbox = |bbox: Value| changed(Bbox, |truth| truth["annotations"][0]["bbox"] = bbox);
    // From corner to corner of a large image, again and again: each way is a walk of its own.
    let zigzag: Vec<u32> = (0..400).flat_map(|_| [0, 0, 65_000, 65_000]).collect();
    let long_way = |truth: &mut Value| {
        truth["images"][0] = json!({ "id": 1, "width": 65_000, "height": 65_000 });
        truth["annotations"] = json!([{ "id": 9, "image_id": 1, "category_id": 7, "iscrowd": 0,
            "area": 4, "bbox": [0, 0, 2, 2], "segmentation": [zigzag] }]);
    };
    let outline = "annotation 9: `segmentation`: expected an outline of at most";
    refused! {
        image(0, 30) => Error::Field { record: Record::Image(Id::Number(1)), .. },
        image(40, 0) => Error::Field { record: Record::Image(Id::Number(1)), .. },
        image(huge, huge) => Error::Field { record: Record::Image(Id::Number(1)), .. },
        image(huge, 1) => Error::Field { record: Record::Image(Id::Number(1)), .. },
        mask(Value::Null) => Error::Field { record: Record::Annotation(Id::Number(2)), field: "segmentation", .. },
        mask(json!([])) => Error::Field { record: Record::Annotation(Id::Number(2)), field: "segmentation", .. },
        mask(json!([[]])) => Error::Field { record: Record::Annotation(Id::Number(2)), field: "segmentation", .. },
        mask(json!([[0, 0, 5, 5]])) => Error::Field { record: Record::Annotation(Id::Number(2)), field: "segmentation", .. },
        mask(json!({ "size": [3, 4], "counts": [12] }))
            => Error::Field { record: Record::Annotation(Id::Number(2)), field: "segmentation", .. },
        mask(json!({ "size": [30, 40], "counts": [4_000_000_000_u32, 4_000_000_000_u32] }))
            => Error::Field { record: Record::Annotation(Id::Number(2)), field: "segmentation", .. },
        mask(json!({ "size": [30, 40], "counts": "zzz" }))
            => Error::Field { record: Record::Annotation(Id::Number(2)), field: "segmentation", .. },
        changed(Segm, long_way) => error if error.to_string().contains(outline),
        bbox(Value::Null) => Error::Field { record: Record::Annotation(Id::Number(1)), field: "bbox", .. },
        bbox(json!([0, 0, 1e200, 1e200])) => Error::Field { record: Record::Annotation(Id::Number(1)), field: "bbox", .. },
    }
}
