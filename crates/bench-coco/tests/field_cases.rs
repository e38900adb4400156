//! Sets to learn from, in the forms that people's tools write: what is read, what is left out by name, and which way up.
//!
//! `tests/field-cases` has them and their sources; the relatives of each are made here.

use std::path::{Path, PathBuf};

use bench_coco::{
    CocoInstances, Error, FindingKind, LeftOut, Record, RegionRule, RegionSet, Result, View,
};
use image::{ImageFormat, Rgb, RgbImage};
use serde_json::{Value, json};
use tempfile::TempDir;
use test_support::refused;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/field-cases")
        .join(name)
}

fn regions(annotations: &Path, images: &Path, max_unreadable: f64) -> Result<RegionSet> {
    let rule = RegionRule {
        max_unreadable,
        ..RegionRule::default()
    };
    RegionSet::new(CocoInstances::read(annotations)?, images, rule)
}

fn case(name: &str, images: &str, max_unreadable: f64) -> Result<RegionSet> {
    let annotations = folder(name).join("instances_train.json");
    regions(&annotations, &folder(images), max_unreadable)
}

#[test]
fn sets_of_other_tools_are_read_whole() {
    let plain = case("22-pandas-floats", "images", 0.0).unwrap();
    assert_eq!((plain.len(), plain.left_out()), (10, LeftOut::default()));
    for name in ["24-no-area", "25-dot-slash-names"] {
        let set = case(name, "images", 0.0).unwrap();
        assert_eq!(set.regions(), plain.regions(), "{name}");
        assert!(set.findings().is_empty(), "{name}");
        for index in 0..set.len() {
            let crop = set.crop(index, &View::plain(), 32).unwrap();
            assert_eq!(
                crop,
                plain.crop(index, &View::plain(), 32).unwrap(),
                "{name}"
            );
        }
    }
}

#[test]
fn one_odd_entry_is_left_out_by_name_up_to_the_share() {
    let odd = || case("26-one-odd-polygon", "images", 0.5);
    let set = odd().unwrap();
    assert_eq!((set.len(), set.left_out().unreadable), (9, 1));
    let [one] = set.unreadable() else {
        panic!("one")
    };
    assert_eq!(one.annotation, Record::Annotation(101.into()));
    let reason = "annotation 101: `segmentation`: expected polygons of at least 3 points, two numbers each, found 49 numbers";
    assert!(one.reason.ends_with(reason), "{}", one.reason);

    let absent = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(folder("images")).unwrap() {
        let path = entry.unwrap().path();
        if !path.ends_with("000003.jpg") {
            std::fs::copy(&path, absent.path().join(path.file_name().unwrap())).unwrap();
        }
    }
    let annotations = folder("28-one-photograph-missing").join("instances_train.json");
    let missing = |share| regions(&annotations, absent.path(), share);
    let set = missing(0.5).unwrap();
    assert_eq!((set.len(), set.left_out().missing_images), (9, 1));
    assert!(
        set.unreadable()[0]
            .reason
            .starts_with("image 3: expected the photograph ")
    );
    assert!(set.regions().iter().all(|region| region.id != 103));

    refused! {
        case("26-one-odd-polygon", "images", 0.05)
            => error @ Error::TooManyUnreadable { unreadable: 1, of: 10, .. }
                if error.to_string().contains("5.0 % of 10 regions")
                    && error.to_string().contains("--max-unreadable"),
        case("26-one-odd-polygon", "images", 0.0) => Error::Field { field: "segmentation", .. },
        missing(0.05) => Error::TooManyUnreadable { unreadable: 1, .. },
        missing(0.0) => Error::MissingImage { image, .. } if image == 3,
        missing(1.5) => Error::Argument { name: "max_unreadable", .. },
        missing(f64::NAN) => Error::Argument { name: "max_unreadable", .. }
    }
}

#[test]
fn a_set_without_annotations_is_empty_and_no_error() {
    assert!(case("30-no-annotations", "images", 0.0).unwrap().is_empty());
}

#[test]
fn photographs_turned_by_half_are_read_upright_and_said_to_be() {
    let name = "20-exif-180";
    let set = case(name, "20-exif-180/images", 0.0).unwrap();
    let finding = set.findings().last().unwrap();
    assert_eq!((finding.kind, finding.count), (FindingKind::Turned, 10));
    assert!(finding.to_string().contains("Exif"), "{finding}");
    // The same photographs without a tag: the shape is where its mask is.
    let upright = case(name, "images", 0.0).unwrap();
    assert!(upright.findings().is_empty());
    for index in 0..set.len() {
        let [a, b] = [&set, &upright].map(|set| set.photograph(index).unwrap());
        let difference = a
            .iter()
            .zip(b.iter())
            .map(|(a, b)| f64::from(a.abs_diff(*b)))
            .sum::<f64>();
        assert!(difference / (a.len() as f64) < 6.0, "{index}: {difference}");
    }
    let strict = RegionRule {
        strict: true,
        ..RegionRule::default()
    };
    let instances = CocoInstances::read(folder(name).join("instances_train.json")).unwrap();
    refused! {
        RegionSet::new(instances, folder("20-exif-180/images"), strict) => Error::Strict { .. }
    }
}

