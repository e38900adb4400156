//! Files that people give in place of COCO's annotations and results: each is named, with what to do.

use std::path::Path;

use bench_coco::DetectionKind::{Bbox, Segm};
use bench_coco::{Error, FindingKind, Record, evaluate_detections};
use serde_json::{Value, json};

use crate::files::{Files, bbox, mask, square_counts, truth};

/// The error of these results.
fn of_results(results: impl AsRef<[u8]>) -> String {
    let error = Files::new().evaluate(truth().to_string(), results, Bbox);
    error.unwrap_err().to_string()
}

/// The error of these annotations.
fn of_truth(truth: impl AsRef<[u8]>) -> String {
    let found = json!([bbox(json!([0, 0, 20, 20]))]).to_string();
    let error = Files::new().evaluate(truth, found, Bbox);
    error.unwrap_err().to_string()
}

fn detection() -> Value {
    bbox(json!([0, 0, 20, 20]))
}

#[test]
fn results_that_an_object_holds_are_read() {
    let list = json!([detection()]);
    let expected = Files::new()
        .evaluate(truth().to_string(), list.to_string(), Bbox)
        .unwrap();
    assert_eq!(expected.ar100, Some(0.5));
    for key in ["annotations", "predictions", "results", "detections"] {
        let wrapped = json!({ "info": { "a": 1 }, key: list }).to_string();
        let table = Files::new().evaluate(truth().to_string(), wrapped, Bbox);
        assert_eq!(table.unwrap(), expected, "{key}");
    }
    // No score is made up for annotations.
    let error = of_results(json!({ "annotations": truth()["annotations"] }).to_string());
    assert!(
        error.ends_with("detection 0: expected a score, found none"),
        "{error}"
    );
}

#[test]
fn other_forms_of_results_are_named() {
    let one = detection();
    let columns = json!({
        "image_id": { "0": 1 }, "category_id": { "0": 7 }, "score": { "0": 0.5 }, "bbox": { "0": [0, 0, 20, 20] },
    });
    let two = json!({ "results": [one], "predictions": [one] });
    for (text, words) in [
        (
            format!("{one}\n{one}\n"),
            "one object a line (JSON Lines): `jq -s . FILE` makes one list of them",
        ),
        (
            format!("{one}\n"),
            "an object, one detection: put it into a list, `[…]`",
        ),
        (
            columns.to_string(),
            "a table by columns, as pandas writes it: `to_json(orient=\"records\")` writes a list",
        ),
        (
            json!({ "0": one, "1": one }).to_string(),
            "an object of detections by key: write them as a list",
        ),
        (
            truth().to_string(),
            "an object with `images`, as annotations have",
        ),
        (two.to_string(), "an object with the lists `"),
        (
            json!({ "42": [one] }).to_string(),
            "an object with the keys `42`",
        ),
    ] {
        let error = of_results(&text);
        let expected = format!("results.json: expected a list of detections, found {words}");
        assert!(error.contains(&expected), "{error}: expected {words}");
    }
    for (bytes, words) in [
        (&b"BZh91AY"[..], "a file packed by bzip2: unpack it first"),
        (
            b"image_id,category_id,score\n1,7,0.5\n",
            "a table of text (CSV): write it as a list of JSON objects",
        ),
        (
            b"\x93NUMPY\x01\0",
            "a NumPy array: write its objects with `json.dump`",
        ),
        (
            b"[{'image_id': 1}]",
            "`'`, as Python prints texts (`json.dump` writes JSON), in the place of a key in quotes",
        ),
        (
            b"[{\"image_id\": None}]",
            "`None`, as Python prints it (`json.dump` writes JSON), in the place of",
        ),
    ] {
        for error in [of_results(bytes), of_truth(bytes)] {
            // Of annotations the list itself is wrong.
            let list = bytes.starts_with(b"[") && error.contains("truth.json");
            assert!(list || error.contains(words), "{error}: expected {words}");
        }
    }
}

