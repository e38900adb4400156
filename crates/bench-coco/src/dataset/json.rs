//! The annotation file as a stream: one record at a time, into the smallest form that loses nothing.
//!
//! Sections come in any order, fields too, unknown ones are skipped. Only the form is checked here: the
//! meaning of a record is known when all of the file has been read.

use std::fmt;
use std::io::Read;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};

use super::shape::{Points, Shape};
use crate::error::Size;

/// All records of a file; `None` where a section is missing.
#[derive(Default)]
pub(super) struct Sections {
    pub images: Option<Vec<RawImage>>,
    pub categories: Option<Vec<RawCategory>>,
    pub annotations: Option<Vec<RawAnnotation>>,
}

#[derive(Deserialize)]
pub(super) struct RawImage {
    pub id: u64,
    pub file_name: Box<str>,
    pub width: u64,
    pub height: u64,
    #[serde(default)]
    pub license: Option<i64>,
}

#[derive(Deserialize)]
pub(super) struct RawCategory {
    pub id: u64,
    pub name: String,
    #[serde(default)]
    pub supercategory: String,
}

#[derive(Deserialize)]
pub(super) struct RawAnnotation {
    pub id: u64,
    pub image_id: u64,
    pub category_id: u64,
    pub area: f64,
    pub bbox: [f64; 4],
    #[serde(default)]
    pub iscrowd: u64,
    #[serde(deserialize_with = "shape")]
    pub segmentation: Shape,
}

/// Reads the whole stream; bytes after the closing brace are an error.
pub(super) fn read(reader: impl Read) -> serde_json::Result<Sections> {
    let mut json = serde_json::Deserializer::from_reader(reader);
    let sections = json.deserialize_map(SectionsVisitor)?;
    json.end()?;
    Ok(sections)
}

struct SectionsVisitor;

impl<'de> Visitor<'de> for SectionsVisitor {
    type Value = Sections;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with images, annotations and categories")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Sections, A::Error> {
        let mut sections = Sections::default();
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "images" => once(&mut sections.images, "images", &mut map)?,
                "categories" => once(&mut sections.categories, "categories", &mut map)?,
                "annotations" => once(&mut sections.annotations, "annotations", &mut map)?,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(sections)
    }
}

fn once<'de, T: Deserialize<'de>, A: MapAccess<'de>>(
    section: &mut Option<Vec<T>>,
    name: &'static str,
    map: &mut A,
) -> Result<(), A::Error> {
    if section.is_some() {
        return Err(A::Error::duplicate_field(name));
    }
    *section = Some(map.next_value_seed(Records(PhantomData))?);
    Ok(())
}

/// A list of records, stored in no more memory than it needs.
struct Records<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> DeserializeSeed<'de> for Records<T> {
    type Value = Vec<T>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<T>, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for Records<T> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of records")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<T>, A::Error> {
        let mut records = Vec::new();
        while let Some(record) = list.next_element()? {
            records.push(record);
        }
        records.shrink_to_fit();
        Ok(records)
    }
}

fn shape<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Shape, D::Error> {
    deserializer.deserialize_any(ShapeVisitor)
}

struct ShapeVisitor;

impl<'de> Visitor<'de> for ShapeVisitor {
    type Value = Shape;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of polygons, or run lengths with `size` and `counts`")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Shape, A::Error> {
        let mut numbers = Vec::new();
        let mut ends = Vec::new();
        while list.next_element_seed(Polygon(&mut numbers))?.is_some() {
            let end = u32::try_from(numbers.len())
                .map_err(|_| A::Error::invalid_length(numbers.len(), &"fewer coordinates"))?;
            ends.push(end);
        }
        Ok(Shape::Polygons {
            points: Points::new(&numbers),
            ends: ends.into(),
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Shape, A::Error> {
        let (mut size, mut counts) = (None, None);
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "size" if size.is_some() => return Err(A::Error::duplicate_field("size")),
                "size" => size = Some(map.next_value::<[u32; 2]>()?),
                "counts" if counts.is_some() => return Err(A::Error::duplicate_field("counts")),
                "counts" => counts = Some(map.next_value::<Counts>()?),
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        let [height, width] = size.ok_or_else(|| A::Error::missing_field("size"))?;
        let size = Size { width, height };
        Ok(
            match counts.ok_or_else(|| A::Error::missing_field("counts"))? {
                Counts::Letters(text) => Shape::Compressed { size, text },
                Counts::Numbers(counts) => Shape::Runs { size, counts },
            },
        )
    }
}

/// The coordinates of one polygon, appended.
struct Polygon<'a>(&'a mut Vec<f64>);

impl<'de> DeserializeSeed<'de> for Polygon<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Polygon<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a polygon: a list of numbers")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while let Some(number) = list.next_element()? {
            self.0.push(number);
        }
        Ok(())
    }
}

