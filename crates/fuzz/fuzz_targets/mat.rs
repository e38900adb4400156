//! MATLAB level 5 files: annotations, and segmentations of either kind.

#![no_main]

use std::path::Path;

use bench_bsds::{Thresholds, decode_ground_truth, decode_segmentation_mat};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let path = Path::new("fuzz.mat");
    if let Ok(annotations) = decode_ground_truth(path, bytes) {
        for annotation in annotations {
            let _ = annotation.boundary_map();
        }
    }
    let thresholds = Thresholds::official(3).unwrap();
    if let Ok(pool) = decode_segmentation_mat(path, bytes, &thresholds) {
        for index in 0..pool.levels().len() {
            let _ = pool.label_map(index);
        }
    }
});
