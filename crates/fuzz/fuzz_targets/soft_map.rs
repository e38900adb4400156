//! Soft boundary maps of any format (pictures, NumPy arrays, MATLAB files), and truths of boundaries alone.

#![no_main]

use std::path::Path;

use bench_bsds::{
    SoftReading, SoftSurvey, Thresholds, decode_boundaries, decode_ground_truth_boundaries,
};
use libfuzzer_sys::fuzz_target;
use pictures::PictureFile;

/// The most pixels of a picture, which may have a million in a few bytes: thinning takes what its pixels and the width of
/// its lines ask for.
const LARGEST: u32 = 100_000;
/// The most pixels whose ridges are found: that takes longer than all the rest.
const SMALL: usize = 10_000;

fuzz_target!(|bytes: &[u8]| {
    let _ = decode_ground_truth_boundaries(Path::new("fuzz.mat"), bytes);
    if PictureFile::from_bytes("fuzz", bytes).is_ok_and(|picture| {
        let (width, height) = picture.size();
        width.saturating_mul(height) > LARGEST
    }) {
        return;
    }
    let thresholds = Thresholds::official(3).unwrap();
    // The name decides where the first bytes do not.
    for name in ["fuzz.npy", "fuzz.mat", "fuzz.png"] {
        let read = |reading: &SoftReading| {
            decode_boundaries(Path::new(name), bytes.to_vec(), &thresholds, reading)
        };
        let Ok((pool, look)) = read(&SoftReading::default()) else {
            continue;
        };
        let survey: SoftSurvey = look.into_iter().collect();
        let doubts = survey.doubts();
        let small = pool
            .size()
            .is_some_and(|size| size.width * size.height <= SMALL);
        let _ = read(&SoftReading {
            scale: doubts.iter().find_map(|doubt| doubt.scale()),
            inverted: true,
            suppressed: small,
        });
    }
});
