//! Annotations, as far as the evaluation of detections reads them.

use std::collections::HashSet;
use std::path::Path;

use hotcoco::{Annotation, COCO, Dataset, Image, Segmentation};
use rayon::prelude::*;

use super::json_file::{bytes, parsed};
use super::rle;
use super::rle::Fault;
use super::table::DetectionKind;
use crate::dataset::{check_walk, length_of_walk};
use crate::error::{Error, Record, Result, Size};

/// Longest side of an image: its pixels are still counted in 32 bits, as run lengths are.
const LONGEST_SIDE: u32 = 65_535;

/// Most categories: the curves of each take 200 kB. COCO has 80.
const MOST_CATEGORIES: usize = 512;

/// Numbers of the smallest polygon, a triangle.
const TRIANGLE: usize = 6;

/// The annotations of a file.
pub(super) fn read(path: &Path) -> Result<COCO> {
    let mut dataset: Dataset = parsed(path, &bytes(path)?, "annotations of instances")?;
    for (list, empty) in [
        ("images", dataset.images.is_empty()),
        ("categories", dataset.categories.is_empty()),
    ] {
        if empty {
            let path = path.to_owned();
            return Err(Error::TruthEmpty { path, list });
        }
    }
    let categories = dataset.categories.len();
    if categories > MOST_CATEGORIES {
        return Err(Error::TooManyCategories {
            path: path.to_owned(),
            most: MOST_CATEGORIES,
            found: categories,
        });
    }
    let mut seen = HashSet::with_capacity(dataset.annotations.len());
    if let Some(twice) = dataset.annotations.iter().find(|a| !seen.insert(a.id)) {
        return Err(Error::DuplicateId {
            path: path.to_owned(),
            record: Record::Annotation(twice.id),
        });
    }
    // `hotcoco` would name them too, but says so on stderr.
    for category in &mut dataset.categories {
        if category.name.is_empty() {
            category.name = COCO::placeholder_cat_name(category.id);
        }
    }
    Ok(COCO::from_dataset(dataset))
}

/// Checks the fields that the evaluation of one kind reads.
pub(super) fn check(path: &Path, truth: &COCO, kind: DetectionKind) -> Result<()> {
    if kind == DetectionKind::Segm {
        for image in &truth.dataset.images {
            check_size(path, image)?;
        }
    }
    let field = match kind {
        DetectionKind::Segm => "segmentation",
        DetectionKind::Bbox => "bbox",
    };
    let fault = |annotation: &Annotation| {
        let image = truth.get_img(annotation.image_id)?;
        check_annotation(annotation, image, kind)
            .err()
            .map(|Fault { expected, found }| Error::Field {
                path: path.to_owned(),
                record: Record::Annotation(annotation.id),
                field,
                expected,
                found,
            })
    };
    // The first of the file, whichever thread finds one first.
    let annotations = truth.dataset.annotations.par_iter();
    annotations.find_map_first(fault).map_or(Ok(()), Err)
}

fn check_size(path: &Path, image: &Image) -> Result<()> {
    let sides = [("width", image.width), ("height", image.height)];
    let absurd = sides
        .into_iter()
        .find(|(_, side)| !(1..=LONGEST_SIDE).contains(side));
    absurd.map_or(Ok(()), |(field, side)| {
        Err(Error::Field {
            path: path.to_owned(),
            record: Record::Image(image.id),
            field,
            expected: format!("1 to {LONGEST_SIDE} pixels"),
            found: side.to_string(),
        })
    })
}

fn check_annotation(
    annotation: &Annotation,
    image: &Image,
    kind: DetectionKind,
) -> std::result::Result<(), Fault> {
    if kind == DetectionKind::Bbox {
        return match annotation.bbox {
            None => Err(Fault::new("a box", "none")),
            Some([x, y, width, height]) => {
                let finite = (x + width + y + height + width * height).is_finite();
                let found = || Fault::new("a box of finite area", format!("{width} × {height}"));
                finite.then_some(()).ok_or_else(found)
            }
        };
    }
    match &annotation.segmentation {
        None => Err(Fault::new("a mask", "none")),
        // pycocotools takes four numbers for a box, where it looks at the first polygon alone.
        Some(Segmentation::Polygon(polygons)) => match polygons.first().map_or(0, Vec::len) {
            TRIANGLE.. => {
                let size = Size {
                    width: image.width,
                    height: image.height,
                };
                let steps = polygons.iter().map(|one| length_of_walk(one, size)).sum();
                check_walk(steps).map_err(|(expected, found)| Fault::new(expected, found))
            }
            numbers => Err(Fault::new(
                "a polygon of at least 6 numbers",
                numbers.to_string(),
            )),
        },
        Some(mask) => mask
            .rle_ref()
            .map_or(Ok(()), |runs| rle::check(runs, image)),
    }
}
