//! The annotations that are regions, and their crops.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use image::RgbImage;
use rayon::prelude::*;
use serde::Serialize;

use super::crop::{self, RegionCrop};
use super::photographs::{Looked, Photographs};
use super::view::View;
use crate::dataset::{Annotation, CocoInstances, ImageRecord, Mask};
use crate::error::{Error, Record, Result};
use crate::findings::{Finding, FindingKind};
use crate::id::Id;
use crate::strict::refuse;

/// No network looks at a larger square.
const LARGEST_SIDE: u32 = 4096;

/// The rule for the annotations that are regions, and for their crops.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RegionRule {
    /// Objects below this side, squared, are left out: COCO's own small objects at 32 pixels, by the `area` field.
    pub smallest_side: u32,
    /// The window is wider and higher than the box by this factor, less 1, of the box's larger side.
    pub context: f64,
    /// The colour around the window and outside the photograph.
    pub padding: [u8; 3],
    /// Largest share of regions that may be left out by name, because the annotation or its photograph cannot be read.
    pub max_unreadable: f64,
    /// Refuse sets with findings.
    pub strict: bool,
}

impl Default for RegionRule {
    /// 32 pixels, a context of 1.2, ImageNet's mean colour, every region readable.
    fn default() -> Self {
        Self {
            smallest_side: 32,
            context: 1.2,
            padding: [124, 117, 104],
            max_unreadable: 0.0,
            strict: false,
        }
    }
}

/// Annotations that are no regions, each counted once, under the first reason that holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// Groups of objects outlined as one.
    pub crowds: usize,
    /// `area` below the smallest side squared.
    pub small: usize,
    /// On a photograph that is not there, where the rule allows that.
    pub missing_images: usize,
    /// Outlines without one pixel.
    pub empty_mask: usize,
    /// Annotations with a field that cannot be read, or on a photograph that cannot be read or is of another size.
    pub unreadable: usize,
}

/// A region that was left out by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// The annotation.
    pub annotation: Record,
    /// Why: the message of an error, alike for all regions of one photograph.
    pub reason: String,
}

/// A region to be classified.
#[derive(Clone, Debug, PartialEq)]
pub struct Region {
    /// The annotation's id.
    pub id: Id,
    /// Index of its image in [`CocoInstances::images`].
    pub image: usize,
    /// Its class: an index in [`CocoInstances::categories`].
    pub category: usize,
    /// Left, top, width and height in pixels.
    pub bbox: [f64; 4],
    /// Index in [`CocoInstances::annotations`].
    annotation: usize,
}

/// The regions of a data set, their photographs and masks.
///
/// # Conventions
/// Regions are ordered by image id, then by annotation id: those of one image lie together, and the order depends on
/// nothing else. All methods may be called from many threads.
///
/// # Units
/// Pixels of the photograph, as the annotations count them. Object sizes are COCO's: small is `area` < 32², with the
/// area of the region itself, not of its box.
#[derive(Debug)]
pub struct RegionSet {
    instances: CocoInstances,
    photographs: Photographs,
    rule: RegionRule,
    regions: Vec<Region>,
    left_out: LeftOut,
    unreadable: Vec<Unreadable>,
    findings: Vec<Finding>,
}

