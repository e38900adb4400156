//! Results, trusted in nothing.

use std::path::Path;

use hotcoco::Annotation;
use rayon::prelude::*;

use super::kind::DetectionKind;
use super::listed::ListedImage;
use super::masks::{self, Fault};
use super::options::DetectionOptions;
use super::truth::Truth;
use crate::dataset::{RawAnnotation, Shape, detection_file, open_file};
use crate::error::{Error, Result};
use crate::findings::{Finding, FindingKind, Findings};
use crate::id::Id;
use crate::plausible::Plausible;

/// The detections of a file.
pub(super) struct Results<'a> {
    path: &'a Path,
    detections: Vec<RawAnnotation>,
}

/// Detections that `hotcoco` can evaluate.
pub(super) struct Checked {
    pub annotations: Vec<Annotation>,
    pub findings: Vec<Finding>,
}

impl<'a> Results<'a> {
    /// Reads a file.
    ///
    /// # Errors
    /// Those of the file; `ResultsNotAList`.
    pub fn read(path: &'a Path) -> Result<Self> {
        let detections = detection_file(path, open_file(path)?)?;
        Ok(Self { path, detections })
    }

    /// Masks where the first has one, boxes where not.
    pub fn kind(&self) -> Option<DetectionKind> {
        let first = self.detections.first()?;
        Some(match has(first, "segmentation", first.shape.is_some()) {
            true => DetectionKind::Segm,
            false => DetectionKind::Bbox,
        })
    }

    /// Detections that `hotcoco` can evaluate, the first fault of the file otherwise.
    ///
    /// # Errors
    /// `DetectionImage`, `DetectionCategory`, `Detection`.
    pub fn checked(
        &self,
        kind: DetectionKind,
        truth: &Truth,
        options: &DetectionOptions,
    ) -> Result<Checked> {
        let first = self.detections.first();
        let boxes = first.is_some_and(|first| has(first, "bbox", first.bbox.is_some()));
        let check = Check {
            path: self.path,
            truth,
            boxes,
            masks: kind == DetectionKind::Segm || !boxes,
            official: options.as_pycocotools,
        };
        let checked: Vec<_> = self
            .detections
            .par_iter()
            .enumerate()
            .map(|(index, detection)| check.annotation(index, detection))
            .collect();
        let mut annotations = Vec::with_capacity(checked.len());
        let mut findings = Findings::of(self.path);
        self.look(kind, truth, options, &mut findings);
        for (index, one) in checked.into_iter().enumerate() {
            match one? {
                Some(annotation) => annotations.push(annotation),
                None => findings.add(FindingKind::UnlistedDetections, || {
                    let category = self.detections[index].category.as_ref();
                    let category = category.map_or(String::new(), Id::quoted);
                    format!("detection {index}: category {category}")
                }),
            }
        }
        Ok(Checked {
            annotations,
            findings: findings.all(),
        })
    }
}

impl Results<'_> {
    /// What the numbers say of all detections together.
    fn look(
        &self,
        kind: DetectionKind,
        truth: &Truth,
        options: &DetectionOptions,
        findings: &mut Findings<'_>,
    ) {
        let mut plausible = Plausible::default();
        for (index, one) in self.detections.iter().enumerate() {
            let image = one.image.as_ref().and_then(|id| truth.image(id));
            let size = image.and_then(|image| truth.image_at(image).size.as_ref().ok());
            let name = || format!("detection {index}");
            plausible.add(one.bbox, one.shape.as_ref(), size.copied(), name);
        }
        plausible.report(findings);
        if kind == DetectionKind::Bbox && options.kind.is_none() {
            let masks = || self.detections.iter().filter(|one| one.shape.is_some());
            let first = self.detections.iter().position(|one| one.shape.is_some());
            if let Some(first) = first {
                let name = format!("detection {first}");
                findings.add_many(FindingKind::MasksUnused, masks().count(), name);
            }
        }
    }
}

/// Whether a detection has a field, be it an odd one.
fn has(detection: &RawAnnotation, field: &str, read: bool) -> bool {
    read || detection.odd.iter().any(|odd| odd.field == field)
}

/// The conditions on every detection of one file.
struct Check<'a> {
    path: &'a Path,
    truth: &'a Truth,
    boxes: bool,
    masks: bool,
    official: bool,
}