#[test]
fn keys_in_the_place_of_others_are_named() {
    let renamed = |from: &str, to: &str| {
        let mut one = detection();
        let value = one.as_object_mut().unwrap().remove(from).unwrap();
        one[to] = value;
        of_results(json!([one]).to_string())
    };
    for (from, to, words) in [
        (
            "score",
            "confidence",
            "expected a score, found `confidence` in its place: rename it",
        ),
        (
            "category_id",
            "category",
            "expected `category_id`, a whole number or a text, found `category` in its place",
        ),
        (
            "category_id",
            "label",
            "found `label` in its place: write the category's id",
        ),
        (
            "image_id",
            "file_name",
            "found `file_name` in its place: write the image's id",
        ),
        (
            "bbox",
            "box",
            "expected a box of 4 numbers, found `box` in its place: rename it",
        ),
    ] {
        let error = renamed(from, to);
        let place = error.contains("results.json: detection 0: ");
        assert!(place && error.contains(words), "{error}: expected {words}");
    }
    // Beside the field itself it is passed over.
    let mut both = detection();
    (both["confidence"], both["label"], both["box"]) = (json!("high"), json!("cat"), json!([1]));
    let table = Files::new().evaluate(truth().to_string(), json!([both]).to_string(), None);
    assert_eq!(table.unwrap().ar100, Some(0.5));
}

#[test]
fn run_lengths_in_other_forms_are_named() {
    let runs = json!({ "size": [30, 40], "counts": square_counts() });
    let bytes = format!("b'{}'", square_counts());
    for (shape, words) in [
        (
            json!({ "size": [30, 40], "counts": bytes }),
            " of bytes in Python: write `counts.decode(\"ascii\")`",
        ),
        (
            json!([runs]),
            "found an object in it: write run lengths themselves, without a list",
        ),
        (
            json!(runs.to_string()),
            ": write the shape itself, not the text of it",
        ),
        (
            json!(square_counts()),
            ": write run lengths as an object with `size` and `counts`",
        ),
    ] {
        let mut one = mask(json!([30, 40]), json!(""));
        one["segmentation"] = shape;
        let error = Files::new().evaluate(truth().to_string(), json!([one]).to_string(), Segm);
        let error = error.unwrap_err().to_string();
        assert!(
            error.contains("detection 0: ") && error.contains(words),
            "{error}: expected {words}"
        );
    }
}

#[test]
fn annotations_of_other_tools_are_named() {
    let panoptic = |truth: &mut Value| {
        truth["annotations"] =
            json!([{ "image_id": 1, "file_name": "1.png", "segments_info": [{ "id": 7 }] }]);
    };
    let mut changed = truth();
    panoptic(&mut changed);
    let (mut captions, mut videos) = (truth(), truth());
    captions["annotations"] = json!([{ "id": 5, "image_id": 1, "caption": "A cat." }]);
    videos["annotations"] =
        json!([{ "id": 5, "video_id": 1, "category_id": 7, "segmentations": [] }]);
    for (text, words) in [
        (
            json!({ "_via_settings": {}, "_via_img_metadata": {} }).to_string(),
            "truth.json: expected annotations: an object with images, annotations and categories, found a project of VIA",
        ),
        (
            json!({ "version": "5.0", "shapes": [], "imagePath": "a.jpg" }).to_string(),
            "found a file of labelme, of one photograph: labelme2coco",
        ),
        (
            json!([{ "id": 1, "data": {}, "annotations": [] }]).to_string(),
            "found tasks of Label Studio: export them as COCO JSON",
        ),
        (
            changed.to_string(),
            "truth.json: annotation without an id at place 0: `category_id`: expected an id: a whole number or a text, \
             found `segments_info`, as panoptic annotations have: take those of instances",
        ),
        (
            captions.to_string(),
            "annotation 5: `category_id`: expected an id: a whole number or a text, found `caption`, as captions have",
        ),
        (
            videos.to_string(),
            "annotation 5: `image_id`: expected an id: a whole number or a text, found `video_id`, as annotations of videos",
        ),
        (
            "{\"id\": 1}\n{\"id\": 2}\n".to_owned(),
            "found one object a line (JSON Lines)",
        ),
    ] {
        let error = of_truth(&text);
        assert!(error.contains(words), "{error}: expected {words}");
    }
}