impl RegionSet {
    /// The regions among the annotations, whose photographs lie below a folder.
    ///
    /// A photograph is looked for below the folder, whatever folders its name has before. One whose name differs in
    /// capitals or `%` escapes alone is taken where there is no other; that is a finding. It is read upright, unless its
    /// stored pixels alone have the listed size; where both have, and an Exif tag turns it, that is a finding too.
    ///
    /// # Errors
    /// [`Error::Argument`] for a context that is no factor from 1 to 100 or a share outside 0 to 1; where more cannot be
    /// read than may be, [`Error::TooManyUnreadable`], or the first reason where none may; [`Error::Strict`].
    ///
    /// # Cost
    /// Every region that is large enough is rasterised once, in parallel, for its number of pixels; of every photograph
    /// with a region the header is read.
    pub fn new(
        instances: CocoInstances,
        images_folder: impl Into<PathBuf>,
        rule: RegionRule,
    ) -> Result<Self> {
        rule.check()?;
        let mut left_out = LeftOut::default();
        let small = f64::from(rule.smallest_side).powi(2);
        let mut large = Vec::new();
        for (index, annotation) in instances.annotations().iter().enumerate() {
            if annotation.crowd {
                left_out.crowds += 1;
            } else if annotation.area < small {
                left_out.small += 1;
            } else {
                large.push((index, annotation));
            }
        }
        large.sort_by(|(_, a), (_, b)| (a.image, &a.id).cmp(&(b.image, &b.id)));

        let mut photographs = Photographs::new(images_folder.into());
        let mut images: Vec<_> = large.iter().map(|(_, one)| one.image).collect();
        images.dedup();
        let looked = photographs.find(instances.images(), &images);
        let findings = findings(&instances, &photographs, &looked);
        let unusable = looked.unusable;
        if rule.strict {
            refuse(&findings)?;
        }
        let on_unusable = |(_, one): &&(usize, &Annotation)| unusable.contains_key(&one.image);
        let unreadable = unreadable(&instances, large.iter().filter(on_unusable), &unusable);
        let missing = |(_, one): &&(usize, &Annotation)| {
            matches!(unusable.get(&one.image), Some(Error::MissingImage { .. }))
        };
        left_out.missing_images = large.iter().filter(missing).count();
        left_out.unreadable = unreadable.len() - left_out.missing_images;
        large.retain(|(_, annotation)| !unusable.contains_key(&annotation.image));

        let areas: Vec<_> = large
            .par_iter()
            .map(|(_, annotation)| annotation.mask_area(instances.image_of(annotation)))
            .collect::<Result<_>>()?;
        let regions: Vec<_> = large
            .iter()
            .zip(areas)
            .filter(|(_, area)| *area > 0)
            .map(|((index, annotation), _)| Region {
                id: annotation.id.clone(),
                image: annotation.image,
                category: annotation.category,
                bbox: annotation.bbox,
                annotation: *index,
            })
            .collect();
        left_out.empty_mask = large.len() - regions.len();
        let of = regions.len() + unreadable.len();
        if unreadable.len() as f64 > rule.max_unreadable * of as f64 {
            return Err(match rule.max_unreadable {
                0.0 => first_error(&instances, &images, unusable),
                most => Error::TooManyUnreadable {
                    unreadable: unreadable.len(),
                    of,
                    most,
                    first: unreadable[0].reason.clone(),
                },
            });
        }
        Ok(Self {
            regions,
            left_out,
            unreadable,
            findings,
            instances,
            photographs,
            rule,
        })
    }

    /// All regions.
    pub fn regions(&self) -> &[Region] {
        &self.regions
    }

    /// The number of regions.
    pub fn len(&self) -> usize {
        self.regions.len()
    }

    /// Whether every annotation was left out.
    pub fn is_empty(&self) -> bool {
        self.regions.is_empty()
    }

    /// How many annotations are no regions, and why.
    pub fn left_out(&self) -> LeftOut {
        self.left_out
    }

    /// Every region that was left out by name.
    pub fn unreadable(&self) -> &[Unreadable] {
        &self.unreadable
    }

    /// What annotations and photographs have that is passed over.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// The rule they were chosen by.
    pub fn rule(&self) -> &RegionRule {
        &self.rule
    }

    /// The annotations that the regions were chosen from.
    pub fn instances(&self) -> &CocoInstances {
        &self.instances
    }

    /// The name of every class.
    pub fn class_names(&self) -> Vec<&str> {
        let categories = self.instances.categories().iter();
        categories.map(|category| category.name.as_str()).collect()
    }