impl Check<'_> {
    /// The detection as `hotcoco` has it; none for one that is passed over.
    fn annotation(&self, index: usize, detection: &RawAnnotation) -> Result<Option<Annotation>> {
        let path = || self.path.to_owned();
        let refused = |(expected, found): Fault| Error::Detection {
            path: path(),
            index,
            expected,
            found,
        };
        let id_of = |field: &str, id: &'_ Option<Id>| {
            let odd = || {
                field_fault(
                    detection,
                    field,
                    &format!("`{field}`, a whole number or a text"),
                )
            };
            id.clone().ok_or_else(|| refused(odd()))
        };
        let image = id_of("image_id", &detection.image)?;
        let category = id_of("category_id", &detection.category)?;
        let Some(image_place) = self.truth.image(&image) else {
            self.truth.image_without_id()?;
            return Err(Error::DetectionImage {
                path: path(),
                index,
                hint: hint(&image, |other| self.truth.image(other).is_some()),
                image,
            });
        };
        let Some(category_place) = self.truth.category(&category) else {
            if self.official {
                return Ok(None);
            }
            self.truth.category_without_id()?;
            return Err(Error::DetectionCategory {
                path: path(),
                index,
                hint: match hint(&category, |other| self.truth.category(other).is_some()) {
                    "" => "; --as-pycocotools passes over it",
                    hint => hint,
                },
                category,
            });
        };
        let listed = self.truth.image_at(image_place);
        self.check_numbers(detection).map_err(refused)?;
        let segmentation = self.segmentation(detection, listed).map_err(refused)?;
        Ok(Some(Annotation {
            image_id: image_place as u64,
            category_id: category_place as u64,
            score: detection.score,
            bbox: detection.bbox,
            segmentation,
            ..Annotation::default()
        }))
    }

    fn check_numbers(&self, detection: &RawAnnotation) -> std::result::Result<(), Fault> {
        match detection.score {
            Some(score) if score.is_finite() => (),
            Some(score) => return Err(("a finite score".to_owned(), python(score))),
            None => return Err(field_fault(detection, "score", "a score")),
        }
        match detection.bbox {
            None if self.boxes || has(detection, "bbox", false) => Err(field_fault(
                detection,
                "bbox",
                "a box, as the first detection has",
            )),
            None => Ok(()),
            Some([x, y, width, height]) => {
                // An infinite area has an overlap of ∞ / ∞.
                let finite = (x + width + y + height + width * height).is_finite();
                if finite && width >= 0.0 && height >= 0.0 {
                    return Ok(());
                }
                let found = format!("{x}, {y}, {width}, {height}");
                Err((
                    "x, y, width ≥ 0, height ≥ 0 of a finite area".to_owned(),
                    found,
                ))
            }
        }
    }

    fn segmentation(
        &self,
        detection: &RawAnnotation,
        image: &ListedImage,
    ) -> std::result::Result<Option<hotcoco::Segmentation>, Fault> {
        if !self.masks {
            return Ok(None);
        }
        let Some(shape) = &detection.shape else {
            let boxed = self.official && self.boxes && !has(detection, "segmentation", false);
            if boxed {
                return Ok(None);
            }
            let expected = "a mask: polygons or run lengths";
            return Err(field_fault(detection, "segmentation", expected));
        };
        let size = match (&image.size, shape) {
            (Ok(size), _) => *size,
            // Of its own size: on an image without annotations nothing compares it.
            (Err(_), Shape::Compressed { size, .. } | Shape::Runs { size, .. }) => *size,
            (Err((field, found)), Shape::Polygons { .. }) => {
                let expected = format!("an image of known `{field}` below the polygons");
                return Err((expected, found.clone()));
            }
        };
        masks::check(shape, size)?;
        // Beside a box that alone counts for the area.
        if self.boxes || matches!(shape, Shape::Compressed { .. }) {
            return Ok(Some(masks::compared(shape)));
        }
        Ok(Some(masks::in_letters(&masks::drawn(shape, size)?)))
    }
}

/// The fault of a field that is odd, or missing.
fn field_fault(detection: &RawAnnotation, field: &str, expected: &str) -> Fault {
    match detection.odd.iter().find(|odd| odd.field == field) {
        Some(odd) => {
            let in_field = odd.expected.to_owned();
            let expected = if field == "score" || field == "bbox" {
                in_field
            } else {
                expected.to_owned()
            };
            (expected, odd.found.to_string())
        }
        None => (expected.to_owned(), "none".to_owned()),
    }
}

/// What else may be meant by an id that is not listed.
fn hint(id: &Id, listed: impl Fn(&Id) -> bool) -> &'static str {
    match id {
        Id::Text(text) if text.parse().is_ok_and(|number| listed(&Id::Number(number))) => {
            ": a text, where the annotations have that number"
        }
        Id::Number(number) if listed(&Id::Text(number.to_string().into())) => {
            ": a number, where the annotations have that text"
        }
        _ => "",
    }
}

/// A number that is not finite, as Python prints it.
fn python(number: f64) -> String {
    match number {
        number if number.is_nan() => "NaN",
        number if number > 0.0 => "Infinity",
        _ => "-Infinity",
    }
    .to_owned()
}
