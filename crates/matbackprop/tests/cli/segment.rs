//! `matbackprop segment`.
//!
//! Protects the bytes of its output, that all sizes of photographs end in pictures or in a message, and that a
//! failure neither stops the other photographs nor leaves half a file.

use std::collections::BTreeSet;
use std::path::Path;

use image::{DynamicImage, Rgb, RgbImage};
use serde_json::Value;

use crate::call::{Called, matbackprop, names_in};

/// A red field, a green disc, a blue corner, a little texture.
pub fn photograph(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        let (u, v) = (
            f64::from(x) / f64::from(width),
            f64::from(y) / f64::from(height),
        );
        let grain = ((x * 31 + y * 17) % 13) as u8;
        if (u - 0.35).powi(2) + (v - 0.5).powi(2) < 0.06 {
            Rgb([20, 180 + grain, 40])
        } else if u > 0.7 && v > 0.6 {
            Rgb([30, 40, 220 - grain])
        } else {
            Rgb([200 - grain, 60, 50])
        }
    })
}

pub fn folder_with(photographs: &[(&str, u32, u32)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, width, height) in photographs {
        photograph(*width, *height)
            .save(folder.path().join(name))
            .unwrap();
    }
    folder
}

pub fn size(path: &Path) -> (u32, u32) {
    image::image_dimensions(path).unwrap()
}

#[test]
fn one_photograph_gives_two_pictures_and_a_line() {
    let folder = folder_with(&[("a.jpg", 120, 80)]);
    let out = matbackprop(&["segment", "a.jpg"])
        .inside(folder.path())
        .succeed();
    assert_eq!(
        names_in(folder.path()),
        ["a.jpg", "a.overlay.png", "a.segments.png"]
    );
    for name in ["a.overlay.png", "a.segments.png"] {
        assert_eq!(size(&folder.path().join(name)), (120, 80));
    }
    assert_eq!(out.lines().count(), 1, "{out}");
    for word in [
        "a.jpg: 120 × 80, ",
        " segments, ",
        "trunk",
        "a.overlay.png, ",
        "a.segments.png",
    ] {
        assert!(out.contains(word), "{word}: {out}");
    }
}

#[test]
fn labels_agree_with_the_object() {
    let folder = folder_with(&[("a.png", 120, 80)]);
    let call = [
        "segment",
        "a.png",
        "-o",
        "made/here",
        "--k",
        "3,6",
        "--labels",
        "--json",
    ];
    let out = matbackprop(&call).inside(folder.path()).succeed();
    let object: Value = serde_json::from_str(&out).unwrap();
    let image = &object["images"][0];
    assert_eq!(
        (&image["width"], &image["height"]),
        (&120.into(), &80.into())
    );
    assert_eq!(object["failed"].as_array().unwrap().len(), 0);
    assert!(image["seconds"]["trunk"].as_f64().unwrap() > 0.0);
    let segmentations = image["segmentations"].as_array().unwrap();
    assert_eq!(
        segmentations
            .iter()
            .map(|found| found["k"].as_u64().unwrap())
            .collect::<Vec<_>>(),
        [3, 6]
    );
    for found in segmentations {
        let open =
            |kind: &str| image::open(folder.path().join(found[kind].as_str().unwrap())).unwrap();
        let DynamicImage::ImageLuma16(labels) = open("labels") else {
            panic!("expected 16-bit grey")
        };
        let ids: BTreeSet<u16> = labels.pixels().map(|pixel| pixel.0[0]).collect();
        let segments = found["segments"].as_u64().unwrap();
        assert_eq!(segments, found["k"].as_u64().unwrap());
        assert_eq!(ids, (0..segments as u16).collect());
        // The colour map is the label map in other clothes.
        let colours = open("map").into_rgb8();
        let pairs: BTreeSet<_> = labels
            .pixels()
            .zip(colours.pixels())
            .map(|(a, b)| (a.0[0], b.0))
            .collect();
        assert_eq!(
            (pairs.len() as u64, labels.dimensions()),
            (segments, (120, 80))
        );
    }
    assert_eq!(names_in(&folder.path().join("made/here")).len(), 6);
}

