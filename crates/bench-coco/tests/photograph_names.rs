//! Photographs under other names than those that are listed: taken where one file is meant, named where not.

// Other systems take `a.JPG` for `a.jpg` themselves.
#![cfg(target_os = "linux")]

use bench_coco::{CocoInstances, Error, FindingKind, RegionRule, RegionSet, Result, View};
use image::{ImageFormat, Rgb, RgbImage};
use serde_json::{Value, json};
use tempfile::TempDir;
use test_support::refused;

/// Photographs of 60 × 40 and annotations of as many images: file `i` is all of the level `i`.
struct Set {
    folder: TempDir,
    annotations: Value,
}

impl Set {
    /// `files` are on disk, `names` in the annotations, of the ids 1, 2, ….
    fn new(files: &[&str], names: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (level, file) in files.iter().enumerate() {
            let path = folder.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            let photograph = RgbImage::from_pixel(60, 40, Rgb([level as u8; 3]));
            photograph.save_with_format(path, ImageFormat::Png).unwrap();
        }
        let image = |(id, name): (usize, &&str)| json!({ "id": id, "file_name": name, "width": 60, "height": 40 });
        let annotation = |(id, _): (usize, &&str)| {
            json!({
                "id": id, "image_id": id, "category_id": 1, "iscrowd": 0, "area": 1200, "bbox": [0, 0, 30, 40],
                "segmentation": [[0, 0, 30, 0, 30, 40, 0, 40]],
            })
        };
        let listed = || (1..).zip(names);
        let annotations = json!({
            "images": listed().map(image).collect::<Vec<_>>(),
            "categories": [{ "id": 1, "name": "thing" }],
            "annotations": listed().map(annotation).collect::<Vec<_>>(),
        });
        Self {
            folder,
            annotations,
        }
    }

    fn regions(&self, rule: RegionRule) -> Result<RegionSet> {
        let path = self.folder.path().join("set.json");
        std::fs::write(&path, self.annotations.to_string()).unwrap();
        let instances = CocoInstances::read_beside(path, self.folder.path())?;
        RegionSet::new(instances, self.folder.path(), rule)
    }

    /// Why the first region is left out.
    fn reason(&self) -> String {
        let rule = RegionRule {
            max_unreadable: 1.0,
            ..RegionRule::default()
        };
        self.regions(rule).unwrap().unreadable()[0].reason.clone()
    }
}

#[test]
fn other_capitals_and_escapes_are_taken_and_counted() {
    let set = Set::new(
        &["a.jpg", "b.JPG", "Train/c d.jpg"],
        &["a.jpg", "b.jpg", "train/c%20d.jpg"],
    );
    let regions = set.regions(RegionRule::default()).unwrap();
    let found: Vec<_> = regions.findings().iter().map(ToString::to_string).collect();
    let [found] = &found[..] else {
        panic!("{found:?}")
    };
    let expected = "set.json: 2 photographs under a name of other capitals or % escapes: taken; first: image 2: ";
    assert!(
        found.contains(expected) && found.ends_with("/b.JPG"),
        "{found}"
    );
    assert_eq!(regions.findings()[0].kind, FindingKind::OtherSpelling);
    for level in 0..3 {
        let crop = regions.crop(level, &View::plain(), 16).unwrap();
        assert_eq!(crop.image.get_pixel(8, 8).0, [level as u8; 3]);
    }
    let strict = RegionRule {
        strict: true,
        ..RegionRule::default()
    };
    refused! {
        set.regions(strict.clone()) => Error::Strict { finding, others: 0 }
            if finding.kind == FindingKind::OtherSpelling
    }
    // Where all lie as written, nothing is to be said.
    let plain = Set::new(&["a.jpg", "b.JPG"], &["a.jpg", "b.JPG"]);
    assert!(plain.regions(strict).is_ok());
}

#[test]
fn sizes_that_are_not_listed_come_from_photographs_of_other_capitals() {
    let mut set = Set::new(&["a.PNG"], &["a.png"]);
    let image = set.annotations["images"][0].as_object_mut().unwrap();
    image.retain(|field, _| field == "id" || field == "file_name");
    let regions = set.regions(RegionRule::default()).unwrap();
    assert_eq!((regions.len(), regions.image(0).size.width), (1, 60));
    let kinds: Vec<_> = regions.findings().iter().map(|one| one.kind).collect();
    assert_eq!(
        kinds,
        [FindingKind::WithoutSize, FindingKind::OtherSpelling]
    );
}

#[test]
fn what_may_be_meant_is_named_and_not_taken() {
    for (files, names, words) in [
        (
            &["a.png"][..],
            &["a.jpg"][..],
            "a.jpg, found none; of this name with another ending there is a.png: correct `file_name` if it is the photograph",
        ),
        (
            &["train/A.webp", "train/a.png"],
            &["images/train/a.jpg"],
            "a.jpg, found none; of this name with another ending there is train/a.png, train/A.webp: correct",
        ),
        (
            &["A.jpg", "a.JPG"],
            &["a.jpg"],
            "a.jpg, found none; of this name in other letters there are several: A.jpg, a.JPG",
        ),
        (
            &["a.JPG"],
            &["a.jpg", "A.jpg"],
            "a.jpg, found none; other images may mean ",
        ),
        (&["b.jpg"], &["a.jpg"], "a.jpg, found none"),
    ] {
        let reason = Set::new(files, names).reason();
        assert!(reason.contains(words), "{reason}: expected {words}");
    }
    // A folder of that name is no photograph.
    let set = Set::new(&["a.jpg/b.jpg"], &["a.jpg"]);
    assert!(!set.reason().contains("found none"), "{}", set.reason());
    // The file of one image as it is written is not taken for another's.
    let set = Set::new(&["a.jpg"], &["a.jpg", "A.JPG"]);
    let rule = RegionRule {
        max_unreadable: 0.5,
        ..RegionRule::default()
    };
    let regions = set.regions(rule).unwrap();
    assert_eq!((regions.len(), regions.left_out().missing_images), (1, 1));
    assert!(regions.findings().is_empty() && regions.image(0).id == 1);
}

#[test]
fn a_photograph_under_two_ids_is_counted() {
    let set = Set::new(&["a.jpg", "b.jpg"], &["a.jpg", "b.jpg", "./a.jpg", "a.jpg"]);
    let regions = set.regions(RegionRule {
        max_unreadable: 1.0,
        ..RegionRule::default()
    });
    let regions = regions.unwrap();
    let found = regions.findings()[0].to_string();
    let expected = "set.json: 2 images of a photograph that is listed under another id too; first: images 1 and 3: ./a.jpg";
    assert!(found.ends_with(expected), "{found}");
    assert_eq!((regions.findings().len(), regions.len()), (1, 4));
}
