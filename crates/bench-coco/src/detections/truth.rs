//! Annotations, as far as the evaluation of detections reads them.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use hotcoco::{Annotation, COCO, Category, Dataset, Image, mask};
use rayon::prelude::*;

use super::kind::DetectionKind;
use super::listed::{LONGEST_SIDE, ListedCategory, ListedImage};
use super::masks::{self, Fault};
use crate::dataset::{RawAnnotation, Sections, annotation_file, open_file, report_shared, unique};
use crate::error::{Error, Record, Result};
use crate::findings::{Finding, FindingKind, Findings};
use crate::id::Id;
use crate::plausible::Plausible;

/// Most categories with annotations: the curves of each take 200 kB. LVIS has 1,203, V3Det 13,204.
const MOST_CATEGORIES: usize = 16_384;

/// The annotations of a file.
///
/// # Conventions
/// `hotcoco` knows images and categories by their places in the order of their ids, and annotations by their place in the
/// file, from 1: ids of any kind keep the order that pycocotools gives them.
pub(super) struct Truth {
    path: PathBuf,
    images: Vec<ListedImage>,
    categories: Vec<ListedCategory>,
    annotations: Vec<Placed>,
    /// Places of the first image and of the first category without an id.
    without_id: [Option<usize>; 2],
    pub findings: Vec<Finding>,
}

/// An annotation and the places of its image and category; `None` for one that is not listed.
struct Placed {
    raw: RawAnnotation,
    image: Option<usize>,
    category: Option<usize>,
}

/// What `hotcoco` evaluates against.
pub(super) struct Prepared {
    pub coco: COCO,
    /// Categories with an annotation: the others have no precision.
    pub categories: Vec<u64>,
    /// Annotations that pycocotools takes for "not found" when they are.
    pub zero: Vec<u64>,
}

impl Truth {
    /// Reads a file.
    ///
    /// # Errors
    /// Those of the file; `TruthEmpty`.
    pub fn read(path: &Path) -> Result<Self> {
        let sections = annotation_file(path, open_file(path)?)?;
        let Sections {
            images,
            categories,
            annotations,
        } = sections;
        let mut findings = Findings::of(path);
        let images = unique(images.unwrap_or_default(), |image| image.id.take());
        images.report(&mut findings, FindingKind::RepeatedImages, Record::Image);
        let categories = unique(categories.unwrap_or_default(), |one| one.id.take());
        let kind = FindingKind::RepeatedCategories;
        categories.report(&mut findings, kind, Record::Category);
        let without_id = [images.first_without_id(), categories.first_without_id()];
        let listed = images.records.iter();
        let names = listed
            .clone()
            .map(|(id, raw)| (id, raw.file_name.as_deref()));
        report_shared(names, &mut findings);
        for (id, _) in listed.filter(|(_, raw)| raw.federated) {
            let name = || Record::Image(id.clone()).to_string();
            findings.add(FindingKind::Federated, name);
        }
        let images: Vec<_> = images.records.into_iter().map(ListedImage::from).collect();
        let categories = categories.records.into_iter().map(ListedCategory::from);
        let categories: Vec<_> = categories.collect();
        let mut truth = Self {
            path: path.to_owned(),
            images,
            categories,
            annotations: Vec::new(),
            without_id,
            findings: Vec::new(),
        };
        truth.check_lists()?;
        let annotations = annotations.unwrap_or_default();
        if annotations.is_empty() {
            findings.add(FindingKind::NoAnnotations, String::new);
        }
        truth.annotations = annotations
            .into_iter()
            .map(|raw| Placed {
                image: raw.image.as_ref().and_then(|id| truth.image(id)),
                category: raw.category.as_ref().and_then(|id| truth.category(id)),
                raw,
            })
            .collect();
        truth.report(&mut findings);
        truth.findings = findings.all();
        Ok(truth)
    }

    /// Refuses empty lists of images and categories: those whose records lack their ids by the first record.
    fn check_lists(&self) -> Result<()> {
        for (list, empty) in [
            ("images", self.images.is_empty()),
            ("categories", self.categories.is_empty()),
        ] {
            if !empty {
                continue;
            }
            match list {
                "images" => self.image_without_id()?,
                _ => self.category_without_id()?,
            }
            let path = self.path.clone();
            return Err(Error::TruthEmpty { path, list });
        }
        Ok(())
    }

