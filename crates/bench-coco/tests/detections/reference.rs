//! Random sets beside pycocotools, to the last bit: `tests/reference/random_sets.py` made the numbers.

use std::path::Path;

use bench_coco::{DetectionKind, DetectionOptions, evaluate_detections};
use serde::Deserialize;

use crate::files::Files;

#[derive(Deserialize)]
struct Set {
    kind: DetectionKind,
    max_detections: [usize; 3],
    class_agnostic: bool,
    as_pycocotools: bool,
    truth: String,
    results: String,
    stats: [f64; 12],
}

#[test]
fn random_sets_have_the_numbers_of_pycocotools() {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/random_sets.json");
    let path = std::env::var_os("RANDOM_SETS").map_or(own, Into::into);
    let sets: Vec<Set> = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    assert!(sets.len() >= 60);
    let files = Files::new();
    for (place, set) in sets.iter().enumerate() {
        let truth = files.write("truth.json", &set.truth);
        let results = files.write("results.json", &set.results);
        let options = DetectionOptions {
            kind: Some(set.kind),
            max_detections: set.max_detections,
            class_agnostic: set.class_agnostic,
            as_pycocotools: set.as_pycocotools,
            strict: false,
        };
        let table = evaluate_detections(&truth, &results, options.clone()).unwrap();
        let found = table.rows().map(|row| row.value.unwrap_or(-1.0));
        assert_eq!(found, set.stats, "set {place}: {options:?}");
    }
}
