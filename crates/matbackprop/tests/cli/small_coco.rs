//! A COCO of small synthetic photographs: striped squares of two classes.

use std::fmt::Write as _;
use std::path::Path;

use image::{Rgb, RgbImage};

/// Photographs of each split.
pub const IMAGES: usize = 4;

/// Writes `annotations/instances_{train,val}.json` and `images/`, two regions an image.
pub fn write(root: &Path) {
    for folder in ["annotations", "images"] {
        std::fs::create_dir_all(root.join(folder)).unwrap();
    }
    for (split, first) in [("train", 0), ("val", IMAGES)] {
        let (mut images, mut annotations) = (String::new(), String::new());
        for id in first..first + IMAGES {
            let photograph = RgbImage::from_fn(96, 64, |x, y| {
                let along = if x < 48 { x } else { y };
                Rgb([
                    if along / 4 % 2 == 0 { 220 } else { 30 },
                    90,
                    (id * 20) as u8,
                ])
            });
            let name = format!("{id:012}.png");
            photograph.save(root.join("images").join(&name)).unwrap();
            write!(
                images,
                r#"{{"id": {id}, "file_name": "{name}", "width": 96, "height": 64}},"#
            )
            .unwrap();
            for (side, category) in [(0, 3), (1, 7)] {
                let (left, right) = (4 + 48 * side, 44 + 48 * side);
                write!(
                    annotations,
                    r#"{{"id": {}, "image_id": {id}, "category_id": {category}, "iscrowd": 0, "area": 1600,
                        "bbox": [{left}, 10, 40, 40], "segmentation": [[{left}, 10, {right}, 10, {right}, 50, {left}, 50]]}},"#,
                    2 * id + side + 1
                )
                .unwrap();
            }
        }
        let text = format!(
            r#"{{"images": [{}], "annotations": [{}],
                "categories": [{{"id": 3, "name": "upright"}}, {{"id": 7, "name": "level"}}]}}"#,
            images.trim_end_matches(','),
            annotations.trim_end_matches(',')
        );
        let path = format!("annotations/instances_{split}.json");
        std::fs::write(root.join(path), text).unwrap();
    }
}
