//! Broken files of every format of soft maps and truths, made of the fuzz target's seeds: errors, and no panic.

use std::path::{Path, PathBuf};

use bench_bsds::{
    SoftReading, Thresholds, decode_boundaries, decode_ground_truth, decode_ground_truth_boundaries,
};
use rand::{RngExt, SeedableRng};

fn seeds() -> Vec<(PathBuf, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/seeds/soft_map");
    let entries = std::fs::read_dir(folder).unwrap();
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let read = |path: PathBuf| {
        let bytes = std::fs::read(&path).unwrap();
        (path, bytes)
    };
    paths.into_iter().map(read).collect()
}

/// Whether anything of the bytes is read.
fn is_read(path: &Path, bytes: &[u8], reading: &SoftReading) -> bool {
    let thresholds = Thresholds::official(3).unwrap();
    let soft = decode_boundaries(path, bytes.to_vec(), &thresholds, reading);
    let truth = decode_ground_truth_boundaries(path, bytes);
    let _ = decode_ground_truth(path, bytes);
    soft.is_ok() || truth.is_ok()
}

#[test]
fn whole_seeds_are_read_and_broken_ones_never_panic() {
    let mut random = rand_pcg::Pcg64::seed_from_u64(11);
    let raw = SoftReading {
        scale: Some(2.0),
        inverted: true,
        suppressed: true,
    };
    for (path, whole) in seeds() {
        // A JPEG whose header asks for millions of pixels is filled up with grey: ridges of that take long.
        let jpeg = path.extension().is_some_and(|ending| ending == "jpg");
        let raw = SoftReading {
            suppressed: !jpeg,
            ..raw
        };
        assert!(is_read(&path, &whole, &raw), "{}", path.display());
        for length in 0..whole.len() {
            is_read(&path, &whole[..length], &raw);
        }
        let mut refused = 0;
        for round in 0..2_000 {
            let mut bytes = whole.clone();
            for _ in 0..=round % 4 {
                let at = random.random_range(0..bytes.len());
                bytes[at] = random.random_range(0..=255);
            }
            refused += u32::from(!is_read(&path, &bytes, &raw));
        }
        assert!(refused > 0, "{}", path.display());
    }
}
