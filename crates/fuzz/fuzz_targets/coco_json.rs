//! COCO's JSON: annotations to learn from, annotations and results to measure.

#![no_main]

use std::path::Path;

use bench_coco::{CocoInstances, evaluate_detections};
use libfuzzer_sys::fuzz_target;

/// The other file of an evaluation, when the fuzzed one is a truth or a result.
const TRUTH: &str = r#"{"images": [{"id": 1, "file_name": "1.jpg", "width": 8, "height": 6}],
    "categories": [{"id": 1, "name": "a"}], "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "area": 4,
    "iscrowd": 0, "bbox": [1, 1, 2, 2], "segmentation": [[1, 1, 3, 1, 3, 3, 1, 3]]}]}"#;
const RESULTS: &str = r#"[{"image_id": 1, "category_id": 1, "score": 0.5, "bbox": [1, 1, 2, 2],
    "segmentation": {"size": [6, 8], "counts": "72224b0"}}]"#;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(instances) = CocoInstances::decode(Path::new("fuzz.json"), bytes) {
        for annotation in instances.annotations().iter().take(4) {
            let image = instances.image_of(annotation);
            // A bitmap takes a byte a pixel: those that cannot be broken by being large are left out.
            if u64::from(image.size.width) * u64::from(image.size.height) < 1 << 20 {
                annotation.mask(image).expect("a shape that was checked");
            }
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let [fuzzed, truth, results] =
        ["fuzzed", "truth", "results"].map(|name| folder.path().join(name));
    for (path, content) in [
        (&fuzzed, bytes),
        (&truth, TRUTH.as_bytes()),
        (&results, RESULTS.as_bytes()),
    ] {
        std::fs::write(path, content).unwrap();
    }
    let _ = evaluate_detections(&fuzzed, &results, None);
    let _ = evaluate_detections(&truth, &fuzzed, None);
});
