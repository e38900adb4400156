//! Numbers worked by hand, and how they are printed and stored.

use bench_coco::DetectionKind::{self, Bbox, Segm};
use bench_coco::DetectionTable;
use serde_json::{Value, json};

use crate::files::{Files, bbox, mask, square_counts, truth};

fn table(results: Value, kind: impl Into<Option<DetectionKind>>) -> DetectionTable {
    let files = Files::new();
    files
        .evaluate(truth().to_string(), results.to_string(), kind)
        .unwrap()
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
        .map(|c| (c.id.to_string(), c.name.as_str(), c.ap))
        .collect();
    let expected = [
        ("7".to_owned(), "cat", table.ap),
        ("8".to_owned(), "dog", None),
    ];
    assert_eq!(categories, expected);
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
        assert_eq!(stored[&row.name], json!(row.value), "{}", row.name);
    }
    assert_eq!(
        (&stored["kind"], &stored["APl"]),
        (&json!("bbox"), &Value::Null)
    );
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