/// A JPEG of a white left half, 60 × 40 as stored, with this orientation.
fn turned(orientation: u8) -> Vec<u8> {
    let image = RgbImage::from_fn(60, 40, |x, _| Rgb([if x < 30 { 255 } else { 0 }; 3]));
    let mut jpeg = std::io::Cursor::new(Vec::new());
    image.write_to(&mut jpeg, ImageFormat::Jpeg).unwrap();
    let mut bytes = jpeg.into_inner();
    let exif = [
        b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".as_slice(),
        &[orientation, 0, 0, 0, 0, 0, 0, 0],
    ]
    .concat();
    let length = (exif.len() as u16 + 2).to_be_bytes();
    bytes.splice(2..2, [&[0xFF, 0xE1], length.as_slice(), &exif].concat());
    bytes
}

/// One photograph and its annotation; `change` may change both.
struct Small {
    folder: TempDir,
    set: Value,
}

impl Small {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        RgbImage::new(60, 40)
            .save(folder.path().join("a.png"))
            .unwrap();
        let set = json!({
            "images": [{ "id": 1, "file_name": "a.png", "width": 60, "height": 40 }],
            "categories": [{ "id": 1, "name": "thing" }],
            "annotations": [{
                "id": 1, "image_id": 1, "category_id": 1, "iscrowd": 0, "area": 1120, "bbox": [2, 2, 28, 40],
                "segmentation": [[2, 0, 30, 0, 30, 40, 2, 40]],
            }],
        });
        Self { folder, set }
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    fn regions(&self, max_unreadable: f64) -> Result<RegionSet> {
        self.write("set.json", self.set.to_string());
        regions(
            &self.folder.path().join("set.json"),
            self.folder.path(),
            max_unreadable,
        )
    }
}

#[test]
fn the_listed_size_decides_which_way_up_a_photograph_is() {
    // Orientation, listed size, the size read; whether the left half is white, or the upper; whether it is said.
    for (orientation, listed, left, up, said) in [
        (1, (60, 40), true, false, false),
        (3, (60, 40), false, false, true),
        (2, (60, 40), false, false, true),
        (6, (60, 40), true, false, false),
        (6, (40, 60), false, true, false),
        (8, (60, 40), true, false, false),
        (8, (40, 60), false, false, false),
        (5, (60, 40), true, false, false),
    ] {
        let mut small = Small::new();
        small.write("a.png", turned(orientation));
        let (width, height) = listed;
        small.set["images"][0]["width"] = json!(width);
        small.set["images"][0]["height"] = json!(height);
        small.set["annotations"][0]["segmentation"] =
            json!([[0, 0, width, 0, width, height, 0, height]]);
        small.set["annotations"][0]["bbox"] = json!([0, 0, width, height]);
        let set = small.regions(0.0).unwrap();
        let photograph = set.photograph(0).unwrap();
        assert_eq!(photograph.dimensions(), listed, "{orientation}");
        let white = |x: u32, y: u32| photograph.get_pixel(x, y).0[0] > 128;
        let found = (
            white(2, height / 2) && !white(width - 3, height / 2),
            white(width / 2, 2) && !white(width / 2, height - 3),
        );
        assert_eq!(found, (left, up), "{orientation} {listed:?}");
        assert_eq!(
            set.findings().len(),
            usize::from(said),
            "{orientation} {listed:?}"
        );
    }
    let mut small = Small::new();
    small.write("a.png", turned(6));
    small.set["images"][0]["width"] = json!(61);
    refused! { small.regions(0.0) => Error::SizeMismatch { .. } }
}