#[test]
fn contours_are_a_grey_picture_whose_cuts_are_the_segmentations() {
    let folder = folder_with(&[("a.png", 120, 80)]);
    let call = [
        "segment",
        "a.png",
        "--k",
        "2..5",
        "--labels",
        "--contours",
        "--json",
    ];
    let out = matbackprop(&call).inside(folder.path()).succeed();
    let object: Value = serde_json::from_str(&out).unwrap();
    let path = object["images"][0]["contours"].as_str().unwrap();
    assert!(path.ends_with("a.contours.png"), "{path}");
    let open = |name: &str| image::open(folder.path().join(name)).unwrap();
    let DynamicImage::ImageLuma8(contours) = open("a.contours.png") else {
        panic!("expected 8-bit grey")
    };
    for k in 2..=5 {
        let labels = open(&format!("a.k{k}.labels.png")).into_luma16();
        let (mut inner, mut borders) = (0, 255);
        for (x, y) in (0..119).flat_map(|x| (0..79).map(move |y| (x, y))) {
            let label = labels.get_pixel(x, y);
            let apart = label != labels.get_pixel(x + 1, y) || label != labels.get_pixel(x, y + 1);
            let height = contours.get_pixel(x, y).0[0];
            match apart {
                true => borders = borders.min(height),
                false => inner = inner.max(height),
            }
        }
        assert!(inner <= borders, "{k}: {inner} {borders}");
    }
}

#[test]
fn the_same_call_writes_the_same_bytes() {
    let folder = folder_with(&[("a.png", 90, 60)]);
    let bytes = |out: &str| {
        matbackprop(&["segment", "a.png", "--labels", "-o", out])
            .inside(folder.path())
            .succeed();
        let read = |name: &String| std::fs::read(folder.path().join(out).join(name)).unwrap();
        names_in(&folder.path().join(out))
            .iter()
            .map(read)
            .collect::<Vec<_>>()
    };
    assert_eq!(bytes("one"), bytes("two"));
}

#[test]
fn a_level_of_detail_stands_in_place_of_a_number() {
    let folder = folder_with(&[("a.png", 120, 80)]);
    let segments = |more: &[&str]| {
        let words = [&["segment", "a.png", "-o", "out", "--json"], more].concat();
        let out = matbackprop(&words).inside(folder.path()).succeed();
        let json: Value = serde_json::from_str(&out).unwrap();
        json["images"][0]["segmentations"][0]["segments"]
            .as_u64()
            .unwrap()
    };
    let (all, few) = (segments(&["--level", "0"]), segments(&["--level", "0.6"]));
    assert!(all > few && few >= 2, "{all} and {few} segments");
    assert_eq!(segments(&["--level", "1"]), 1);
    assert_eq!(segments(&["--level", "0.41"]), segments(&[]));
    for wrong in [&["--level", "1.5"][..], &["--level", "0.3", "--k", "4"]] {
        let words = [&["segment", "a.png"], wrong].concat();
        let err = matbackprop(&words).inside(folder.path()).fail(2);
        assert!(err.contains("--level"), "{err}");
    }
}

#[test]
fn large_photographs_come_back_at_their_own_size() {
    let folder = folder_with(&[("wide.png", 8200, 40), ("plain.png", 300, 200)]);
    let call = [
        "segment",
        "wide.png",
        "plain.png",
        "--max-side",
        "150",
        "--labels",
        "--json",
    ];
    let out = matbackprop(&call).inside(folder.path()).succeed();
    let object: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        object["images"][1]["working_size"],
        serde_json::json!([150, 100])
    );
    for (stem, expected) in [("wide", (8200, 40)), ("plain", (300, 200))] {
        for kind in ["overlay", "segments", "labels"] {
            assert_eq!(
                size(&folder.path().join(format!("{stem}.{kind}.png"))),
                expected
            );
        }
    }
}

#[test]
fn the_smallest_photographs_end_in_pictures_or_in_words() {
    let folder = folder_with(&[("one.png", 1, 1), ("line.png", 1, 40), ("small.png", 9, 7)]);
    for stem in ["one", "line", "small"] {
        let image = format!("{stem}.png");
        let Called { code, err, .. } = matbackprop(&["segment", &image, "-o", stem])
            .inside(folder.path())
            .call();
        match code {
            0 => assert_eq!(names_in(&folder.path().join(stem)).len(), 2),
            1 => assert!(
                err.contains(&image) && !folder.path().join(stem).exists(),
                "{err}"
            ),
            other => panic!("{other}: {err}"),
        }
    }
}

