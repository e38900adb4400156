//! COCO's instances: records joined by their ids, and those that cannot be.

use std::collections::HashSet;
use std::io::Read;
use std::path::{Path, PathBuf};

use hotcoco::{Rle, mask};

use super::image_records::{Checked, Fault, ImageRecord, MAX_PIXELS, checked_images, odd_field};
use super::listed::{placeholder_name, unique};
use super::mask::Mask;
use super::records::{RawAnnotation, RawCategory, Sections, annotation_file};
use super::shape::{Points, Refusal, Shape};
use super::source::open_file;
use crate::error::{Error, Record, Result, Size};
use crate::findings::{Finding, FindingKind, Findings};
use crate::id::Id;
use crate::plausible::Plausible;

/// No box or area of such an image has a larger number.
const LARGEST: f64 = 1e9;

/// A class of objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Category {
    /// COCO's id: 1 to 90, with gaps.
    pub id: Id,
    /// Its name; `cat_7` where it has none.
    pub name: String,
    /// The name of its group; empty where there is none.
    pub supercategory: String,
}

impl From<(Id, RawCategory)> for Category {
    fn from((id, raw): (Id, RawCategory)) -> Self {
        let name = raw.name.filter(|name| !name.is_empty());
        Self {
            name: name.unwrap_or_else(|| placeholder_name(&id)),
            supercategory: raw.supercategory.unwrap_or_default(),
            id,
        }
    }
}

/// An outlined object.
#[derive(Clone, Debug, PartialEq)]
pub struct Annotation {
    /// COCO's id; `#7` for one without an id at place 7 of the list, `3#7` for one there whose id 3 another has.
    pub id: Id,
    /// Index of its image in [`CocoInstances::images`].
    pub image: usize,
    /// Index of its category in [`CocoInstances::categories`].
    pub category: usize,
    /// Pixels of the region, as the file says; of the mask where it does not.
    pub area: f64,
    /// Left, top, width and height in pixels, as the file says; of the mask where it does not.
    pub bbox: [f64; 4],
    /// A group of objects outlined as one.
    pub crowd: bool,
    /// The region itself.
    pub shape: Shape,
}

impl Annotation {
    /// The region on its image, by COCO's own rasterisation.
    ///
    /// # Errors
    /// [`Error::Mask`] where the shape does not fit the image: for an annotation of a file that was read, and its image,
    /// only where it is a crowd.
    pub fn mask(&self, image: &ImageRecord) -> Result<Mask> {
        Ok(Mask::from_runs(&self.runs(image)?))
    }

    /// The number of pixels of [`Annotation::mask`], without the bitmap.
    ///
    /// # Errors
    /// As [`Annotation::mask`].
    pub fn mask_area(&self, image: &ImageRecord) -> Result<u64> {
        Ok(mask::area(&self.runs(image)?))
    }

    fn runs(&self, image: &ImageRecord) -> Result<Rle> {
        let refused = |(expected, found): Refusal| Error::Mask {
            annotation: self.id.clone(),
            expected,
            found,
        };
        let pixels = u64::from(image.size.width) * u64::from(image.size.height);
        if pixels == 0 || pixels > MAX_PIXELS {
            let expected = format!("an image of 1 to {MAX_PIXELS} pixels");
            return Err(refused((expected, image.size.to_string())));
        }
        self.shape.runs(image.size).map_err(refused)
    }
}

/// A field that keeps an annotation out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FieldFault {
    pub annotation: Record,
    /// The annotation, or its image.
    pub record: Record,
    pub field: &'static str,
    pub expected: String,
    pub found: String,
}

/// All images, categories and annotations of one file.
///
/// # Conventions
/// Images and categories are ordered by their ids, for any order in the file; annotations stay in the file's order. The
/// other records and the classes of a classifier use indices into these lists.
///
/// # Cost
/// Four bytes for a coordinate and about 170 for a record. All of train2017, 860001 annotations in 450 MB of text,
/// is read within 1 GB of memory: `tests/train2017_size.rs`.
#[derive(Clone, Debug, PartialEq)]
pub struct CocoInstances {
    path: PathBuf,
    images: Vec<ImageRecord>,
    categories: Vec<Category>,
    annotations: Vec<Annotation>,
    findings: Vec<Finding>,
    faults: Vec<FieldFault>,
}