#[test]
fn a_photograph_is_found_below_the_folder_whatever_its_name_has_before() {
    for (file, name) in [
        ("a.jpg", "./a.jpg"),
        ("a.jpg", "././a.jpg"),
        ("b/a.jpg", "b//a.jpg"),
        ("b/a.jpg", "b/./a.jpg"),
        ("a.jpg", "b/../a.jpg"),
        ("b/a.jpg", "b\\a.jpg"),
        ("a.jpg", ".\\a.jpg"),
        ("a.jpg", "images/a.jpg"),
        ("a.jpg", "images\\train\\a.jpg"),
        ("a.jpg", "/set/images/a.jpg"),
        ("a.jpg", "set:\\images\\a.jpg"),
        ("a.jpg", "../images/a.jpg"),
        ("a.jpg", "https://a.org/images/a.jpg"),
        ("train/a.jpg", "/data/train/a.jpg"),
        ("a b.jpg", "a b.jpg"),
        ("ä.jpg", "ä.jpg"),
        ("a.tar.jpg", "a.tar.jpg"),
        ("a\\b.jpg", "a\\b.jpg"),
    ] {
        let mut small = Small::new();
        std::fs::rename(
            small.folder.path().join("a.png"),
            small.folder.path().join("a"),
        )
        .unwrap();
        small.write(file, std::fs::read(small.folder.path().join("a")).unwrap());
        small.set["images"][0]["file_name"] = json!(name);
        let set = small.regions(0.0).unwrap();
        assert!(set.crop(0, &View::plain(), 16).is_ok(), "{name}");
    }
    // Nothing leads out of the folder, and no file is taken for two photographs.
    let mut small = Small::new();
    small.set["images"][0]["file_name"] = json!("../outside.png");
    let outside = small.folder.path().parent().unwrap().join("outside.png");
    RgbImage::new(60, 40).save(&outside).unwrap();
    let refused = small.regions(0.0);
    std::fs::remove_file(outside).unwrap();
    refused! { refused => Error::MissingImage { .. } }
    let mut small = Small::new();
    small.set["images"] = json!([
        { "id": 1, "file_name": "train/a.png", "width": 60, "height": 40 },
        { "id": 2, "file_name": "val/a.png", "width": 60, "height": 40 },
    ]);
    let mut second = small.set["annotations"][0].clone();
    (second["id"], second["image_id"]) = (json!(2), json!(2));
    small.set["annotations"]
        .as_array_mut()
        .unwrap()
        .push(second);
    let set = small.regions(1.0).unwrap();
    assert_eq!((set.len(), set.left_out().missing_images), (0, 2));
}

#[test]
fn other_odd_entries_are_left_out_by_name_too() {
    type Change<'a> = &'a dyn Fn(&mut Small);
    let changes: [(Change<'_>, &str); 12] = [
        (
            &|small| small.write("b.png", "no picture"),
            "b.png: expected a",
        ),
        (&|small| small.write("b.png", ""), "b.png: expected a"),
        (
            &|small| std::fs::remove_file(small.folder.path().join("b.png")).unwrap(),
            "image 2: expected the photograph",
        ),
        (
            &|small| small.set["images"][1]["width"] = json!(61),
            "expected 61 × 40 pixels, found 60 × 40",
        ),
        (
            &|small| small.set["images"][1]["width"] = json!(null),
            "image 2: `width`: expected a whole number",
        ),
        (
            &|small| small.set["images"][1]["file_name"] = json!(""),
            "image 2: `file_name`: expected a file",
        ),
        (
            &|small| small.set["annotations"][1]["bbox"] = json!([1, 2, 3]),
            "annotation 2: `bbox`: expected a box",
        ),
        (
            &|small| small.set["annotations"][1]["bbox"] = json!([1, 2, -3, 4]),
            "annotation 2: `bbox: width`",
        ),
        (
            &|small| small.set["annotations"][1]["area"] = json!("big"),
            "annotation 2: `area`",
        ),
        (
            &|small| small.set["annotations"][1]["segmentation"] = json!([[1, 2, 3, 4]]),
            "annotation 2: `segmentation`",
        ),
        (
            &|small| {
                small.set["annotations"][1]["segmentation"] =
                    json!({ "size": [60, 40], "counts": [2400] })
            },
            "size 60 × 40, found 40 × 60",
        ),
        (
            &|small| small.set["annotations"][1]["image_id"] = json!([2]),
            "annotation 2: `image_id`",
        ),
    ];
    for (change, reason) in changes {
        let mut small = Small::new();
        RgbImage::new(60, 40)
            .save(small.folder.path().join("b.png"))
            .unwrap();
        small.set["images"]
            .as_array_mut()
            .unwrap()
            .push(json!({ "id": 2, "file_name": "b.png", "width": 60, "height": 40 }));
        let mut second = small.set["annotations"][0].clone();
        (second["id"], second["image_id"]) = (json!(2), json!(2));
        small.set["annotations"]
            .as_array_mut()
            .unwrap()
            .push(second);
        assert_eq!(small.regions(0.0).unwrap().len(), 2);
        change(&mut small);
        let set = small.regions(0.5).unwrap();
        assert_eq!((set.len(), set.unreadable().len()), (1, 1), "{reason}");
        assert!(
            set.unreadable()[0].reason.contains(reason),
            "{reason}: {}",
            set.unreadable()[0].reason
        );
        assert!(
            small.regions(0.4).is_err() && small.regions(0.0).is_err(),
            "{reason}"
        );
    }
}
