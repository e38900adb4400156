//! Files of segments for other programs: that all of them hold the same pixels, and that left-out pixels are in none.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use image::{DynamicImage, GrayImage, Luma, Rgb};
use serde_json::Value;

use crate::call::{matbackprop, names_in};
use crate::segment::{folder_with, photograph};

const ALL: &str = "coco,coco-polygons,geojson,svg,npy,masks,adjacency";

fn json(path: PathBuf) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// The numbers of a 16-bit picture, row by row.
fn numbers(path: PathBuf) -> Vec<u16> {
    let DynamicImage::ImageLuma16(labels) = image::open(path).unwrap() else {
        panic!("expected 16-bit grey")
    };
    labels.into_raw()
}

/// Pixels of run lengths as MS-COCO writes them, read by another hand: column by column.
fn pixels_of(counts: &str, (width, height): (usize, usize)) -> Vec<bool> {
    let mut runs: Vec<i64> = Vec::new();
    let (mut value, mut shift) = (0_i64, 0);
    for byte in counts.bytes() {
        let group = i64::from(byte - 48);
        value |= (group & 0x1f) << shift;
        shift += 5;
        if group & 0x20 == 0 {
            if group & 0x10 != 0 {
                value |= -1 << shift;
            }
            if runs.len() > 2 {
                value += runs[runs.len() - 2];
            }
            runs.push(value);
            (value, shift) = (0, 0);
        }
    }
    let mut columns = Vec::new();
    for (place, run) in runs.iter().enumerate() {
        columns.extend(std::iter::repeat_n(place % 2 == 1, *run as usize));
    }
    assert_eq!(columns.len(), width * height);
    let pixel = |place: usize| columns[place % width * height + place / width];
    (0..width * height).map(pixel).collect()
}

/// Whether all files of `a` hold the segments of its label picture.
fn check_files(folder: &Path, size: (usize, usize), first: u16) {
    let place = |ending: &str| folder.join(format!("a.{ending}"));
    let labels = numbers(place("labels.png"));
    let mut found: BTreeSet<u16> = labels.iter().copied().collect();
    if first > 0 {
        assert!(found.remove(&0), "left-out pixels");
    }
    let expected: Vec<u16> = (first..first + found.len() as u16).collect();
    assert_eq!(found.iter().copied().collect::<Vec<_>>(), expected);

    let npy = std::fs::read(place("npy")).unwrap();
    assert_eq!(&npy[..8], b"\x93NUMPY\x01\x00");
    let begin = 10 + usize::from(u16::from_le_bytes([npy[8], npy[9]]));
    let header = String::from_utf8_lossy(&npy[10..begin]).into_owned();
    let shape = format!("'shape': ({}, {})", size.1, size.0);
    assert!(
        header.contains("'<u2'") && header.contains(&shape),
        "{header}"
    );
    let array = npy[begin..].chunks_exact(2);
    let array: Vec<u16> = array
        .map(|pair| u16::from_le_bytes([pair[0], pair[1]]))
        .collect();
    assert_eq!(array, labels);

    let coco = json(place("coco.json"));
    let geojson = json(place("geojson"));
    let masks = names_in(&place("masks"));
    let svg = std::fs::read_to_string(place("svg")).unwrap();
    let annotations = coco["annotations"].as_array().unwrap();
    assert_eq!(coco["images"][0]["file_name"], "a.png");
    assert_eq!((annotations.len(), masks.len()), (found.len(), found.len()));
    for (entry, number) in annotations.iter().zip(&found) {
        let own: Vec<bool> = labels.iter().map(|label| label == number).collect();
        assert_eq!(entry["label"], *number);
        let counts = entry["segmentation"]["counts"].as_str().unwrap();
        assert_eq!(pixels_of(counts, size), own);
        let area = own.iter().filter(|own| **own).count();
        assert_eq!(entry["area"], area);
        let place = usize::from(number - first);
        let properties = &geojson["features"][place]["properties"];
        assert_eq!(
            (&properties["label"], &properties["area"]),
            (&Value::from(*number), &Value::from(area))
        );
        let mask = image::open(folder.join(format!("a.masks/{number:04}.png"))).unwrap();
        let mask = mask.into_luma8().into_raw();
        assert_eq!(
            mask.iter().map(|level| *level == 255).collect::<Vec<_>>(),
            own
        );
        assert!(svg.contains(&format!("id=\"segment-{number}\"")));
    }
    let polygons = json(place("coco-polygons.json"));
    assert_eq!(
        polygons["annotations"].as_array().unwrap().len(),
        found.len()
    );
    check_neighbours(
        &std::fs::read_to_string(place("adjacency.csv")).unwrap(),
        &labels,
        size.0,
        first,
    );
}

fn check_neighbours(table: &str, labels: &[u16], width: usize, first: u16) {
    let mut sides = std::collections::BTreeMap::<(u16, u16), usize>::new();
    for (place, label) in labels.iter().enumerate() {
        let right = (!(place + 1).is_multiple_of(width)).then(|| labels[place + 1]);
        for other in right.into_iter().chain(labels.get(place + width).copied()) {
            let (a, b) = (*label.min(&other), *label.max(&other));
            if a != b && a >= first {
                *sides.entry((a, b)).or_default() += 1;
            }
        }
    }
    let mut lines = table.lines();
    assert_eq!(lines.next(), Some("a,b,length,strength"));
    for (line, ((a, b), length)) in lines.by_ref().zip(&sides) {
        let start = format!("{a},{b},{length},");
        let strength: f64 = line
            .strip_prefix(&start)
            .unwrap_or_else(|| panic!("{start}: {line}"))
            .parse()
            .unwrap();
        assert!((0.0..=1.0).contains(&strength), "{line}");
    }
    assert_eq!(table.lines().count(), sides.len() + 1);
}

