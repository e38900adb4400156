//! COCO's instances: every record checked against the others.

use std::fmt::Display;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Component, Path, PathBuf};

use hotcoco::{Rle, mask};

use super::depth_limit::{DepthLimited, refused};
use super::json::{self, RawAnnotation, RawImage, Sections};
use super::mask::Mask;
use super::shape::{Refusal, Shape};
use crate::error::{Error, Record, Result, Size};

/// The largest image that is believed: 2²⁸ pixels, 16384 × 16384.
pub const MAX_PIXELS: u64 = 1 << 28;

/// No box or area of such an image has a larger number.
const LARGEST: f64 = 1e9;

/// A photograph, not yet read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageRecord {
    /// COCO's id.
    pub id: u64,
    /// Its file, below the folder of images.
    pub file_name: Box<str>,
    /// Width and height in pixels.
    pub size: Size,
    /// The licence's id, where there is one. Nothing here depends on it.
    pub license: Option<i64>,
}

/// A class of objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Category {
    /// COCO's id: 1 to 90, with gaps.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// The name of its group; empty where there is none.
    pub supercategory: String,
}

/// An outlined object.
#[derive(Clone, Debug, PartialEq)]
pub struct Annotation {
    /// COCO's id.
    pub id: u64,
    /// Index of its image in [`CocoInstances::images`].
    pub image: usize,
    /// Index of its category in [`CocoInstances::categories`].
    pub category: usize,
    /// Pixels of the region, as the file says.
    pub area: f64,
    /// Left, top, width and height in pixels.
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
    /// [`Error::Mask`] where the shape does not fit the image: never for the image of a file that was read.
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
            annotation: self.id,
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

/// All images, categories and annotations of one file.
///
/// # Conventions
/// Each list is ordered by id, for any order in the file. The other records and the classes of a classifier use indices
/// into these lists.
///
/// # Cost
/// Four bytes for a coordinate and about 130 for a record. All of train2017, 860001 annotations in 450 MB of text,
/// is read within 1 GB of memory: `tests/train2017_size.rs`.
#[derive(Clone, Debug, PartialEq)]
pub struct CocoInstances {
    images: Vec<ImageRecord>,
    categories: Vec<Category>,
    annotations: Vec<Annotation>,
}

impl CocoInstances {
    /// Reads an annotation file as a stream: the sections in any order, unknown fields skipped.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::JsonTooDeep`], [`Error::Truncated`], [`Error::Json`] and [`Error::NoSection`] for
    /// anything but COCO's JSON; [`Error::DuplicateId`], [`Error::UnknownRecord`] for records that do not join;
    /// [`Error::Field`] for an image of no pixels or above [`MAX_PIXELS`], a file name that leads out of its folder,
    /// a box or area that is negative or absurd, and a shape that does not fit its image.
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let file = File::open(path).map_err(|source| Error::Io {
            path: path.to_owned(),
            source,
        })?;
        Self::decode(path, BufReader::with_capacity(1 << 16, file))
    }

    /// As [`CocoInstances::read`], out of a file's bytes; `path` names it in errors.
    ///
    /// # Errors
    /// As [`CocoInstances::read`].
    pub fn decode(path: &Path, bytes: impl Read) -> Result<Self> {
        let sections =
            json::read(DepthLimited::new(bytes)).map_err(|source| unreadable(path, source))?;
        Join { path }.instances(sections)
    }

    /// All images, by id.
    pub fn images(&self) -> &[ImageRecord] {
        &self.images
    }

    /// All categories, by id: index k is class k.
    pub fn categories(&self) -> &[Category] {
        &self.categories
    }

    /// All annotations, by id, crowds too.
    pub fn annotations(&self) -> &[Annotation] {
        &self.annotations
    }

    /// The image of an annotation.
    ///
    /// # Panics
    /// When the annotation is of another file, and its image is not one of this file's.
    pub fn image_of(&self, annotation: &Annotation) -> &ImageRecord {
        &self.images[annotation.image]
    }
}

fn unreadable(path: &Path, source: serde_json::Error) -> Error {
    if source.is_io() {
        return refused(path, source.into());
    }
    let path = path.to_owned();
    if source.is_eof() {
        let (line, column) = (source.line(), source.column());
        Error::Truncated { path, line, column }
    } else {
        Error::Json {
            path,
            expected: "COCO instances in JSON",
            source,
        }
    }
}

/// The records of one file, joined by their ids.
struct Join<'a> {
    path: &'a Path,
}

