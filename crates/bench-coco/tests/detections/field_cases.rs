//! Files of the kinds that people brought to other tools, at their right value. `tests/field-cases` has them and their
//! sources.

use std::path::{Path, PathBuf};

use bench_coco::DetectionKind::{Bbox, Segm};
use bench_coco::{
    DetectionOptions, DetectionReport, Error, FindingKind, Result, report_detections,
};
use test_support::refused;

fn case(name: &str, options: impl Into<DetectionOptions>) -> Result<DetectionReport> {
    let folder: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/field-cases")
        .join(name);
    report_detections(
        &folder.join("truth.json"),
        &folder.join("results.json"),
        options,
    )
}

/// Whether every object was found: 1 up to the last digit of a mean.
fn is_one(number: Option<f64>) -> bool {
    number.is_some_and(|number| (number - 1.0).abs() < 1e-12)
}

#[test]
fn files_of_other_tools_have_their_table() {
    for (name, kind) in [
        ("01-cvat-export-truth", Bbox),
        ("03-year-as-text", Bbox),
        ("10-string-image-ids", Bbox),
        ("12-polygons-as-results", Segm),
        ("14-619-categories", Bbox),
        ("15-byte-order-mark", Bbox),
    ] {
        let DetectionReport {
            table,
            findings,
            pycocotools,
            curves,
        } = case(name, kind).unwrap();
        assert!(is_one(table.ap) && is_one(table.ar100), "{name}: {table}");
        assert!(
            findings.is_empty() && pycocotools.is_none(),
            "{name}: {findings:?}"
        );
        // What the table is the mean of: of all sizes, the most detections, wherever there is something to find.
        let [thresholds, recalls, categories, sizes, detections] = curves.shape;
        assert_eq!(
            (thresholds, recalls, sizes, detections),
            (10, 101, 4, 3),
            "{name}"
        );
        assert_eq!(categories, table.categories.len(), "{name}");
        let every = sizes * detections;
        assert_eq!(
            curves.precision.len(),
            thresholds * recalls * categories * every,
            "{name}"
        );
        assert_eq!(
            curves.recall.len(),
            thresholds * categories * every,
            "{name}"
        );
        for (numbers, mean) in [(&curves.precision, table.ap), (&curves.recall, table.ar100)] {
            let all = numbers.iter().skip(detections - 1).step_by(every);
            let found: Vec<f64> = all.copied().filter(|number| *number > -1.0).collect();
            let expected = found.iter().sum::<f64>() / found.len() as f64;
            assert!(
                mean.is_some_and(|mean| (mean - expected).abs() < 1e-12),
                "{name}"
            );
        }
    }
}

#[test]
fn an_annotation_with_the_id_0_is_found_and_the_official_number_is_there() {
    let report = case("06-annotation-id-0", Bbox).unwrap();
    assert!(is_one(report.table.ap));
    assert_eq!(report.findings[0].kind, FindingKind::IdZero);
    let official = report.pycocotools.unwrap();
    assert_eq!(format!("{:.3}", official.ap.unwrap()), "0.252");
    let options = DetectionOptions {
        as_pycocotools: true,
        ..Bbox.into()
    };
    let asked = case("06-annotation-id-0", options).unwrap();
    assert_eq!((asked.table, asked.pycocotools), (official, None));
}

#[test]
fn an_annotation_of_an_unlisted_image_is_counted() {
    let report = case("07-truth-of-unlisted-image", Bbox).unwrap();
    assert!(is_one(report.table.ap));
    let line = report.findings[0].to_string();
    assert!(
        line.ends_with(
            "1 annotation of an image that is not listed: left out; first: annotation 3: image 2"
        ),
        "{line}"
    );
    let strict = DetectionOptions {
        strict: true,
        ..Bbox.into()
    };
    refused! { case("07-truth-of-unlisted-image", strict) => Error::Strict { .. } }
}

#[test]
fn a_score_as_text_is_named() {
    let error = case("16-score-as-text", Bbox).unwrap_err().to_string();
    assert!(
        error.ends_with("results.json: detection 0: expected a score, found the text \"0.9\""),
        "{error}"
    );
}
