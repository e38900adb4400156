//! The official detection numbers, reproduced to the digits the official tool prints.
//!
//! A hundred images with made-up masks and boxes, and the tables that COCO publishes for them.

use std::path::PathBuf;

use bench_coco::{DetectionKind, DetectionTable, evaluate_detections};
use test_support::{data_folder, needs};

fn fixture() -> PathBuf {
    data_folder("coco-eval-fixture")
}

fn measured(results: &str, kind: Option<DetectionKind>) -> DetectionTable {
    let truth = fixture().join("instances_val2014_100.json");
    evaluate_detections(&truth, &fixture().join(results), kind).unwrap()
}

/// Words, however many spaces are between them: the published file has fewer than the tool prints today.
fn words(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The published lines of one kind.
fn published(kind: DetectionKind) -> Vec<String> {
    let text = std::fs::read_to_string(fixture().join("val2014_fake_eval_res.txt")).unwrap();
    let section = format!("type={kind}");
    let lines = text.lines().skip_while(|line| *line != section).skip(1);
    lines
        .take_while(|line| !line.starts_with("type="))
        .filter(|line| line.contains("@["))
        .map(words)
        .collect()
}

#[needs("coco-eval-fixture")]
#[test]
fn masks_and_boxes_as_published() {
    for (kind, results) in [
        (
            DetectionKind::Segm,
            "instances_val2014_fakesegm100_results.json",
        ),
        (
            DetectionKind::Bbox,
            "instances_val2014_fakebbox100_results.json",
        ),
    ] {
        let table = measured(results, Some(kind));
        let published = published(kind);
        assert_eq!(published.len(), 12);
        let found: Vec<String> = table.to_string().lines().map(words).collect();
        assert_eq!(found, published);
        // The kind is seen from the file, and a category's share is in the mean.
        assert_eq!(measured(results, None), table);
        let categories: Vec<f64> = table.categories.iter().filter_map(|c| c.ap).collect();
        let mean = categories.iter().sum::<f64>() / categories.len() as f64;
        assert!((mean - table.ap.unwrap()).abs() < 1e-12);
        assert_eq!(table.categories.len(), 80);
    }
}