    /// How many regions every class has.
    pub fn class_counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.instances.categories().len()];
        for region in &self.regions {
            counts[region.category] += 1;
        }
        counts
    }

    /// The image that region `index` lies on.
    ///
    /// # Panics
    /// When there is no such region, here and below.
    pub fn image(&self, index: usize) -> &ImageRecord {
        &self.instances.images()[self.regions[index].image]
    }

    /// The photograph of region `index`. The last few are cached.
    ///
    /// # Errors
    /// [`Error::MissingImage`], [`Error::Picture`]; [`Error::SizeMismatch`] where it is not of the size
    /// that the annotations were made on.
    pub fn photograph(&self, index: usize) -> Result<Arc<RgbImage>> {
        self.photographs
            .read(self.regions[index].image, self.image(index))
    }

    /// Where the photograph of region `index` lies.
    pub fn photograph_path(&self, index: usize) -> PathBuf {
        let place = self.regions[index].image;
        self.photographs.path(place, self.image(index))
    }

    /// Region `index` on its photograph: at least one pixel.
    ///
    /// # Errors
    /// [`Error::Mask`].
    pub fn mask(&self, index: usize) -> Result<Mask> {
        self.annotation(index).mask(self.image(index))
    }

    /// Region `index` in a square of `side` pixels.
    ///
    /// The window is the box and its context, moved as the view says, scaled until its larger side fills the square,
    /// and centred. Pixels outside the window or the photograph are padding. Photograph and mask go through the
    /// same triangle filter; a region that would vanish keeps its nearest pixel.
    ///
    /// # Errors
    /// [`Error::Argument`] for a side of 0 or above 4096 and a view of nowhere; as [`RegionSet::photograph`] and
    /// [`RegionSet::mask`].
    pub fn crop(&self, index: usize, view: &View, side: u32) -> Result<RegionCrop> {
        view.check()?;
        if side == 0 || side > LARGEST_SIDE {
            return Err(Error::Argument {
                op: "RegionSet::crop",
                name: "side",
                expected: format!("1 to {LARGEST_SIDE} pixels"),
                found: side.to_string(),
            });
        }
        let photograph = self.photograph(index)?;
        let mask = self.mask(index)?;
        let bbox = self.regions[index].bbox;
        let RegionRule {
            context, padding, ..
        } = self.rule;
        Ok(crop::cut(
            &photograph,
            &mask,
            bbox,
            context,
            view,
            side,
            padding,
        ))
    }

    /// The annotation of region `index`.
    pub fn annotation(&self, index: usize) -> &Annotation {
        &self.instances.annotations()[self.regions[index].annotation]
    }
}

impl RegionRule {
    fn check(&self) -> Result<()> {
        let refused = |name, expected: &str, found: f64| {
            Err(Error::Argument {
                op: "RegionRule",
                name,
                expected: expected.to_owned(),
                found: found.to_string(),
            })
        };
        if !(1.0..=100.0).contains(&self.context) {
            return refused("context", "a factor from 1 to 100", self.context);
        }
        if !(0.0..=1.0).contains(&self.max_unreadable) {
            return refused("max_unreadable", "a share from 0 to 1", self.max_unreadable);
        }
        Ok(())
    }
}

fn findings(instances: &CocoInstances, photographs: &Photographs, looked: &Looked) -> Vec<Finding> {
    let mut findings = instances.findings().to_vec();
    for (kind, images) in [
        (FindingKind::OtherSpelling, &looked.otherwise_spelled),
        (FindingKind::Turned, &looked.turned),
    ] {
        if let Some(first) = images.first() {
            let image = &instances.images()[*first];
            let path = photographs.path(*first, image).display().to_string();
            let first = match kind {
                FindingKind::Turned => path,
                _ => format!("{}: {path}", Record::Image(image.id.clone())),
            };
            findings.push(Finding::new(instances.path(), kind, images.len(), first));
        }
    }
    findings
}

/// Annotations with a field that cannot be read, and those on photographs that cannot be used.
fn unreadable<'a>(
    instances: &CocoInstances,
    on_unusable: impl Iterator<Item = &'a (usize, &'a Annotation)>,
    unusable: &HashMap<usize, Error>,
) -> Vec<Unreadable> {
    let odd = instances.faults().iter().map(|fault| Unreadable {
        annotation: fault.annotation.clone(),
        reason: instances.error(fault).to_string(),
    });
    let on_photographs = on_unusable.map(|(_, one)| Unreadable {
        annotation: Record::Annotation(one.id.clone()),
        reason: unusable[&one.image].to_string(),
    });
    odd.chain(on_photographs).collect()
}

