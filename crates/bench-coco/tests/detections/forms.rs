//! Annotations and results in the forms that people's tools write: the same table for each.

use std::io::Write;

use bench_coco::DetectionKind::{self, Bbox, Segm};
use bench_coco::{DetectionOptions, DetectionReport, Error, FindingKind};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use test_support::refused;

use crate::files::{Files, bbox, mask, square_counts, truth};

/// The first square by its box and by its mask.
pub fn found() -> Value {
    let mut one = mask(json!([30, 40]), json!(square_counts()));
    one["bbox"] = json!([0, 0, 20, 20]);
    json!([one])
}

pub fn report(
    truth: impl AsRef<[u8]>,
    results: impl AsRef<[u8]>,
    options: impl Into<DetectionOptions>,
) -> DetectionReport {
    Files::new().report(truth, results, options).unwrap()
}

/// The report of the right detection on annotations of which something was changed.
pub fn changed(kind: DetectionKind, change: impl FnOnce(&mut Value)) -> DetectionReport {
    let mut truth = truth();
    change(&mut truth);
    report(truth.to_string(), found().to_string(), kind)
}

fn counts(report: &DetectionReport) -> Vec<(FindingKind, usize)> {
    report
        .findings
        .iter()
        .map(|one| (one.kind, one.count))
        .collect()
}

#[test]
fn annotations_in_other_forms_give_the_same_table() {
    for kind in [Segm, Bbox] {
        let expected = changed(kind, |_| {});
        assert_eq!(expected.table.ar100, Some(0.5));
        let same = |what: &str, change: &dyn Fn(&mut Value)| {
            let report = changed(kind, |truth| change(truth));
            assert_eq!(report, expected, "{what}");
        };
        for odd in [
            json!(null),
            json!(0),
            json!(""),
            json!([[]]),
            json!({ "a": 1 }),
            json!(2024.5),
        ] {
            same("info", &|truth| truth["info"] = odd.clone());
            same("licenses", &|truth| truth["licenses"] = odd.clone());
            same("date_captured", &|truth| {
                truth["images"][0]["date_captured"] = odd.clone()
            });
            same("license", &|truth| {
                truth["images"][0]["license"] = odd.clone()
            });
            same("file_name", &|truth| {
                truth["images"][0]["file_name"] = odd.clone()
            });
            same("attributes", &|truth| {
                truth["annotations"][0]["attributes"] = odd.clone()
            });
            same("keypoints", &|truth| {
                truth["annotations"][0]["keypoints"] = odd.clone()
            });
            same("supercategory", &|truth| {
                truth["categories"][0]["supercategory"] = odd.clone()
            });
        }
        for crowd in [json!(null), json!(false), json!(0.0)] {
            same("iscrowd", &|truth| {
                truth["annotations"][0]["iscrowd"] = crowd.clone()
            });
        }
        same("no iscrowd", &|truth| {
            truth["annotations"][1]
                .as_object_mut()
                .unwrap()
                .remove("iscrowd");
        });
        same("no area", &|truth| {
            for one in truth["annotations"].as_array_mut().unwrap() {
                one.as_object_mut().unwrap().remove("area");
            }
        });
        same("area null", &|truth| {
            truth["annotations"][1]["area"] = json!(null)
        });
        same("floats", &|truth| {
            truth["images"][0]["id"] = json!(1.0);
            truth["images"][0]["width"] = json!(40.0);
            for one in truth["annotations"].as_array_mut().unwrap() {
                one["id"] = json!(one["id"].as_f64());
                one["image_id"] = json!(1.0);
                one["category_id"] = json!(7.0);
                one["iscrowd"] = json!(0.0);
            }
        });
        same("other sections", &|truth| {
            truth["videos"] = json!([{ "id": null }])
        });
    }
}

#[test]
fn what_only_the_other_kind_needs_may_be_anything() {
    // What only masks need.
    for change in [
        |truth: &mut Value| truth["images"][0] = json!({ "id": 1 }),
        |truth: &mut Value| truth["images"][0]["height"] = json!("30"),
        |truth: &mut Value| truth["annotations"][0]["segmentation"] = json!([]),
        |truth: &mut Value| truth["annotations"][0]["segmentation"] = json!("none"),
        |truth: &mut Value| truth["annotations"][1]["segmentation"] = json!([[1, 2, 3]]),
        |truth: &mut Value| truth["annotations"][1]["segmentation"] = json!(null),
    ] {
        assert_eq!(changed(Bbox, change), changed(Bbox, |_| {}));
    }
    // What only boxes need.
    for odd in [json!(null), json!([]), json!([1, 2]), json!("0,0,2,2")] {
        let boxless = changed(Segm, |truth| truth["annotations"][0]["bbox"] = odd);
        assert_eq!(boxless, changed(Segm, |_| {}));
    }
}

