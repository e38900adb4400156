//! Notes of `eval bsds` on files that are measured, but hardly meant.
//!
//! Protects that a photograph, a boundary map or an averaged truth is not taken for what it is not without a word.

use std::fs;
use std::path::Path;

use crate::field_bsds::{case, measured, set_with, text};
use crate::small_bsds;

#[test]
fn pictures_in_place_of_label_maps_are_noted() {
    let segs = |folder: &Path| measured(&case("set"), &["--segs", &text(folder)]);
    let (object, err) = segs(&case("45/images/val"));
    assert!(
        err.contains(
            "note: pictures in colour in place of label maps, by their looks: 2 of 2 label maps"
        ),
        "{err}"
    );
    assert_eq!(object["remarks"].as_array().unwrap().len(), 1);
    let greys = tempfile::tempdir().unwrap();
    for name in ["101.png", "102.png"] {
        let photograph = image::open(case("45/images/val").join(name)).unwrap();
        let path = greys.path().join(name);
        photograph.to_luma8().save(path).unwrap();
    }
    let (_, err) = segs(greys.path());
    assert!(
        err.contains(
            "photographs or soft boundary maps in place of label maps, by their looks: 2 of 2"
        ),
        "{err}"
    );
    assert!(err.contains("measured by --pb in place of --segs"), "{err}");
    // Boundaries of a truth as label maps: measured, and as the truth.
    let set = set_with(&["49"]);
    let truth = set.path().join("groundTruth/val");
    let (_, err) = segs(&truth);
    assert!(
        err.contains(
            "note: boundary maps in place of label maps, by their looks: 2 of 2 label maps"
        ),
        "{err}"
    );
    let labels = ["--segs", &text(&case("40/png")), "--truth", "labels"];
    let (_, err) = measured(set.path(), &labels);
    assert!(
        err.contains("2 of 2 truths") && err.contains("--truth inverted"),
        "{err}"
    );
    let labels = ["--pb", &text(&case("maps")), "--truth", "labels"];
    let (_, err) = measured(set.path(), &labels);
    assert!(err.contains("2 of 2 truths"), "{err}");
}

#[test]
fn an_averaged_picture_of_a_truth_is_noted() {
    let set = set_with(&["49"]);
    let path = set.path().join("groundTruth/val/101.png");
    let mut truth = image::open(&path).unwrap().to_luma8();
    truth
        .enumerate_pixels_mut()
        .filter(|(x, ..)| *x < 30)
        .for_each(|(_, _, level)| level.0[0] /= 2);
    truth.save(&path).unwrap();
    let (_, err) = measured(set.path(), &["--pb", &text(&case("maps"))]);
    assert!(
        err.contains("neither black nor white") && err.contains("--truth-above"),
        "{err}"
    );
}

#[test]
fn averaged_boundaries_are_noted_beside_regions_too() {
    let set = tempfile::tempdir().unwrap();
    small_bsds::write(set.path());
    for (seed, id) in ["21", "22"].iter().enumerate() {
        let truth = set.path().join("groundTruth/val").join(format!("{id}.mat"));
        fs::write(truth, small_bsds::averaged(seed)).unwrap();
    }
    let maps = tempfile::tempdir().unwrap();
    for (seed, id) in ["21", "22"].iter().enumerate() {
        let segment = |x, y| small_bsds::segment(seed, x as usize, y as usize) as u8;
        let (width, height) = (small_bsds::WIDTH as u32, small_bsds::HEIGHT as u32);
        let map = image::GrayImage::from_fn(width, height, |x, y| image::Luma([segment(x, y)]));
        map.save(maps.path().join(format!("{id}.png"))).unwrap();
    }
    let maps = text(maps.path());
    let (_, err) = measured(set.path(), &["--segs", &maps]);
    assert!(!err.contains("note:"), "{err}");
    // The upper half of each line of 48 pixels is 1 of 2.
    let (_, err) = measured(set.path(), &["--segs", &maps, "--boundaries"]);
    assert!(
        err.contains("note: 48 numbers between 0 and the largest in `Boundaries`"),
        "{err}"
    );
}