#[test]
fn annotations_are_blamed_for_ids_that_they_lack() {
    let changed = |change: &dyn Fn(&mut Value)| {
        let mut truth = truth();
        change(&mut truth);
        let found = json!([detection()]).to_string();
        Files::new().evaluate(truth.to_string(), found, Bbox)
    };
    let more = |list: &'static str| {
        move |truth: &mut Value| {
            let mut first = truth[list][0].clone();
            truth[list][0]["id"] = json!(null);
            first["id"] = json!(99);
            truth[list].as_array_mut().unwrap().push(first);
        }
    };
    type Change<'a> = &'a dyn Fn(&mut Value);
    let cases: [(Change<'_>, Record, &str); 4] = [
        (
            &more("images"),
            Record::ImageAt(0),
            "image without an id at place 0: `id`",
        ),
        (
            &more("categories"),
            Record::CategoryAt(0),
            "category without an id at place 0: `id`",
        ),
        (
            &|truth| truth["images"] = json!([{ "width": 40, "height": 30 }]),
            Record::ImageAt(0),
            "image without an id at place 0: `id`",
        ),
        (
            &|truth| truth["annotations"][0]["image_id"] = json!(null),
            Record::Annotation(1.into()),
            "annotation 1: `image_id`",
        ),
    ];
    for (change, blamed, words) in cases {
        let error = changed(change).unwrap_err();
        let message = error.to_string();
        assert!(
            matches!(&error, Error::Field { path, record, .. } if path.ends_with("truth.json") && *record == blamed),
            "{message}"
        );
        let expected = format!("{words}: expected an id: a whole number or a text, found none");
        assert!(message.ends_with(&expected), "{message}");
    }
    // Results that need none of them have their table.
    let spare = |truth: &mut Value| {
        truth["images"]
            .as_array_mut()
            .unwrap()
            .push(json!({ "width": 4, "height": 3 }));
    };
    assert_eq!(changed(&spare).unwrap().ar100, Some(0.5));
}

#[test]
fn a_folder_and_standard_input_are_named() {
    let files = Files::new();
    let truth = files.write("truth.json", truth().to_string());
    for (truth, results) in [
        (truth.as_path(), files.folder.path()),
        (files.folder.path(), &truth),
    ] {
        let error = evaluate_detections(truth, results, Bbox)
            .unwrap_err()
            .to_string();
        assert!(
            error.ends_with(": expected a file, found a folder"),
            "{error}"
        );
    }
    let error = evaluate_detections(&truth, Path::new("-"), Bbox)
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("-: ") && error.ends_with("/dev/stdin is standard input"),
        "{error}"
    );
}

#[test]
fn fields_of_lvis_and_shared_photographs_are_findings() {
    let found = json!([detection()]).to_string();
    let report = |change: &dyn Fn(&mut Value)| {
        let mut truth = truth();
        change(&mut truth);
        let report = Files::new()
            .report(truth.to_string(), &found, Bbox)
            .unwrap();
        assert_eq!(report.table.ar100, Some(0.5));
        report.findings
    };
    for field in ["neg_category_ids", "not_exhaustive_category_ids"] {
        let [finding] = &report(&|truth| truth["images"][0][field] = json!([]))[..] else {
            panic!("{field}")
        };
        let (kind, first) = (finding.kind, finding.first.as_str());
        assert_eq!(
            (kind, finding.count, first),
            (FindingKind::Federated, 1, "image 1")
        );
        let message = finding.to_string();
        assert!(
            message.contains("whose federated protocol is not computed"),
            "{message}"
        );
    }
    assert!(report(&|truth| truth["images"][0]["neg_category_ids"] = json!(null)).is_empty());
    let shared = |truth: &mut Value| {
        truth["images"][0]["file_name"] = json!("a.jpg");
        let second = json!({ "id": 2, "width": 40, "height": 30, "file_name": "a.jpg" });
        truth["images"].as_array_mut().unwrap().push(second);
    };
    let [finding] = &report(&shared)[..] else {
        panic!("shared")
    };
    assert_eq!(
        (finding.kind, finding.count, finding.first.as_str()),
        (FindingKind::SharedPhotographs, 1, "images 1 and 2: a.jpg")
    );
}