#[test]
fn wrapped_files_are_read() {
    let (truth, found) = (truth().to_string(), found().to_string());
    let expected = report(&truth, &found, Segm);
    let packed = |text: &str| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    };
    let marked = |text: &str| format!("\u{feff}{text}").into_bytes();
    let utf_16 = |text: &str| {
        let units = format!("\u{feff}{text}");
        units
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect::<Vec<u8>>()
    };
    assert_eq!(report(packed(&truth), packed(&found), Segm), expected);
    assert_eq!(report(marked(&truth), marked(&found), Segm), expected);
    assert_eq!(report(utf_16(&truth), utf_16(&found), Segm), expected);
    assert_eq!(
        report(packed(&format!("\u{feff}{truth}")), found, Segm),
        expected
    );
}

#[test]
fn ids_are_whatever_is_equal() {
    let expected = report(truth().to_string(), found().to_string(), Bbox).table;
    let huge = "340282366920938463463374607431768211457";
    for id in [
        "\"img_1\"",
        "\"1\"",
        "0",
        "-5",
        "18446744073709551616",
        huge,
        "1e30",
        "\"ä \\n\"",
    ] {
        let named = |text: String| text.replace("\"image_id\":1", &format!("\"image_id\":{id}"));
        let truth = named(truth().to_string())
            .replace("\"id\":1,\"width\"", &format!("\"id\":{id},\"width\""));
        assert!(
            truth.contains(&format!("{{\"height\":30,\"id\":{id},"))
                || truth.contains(&format!("\"id\":{id},\"width\"")),
            "{truth}"
        );
        let table = report(truth, named(found().to_string()), Bbox).table;
        assert_eq!(table.rows(), expected.rows(), "{id}");
    }
    // Neighbours that a float cannot tell apart.
    let mut truth = truth();
    truth["images"] = json!("IMAGES");
    let images = "[{\"id\": 18446744073709551616}, {\"id\": 18446744073709551617}]";
    let truth = truth
        .to_string()
        .replace("\"IMAGES\"", images)
        .replace("\"image_id\":1", "\"image_id\":18446744073709551617");
    let found = found()
        .to_string()
        .replace("\"image_id\":1", "\"image_id\":18446744073709551616");
    assert_eq!(report(truth, found, Bbox).table.ar100, Some(0.0));
}

#[test]
fn results_may_be_polygons_and_plain_counts() {
    let expected = report(truth().to_string(), found().to_string(), Segm);
    let mut plain = vec![0];
    for _ in 0..19 {
        plain.extend([20, 10]);
    }
    plain.extend([20, 10 + 20 * 30]);
    let square = json!([0, 0, 20, 0, 20, 20, 0, 20]);
    for shape in [
        json!([square]),
        square.clone(),
        json!([[0, 0], [20, 0], [20, 20], [0, 20]]),
        json!({ "size": [30, 40], "counts": plain }),
        json!({ "size": [30.0, 40.0], "counts": square_counts() }),
    ] {
        for boxed in [true, false] {
            let mut one = found();
            one[0]["segmentation"] = shape.clone();
            if !boxed {
                one[0].as_object_mut().unwrap().remove("bbox");
            }
            assert_eq!(
                report(truth().to_string(), one.to_string(), None),
                expected,
                "{shape} {boxed}"
            );
        }
    }
    // A list of nothing beside a box is no mask.
    for empty in [json!([]), json!(null), json!([[]])] {
        let mut one = bbox(json!([0, 0, 20, 20]));
        one["segmentation"] = empty;
        assert_eq!(
            report(truth().to_string(), json!([one]).to_string(), None)
                .table
                .kind,
            Bbox
        );
    }
}