    fn report(&self, findings: &mut Findings<'_>) {
        let mut plausible = Plausible::default();
        for (place, one) in self.annotations.iter().enumerate() {
            let size = one
                .image
                .and_then(|image| self.images[image].size.as_ref().ok());
            let (raw, name) = (&one.raw, || record(place, &one.raw).to_string());
            plausible.add(raw.bbox, raw.shape.as_ref(), size.copied(), name);
        }
        plausible.report(findings);
        for (place, one) in self.annotations.iter().enumerate() {
            let raw = &one.raw;
            let name = |of: &str, id: &Id| format!("{}: {of} {}", record(place, raw), id.quoted());
            match (&raw.image, one.image, &raw.category, one.category) {
                (Some(id), None, ..) => {
                    findings.add(FindingKind::UnlistedImages, || name("image", id));
                    continue;
                }
                (_, _, Some(id), None) => {
                    findings.add(FindingKind::UnlistedCategories, || name("category", id));
                    continue;
                }
                _ => {}
            }
            let named = || record(place, raw).to_string();
            if raw.area.is_some_and(|area| area < 0.0) {
                findings.add(FindingKind::NegativeAreas, named);
            }
            if raw
                .bbox
                .is_some_and(|[_, _, width, height]| width < 0.0 || height < 0.0)
            {
                findings.add(FindingKind::NegativeBoxes, named);
            }
            match &raw.id {
                None => findings.add(FindingKind::WithoutId, named),
                Some(id) if *id == 0 => findings.add(FindingKind::IdZero, named),
                Some(_) => {}
            }
        }
        let ids = self
            .annotations
            .iter()
            .filter_map(|one| one.raw.id.as_ref());
        let mut seen = HashSet::new();
        for repeated in ids.filter(|id| !seen.insert(*id)) {
            let named = || Record::Annotation(repeated.clone()).to_string();
            findings.add(FindingKind::RepeatedAnnotations, named);
        }
    }

    /// Whether pycocotools prints another number for this file.
    pub fn departs(&self) -> bool {
        let departs = [FindingKind::IdZero, FindingKind::RepeatedAnnotations];
        self.findings
            .iter()
            .any(|finding| departs.contains(&finding.kind))
    }

    /// The place of an image.
    pub fn image(&self, id: &Id) -> Option<usize> {
        self.images.binary_search_by(|image| image.id.cmp(id)).ok()
    }

    /// The place of a category.
    pub fn category(&self, id: &Id) -> Option<usize> {
        self.categories.binary_search_by(|one| one.id.cmp(id)).ok()
    }

    /// Refuses annotations that have an image without an id: an image that is not listed may be meant by it.
    ///
    /// # Errors
    /// `Field`.
    pub fn image_without_id(&self) -> Result<()> {
        let place = self.without_id[0];
        place.map_or(Ok(()), |place| Err(self.no_id(Record::ImageAt(place))))
    }

    /// As [`Truth::image_without_id`], for a category.
    ///
    /// # Errors
    /// `Field`.
    pub fn category_without_id(&self) -> Result<()> {
        let place = self.without_id[1];
        place.map_or(Ok(()), |place| Err(self.no_id(Record::CategoryAt(place))))
    }

    fn no_id(&self, record: Record) -> Error {
        Error::Field {
            path: self.path.clone(),
            record,
            field: "id",
            expected: "an id: a whole number or a text".to_owned(),
            found: "none".to_owned(),
        }
    }

    /// The image at a place.
    pub fn image_at(&self, place: usize) -> &ListedImage {
        &self.images[place]
    }

    /// All categories, in the order of their ids.
    pub fn categories(&self) -> &[ListedCategory] {
        &self.categories
    }

    /// Checks the fields that the evaluation of one kind reads.
    ///
    /// # Errors
    /// `Field` for the first of the file.
    pub fn check(&self, kind: DetectionKind) -> Result<()> {
        let fault = |(place, one): (usize, &Placed)| self.fault(place, one, kind).err();
        // The first of the file, whichever thread finds one first.
        let annotations = self.annotations.par_iter().enumerate();
        annotations.find_map_first(fault).map_or(Ok(()), Err)
    }

    fn fault(&self, place: usize, one: &Placed, kind: DetectionKind) -> Result<()> {
        let raw = &one.raw;
        let refused = |record: Record, field, (expected, found): Fault| Error::Field {
            path: self.path.clone(),
            record,
            field,
            expected,
            found,
        };
        let shape = match kind {
            DetectionKind::Segm => "segmentation",
            DetectionKind::Bbox => "bbox",
        };
        let needed = ["image_id", "category_id", "area", "iscrowd", shape];
        if let Some(odd) = raw.odd.iter().find(|odd| needed.contains(&odd.field)) {
            let fault = (odd.expected.to_owned(), odd.found.to_string());
            return Err(refused(record(place, raw), odd.field, fault));
        }
        for (field, id) in [("image_id", &raw.image), ("category_id", &raw.category)] {
            if id.is_none() {
                let fault = (
                    "an id: a whole number or a text".to_owned(),
                    "none".to_owned(),
                );
                return Err(refused(record(place, raw), field, fault));
            }
        }
        let (Some(image), Some(_)) = (one.image, one.category) else {
            return Ok(());
        };
        if let Some(area) = raw.area.filter(|area| area.is_infinite()) {
            let fault = ("a finite number".to_owned(), area.to_string());
            return Err(refused(record(place, raw), "area", fault));
        }
        let image = &self.images[image];
        if kind == DetectionKind::Segm {
            let size = image.size.clone().map_err(|(field, found)| {
                let expected = format!("1 to {LONGEST_SIDE} pixels");
                refused(Record::Image(image.id.clone()), field, (expected, found))
            })?;
            let expected = "a mask; --kind bbox compares boxes";
            let none = || (expected.to_owned(), "none".to_owned());
            let checked = raw.shape.as_ref().ok_or_else(none);
            let checked = checked.and_then(|shape| masks::check(shape, size));
            return checked.map_err(|fault| refused(record(place, raw), shape, fault));
        }
        match raw.bbox {
            None => {
                let fault = ("a box".to_owned(), "none".to_owned());
                Err(refused(record(place, raw), shape, fault))
            }
            Some([x, y, width, height]) => {
                let finite = (x + width + y + height + width * height).is_finite();
                let fault = || {
                    (
                        "a box of finite area".to_owned(),
                        format!("{width} × {height}"),
                    )
                };
                finite
                    .then_some(())
                    .ok_or_else(|| refused(record(place, raw), shape, fault()))
            }
        }
    }