/// Why the first cannot be read, where none may be left out.
fn first_error(
    instances: &CocoInstances,
    images: &[usize],
    mut unusable: HashMap<usize, Error>,
) -> Error {
    let odd = instances.unreadable().next();
    let photograph = || images.iter().find_map(|image| unusable.remove(image));
    odd.or_else(photograph)
        .expect("something that cannot be read")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use image::Rgb;
    use test_support::refused;

    use super::*;

    /// Two photographs of 80 × 60; on the second a square, on the first a square, a crowd, a small one and an empty one.
    fn instances(folder: &Path) -> CocoInstances {
        let annotation = |id: u64, image: u64, category: u64, area: f64, crowd: u8, shape: &str| {
            format!(
                r#"{{"id": {id}, "image_id": {image}, "category_id": {category}, "area": {area}, "iscrowd": {crowd},
                "bbox": [10, 10, 40, 40], "segmentation": {shape}}}"#
            )
        };
        let square = "[[10, 10, 50, 10, 50, 50, 10, 50]]";
        let annotations = [
            annotation(1, 8, 3, 1600.0, 0, square),
            annotation(2, 5, 3, 1024.0, 0, square),
            annotation(
                3,
                5,
                1,
                1600.0,
                1,
                r#"{"size": [60, 80], "counts": [4800]}"#,
            ),
            annotation(4, 5, 1, 1023.99, 0, square),
            annotation(5, 5, 1, 1600.0, 0, "[]"),
        ];
        let text = format!(
            r#"{{"images": [{{"id": 5, "file_name": "5.png", "width": 80, "height": 60}},
            {{"id": 8, "file_name": "8.png", "width": 80, "height": 60}}],
            "categories": [{{"id": 1, "name": "person"}}, {{"id": 3, "name": "car"}}], "annotations": [{}]}}"#,
            annotations.join(", ")
        );
        let path = folder.join("instances.json");
        std::fs::write(&path, text).unwrap();
        for id in [5u8, 8] {
            let photograph = RgbImage::from_pixel(80, 60, Rgb([id; 3]));
            photograph.save(folder.join(format!("{id}.png"))).unwrap();
        }
        CocoInstances::read(path).unwrap()
    }

    #[test]
    fn chooses_orders_and_counts() {
        let folder = tempfile::tempdir().unwrap();
        let rule = RegionRule::default();
        let set = RegionSet::new(instances(folder.path()), folder.path(), rule).unwrap();
        let ids: Vec<_> = set
            .regions()
            .iter()
            .map(|region| region.id.clone())
            .collect();
        assert_eq!(ids, [Id::Number(2), Id::Number(1)]);
        assert_eq!((set.len(), set.is_empty()), (2, false));
        let left_out = LeftOut {
            crowds: 1,
            small: 1,
            missing_images: 0,
            empty_mask: 1,
            unreadable: 0,
        };
        assert_eq!(set.left_out(), left_out);
        assert_eq!(set.class_names(), ["person", "car"]);
        assert_eq!(set.class_counts(), [0, 2]);
        assert!(set.image(0).id == 5 && set.image(1).id == 8);
        assert_eq!(set.mask(1).unwrap().area(), 1600);
        // The box and its context: 48 × 48 pixels, all of them on the photograph.
        let crop = set.crop(1, &View::plain(), 24).unwrap();
        assert!(crop.image.pixels().all(|pixel| pixel.0 == [8; 3]));
        assert_eq!(crop.mask.iter().filter(|bit| **bit).count(), 400);
        fn shared<T: Sync + Send>(_: &T) {}
        shared(&set);
    }

    #[test]
    fn a_missing_photograph_is_an_error_unless_allowed() {
        let folder = tempfile::tempdir().unwrap();
        let instances = instances(folder.path());
        std::fs::remove_file(folder.path().join("8.png")).unwrap();
        let strict = RegionRule::default();
        let error = RegionSet::new(instances.clone(), folder.path(), strict.clone()).unwrap_err();
        assert!(
            matches!(&error, Error::MissingImage { image, path, .. } if *image == 8 && path.ends_with("8.png")),
            "{error}"
        );
        let lax = RegionRule {
            max_unreadable: 0.5,
            ..strict
        };
        let set = RegionSet::new(instances, folder.path(), lax).unwrap();
        assert_eq!((set.len(), set.left_out().missing_images), (1, 1));
        assert_eq!(set.rule().max_unreadable, 0.5);
        assert!(set.unreadable()[0].reason.contains("8.png"));
        // Lost after it was found.
        std::fs::remove_file(folder.path().join("5.png")).unwrap();
        let error = set.crop(0, &View::plain(), 8).unwrap_err();
        assert!(matches!(error, Error::MissingImage { image, .. } if image == 5));
    }

    #[test]
    fn refuses_numbers_out_of_range() {
        let folder = tempfile::tempdir().unwrap();
        let instances = instances(folder.path());
        for context in [0.9, f64::NAN, 101.0] {
            let rule = RegionRule {
                context,
                ..RegionRule::default()
            };
            let error = RegionSet::new(instances.clone(), folder.path(), rule).unwrap_err();
            assert!(matches!(
                error,
                Error::Argument {
                    name: "context",
                    ..
                }
            ));
        }
        let set = RegionSet::new(instances, folder.path(), RegionRule::default()).unwrap();
        for side in [0, 4097] {
            refused! { set.crop(0, &View::plain(), side) => Error::Argument { name: "side", .. } }
        }
        let nowhere = View {
            zoom: 0.0,
            ..View::plain()
        };
        assert!(set.crop(0, &nowhere, 8).is_err());
    }
}
