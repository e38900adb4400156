//! COCO's JSON, plain or in gzip: annotations to learn from, annotations and results to measure.

#![no_main]

use std::path::Path;

use bench_coco::{CocoInstances, DetectionOptions, RegionRule, RegionSet, report_detections};
use libfuzzer_sys::fuzz_target;

/// The other file of an evaluation, when the fuzzed one is a truth or a result.
const TRUTH: &str = r#"{"images": [{"id": 1, "file_name": "1.jpg", "width": 8, "height": 6}],
    "categories": [{"id": 1, "name": "a"}], "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "area": 4,
    "iscrowd": 0, "bbox": [1, 1, 2, 2], "segmentation": [[1, 1, 3, 1, 3, 3, 1, 3]]}]}"#;
const RESULTS: &str = r#"[{"image_id": 1, "category_id": 1, "score": 0.5, "bbox": [1, 1, 2, 2],
    "segmentation": {"size": [6, 8], "counts": "72224b0"}}]"#;

fuzz_target!(|bytes: &[u8]| {
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
    if let Ok(instances) = CocoInstances::decode(Path::new("fuzz.json"), bytes) {
        let whole = instances.annotations().iter().filter(|one| !one.crowd);
        for annotation in whole.take(4) {
            let image = instances.image_of(annotation);
            // A bitmap takes a byte a pixel: those that cannot be broken by being large are left out.
            if u64::from(image.size.width) * u64::from(image.size.height) < 1 << 20 {
                annotation.mask(image).expect("a shape that was checked");
            }
        }
        // No photograph is there: every region is left out by name.
        let rule = RegionRule {
            max_unreadable: 1.0,
            ..RegionRule::default()
        };
        let set = RegionSet::new(instances, folder.path(), rule).expect("a share that lets all pass");
        assert!(set.is_empty());
    }
    for as_pycocotools in [false, true] {
        let options = DetectionOptions {
            as_pycocotools,
            class_agnostic: as_pycocotools,
            ..DetectionOptions::default()
        };
        let _ = report_detections(&fuzzed, &results, options.clone());
        let _ = report_detections(&truth, &fuzzed, options);
    }
});
