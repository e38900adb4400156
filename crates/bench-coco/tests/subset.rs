//! Five thousand annotations of COCO itself: counts, masks, regions and crops.

use std::path::PathBuf;
use std::thread;

use bench_coco::{CocoInstances, Frame, LeftOut, RegionRule, RegionSet, View};
use test_support::{data_folder, needs};

fn subset() -> PathBuf {
    data_folder("coco-subset")
}

fn instances(split: &str) -> CocoInstances {
    CocoInstances::read(subset().join(format!("annotations/instances_{split}.json"))).unwrap()
}

fn regions(split: &str) -> RegionSet {
    let rule = RegionRule::default();
    RegionSet::new(instances(split), subset().join("images"), rule).unwrap()
}

/// 4487 + 44 and 1168 + 13: of the 1169 objects of val one vanished when the photographs were brought to 320 pixels.
#[needs("coco-subset")]
#[test]
fn has_the_counts_its_makers_publish() {
    for (split, images, annotations, crowds) in [("train", 543, 4531, 44), ("val", 137, 1181, 13)] {
        let read = instances(split);
        assert_eq!(read.images().len(), images);
        assert_eq!(read.annotations().len(), annotations);
        let found = read.annotations().iter().filter(|one| one.crowd).count();
        assert_eq!(found, crowds, "{split}");
        assert_eq!(read.categories().len(), 80);
        assert_eq!(read.categories()[0].name, "person");
        assert_eq!(read.categories()[79].name, "toothbrush");
    }
}

/// The rasteriser against numbers made by another one: the `area` fields come from the full-size masks.
#[needs("coco-subset")]
#[test]
fn masks_have_the_area_and_the_box_of_their_annotation() {
    let mut differences = Vec::new();
    let (mut within, mut regions) = (0, 0);
    for split in ["train", "val"] {
        let read = instances(split);
        for annotation in read.annotations().iter().filter(|one| !one.crowd) {
            let image = read.image_of(annotation);
            let mask = annotation.mask(image).unwrap();
            let area = mask.area();
            assert!(area > 0, "annotation {}", annotation.id);
            assert_eq!(area as u64, annotation.mask_area(image).unwrap());
            if annotation.area >= 1024.0 {
                differences.push((area as f64 - annotation.area).abs() / annotation.area);
                let [left, top, width, height] = annotation.bbox;
                let inside = (0..mask.height())
                    .flat_map(|y| (0..mask.width()).map(move |x| (x, y)))
                    .filter(|(x, y)| mask.contains(*x, *y))
                    .filter(|(x, y)| {
                        let (x, y) = (f64::from(*x) + 0.5, f64::from(*y) + 0.5);
                        (left - 1.0..=left + width + 1.0).contains(&x)
                            && (top - 1.0..=top + height + 1.0).contains(&y)
                    });
                within += inside.count();
                regions += area;
            }
        }
    }
    differences.sort_by(f64::total_cmp);
    let median = differences[differences.len() / 2];
    assert!(median < 0.005, "{median}");
    let share = within as f64 / regions as f64;
    assert!(share > 0.999, "{share}");
}

#[needs("coco-subset")]
#[test]
fn small_objects_and_crowds_are_left_out_and_counted() {
    for (split, large, left_out) in [
        ("train", 4487 - 2431, [44, 2431]),
        ("val", 1168 - 645, [13, 645]),
    ] {
        let set = regions(split);
        let expected = LeftOut {
            crowds: left_out[0],
            small: left_out[1],
            missing_images: 0,
            empty_mask: 0,
            unreadable: 0,
        };
        assert_eq!((set.left_out(), set.len()), (expected, large), "{split}");
        assert_eq!(set.class_counts().iter().sum::<usize>(), large);
        let order: Vec<_> = (0..set.len())
            .map(|index| (set.image(index).id.clone(), set.regions()[index].id.clone()))
            .collect();
        assert!(order.is_sorted());
    }
}

#[needs("coco-subset")]
#[test]
fn crops_agree_with_their_masks_from_many_threads() {
    let set = regions("val");
    let check = |start: usize| {
        for index in (start..set.len()).step_by(14) {
            let plain = set.crop(index, &View::plain(), 64).unwrap();
            let view = View::jittered(index as u64);
            for crop in [&plain, &set.crop(index, &view, 64).unwrap()] {
                assert_eq!(crop.image.dimensions(), (64, 64));
                let Frame {
                    x,
                    y,
                    width,
                    height,
                } = crop.frame;
                let inside = |at: usize| {
                    let (column, row) = ((at % 64) as u32, (at / 64) as u32);
                    (x..x + width).contains(&column) && (y..y + height).contains(&row)
                };
                assert!(crop.mask.contains(&true));
                assert!((0..64 * 64).all(|at| inside(at) || !crop.mask[at]));
            }
            // The region keeps its share of the window: the box is 1 / 1.2 of the larger side.
            let region = &set.regions()[index];
            let scale = 64.0 / (1.2 * region.bbox[2].max(region.bbox[3]));
            let expected = set.mask(index).unwrap().area() as f64 * scale * scale;
            let found = plain.mask.iter().filter(|bit| **bit).count() as f64;
            // Half a pixel of rounding around the outline, which is a few times as long as the square's side.
            assert!(
                (found - expected).abs() < 0.1 * expected + 64.0,
                "{index}: {found}, {expected}"
            );
        }
    };
    thread::scope(|scope| {
        for start in [0, 7] {
            scope.spawn(move || check(start));
        }
    });
}
