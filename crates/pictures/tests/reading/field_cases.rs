//! Files as people sent them, in `tests/field-cases`.

use std::path::Path;

use pictures::{Error, Note, Photograph, PictureFile, ReadOptions, Result};
use test_support::{data_folder, needs};

fn case(name: &str, lenient: bool) -> Result<Photograph> {
    let options = ReadOptions {
        lenient,
        ..ReadOptions::default()
    };
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/field-cases");
    PictureFile::open_with(&Path::new(folder).join(name), options)?.photograph()
}

#[test]
fn hidden_colours_do_not_show() {
    let black = case("60-hidden-colours/rgba_hole_black.png", false).unwrap();
    let noise = case("60-hidden-colours/rgba_hole_noise.png", false).unwrap();
    assert!(black.transparency.is_some() && black == noise);
}

#[test]
fn the_cup_is_red() {
    let found = case("62-icc-profile/icc_swapped.png", false).unwrap();
    assert_eq!(found.notes, []);
    let original = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/samples/coffee.jpg");
    let original = pictures::read_upright(original.as_ref()).unwrap();
    let small = pictures::at_working_size(&original, found.pixels.width()).unwrap();
    let pairs = small.pixels().zip(found.pixels.pixels());
    let difference: u64 = pairs
        .flat_map(|(a, b)| a.0.into_iter().zip(b.0))
        .map(|(a, b)| u64::from(a.abs_diff(b)))
        .sum();
    let mean = difference as f64 / (3.0 * f64::from(small.width() * small.height()));
    // Another filter made it smaller; with the wrong colours it is ten times as much.
    assert!(mean < 5.0, "{mean}");
}

#[test]
fn damaged_photographs_are_refused_with_their_share() {
    for (name, shares) in [
        ("64-half-a-jpeg-with-an-end/trunc_with_eoi.jpg", 0.4..0.6),
        ("65-broken-middle/corrupt_middle.jpg", 0.1..0.7),
    ] {
        let error = case(name, false).unwrap_err();
        let Error::Damaged { missing, .. } = error else {
            panic!("{name}: {error}")
        };
        assert!(shares.contains(&missing), "{name}: {missing}");
        assert_eq!(case(name, true).unwrap().notes, [Note::Damaged { missing }]);
    }
    let whole = case("66-no-end-marker/noeoi_samsung_trailer.jpg", false).unwrap();
    assert_eq!(whole.notes, []);
}

#[test]
fn twelve_bits_fill_the_range() {
    let found = case("67-12-bits-in-16/gray12in16.png", false).unwrap();
    assert_eq!(found.notes, [Note::Stretched { bits: 12 }]);
    let brightest = found.pixels.iter().max();
    assert!(brightest > Some(&200), "{brightest:?}");
}

#[test]
fn a_slide_of_a_few_kilobytes() {
    let found = case("68-lossless-slide/slide.webp", false).unwrap();
    assert_eq!(found.pixels.dimensions(), (4000, 3000));
}

/// Every photograph of a folder, or one of so many.
fn photographs_are_whole(folder: &Path, every: usize) {
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap().step_by(every) {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|kind| kind == "jpg") {
            let found = PictureFile::open(&path).unwrap().photograph().unwrap();
            assert_eq!(found.notes, [], "{}", path.display());
            count += 1;
        }
    }
    assert!(count > 8, "{count}");
}

#[needs("bsds500", "coco-subset")]
#[test]
fn nothing_is_missing_in_photographs_of_data_sets() {
    photographs_are_whole(&data_folder("bsds500").join("images/val"), 10);
    photographs_are_whole(&data_folder("coco-subset").join("images"), 10);
}