#[test]
fn unreadable_photographs_are_named_and_the_others_segmented() {
    let folder = folder_with(&[("good.png", 80, 60)]);
    std::fs::write(folder.path().join("text.jpg"), "no picture at all").unwrap();
    std::fs::write(folder.path().join("empty.png"), "").unwrap();
    let whole = std::fs::read(folder.path().join("good.png")).unwrap();
    std::fs::write(folder.path().join("cut.png"), &whole[..whole.len() / 2]).unwrap();
    std::fs::create_dir(folder.path().join("folder.png")).unwrap();
    let bad = [
        "text.jpg",
        "empty.png",
        "cut.png",
        "folder.png",
        "absent.png",
    ];
    let call = matbackprop(&["segment", "-o", "out", "--json"])
        .args(bad)
        .args(["good.png"]);
    let Called { code, out, err } = call.inside(folder.path()).call();
    assert_eq!(code, 1);
    let object: Value = serde_json::from_str(&out).unwrap();
    let failed = object["failed"].as_array().unwrap();
    for (name, failed) in bad.iter().zip(failed) {
        assert_eq!(failed["image"], *name);
        assert!(
            !failed["error"].as_str().unwrap().contains(*name),
            "{failed}"
        );
        assert!(err.contains(&format!("error: {name}: ")), "{name}: {err}");
    }
    assert_eq!(
        (failed.len(), object["images"][0]["image"].as_str()),
        (5, Some("good.png"))
    );
    assert!(err.contains("5 of 6 images were not segmented"), "{err}");
    assert_eq!(
        names_in(&folder.path().join("out")),
        ["good.overlay.png", "good.segments.png"]
    );
}

#[test]
fn a_failure_leaves_nothing() {
    let folder = folder_with(&[("a.png", 60, 40)]);
    // The last of three pictures has no place: none is left, nor anything half-written.
    std::fs::create_dir_all(folder.path().join("out/a.labels.png")).unwrap();
    let err = matbackprop(&["segment", "a.png", "-o", "out", "--labels"])
        .inside(folder.path())
        .fail(1);
    assert!(err.contains("a.labels.png"), "{err}");
    assert_eq!(names_in(&folder.path().join("out")), ["a.labels.png"]);
    // More segments than the photograph has superpixels.
    let err = matbackprop(&["segment", "a.png", "-o", "fresh", "--k", "4000"])
        .inside(folder.path())
        .fail(1);
    assert!(err.contains("4000"), "{err}");
    assert!(!folder.path().join("fresh").exists());
}

#[test]
fn an_out_that_is_a_file_is_refused() {
    let folder = folder_with(&[("a.png", 60, 40), ("b.jpg", 60, 40)]);
    for out in ["b.jpg", "b.jpg/in", "b.jpg/in/deep"] {
        let err = matbackprop(&["segment", "a.png", "-o", out])
            .inside(folder.path())
            .fail(2);
        assert!(err.contains("--out") && err.contains("b.jpg"), "{err}");
    }
    assert_eq!(names_in(folder.path()), ["a.png", "b.jpg"]);
    if cfg!(target_os = "linux") {
        let err = matbackprop(&["segment", "a.png", "-o", "/proc/self"])
            .inside(folder.path())
            .fail(1);
        assert!(err.contains("--out") && err.contains("/proc/self"), "{err}");
    }
}

#[test]
fn a_second_network_looks_too_where_it_is_found() {
    let folder = folder_with(&[("a.png", 120, 80)]);
    let call = ["segment", "a.png", "--quality", "high", "--json"];
    let Called { code, out, err } = matbackprop(&call)
        .inside(folder.path())
        .with("MATBACKPROP_DATA", "elsewhere")
        .call();
    assert!(
        code == 1 && out.contains("\"images\": []") && out.contains("--export"),
        "{out}"
    );
    for word in [
        "vgg16_features_f16.safetensors in elsewhere/weights or data/weights",
        "--export",
    ] {
        assert!(err.contains(word), "{word}: {err}");
    }
    assert_eq!(names_in(folder.path()), ["a.png"]);
    // Any network serves.
    let weights = folder.path().join("data/weights");
    std::fs::create_dir_all(&weights).unwrap();
    let file = weights.join("ncuts_vgg16_f16.safetensors");
    std::fs::write(file, matbackprop::DEFAULT_NETWORK_BYTES).unwrap();
    matbackprop(&call).inside(folder.path()).succeed();
    assert_eq!(names_in(folder.path()).len(), 4);
}

#[test]
fn a_file_that_is_no_network_is_named() {
    let folder = folder_with(&[("a.png", 60, 40)]);
    for weights in ["a.png", "absent.safetensors"] {
        let err = matbackprop(&["segment", "a.png", "--weights", weights])
            .inside(folder.path())
            .fail(1);
        assert!(err.contains(weights), "{err}");
    }
    assert_eq!(names_in(folder.path()), ["a.png"]);
}
