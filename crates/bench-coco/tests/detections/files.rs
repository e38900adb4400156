//! Annotations and results of one image, written to files.

use std::path::PathBuf;

use bench_coco::{
    DetectionKind, DetectionOptions, DetectionReport, DetectionTable, Result, evaluate_detections,
    report_detections,
};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Image 1 of 40 × 30 pixels: a square of 20 × 20 of category 7, one of 10 × 10 beside it, and nothing of category 8.
pub fn truth() -> Value {
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

pub fn bbox(numbers: Value) -> Value {
    json!({ "image_id": 1, "category_id": 7, "score": 0.5, "bbox": numbers })
}

/// A mask of the first square, with this size and these run lengths.
pub fn mask(size: Value, counts: Value) -> Value {
    json!({
        "image_id": 1, "category_id": 7, "score": 0.5,
        "segmentation": { "size": size, "counts": counts },
    })
}

/// Run lengths of the first square: nothing, then 20 of each 30 pixels, twenty times, and the rest.
pub fn square_counts() -> String {
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

pub struct Files {
    pub folder: TempDir,
}

impl Files {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { folder }
    }

    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    pub fn evaluate(
        &self,
        truth: impl AsRef<[u8]>,
        results: impl AsRef<[u8]>,
        kind: impl Into<Option<DetectionKind>>,
    ) -> Result<DetectionTable> {
        let truth = self.write("truth.json", truth);
        evaluate_detections(&truth, &self.write("results.json", results), kind.into())
    }

    /// The whole report, by these options.
    pub fn report(
        &self,
        truth: impl AsRef<[u8]>,
        results: impl AsRef<[u8]>,
        options: impl Into<DetectionOptions>,
    ) -> Result<DetectionReport> {
        let truth = self.write("truth.json", truth);
        report_detections(&truth, &self.write("results.json", results), options)
    }
}