    /// The annotations as `hotcoco` evaluates them; `official` for those that pycocotools sees.
    ///
    /// # Errors
    /// `TooManyCategories`.
    pub fn prepared(&self, kind: DetectionKind, official: bool) -> Result<Prepared> {
        let counted = match official {
            true => self.as_pycocotools(),
            false => (0..self.annotations.len()).collect(),
        };
        let mut annotations = Vec::with_capacity(counted.len());
        let mut zero = Vec::new();
        for place in counted {
            let one = &self.annotations[place];
            let (Some(image), Some(category)) = (one.image, one.category) else {
                continue;
            };
            let id = annotations.len() as u64 + 1;
            if official && one.raw.id.as_ref().is_some_and(|id| *id == 0) {
                zero.push(id);
            }
            let segmentation = one
                .raw
                .shape
                .as_ref()
                .filter(|_| kind == DetectionKind::Segm);
            annotations.push(Annotation {
                id,
                image_id: image as u64,
                category_id: category as u64,
                bbox: one.raw.bbox,
                area: Some(self.area(&one.raw, image)),
                segmentation: segmentation.map(masks::compared),
                iscrowd: one.raw.crowd,
                ..Annotation::default()
            });
        }
        let mut categories: Vec<_> = annotations.iter().map(|one| one.category_id).collect();
        categories.sort_unstable();
        categories.dedup();
        if categories.len() > MOST_CATEGORIES {
            return Err(Error::TooManyCategories {
                path: self.path.clone(),
                most: MOST_CATEGORIES,
                found: categories.len(),
            });
        }
        let images = self.images.iter().zip(0..).map(|(image, id)| {
            let size = image.size.as_ref().ok();
            Image {
                id,
                width: size.map_or(0, |size| size.width),
                height: size.map_or(0, |size| size.height),
                ..Image::default()
            }
        });
        let named = self
            .categories
            .iter()
            .zip(0..)
            .map(|(category, id)| Category {
                id,
                name: category.name.clone(),
                ..Category::default()
            });
        let dataset = Dataset {
            images: images.collect(),
            categories: named.collect(),
            annotations,
            ..Dataset::default()
        };
        Ok(Prepared {
            coco: COCO::from_dataset(dataset),
            categories,
            zero,
        })
    }

    /// The annotation that pycocotools evaluates in the place of each, by image and then by place: of those with one id
    /// it knows the last.
    fn as_pycocotools(&self) -> Vec<usize> {
        let mut last = HashMap::new();
        for (place, one) in self.annotations.iter().enumerate() {
            last.extend(one.raw.id.as_ref().map(|id| (id, place)));
        }
        let mut places: Vec<_> = (0..self.annotations.len()).collect();
        places.sort_by_key(|place| self.annotations[*place].image);
        let listed = |place: &usize| {
            let one = &self.annotations[*place];
            one.image.is_some() && one.category.is_some()
        };
        let known = places.into_iter().filter(listed).map(|place| {
            let id = self.annotations[place].raw.id.as_ref();
            id.map_or(place, |id| last[id])
        });
        known.collect()
    }

    /// The area as the file says; of the mask where it does not, and of the box without a mask.
    fn area(&self, raw: &RawAnnotation, image: usize) -> f64 {
        if let Some(area) = raw.area.filter(|area| !area.is_nan()) {
            return area;
        }
        let drawn = |shape| masks::drawn(shape, self.images[image].size.clone().ok()?).ok();
        let pixels = raw
            .shape
            .as_ref()
            .and_then(drawn)
            .map_or(0, |runs| mask::area(&runs));
        match (pixels, raw.bbox) {
            (0, Some([_, _, width, height])) => width * height,
            (pixels, _) => pixels as f64,
        }
    }
}

fn record(place: usize, raw: &RawAnnotation) -> Record {
    match &raw.id {
        Some(id) => Record::Annotation(id.clone()),
        None => Record::AnnotationAt(place),
    }
}