impl CocoInstances {
    /// Reads an annotation file as a stream: plain or packed by gzip, in UTF-8 or UTF-16, the sections in any order, fields
    /// that are not needed passed over whatever they hold.
    ///
    /// An annotation that cannot be read is left out by name: [`RegionSet`](crate::RegionSet) says how many may be.
    /// Ids that are repeated or not listed are counted: [`CocoInstances::findings`].
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::JsonTooDeep`], [`Error::Truncated`], [`Error::Json`] and [`Error::NoSection`] for
    /// anything but COCO's JSON.
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let file = open_file(path)?;
        Self::decode(path, file)
    }

    /// As [`CocoInstances::read`]; an image that is listed without width and height has those of its photograph, upright,
    /// below a folder. That is a finding.
    ///
    /// # Errors
    /// As [`CocoInstances::read`].
    ///
    /// # Cost
    /// The headers of such photographs are read.
    pub fn read_beside(path: impl AsRef<Path>, photographs: &Path) -> Result<Self> {
        let path = path.as_ref();
        let file = open_file(path)?;
        let mut join = Join::new(path);
        join.photographs = Some(photographs);
        join.instances(annotation_file(path, file)?)
    }

    /// As [`CocoInstances::read`], out of a file's bytes; `path` names it in errors.
    ///
    /// # Errors
    /// As [`CocoInstances::read`].
    pub fn decode(path: &Path, bytes: impl Read) -> Result<Self> {
        Join::new(path).instances(annotation_file(path, bytes)?)
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// All images, by id.
    pub fn images(&self) -> &[ImageRecord] {
        &self.images
    }

    /// All categories, by id: index k is class k.
    pub fn categories(&self) -> &[Category] {
        &self.categories
    }

    /// All annotations that can be read, in the order of the file, crowds too.
    pub fn annotations(&self) -> &[Annotation] {
        &self.annotations
    }

    /// What the file has that is passed over.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// Why annotations were left out, in the order of the file: an [`Error::Field`] each.
    pub fn unreadable(&self) -> impl Iterator<Item = Error> + '_ {
        self.faults.iter().map(|fault| self.error(fault))
    }

    /// The image of an annotation.
    ///
    /// # Panics
    /// When the annotation is of another file, and its image is not one of this file's.
    pub fn image_of(&self, annotation: &Annotation) -> &ImageRecord {
        &self.images[annotation.image]
    }

    pub(crate) fn faults(&self) -> &[FieldFault] {
        &self.faults
    }

    pub(crate) fn error(&self, fault: &FieldFault) -> Error {
        Error::Field {
            path: self.path.clone(),
            record: fault.record.clone(),
            field: fault.field,
            expected: fault.expected.clone(),
            found: fault.found.clone(),
        }
    }
}

/// The records of one file, joined by their ids.
struct Join<'a> {
    path: &'a Path,
    /// Where the sizes are that the file lacks.
    photographs: Option<&'a Path>,
    findings: Findings<'a>,
    faults: Vec<FieldFault>,
    /// Ids of annotations.
    seen: HashSet<Id>,
}

impl<'a> Join<'a> {
    fn new(path: &'a Path) -> Self {
        Self {
            path,
            photographs: None,
            findings: Findings::of(path),
            faults: Vec::new(),
            seen: HashSet::new(),
        }
    }

    fn instances(mut self, sections: Sections) -> Result<CocoInstances> {
        let images = self.section(sections.images, "images")?;
        let categories = self.section(sections.categories, "categories")?;
        let annotations = self.section(sections.annotations, "annotations")?;

        let images = unique(images, |image| image.id.take());
        images.report(
            &mut self.findings,
            FindingKind::RepeatedImages,
            Record::Image,
        );
        let (images, faults) = checked_images(images, self.photographs, &mut self.findings);
        let categories = unique(categories, |category| category.id.take());
        let kind = FindingKind::RepeatedCategories;
        categories.report(&mut self.findings, kind, Record::Category);
        let categories: Vec<_> = categories.records.into_iter().map(Category::from).collect();

        let mut read = Vec::with_capacity(annotations.len());
        for (place, raw) in annotations.into_iter().enumerate() {
            read.extend(self.annotation(place, raw, &images, &faults, &categories));
        }
        read.shrink_to_fit();
        let mut plausible = Plausible::default();
        for one in &read {
            let name = || Record::Annotation(one.id.clone()).to_string();
            let size = Some(images[one.image].size);
            plausible.add(Some(one.bbox), Some(&one.shape), size, name);
        }
        plausible.report(&mut self.findings);
        Ok(CocoInstances {
            path: self.path.to_owned(),
            images,
            categories,
            annotations: read,
            findings: self.findings.all(),
            faults: self.faults,
        })
    }

    fn section<T>(&self, found: Option<Vec<T>>, section: &'static str) -> Result<Vec<T>> {
        found.ok_or_else(|| Error::NoSection {
            path: self.path.to_owned(),
            section,
        })
    }

    /// The annotation, if it can be read and is of a listed image and category.
    fn annotation(
        &mut self,
        place: usize,
        mut raw: RawAnnotation,
        images: &[ImageRecord],
        image_faults: &[Option<Fault>],
        categories: &[Category],
    ) -> Option<Annotation> {
        let record = match &raw.id {
            Some(id) => Record::Annotation(id.clone()),
            None => {
                let name = || format!("annotation at place {place}");
                self.findings.add(FindingKind::WithoutId, name);
                Record::AnnotationAt(place)
            }
        };
        let mut left_out = |of: Record, (field, expected, found): Fault| {
            self.faults.push(FieldFault {
                annotation: record.clone(),
                record: of,
                field,
                expected,
                found,
            });
        };
        let (Some(image_id), Some(category_id)) = (&raw.image, &raw.category) else {
            let field = if raw.image.is_none() {
                "image_id"
            } else {
                "category_id"
            };
            let expected = "an id: a whole number or a text";
            left_out(record.clone(), odd_field(&raw.odd, field, expected));
            return None;
        };
        let Ok(image) = images.binary_search_by(|image| image.id.cmp(image_id)) else {
            let name = || format!("{record}: image {}", image_id.quoted());
            self.findings.add(FindingKind::UnlistedImages, name);
            return None;
        };
        let Ok(category) = categories.binary_search_by(|one| one.id.cmp(category_id)) else {
            let name = || format!("{record}: category {}", category_id.quoted());
            self.findings.add(FindingKind::UnlistedCategories, name);
            return None;
        };
        if let Some(fault) = &image_faults[image] {
            left_out(Record::Image(images[image].id.clone()), fault.clone());
            return None;
        }
        if raw.area.is_some_and(|area| area < 0.0) {
            self.findings
                .add(FindingKind::NegativeAreas, || record.to_string());
            raw.area = None;
        }
        let id = raw.id.take();
        match measured(raw, images[image].size) {
            Ok((area, bbox, crowd, shape)) => Some(Annotation {
                id: self.own_id(place, id),
                image,
                category,
                area,
                bbox,
                crowd,
                shape,
            }),
            Err(fault) => {
                left_out(record.clone(), fault);
                None
            }
        }
    }

    /// An id that no other annotation has.
    fn own_id(&mut self, place: usize, id: Option<Id>) -> Id {
        let Some(id) = id else {
            return Id::Text(format!("#{place}").into());
        };
        if self.seen.insert(id.clone()) {
            return id;
        }
        let name = || Record::Annotation(id.clone()).to_string();
        self.findings.add(FindingKind::RepeatedAnnotations, name);
        Id::Text(format!("{id}#{place}").into())
    }
}

/// Area, box, crowd and shape of an annotation on an image.
fn measured(raw: RawAnnotation, size: Size) -> Checked<(f64, [f64; 4], bool, Shape)> {
    if let Some(odd) = raw
        .odd
        .iter()
        .find(|odd| odd.field != "score" && odd.field != "id")
    {
        return Err((odd.field, odd.expected.to_owned(), odd.found.to_string()));
    }
    let shape = raw.shape.unwrap_or_else(|| Shape::Polygons {
        points: Points::new(&[]),
        ends: [].into(),
    });
    if !raw.crowd {
        let odd = |(expected, found)| ("segmentation", expected, found);
        shape.check(size).map_err(odd)?;
    }
    let area = raw.area.filter(|area| !area.is_nan());
    // Drawn only where the file does not say.
    let runs = match (area, raw.bbox) {
        (Some(_), Some(_)) => None,
        _ => shape.runs(size).ok(),
    };
    let bbox = raw.bbox.or_else(|| runs.as_ref().map(mask::to_bbox));
    let bbox = bbox.unwrap_or_default();
    let drawn = runs.as_ref().map_or(0, mask::area) as f64;
    let area = area.unwrap_or(if drawn > 0.0 {
        drawn
    } else {
        bbox[2] * bbox[3]
    });
    let [left, top, width, height] = bbox;
    for (field, value, least) in [
        ("area", area, 0.0),
        ("bbox: left", left, -LARGEST),
        ("bbox: top", top, -LARGEST),
        ("bbox: width", width, 0.0),
        ("bbox: height", height, 0.0),
    ] {
        if !(least..=LARGEST).contains(&value) {
            let expected = format!("a number from {least} to {LARGEST}");
            return Err((field, expected, value.to_string()));
        }
    }
    Ok((area, bbox, raw.crowd, shape))
}

#[cfg(test)]
mod tests {
    use super::*;

    const IMAGES: &str = r#""images": [{"id": 9, "file_name": "b.jpg", "width": 4, "height": 3},
        {"license": 5, "id": 2, "file_name": "train/a.jpg", "width": 2, "height": 2, "date": null}]"#;
    const CATEGORIES: &str = r#""categories": [{"id": 44, "name": "bottle", "supercategory": "kitchen"},
        {"id": 1, "name": "person"}]"#;

    /// An annotation with some of its fields replaced.
    fn annotation(replaced: &[(&str, &str)]) -> String {
        let fields = [
            ("id", "7"),
            ("image_id", "9"),
            ("category_id", "44"),
            ("area", "4"),
            ("bbox", "[1, 0, 2, 2]"),
            ("iscrowd", "0"),
            ("segmentation", "[[1, 0, 3, 0, 3, 2, 1, 2]]"),
        ]
        .map(|(name, value)| {
            let new = replaced.iter().find(|(field, _)| *field == name);
            format!(r#""{name}": {}"#, new.map_or(value, |(_, value)| value))
        });
        format!("{{{}}}", fields.join(", "))
    }

    fn read(text: &str) -> Result<CocoInstances> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("instances.json");
        std::fs::write(&path, text).unwrap();
        CocoInstances::read(path)
    }

    #[test]
    fn sizes_that_are_not_listed_are_those_of_the_photographs() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("instances.json");
        let images = IMAGES.replace(r#", "width": 4, "height": 3"#, "");
        let text = format!(
            r#"{{{images}, {CATEGORIES}, "annotations": [{}]}}"#,
            annotation(&[])
        );
        std::fs::write(&path, text).unwrap();
        let alone = CocoInstances::read(&path).unwrap();
        assert!(alone.annotations().is_empty());
        let reason = alone.unreadable().next().unwrap().to_string();
        assert!(
            reason.contains("`width`: expected a whole number of pixels, found none"),
            "{reason}"
        );
        // Nor without the photograph.
        let beside = || CocoInstances::read_beside(&path, folder.path()).unwrap();
        assert!(beside().annotations().is_empty());
        let photograph = image::RgbImage::new(4, 3);
        photograph.save(folder.path().join("b.jpg")).unwrap();
        let found = beside();
        let size = found.image_of(&found.annotations()[0]).size;
        assert_eq!((size.width, size.height), (4, 3));
        let finding = &found.findings()[0];
        assert_eq!((finding.kind, finding.count), (FindingKind::WithoutSize, 1));
        assert_eq!(finding.first, "image 9: 4 × 3");
    }

    fn read_annotations(annotations: &[String]) -> Result<CocoInstances> {
        let annotations = annotations.join(", ");
        read(&format!(
            r#"{{"annotations": [{annotations}], "info": {{}}, {CATEGORIES}, {IMAGES}}}"#
        ))
    }

    /// Why the only annotation was left out, behind the file's name.
    fn left_out(annotations: &[String]) -> String {
        let read = read_annotations(annotations).unwrap();
        assert!(read.annotations().is_empty());
        let reasons: Vec<_> = read.unreadable().map(|error| error.to_string()).collect();
        assert_eq!(reasons.len(), 1, "{reasons:?}");
        reasons[0]
            .split_once("instances.json: ")
            .unwrap()
            .1
            .to_owned()
    }

    /// Kind, count and first of every finding.
    fn findings(read: &CocoInstances) -> Vec<(FindingKind, usize, &str)> {
        fn of(one: &Finding) -> (FindingKind, usize, &str) {
            (one.kind, one.count, one.first.as_str())
        }
        read.findings().iter().map(of).collect()
    }

    #[test]
    fn joins_sections_in_any_order_and_sorts_images_by_id() {
        let crowd = annotation(&[
            ("id", "3"),
            ("iscrowd", "1"),
            ("image_id", "2"),
            ("segmentation", r#"{"size": [2, 2], "counts": [1, 3]}"#),
        ]);
        let instances = read_annotations(&[annotation(&[]), crowd]).unwrap();
        assert!(instances.images()[0].id == 2 && instances.images()[1].id == 9);
        assert_eq!(instances.categories()[1].name, "bottle");
        assert_eq!(instances.categories()[0].supercategory, "");
        let [bottle, crowd] = instances.annotations() else {
            panic!("expected two annotations")
        };
        assert!(crowd.id == 3 && (crowd.image, crowd.crowd) == (0, true));
        assert!(bottle.id == 7 && (bottle.image, bottle.category) == (1, 1));
        assert_eq!(bottle.bbox, [1.0, 0.0, 2.0, 2.0]);
        assert!(instances.findings().is_empty());

        let mask = bottle.mask(instances.image_of(bottle)).unwrap();
        let drawn = [
            [false, true, true, false],
            [false, true, true, false],
            [false; 4],
        ];
        assert_eq!(mask.bits(), drawn.concat());
        for annotation in [crowd, bottle] {
            let image = instances.image_of(annotation);
            let area = annotation.mask(image).unwrap().area() as u64;
            assert_eq!(annotation.mask_area(image).unwrap(), area);
        }
    }

    #[test]
    fn what_the_file_does_not_say_is_taken_from_the_mask() {
        for area in ["null", "NaN"] {
            let read = read_annotations(&[annotation(&[("area", area), ("bbox", "[]")])]).unwrap();
            let [only] = read.annotations() else {
                panic!("{area}")
            };
            assert_eq!((only.area, only.bbox), (4.0, [1.0, 0.0, 2.0, 2.0]));
        }
        // Without a mask, the box.
        let boxed = annotation(&[
            ("area", "null"),
            ("bbox", "[0, 0, 2, 3]"),
            ("segmentation", "[]"),
        ]);
        let read = read_annotations(&[boxed]).unwrap();
        assert_eq!(read.annotations()[0].area, 6.0);
        let bare = r#"{"id": 1, "image_id": 9.0, "category_id": 44, "segmentation": [[1, 0, 3, 0, 3, 2, 1, 2]]}"#;
        let read = read_annotations(&[bare.to_owned()]).unwrap();
        assert_eq!(
            (read.annotations()[0].area, read.annotations()[0].crowd),
            (4.0, false)
        );
    }

    #[test]
    fn records_that_do_not_join_are_counted() {
        let odd = [
            annotation(&[]),
            annotation(&[("image_id", "1")]),
            annotation(&[("category_id", "\"44\"")]),
            annotation(&[]),
            annotation(&[("id", "null"), ("area", "-4")]),
        ];
        let joined = read_annotations(&odd).unwrap();
        let expected = [
            (FindingKind::RepeatedAnnotations, 1, "annotation 7"),
            (FindingKind::WithoutId, 1, "annotation at place 4"),
            (FindingKind::UnlistedImages, 1, "annotation 7: image 1"),
            (
                FindingKind::UnlistedCategories,
                1,
                "annotation 7: category \"44\"",
            ),
            (
                FindingKind::NegativeAreas,
                1,
                "annotation without an id at place 4",
            ),
        ];
        assert_eq!(findings(&joined), expected);
        let ids: Vec<_> = joined
            .annotations()
            .iter()
            .map(|one| one.id.to_string())
            .collect();
        assert_eq!(ids, ["7", "7#3", "#4"]);
        assert_eq!(joined.annotations()[2].area, 4.0);

        let twice = |id: &str, by: &str| {
            let text = format!(
                r#"{{{CATEGORIES}, {IMAGES}, "annotations": [{}]}}"#,
                annotation(&[])
            );
            read_text(&text.replace(id, by))
        };
        let joined = twice(
            r#""id": 1, "name": "person""#,
            r#""id": 44, "name": "person""#,
        );
        assert_eq!(
            findings(&joined),
            [(FindingKind::RepeatedCategories, 1, "category 44")]
        );
        assert_eq!(joined.categories()[0].name, "person");
        // Two photographs under one id: nobody knows which is meant.
        let joined = twice(r#""id": 2"#, r#""id": 9"#);
        assert_eq!(
            findings(&joined),
            [(FindingKind::RepeatedImages, 1, "image 9")]
        );
        let reason = joined.unreadable().next().unwrap().to_string();
        assert!(
            reason.ends_with("image 9: `id`: expected one photograph under this id, found several, of other names or sizes"),
            "{reason}"
        );
        for section in ["images", "categories", "annotations"] {
            let text = format!(r#"{{{CATEGORIES}, {IMAGES}, "annotations": []}}"#);
            for text in [
                text.replace(section, "others"),
                text.replace(
                    &format!("\"{section}\": ["),
                    &format!("\"{section}\": null, \"a\": ["),
                ),
            ] {
                let error = read(&text).unwrap_err();
                assert!(
                    matches!(error, Error::NoSection { section: found, .. } if found == section)
                );
            }
        }
    }

    fn read_text(text: &str) -> CocoInstances {
        read(text).unwrap()
    }

    #[test]
    fn one_odd_annotation_is_left_out_by_name() {
        let number = "expected a number from 0 to 1000000000, found";
        for (field, value, message) in [
            ("area", "1e10", format!("`area`: {number} 10000000000")),
            ("area", "\"4\"", "`area`: expected a number of pixels, found the text \"4\"".to_owned()),
            ("bbox", "[0, 0, -2, 2]", format!("`bbox: width`: {number} -2")),
            ("bbox", "[0, 0, 2, 1e10]", format!("`bbox: height`: {number} 10000000000")),
            ("bbox", "[0, NaN, 2, 1]", "`bbox: top`: expected a number from -1000000000 to 1000000000, found NaN".to_owned()),
            ("bbox", "[0, 0, 2]", "`bbox`: expected a box of 4 numbers, found 3 numbers".to_owned()),
            ("iscrowd", "\"no\"", "`iscrowd`: expected 0 or 1, found the text \"no\"".to_owned()),
            ("image_id", "1.5", "`image_id`: expected an id: a whole number or a text, found 1.5".to_owned()),
            ("category_id", "null", "`category_id`: expected an id: a whole number or a text, found none".to_owned()),
            (
                "segmentation",
                "[[1, 0, 3, 0]]",
                "`segmentation`: expected polygons of at least 3 points, two numbers each, found 4 numbers".to_owned(),
            ),
            (
                "segmentation",
                "[[1, 0, 3, 0, 3, 2, 1]]",
                "`segmentation`: expected polygons of at least 3 points, two numbers each, found 7 numbers".to_owned(),
            ),
            ("segmentation", "[[1, 0, 3, 0, 3, NaN]]", "`segmentation`: expected coordinates within ±1048576, found NaN".to_owned()),
            (
                "segmentation",
                r#"{"size": [4, 3], "counts": [12]}"#,
                "`segmentation`: expected run lengths of the image's size 4 × 3, found 3 × 4".to_owned(),
            ),
            (
                "segmentation",
                r#"{"size": [3, 4], "counts": [13]}"#,
                "`segmentation`: expected run lengths over 12 pixels, found 13".to_owned(),
            ),
            (
                "segmentation",
                "\"[]\"",
                "`segmentation`: expected polygons, or run lengths with `size` and `counts`, found the text \"[]\": write the shape itself, not the text of it".to_owned(),
            ),
        ] {
            let reason = left_out(&[annotation(&[(field, value)])]);
            assert_eq!(reason, format!("annotation 7: {message}"));
        }
        let read = read_annotations(&[annotation(&[("bbox", "[1]")]), annotation(&[("id", "8")])])
            .unwrap();
        assert_eq!(
            (read.annotations().len(), read.unreadable().count()),
            (1, 1)
        );
    }

    #[test]
    fn images_that_cannot_be_keep_their_annotations_out() {
        let with = |image: &str| {
            let image = IMAGES.replacen(
                r#""id": 9, "file_name": "b.jpg", "width": 4, "height": 3"#,
                image,
                1,
            );
            let text = format!(
                r#"{{{CATEGORIES}, {image}, "annotations": [{}]}}"#,
                annotation(&[])
            );
            let read = read_text(&text);
            read.unreadable()
                .next()
                .map(|error| error.to_string())
                .unwrap_or_default()
        };
        for (fields, message) in [
            (
                r#""file_name": "b.jpg", "width": 0, "height": 3"#,
                "`width × height`: expected 1 to 268435456 pixels, found 0 × 3",
            ),
            (
                r#""file_name": "b.jpg", "width": 16384, "height": 16385"#,
                "`width × height`: expected 1 to 268435456 pixels, found 16384 × 16385",
            ),
            (
                r#""file_name": "b.jpg", "width": 4"#,
                "`height`: expected a whole number of pixels, found none",
            ),
            (
                r#""file_name": "b.jpg", "width": 4, "height": "3""#,
                "`height`: expected a whole number of pixels, found the text \"3\"",
            ),
            (
                r#""file_name": "", "width": 4, "height": 3"#,
                "`file_name`: expected a file below the folder of images, found none",
            ),
            (
                r#""width": 4, "height": 3"#,
                "`file_name`: expected a file below the folder of images, found none",
            ),
        ] {
            let reason = with(&format!("\"id\": 9, {fields}"));
            assert!(reason.ends_with(&format!("image 9: {message}")), "{reason}");
        }
        for good in [
            r#""file_name": "val/b.jpg", "width": 4.0, "height": 3.0"#,
            r#""file_name": 7, "width": 4, "height": 3"#,
        ] {
            assert_eq!(with(&format!("\"id\": 9, {good}")), "", "{good}");
        }
    }

    #[test]
    fn reports_where_a_file_stops_being_json() {
        let whole = format!(
            r#"{{"annotations": [{}], {IMAGES}, {CATEGORIES}}}"#,
            annotation(&[])
        );
        for end in 0..whole.len() {
            let error = read(&whole[..end]).unwrap_err();
            assert!(matches!(error, Error::Truncated { .. }), "{end}: {error}");
        }
        let error = read(&format!("{whole}\nmore")).unwrap_err().to_string();
        assert!(
            error.ends_with("found `more` in the place of the end of the file at line 4 column 1"),
            "{error}"
        );
        let error = read("no JSON").unwrap_err();
        assert!(matches!(error, Error::Json { .. }), "{error}");
        let folder = tempfile::tempdir().unwrap();
        for path in [folder.path().join("none.json"), folder.path().to_owned()] {
            let error = CocoInstances::read(&path).unwrap_err();
            assert!(matches!(error, Error::Io { .. }), "{error}");
        }
    }

    #[test]
    fn a_mask_on_another_image_is_refused() {
        let instances = read_annotations(&[annotation(&[(
            "segmentation",
            r#"{"size": [3, 4], "counts": [5, 7]}"#,
        )])])
        .unwrap();
        let annotation = &instances.annotations()[0];
        let error = annotation.mask(&instances.images()[0]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "annotation 7: mask: expected run lengths of the image's size 2 × 2, found 4 × 3"
        );
        let mut huge = instances.images()[0].clone();
        huge.size.width = u32::MAX;
        assert!(annotation.mask_area(&huge).is_err());
    }
}