impl Join<'_> {
    fn instances(&self, sections: Sections) -> Result<CocoInstances> {
        let images = self.section(sections.images, "images")?;
        let mut images: Vec<_> = images
            .into_iter()
            .map(|raw| self.image(raw))
            .collect::<Result<_>>()?;
        images.sort_unstable_by_key(|image| image.id);
        self.each_once(images.iter().map(|image| image.id), Record::Image)?;

        let categories = self.section(sections.categories, "categories")?;
        let mut categories: Vec<_> = categories
            .into_iter()
            .map(|raw| Category {
                id: raw.id,
                name: raw.name,
                supercategory: raw.supercategory,
            })
            .collect();
        categories.sort_unstable_by_key(|category| category.id);
        self.each_once(
            categories.iter().map(|category| category.id),
            Record::Category,
        )?;

        let annotations = self.section(sections.annotations, "annotations")?;
        let mut annotations: Vec<_> = annotations
            .into_iter()
            .map(|raw| self.annotation(raw, &images, &categories))
            .collect::<Result<_>>()?;
        annotations.sort_unstable_by_key(|annotation| annotation.id);
        self.each_once(
            annotations.iter().map(|annotation| annotation.id),
            Record::Annotation,
        )?;
        Ok(CocoInstances {
            images,
            categories,
            annotations,
        })
    }

    fn section<T>(&self, found: Option<Vec<T>>, section: &'static str) -> Result<Vec<T>> {
        found.ok_or_else(|| Error::NoSection {
            path: self.path.to_owned(),
            section,
        })
    }

    fn each_once(
        &self,
        ids: impl Iterator<Item = u64>,
        record: impl Fn(u64) -> Record,
    ) -> Result<()> {
        let mut previous = None;
        for id in ids {
            if previous.replace(id) == Some(id) {
                return Err(Error::DuplicateId {
                    path: self.path.to_owned(),
                    record: record(id),
                });
            }
        }
        Ok(())
    }

    fn image(&self, raw: RawImage) -> Result<ImageRecord> {
        let record = Record::Image(raw.id);
        let pixels = raw.width.checked_mul(raw.height);
        let size = match (u32::try_from(raw.width), u32::try_from(raw.height)) {
            (Ok(width), Ok(height)) if pixels.is_some_and(|n| n > 0 && n <= MAX_PIXELS) => {
                Size { width, height }
            }
            _ => {
                let expected = format!("1 to {MAX_PIXELS} pixels");
                let found = format!("{} × {}", raw.width, raw.height);
                return Err(self.field(record, "width × height", expected, found));
            }
        };
        let name = Path::new(&*raw.file_name);
        let below = name
            .components()
            .all(|part| matches!(part, Component::Normal(_)));
        if raw.file_name.is_empty() || !below {
            let expected = "a file below the folder of images".to_owned();
            return Err(self.field(record, "file_name", expected, name.display()));
        }
        Ok(ImageRecord {
            id: raw.id,
            file_name: raw.file_name,
            size,
            license: raw.license,
        })
    }

    fn annotation(
        &self,
        raw: RawAnnotation,
        images: &[ImageRecord],
        categories: &[Category],
    ) -> Result<Annotation> {
        let record = Record::Annotation(raw.id);
        let unknown = |missing| Error::UnknownRecord {
            path: self.path.to_owned(),
            annotation: raw.id,
            missing,
        };
        let image = images
            .binary_search_by_key(&raw.image_id, |image| image.id)
            .map_err(|_| unknown(Record::Image(raw.image_id)))?;
        let category = categories
            .binary_search_by_key(&raw.category_id, |category| category.id)
            .map_err(|_| unknown(Record::Category(raw.category_id)))?;
        let [left, top, width, height] = raw.bbox;
        for (field, value, least) in [
            ("area", raw.area, 0.0),
            ("bbox: left", left, -LARGEST),
            ("bbox: top", top, -LARGEST),
            ("bbox: width", width, 0.0),
            ("bbox: height", height, 0.0),
        ] {
            if !(least..=LARGEST).contains(&value) {
                let expected = format!("a number from {least} to {LARGEST}");
                return Err(self.field(record, field, expected, value));
            }
        }
        if raw.iscrowd > 1 {
            return Err(self.field(record, "iscrowd", "0 or 1".to_owned(), raw.iscrowd));
        }
        if let Err((expected, found)) = raw.segmentation.check(images[image].size) {
            return Err(self.field(record, "segmentation", expected, found));
        }
        Ok(Annotation {
            id: raw.id,
            image,
            category,
            area: raw.area,
            bbox: raw.bbox,
            crowd: raw.iscrowd == 1,
            shape: raw.segmentation,
        })
    }

    fn field(
        &self,
        record: Record,
        field: &'static str,
        expected: String,
        found: impl Display,
    ) -> Error {
        Error::Field {
            path: PathBuf::from(self.path),
            record,
            field,
            expected,
            found: found.to_string(),
        }
    }
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

    fn read_annotations(annotations: &[String]) -> Result<CocoInstances> {
        let annotations = annotations.join(", ");
        read(&format!(
            r#"{{"annotations": [{annotations}], "info": {{}}, {CATEGORIES}, {IMAGES}}}"#
        ))
    }

    /// The message behind the file's name.
    fn refused(annotations: &[String]) -> String {
        let text = read_annotations(annotations).unwrap_err().to_string();
        text.split_once("instances.json: ").unwrap().1.to_owned()
    }

    #[test]
    fn joins_sections_in_any_order_and_sorts_by_id() {
        let crowd = annotation(&[
            ("id", "3"),
            ("iscrowd", "1"),
            ("image_id", "2"),
            ("segmentation", r#"{"size": [2, 2], "counts": [1, 3]}"#),
        ]);
        let instances = read_annotations(&[annotation(&[]), crowd]).unwrap();
        let ids: Vec<_> = instances.images().iter().map(|image| image.id).collect();
        assert_eq!(ids, [2, 9]);
        assert_eq!(instances.images()[0].license, Some(5));
        assert_eq!(instances.images()[1].license, None);
        assert_eq!(instances.categories()[1].name, "bottle");
        assert_eq!(instances.categories()[0].supercategory, "");
        let [crowd, bottle] = instances.annotations() else {
            panic!("expected two annotations")
        };
        assert_eq!((crowd.id, crowd.image, crowd.crowd), (3, 0, true));
        assert_eq!((bottle.id, bottle.image, bottle.category), (7, 1, 1));
        assert_eq!(bottle.bbox, [1.0, 0.0, 2.0, 2.0]);

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
    fn refuses_records_that_do_not_join() {
        let listed = "annotation 7: expected a listed image and category, found";
        assert_eq!(
            refused(&[annotation(&[("image_id", "1")])]),
            format!("{listed} image 1")
        );
        assert_eq!(
            refused(&[annotation(&[("category_id", "2")])]),
            format!("{listed} category 2")
        );
        assert_eq!(
            refused(&[annotation(&[]), annotation(&[])]),
            "expected each id once, found annotation 7 twice"
        );
        let twice = |id: &str, found: Record| {
            let text = format!(r#"{{{CATEGORIES}, {IMAGES}, "annotations": []}}"#);
            let error = read(&text.replace(id, r#""id": 9"#)).map(|_| ());
            let text = text
                .replace(id, r#""id": 9"#)
                .replace(r#""id": 44"#, r#""id": 9"#);
            let error = error.and_then(|()| read(&text).map(|_| ())).unwrap_err();
            assert!(matches!(error, Error::DuplicateId { record, .. } if record == found));
        };
        twice(r#""id": 2"#, Record::Image(9));
        twice(r#""id": 1"#, Record::Category(9));
        for section in ["images", "categories", "annotations"] {
            let text = format!(r#"{{{CATEGORIES}, {IMAGES}, "annotations": []}}"#);
            let error = read(&text.replace(section, "others")).unwrap_err();
            assert!(matches!(error, Error::NoSection { section: found, .. } if found == section));
        }
    }

    #[test]
    fn refuses_numbers_no_image_has() {
        for (field, value, message) in [
            (
                "area",
                "-1",
                "`area`: expected a number from 0 to 1000000000, found -1",
            ),
            (
                "bbox",
                "[0, 0, -2, 2]",
                "`bbox: width`: expected a number from 0 to 1000000000, found -2",
            ),
            (
                "bbox",
                "[0, 0, 2, 1e10]",
                "`bbox: height`: expected a number from 0 to 1000000000, found 10000000000",
            ),
            (
                "bbox",
                "[-1e10, 0, 2, 1]",
                "`bbox: left`: expected a number from -1000000000 to 1000000000, found -10000000000",
            ),
            ("iscrowd", "2", "`iscrowd`: expected 0 or 1, found 2"),
            (
                "segmentation",
                "[[1, 0, 3, 0]]",
                "`segmentation`: expected polygons of at least 3 points, two numbers each, found 4 numbers",
            ),
            (
                "segmentation",
                r#"{"size": [4, 3], "counts": [12]}"#,
                "`segmentation`: expected run lengths of the image's size 4 × 3, found 3 × 4",
            ),
            (
                "segmentation",
                r#"{"size": [3, 4], "counts": [13]}"#,
                "`segmentation`: expected run lengths over 12 pixels, found 13",
            ),
        ] {
            assert_eq!(
                refused(&[annotation(&[(field, value)])]),
                format!("annotation 7: {message}")
            );
        }
    }

    #[test]
    fn refuses_images_that_cannot_be() {
        let with = |name: &str, width: u64, height: u64| {
            let image = format!(
                r#"{{"id": 5, "file_name": "{name}", "width": {width}, "height": {height}}}"#
            );
            read(&format!(
                r#"{{"images": [{image}], "annotations": [], "categories": []}}"#
            ))
        };
        for (width, height) in [
            (0, 3),
            (3, 0),
            (1 << 14, (1 << 14) + 1),
            (u64::MAX, u64::MAX),
        ] {
            let error = with("a.jpg", width, height).unwrap_err().to_string();
            let expected = format!("expected 1 to 268435456 pixels, found {width} × {height}");
            assert!(error.ends_with(&expected), "{error}");
        }
        for name in ["", "/a.jpg", "../a.jpg", "b/../../a.jpg"] {
            let error = with(name, 3, 3).unwrap_err();
            assert!(
                matches!(
                    error,
                    Error::Field {
                        field: "file_name",
                        ..
                    }
                ),
                "{error}"
            );
        }
        assert!(with("val/a.jpg", 1 << 14, 1 << 14).is_ok());
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
            error.ends_with("found trailing characters at line 4 column 1"),
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