#[test]
fn findings_are_counted_and_refused_where_asked() {
    let twice = |truth: &mut Value, list: &str| {
        let first = truth[list][0].clone();
        truth[list].as_array_mut().unwrap().push(first);
    };
    type Change<'a> = &'a dyn Fn(&mut Value);
    let cases: [(Change<'_>, FindingKind); 10] = [
        (&|truth| twice(truth, "images"), FindingKind::RepeatedImages),
        (
            &|truth| twice(truth, "categories"),
            FindingKind::RepeatedCategories,
        ),
        (
            &|truth| truth["annotations"][1]["id"] = json!(1),
            FindingKind::RepeatedAnnotations,
        ),
        (
            &|truth| truth["annotations"][1]["id"] = json!(null),
            FindingKind::WithoutId,
        ),
        (
            &|truth| truth["annotations"][1]["image_id"] = json!(4),
            FindingKind::UnlistedImages,
        ),
        (
            &|truth| truth["annotations"][1]["category_id"] = json!("cat"),
            FindingKind::UnlistedCategories,
        ),
        (
            &|truth| truth["annotations"][1]["area"] = json!(-1),
            FindingKind::NegativeAreas,
        ),
        (
            &|truth| truth["annotations"][1]["bbox"] = json!([35, 10, -10, -10]),
            FindingKind::NegativeBoxes,
        ),
        (
            &|truth| truth["annotations"] = json!([]),
            FindingKind::NoAnnotations,
        ),
        (
            &|truth| truth["annotations"][1]["id"] = json!(0),
            FindingKind::IdZero,
        ),
    ];
    for (change, kind) in cases {
        let report = changed(Segm, change);
        assert_eq!(counts(&report), [(kind, 1)]);
        let departs = matches!(kind, FindingKind::IdZero | FindingKind::RepeatedAnnotations);
        assert_eq!(report.pycocotools.is_some(), departs, "{kind:?}");
        let mut truth = truth();
        change(&mut truth);
        let strict = DetectionOptions {
            strict: true,
            ..Segm.into()
        };
        refused! {
            Files::new().report(truth.to_string(), found().to_string(), strict)
                => Error::Strict { finding, others: 0 } if finding.kind == kind
        }
    }
    let strict = DetectionOptions {
        strict: true,
        ..Segm.into()
    };
    assert!(
        Files::new()
            .report(truth().to_string(), found().to_string(), strict)
            .is_ok()
    );
}

#[test]
fn detections_of_unlisted_categories_are_passed_over_as_pycocotools_does() {
    let mut two = found();
    let mut other = two[0].clone();
    other["category_id"] = json!(9);
    two.as_array_mut().unwrap().push(other);
    let official = DetectionOptions {
        as_pycocotools: true,
        ..Bbox.into()
    };
    let report = report(truth().to_string(), two.to_string(), official);
    assert_eq!(counts(&report), [(FindingKind::UnlistedDetections, 1)]);
    assert_eq!(report.table.ar100, Some(0.5));
    let error = Files::new()
        .report(truth().to_string(), two.to_string(), Bbox)
        .unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("found category 9; --as-pycocotools passes over it"),
        "{error}"
    );
}

#[test]
fn other_numbers_of_detections_are_named() {
    let options = DetectionOptions {
        max_detections: [1, 2, 300],
        ..Bbox.into()
    };
    let table = report(truth().to_string(), found().to_string(), options.clone()).table;
    let printed = table.to_string();
    assert!(printed.starts_with(
        " Average Precision  (AP) @[ IoU=0.50:0.95 | area=   all | maxDets=300 ] = 0.505"
    ));
    assert!(printed.contains(
        " Average Recall     (AR) @[ IoU=0.50:0.95 | area=   all | maxDets=  2 ] = 0.500"
    ));
    let stored = serde_json::to_value(&table).unwrap();
    assert_eq!(
        (&stored["AR300"], &stored["AR100"]),
        (&json!(0.5), &Value::Null)
    );
    // pycocotools looks for 100 in its first line, and finds nothing.
    let official = DetectionOptions {
        as_pycocotools: true,
        ..options.clone()
    };
    let table = report(truth().to_string(), found().to_string(), official).table;
    assert_eq!((table.ap, table.ar100), (None, Some(0.5)));
    for numbers in [[0, 1, 2], [1, 1, 2], [3, 2, 1], [1, 10, 1_000_001]] {
        let options = DetectionOptions {
            max_detections: numbers,
            ..options.clone()
        };
        refused! {
            Files::new().report(truth().to_string(), found().to_string(), options)
                => Error::Argument { name: "max_detections", .. }
        }
    }
}

#[test]
fn all_categories_may_be_taken_for_one() {
    let mut other = found();
    other[0]["category_id"] = json!(8);
    let pooled = |class_agnostic| {
        let options = DetectionOptions {
            class_agnostic,
            ..Bbox.into()
        };
        report(truth().to_string(), other.to_string(), options).table
    };
    assert_eq!(
        (pooled(false).ar100, pooled(true).ar100),
        (Some(0.0), Some(0.5))
    );
    assert_eq!(
        (
            pooled(false).categories.len(),
            pooled(true).categories.len()
        ),
        (2, 0)
    );
}