#[test]
fn all_files_tell_the_same_segments() {
    let folder = folder_with(&[("a.png", 120, 80)]);
    let call = [
        "segment", "a.png", "-o", "out", "--labels", "--k", "7", "--export", ALL, "--json",
    ];
    let out = matbackprop(&call).inside(folder.path()).succeed();
    let object: Value = serde_json::from_str(&out).unwrap();
    let exports = &object["images"][0]["segmentations"][0]["exports"];
    assert_eq!(exports.as_object().unwrap().len(), 7);
    for path in exports.as_object().unwrap().values() {
        assert!(
            folder.path().join(path.as_str().unwrap()).exists(),
            "{path}"
        );
    }
    check_files(&folder.path().join("out"), (120, 80), 0);
    // Fewer segments: no mask is left of those before.
    let call = [
        "segment", "a.png", "-o", "out", "--labels", "--k", "3", "--export", ALL,
    ];
    matbackprop(&call).inside(folder.path()).succeed();
    check_files(&folder.path().join("out"), (120, 80), 0);
    assert_eq!(names_in(&folder.path().join("out/a.masks")).len(), 3);
}

#[test]
fn exports_change_no_other_output() {
    let folder = folder_with(&[("a.png", 90, 60)]);
    let read = |out: &str, more: &[&str]| {
        let call = matbackprop(&["segment", "a.png", "--labels", "--contours", "-o", out]);
        call.args(more).inside(folder.path()).succeed();
        ["overlay", "segments", "labels", "contours"]
            .map(|kind| std::fs::read(folder.path().join(format!("{out}/a.{kind}.png"))).unwrap())
    };
    assert_eq!(read("one", &[]), read("two", &["--export", ALL]));
    // Superpixels do.
    assert_ne!(read("one", &[]), read("two", &["--superpixels", "60"]));
}

#[test]
fn left_out_pixels_are_in_no_file_and_change_nothing() {
    let folder = folder_with(&[]);
    // A disc in the middle is left out; 150 × 100 are segmented at 90 × 60.
    let kept = |x: u32, y: u32| (f64::from(x) - 75.0).hypot(f64::from(y) - 50.0) > 25.0;
    let mask = GrayImage::from_fn(150, 100, |x, y| Luma([if kept(x, y) { 255 } else { 0 }]));
    mask.save(folder.path().join("mask.png")).unwrap();
    let mut before: Option<Vec<Vec<u8>>> = None;
    for hidden in [[255, 0, 255], [3, 90, 7]] {
        let mut picture = photograph(150, 100);
        for (x, y, pixel) in picture.enumerate_pixels_mut() {
            if !kept(x, y) {
                *pixel = Rgb(hidden.map(|level| level ^ (x * y) as u8));
            }
        }
        picture.save(folder.path().join("a.png")).unwrap();
        let call = [
            "segment",
            "a.png",
            "-o",
            "out",
            "--mask",
            "mask.png",
            "--max-side",
            "90",
        ];
        let more = [
            "--k",
            "5",
            "--labels",
            "--contours",
            "--export",
            ALL,
            "--json",
        ];
        let out = matbackprop(&call)
            .args(more)
            .inside(folder.path())
            .succeed();
        let object: Value = serde_json::from_str(&out).unwrap();
        let left = (0..150 * 100).filter(|i| !kept(i % 150, i / 150)).count();
        assert_eq!(object["images"][0]["left_out"], left);
        let folder = folder.path().join("out");
        check_files(&folder, (150, 100), 1);
        let labels = numbers(folder.join("a.labels.png"));
        for (place, label) in (0..).zip(&labels) {
            assert_eq!(*label > 0, kept(place % 150, place / 150));
        }
        // All files but the overlay, which shows the photograph.
        let mut files: Vec<PathBuf> = Vec::new();
        for name in names_in(&folder)
            .iter()
            .filter(|name| !name.contains("overlay"))
        {
            match name.as_str() {
                "a.masks" => {}
                name => files.push(folder.join(name)),
            }
        }
        let now: Vec<Vec<u8>> = files
            .iter()
            .map(|path| std::fs::read(path).unwrap())
            .collect();
        if let Some(before) = before.replace(now.clone()) {
            assert_eq!(before, now);
        }
    }
}

#[test]
fn a_mask_that_parts_a_photograph_parts_its_segments() {
    let folder = folder_with(&[("a.png", 120, 80)]);
    let mask = GrayImage::from_fn(120, 80, |x, _| Luma([if x == 60 { 0 } else { 255 }]));
    mask.save(folder.path().join("mask.png")).unwrap();
    let call = [
        "segment", "a.png", "--mask", "mask.png", "--k", "1", "--labels", "--json",
    ];
    let out = matbackprop(&call).inside(folder.path()).succeed();
    let object: Value = serde_json::from_str(&out).unwrap();
    // As few as there are parts.
    assert_eq!(object["images"][0]["segmentations"][0]["segments"], 2);
    let labels = numbers(folder.path().join("a.labels.png"));
    assert_eq!(labels[..122].iter().collect::<BTreeSet<_>>().len(), 3);
    // A mask of all pixels changes numbers alone.
    GrayImage::from_pixel(120, 80, Luma([255]))
        .save(folder.path().join("all.png"))
        .unwrap();
    let read = |out: &str, more: &[&str]| {
        let call = matbackprop(&["segment", "a.png", "-o", out]).args(more);
        call.inside(folder.path()).succeed();
        std::fs::read(folder.path().join(out).join("a.segments.png")).unwrap()
    };
    assert_eq!(read("plain", &[]), read("masked", &["--mask", "all.png"]));
}
