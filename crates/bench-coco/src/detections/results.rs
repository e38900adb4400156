//! Results, trusted in nothing.

use std::path::Path;

use hotcoco::types::id_from_f64;
use hotcoco::{Annotation, COCO, Image, Segmentation};
use rayon::prelude::*;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::json_file::{bytes, parsed};
use super::rle;
use super::rle::Fault;
use super::table::DetectionKind;
use crate::error::{Error, Result};

/// One detection as a file has it.
#[derive(Deserialize)]
pub(super) struct Detection {
    image_id: Option<serde_json::Number>,
    category_id: Option<serde_json::Number>,
    score: Option<f64>,
    bbox: Option<Vec<f64>>,
    segmentation: Option<Segmentation>,
}

impl Detection {
    /// Its box, where it has one: some writers leave an empty list.
    fn bbox(&self) -> Option<&[f64]> {
        self.bbox.as_deref().filter(|numbers| !numbers.is_empty())
    }
}

/// The detections of a file.
pub(super) fn read(path: &Path) -> Result<Vec<Detection>> {
    let bytes = bytes(path)?;
    let expected = "a list of detections";
    let found = match bytes.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'{') => "an object",
        Some(b'"') => "a string",
        Some(b'-' | b'0'..=b'9') => "a number",
        Some(b't' | b'f') => "a truth value",
        Some(b'n') => "null",
        _ => return parsed(path, &bytes, expected),
    };
    parsed::<IgnoredAny>(path, &bytes, expected)?;
    Err(Error::ResultsNotAList {
        path: path.to_owned(),
        found,
    })
}

/// Masks where the first has one, boxes where not.
pub(super) fn kind(detections: &[Detection]) -> Option<DetectionKind> {
    let first = detections.first()?;
    Some(match first.segmentation {
        Some(_) => DetectionKind::Segm,
        None => DetectionKind::Bbox,
    })
}

/// Detections that `hotcoco` can evaluate, the first fault of the file otherwise.
pub(super) fn checked(
    path: &Path,
    detections: Vec<Detection>,
    kind: DetectionKind,
    truth: &COCO,
) -> Result<Vec<Annotation>> {
    let boxes = detections.first().is_some_and(|d| d.bbox().is_some());
    let masks = kind == DetectionKind::Segm || !boxes;
    let check = Check {
        path,
        truth,
        boxes,
        masks,
    };
    let fault = detections
        .par_iter()
        .enumerate()
        .find_map_first(|(index, detection)| check.check(index, detection).err());
    if let Some(fault) = fault {
        return Err(fault);
    }
    let annotation = |detection: Detection| Annotation {
        image_id: detection.image_id.as_ref().and_then(id).unwrap_or_default(),
        category_id: detection
            .category_id
            .as_ref()
            .and_then(id)
            .unwrap_or_default(),
        score: detection.score,
        bbox: detection.bbox.and_then(|numbers| numbers.try_into().ok()),
        segmentation: detection.segmentation.filter(|_| masks),
        ..Annotation::default()
    };
    Ok(detections.into_iter().map(annotation).collect())
}

/// The conditions on every detection of one file.
struct Check<'a> {
    path: &'a Path,
    truth: &'a COCO,
    boxes: bool,
    masks: bool,
}

impl Check<'_> {
    fn check(&self, index: usize, detection: &Detection) -> Result<()> {
        let path = || self.path.to_owned();
        let refused = |Fault { expected, found }| Error::Detection {
            path: path(),
            index,
            expected,
            found,
        };
        let found = |number: &Option<serde_json::Number>| {
            number
                .as_ref()
                .map_or("none".to_owned(), ToString::to_string)
        };
        let id_of = |key: &str, number: &Option<serde_json::Number>| {
            number.as_ref().and_then(id).ok_or_else(|| {
                refused(Fault::new(
                    format!("`{key}`, an integer from 0"),
                    found(number),
                ))
            })
        };
        let image = id_of("image_id", &detection.image_id)?;
        let category = id_of("category_id", &detection.category_id)?;
        let annotated = self
            .truth
            .get_img(image)
            .ok_or_else(|| Error::DetectionImage {
                path: path(),
                index,
                image,
            })?;
        if self.truth.get_cat(category).is_none() {
            return Err(Error::DetectionCategory {
                path: path(),
                index,
                category,
            });
        }
        self.check_shape(detection, annotated).map_err(refused)
    }

    fn check_shape(&self, detection: &Detection, image: &Image) -> std::result::Result<(), Fault> {
        let fault = |expected: &str, found: String| Err(Fault::new(expected, found));
        match detection.score {
            Some(score) if score.is_finite() => (),
            Some(score) => return fault("a finite score", score.to_string()),
            None => return fault("a score", "none".to_owned()),
        }
        match detection.bbox() {
            None if self.boxes => {
                return fault("a box, as the first detection has", "none".to_owned());
            }
            None => (),
            Some([x, y, width, height]) => {
                // An infinite area has an overlap of ∞ / ∞.
                let finite = (x + width + y + height + width * height).is_finite();
                if !finite || *width < 0.0 || *height < 0.0 {
                    let found = format!("{x}, {y}, {width}, {height}");
                    return fault("x, y, width ≥ 0, height ≥ 0 of a finite area", found);
                }
            }
            Some(numbers) => return fault("a box of 4 numbers", numbers.len().to_string()),
        }
        match &detection.segmentation {
            _ if !self.masks => Ok(()),
            Some(mask @ Segmentation::CompressedRle { .. }) => mask
                .rle_ref()
                .map_or(Ok(()), |runs| rle::check(runs, image)),
            other => fault(
                "a mask of compressed run lengths",
                rle::named(other.as_ref()).to_owned(),
            ),
        }
    }
}

/// The id that a number spells: 7, and 7.0 as some writers have it.
fn id(number: &serde_json::Number) -> Option<u64> {
    number.as_u64().or_else(|| id_from_f64(number.as_f64()?))
}
