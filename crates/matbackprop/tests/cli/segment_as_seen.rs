//! `matbackprop segment` on photographs as people have them.
//!
//! Protects that what nobody sees has no influence, that damage is never passed over in silence, and that memory is the
//! limit.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use crate::call::{Called, matbackprop, names_in};
use crate::segment::{folder_with, photograph, size};

/// The one photograph's part of `--json`, and what was noted.
fn report(folder: &Path, arguments: &[&str]) -> (Value, String) {
    let call = matbackprop(&["segment", "--json", "--labels"]).args(arguments);
    let Called { code, out, err } = call.inside(folder).call();
    assert_eq!(code, 0, "{err}");
    let object: Value = serde_json::from_str(&out).unwrap();
    (object["images"][0].clone(), err)
}

#[test]
fn transparent_pixels_are_a_segment_whatever_colours_they_hide() {
    let folder = tempfile::tempdir().unwrap();
    let shown = photograph(120, 80);
    let is_hole = |x: u32, y: u32| (30..75).contains(&x) && (20..60).contains(&y);
    let save = |name: &str, hidden: fn(u32, u32) -> [u8; 3]| {
        let image = image::RgbaImage::from_fn(120, 80, |x, y| {
            let [r, g, b] = if is_hole(x, y) {
                hidden(x, y)
            } else {
                shown.get_pixel(x, y).0
            };
            image::Rgba([r, g, b, if is_hole(x, y) { 0 } else { 255 }])
        });
        image.save(folder.path().join(name)).unwrap();
    };
    save("black.png", |_, _| [0; 3]);
    save("noise.png", |x, y| {
        [
            (x * 91 + y * 57) as u8,
            (x * 37 + y * 131) as u8,
            (x * y) as u8,
        ]
    });
    for k in [&["--k", "4"][..], &["--k", "auto"]] {
        let (noise, _) = report(folder.path(), &[&["noise.png"], k].concat());
        report(folder.path(), &[&["black.png"], k].concat());
        for kind in ["overlay", "segments", "labels"] {
            let bytes = |name: &str| {
                std::fs::read(folder.path().join(format!("{name}.{kind}.png"))).unwrap()
            };
            assert!(bytes("black") == bytes("noise"), "{kind}");
        }
        let found = &noise["segmentations"][0];
        let own = found["transparent"].as_u64().unwrap() as u16;
        let labels = image::open(folder.path().join("noise.labels.png"))
            .unwrap()
            .into_luma16();
        for (x, y, label) in labels.enumerate_pixels() {
            assert_eq!(label.0[0] == own, is_hole(x, y), "{x}, {y}");
        }
        let ids: BTreeSet<u16> = labels.pixels().map(|pixel| pixel.0[0]).collect();
        assert_eq!(ids.len() as u64, found["segments"].as_u64().unwrap());
        if k[1] == "4" {
            assert_eq!(ids.len(), 4);
        }
        let overlay = image::open(folder.path().join("noise.overlay.png"))
            .unwrap()
            .into_rgb8();
        assert_eq!(overlay.get_pixel(52, 40).0, [255; 3]);
    }
}

#[test]
fn what_a_mask_leaves_out_of_a_transparent_picture_is_no_segment() {
    let folder = tempfile::tempdir().unwrap();
    let shown = photograph(120, 80);
    // Half of the hole is left out; then all of it is.
    let image = image::RgbaImage::from_fn(120, 80, |x, y| {
        let [r, g, b] = shown.get_pixel(x, y).0;
        image::Rgba([r, g, b, if (40..70).contains(&x) { 0 } else { 255 }])
    });
    image.save(folder.path().join("a.png")).unwrap();
    for (left_out, is_there) in [(0..55, true), (40..70, false)] {
        let mask = image::GrayImage::from_fn(120, 80, |x, _| {
            image::Luma([if left_out.contains(&x) { 0 } else { 255 }])
        });
        mask.save(folder.path().join("mask.png")).unwrap();
        let (found, _) = report(folder.path(), &["a.png", "--mask", "mask.png", "--k", "4"]);
        let found = &found["segmentations"][0];
        let labels = image::open(folder.path().join("a.labels.png")).unwrap();
        let labels = labels.into_luma16();
        let ids: BTreeSet<u64> = labels.pixels().map(|pixel| pixel.0[0].into()).collect();
        let segments = found["segments"].as_u64().unwrap();
        assert_eq!(ids, (0..=segments).collect());
        assert_eq!(found["transparent"].as_u64().is_some(), is_there);
        for (x, y, label) in labels.enumerate_pixels() {
            let label = u64::from(label.0[0]);
            assert_eq!(label == 0, left_out.contains(&x), "{x}, {y}");
            if is_there {
                let is_hole = (55..70).contains(&x);
                assert_eq!(Some(label) == found["transparent"].as_u64(), is_hole);
            }
        }
    }
}

#[test]
fn a_damaged_photograph_is_refused_with_its_share_and_segmented_where_asked() {
    let folder = folder_with(&[("a.jpg", 320, 200)]);
    let whole = std::fs::read(folder.path().join("a.jpg")).unwrap();
    std::fs::write(folder.path().join("a.jpg"), &whole[..whole.len() / 2]).unwrap();
    let Called { code, out, err } = matbackprop(&["segment", "a.jpg"])
        .inside(folder.path())
        .call();
    assert_eq!((code, out.as_str()), (1, ""));
    for words in [
        "error: a.jpg: expected a whole JPEG of 320 × 200 pixels, found ",
        " % of it missing",
        "--lenient",
    ] {
        assert!(err.contains(words), "{words}: {err}");
    }
    assert_eq!(names_in(folder.path()), ["a.jpg"]);
    let (found, err) = report(folder.path(), &["a.jpg", "--lenient"]);
    let note = found["notes"][0].as_str().unwrap();
    assert!(
        note.ends_with(" % of the picture is missing or broken; the rest is used"),
        "{note}"
    );
    assert!(err.contains(&format!("a.jpg: {note}")), "{err}");
    // Without its end marker it is whole.
    std::fs::write(folder.path().join("a.jpg"), &whole[..whole.len() - 2]).unwrap();
    let (found, err) = report(folder.path(), &["a.jpg"]);
    assert_eq!((&found["notes"], err.as_str()), (&Value::Null, ""));
}

#[test]
fn the_memory_that_is_allowed_decides_on_the_size() {
    let folder = folder_with(&[("a.png", 400, 300)]);
    let (found, err) = report(folder.path(), &["a.png", "--max-memory", "1M"]);
    assert_eq!(size(&folder.path().join("a.overlay.png")), (200, 150));
    assert_eq!(
        (&found["width"], &found["file_size"][0]),
        (&200.into(), &400.into())
    );
    assert!(
        err.contains("a.png: 400 × 300 pixels are brought to 200 × 150"),
        "{err}"
    );
    let Called { code, err, .. } = matbackprop(&["segment", "a.png", "--max-memory", "256K"])
        .inside(folder.path())
        .call();
    assert_eq!(code, 1);
    assert!(
        err.contains("a.png: expected at most 256 KiB of memory for 400 × 300 pixels"),
        "{err}"
    );
    let Called { code, err, .. } = matbackprop(&["segment", "a.png", "--max-memory", "much"])
        .inside(folder.path())
        .call();
    assert!(
        code == 2 && err.contains("expected a size such as 512M or 2G"),
        "{err}"
    );
}