enum Counts {
    Letters(Box<str>),
    Numbers(Box<[u32]>),
}

/// By hand: an untagged enum would first keep every number as a value of 32 bytes.
impl<'de> Deserialize<'de> for Counts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(CountsVisitor)
    }
}

struct CountsVisitor;

impl<'de> Visitor<'de> for CountsVisitor {
    type Value = Counts;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("run lengths: letters or a list of numbers")
    }

    fn visit_str<E>(self, text: &str) -> Result<Counts, E> {
        Ok(Counts::Letters(text.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Counts, A::Error> {
        let mut counts = Vec::new();
        while let Some(count) = list.next_element()? {
            counts.push(count);
        }
        Ok(Counts::Numbers(counts.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn annotation(segmentation: &str) -> serde_json::Result<Shape> {
        let text = format!(
            r#"{{"annotations": [{{"segmentation": {segmentation}, "bbox": [0, 0, 1, 1.5], "area": 1,
            "attributes": {{"deep": [[null, true]]}}, "category_id": 2, "image_id": 3, "id": 4}}]}}"#
        );
        let mut annotations = read(text.as_bytes())?.annotations.unwrap();
        let only = annotations.pop().unwrap();
        assert_eq!((only.id, only.image_id, only.category_id), (4, 3, 2));
        assert_eq!((only.iscrowd, only.area), (0, 1.0));
        assert_eq!(only.bbox, [0.0, 0.0, 1.0, 1.5]);
        Ok(only.segmentation)
    }

    #[test]
    fn reads_the_three_ways_to_write_a_region() {
        assert_eq!(
            annotation("[[0, 0, 1, 0, 1.25, 1], [2, 2, 3, 2, 3, 3]]").unwrap(),
            Shape::Polygons {
                points: Points::new(&[0., 0., 1., 0., 1.25, 1., 2., 2., 3., 2., 3., 3.]),
                ends: [6, 12].into(),
            }
        );
        // COCO writes the height first.
        let size = Size {
            width: 4,
            height: 3,
        };
        assert_eq!(
            annotation(r#"{"counts": "04", "size": [3, 4], "more": {}}"#).unwrap(),
            Shape::Compressed {
                size,
                text: "04".into()
            }
        );
        assert_eq!(
            annotation(r#"{"size": [3, 4], "counts": [5, 7]}"#).unwrap(),
            Shape::Runs {
                size,
                counts: [5, 7].into()
            }
        );
    }

    #[test]
    fn refuses_other_forms_with_line_and_column() {
        for segmentation in [
            "[1, 2, 3, 4, 5, 6]",
            "[[0, \"1\"]]",
            "[[NaN, 1]]",
            "[[1e999, 1]]",
            "7",
            "null",
            r#"{"counts": "04"}"#,
            r#"{"size": [3, 4]}"#,
            r#"{"size": [3], "counts": "04"}"#,
            r#"{"size": [3, -4], "counts": "04"}"#,
            r#"{"size": [3, 4], "counts": 12}"#,
            r#"{"size": [3, 4], "counts": [-1]}"#,
            r#"{"size": [3, 4], "counts": [4294967296]}"#,
            r#"{"size": [3, 4], "size": [3, 4], "counts": "04"}"#,
        ] {
            let error = annotation(segmentation).unwrap_err();
            assert!(error.line() == 1 && error.column() > 30, "{error}");
        }
        for text in [
            "[]",
            "7",
            "{} {}",
            r#"{"images": {}}"#,
            r#"{"images": [], "images": []}"#,
        ] {
            assert!(read(text.as_bytes()).is_err(), "{text}");
        }
        let deep = format!(r#"{{"info": {}"#, "[".repeat(100_000));
        assert!(read(deep.as_bytes()).is_err());
    }
}
