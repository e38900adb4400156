//! The one reader of COCO's JSON: annotation files and lists of detections, a record at a time, in the smallest form
//! that loses nothing.
//!
//! Sections come in any order, fields too; those that are not needed are passed over, whatever they hold. A field of
//! another form is kept as [`Odd`] with its record: who needs it refuses it, all others never know.

use std::io::Read;
use std::path::Path;

use super::foreign::{BEGINNING, Keys, by_beginning};
use super::json_stream::{Cause, DEEPEST, Fault, JsonStream, Kind};
use super::other_names::OtherNames;
use super::shape::Shape;
use super::source::text_of;
use super::values::{Fields, Odd, described};
use crate::error::{Error, Result};
use crate::id::Id;

/// All records of an annotation file; `None` where a section is missing or null.
#[derive(Default)]
pub(crate) struct Sections {
    pub images: Option<Vec<RawImage>>,
    pub categories: Option<Vec<RawCategory>>,
    pub annotations: Option<Vec<RawAnnotation>>,
}

#[derive(Default)]
pub(crate) struct RawImage {
    pub id: Option<Id>,
    pub file_name: Option<Box<str>>,
    pub width: Option<u64>,
    pub height: Option<u64>,
    /// Whether it says which categories were verified, as LVIS does.
    pub federated: bool,
    pub odd: Vec<Odd>,
}

#[derive(Default)]
pub(crate) struct RawCategory {
    pub id: Option<Id>,
    pub name: Option<String>,
    pub supercategory: Option<String>,
    pub odd: Vec<Odd>,
}

/// An annotation, or a detection, which has a score in the place of an id.
#[derive(Default)]
pub(crate) struct RawAnnotation {
    pub id: Option<Id>,
    pub image: Option<Id>,
    pub category: Option<Id>,
    pub score: Option<f64>,
    pub area: Option<f64>,
    pub bbox: Option<[f64; 4]>,
    pub crowd: bool,
    pub shape: Option<Shape>,
    pub odd: Vec<Odd>,
}

/// Reads an annotation file to its end.
///
/// # Errors
/// `Io`, `Truncated`, `JsonTooDeep` and `Json` for a file that is none, with the place in it.
pub(crate) fn annotation_file(path: &Path, stream: impl Read) -> Result<Sections> {
    let expected = "annotations: an object with images, annotations and categories";
    let mut json = open(path, stream)?;
    sections(&mut json).map_err(|fault| refused(path, expected, fault))
}

/// Reads a list of detections to its end, also one that an object holds under `annotations`, `predictions`, `results` or
/// `detections`, where it is the only one and neither images nor categories stand beside it.
///
/// # Errors
/// As [`annotation_file`]; `ResultsNotAList`.
pub(crate) fn detection_file(path: &Path, stream: impl Read) -> Result<Vec<RawAnnotation>> {
    let expected = "a list of detections";
    let mut json = open(path, stream)?;
    let refused = |fault| refused(path, expected, fault);
    check_beginning(&mut json).map_err(refused)?;
    let detections = match json.kind().map_err(refused)? {
        Kind::List => Ok(records(&mut json, annotation).map_err(refused)?),
        Kind::Object => wrapped(&mut json).map_err(refused)?,
        _ => Err(described(&mut json).map_err(refused)?),
    };
    let not_a_list = |found| Error::ResultsNotAList {
        path: path.to_owned(),
        found,
    };
    let detections = detections.map_err(not_a_list)?;
    json.end().map_err(refused)?;
    Ok(detections)
}

/// The one list of detections that an object holds under a name for it; what the object is otherwise.
fn wrapped<R: Read>(
    json: &mut JsonStream<R>,
) -> Parsed<std::result::Result<Vec<RawAnnotation>, String>> {
    const LISTS: [&str; 4] = ["annotations", "predictions", "results", "detections"];
    let (mut keys, mut lists) = (Keys::default(), Vec::new());
    json.object(|json, key| {
        let list = LISTS.into_iter().find(|list| *list == key);
        match (list, json.kind()?) {
            (Some(list), Kind::List) => lists.push((list, records(json, annotation)?)),
            _ => keys.pass_over(json, key)?,
        }
        Ok(())
    })?;
    keys.look_behind(json);
    if let [(first, _), (second, _), ..] = lists[..] {
        return Ok(Err(format!(
            "an object with the lists `{first}` and `{second}`: write the one of detections alone"
        )));
    }
    let other = keys.follows() || keys.has("images") || keys.has("categories");
    Ok(match lists.pop() {
        Some((_, detections)) if !other => Ok(detections),
        _ => Err(keys.in_place_of_results()),
    })
}

fn open<'a>(path: &Path, stream: impl Read + 'a) -> Result<JsonStream<Box<dyn Read + 'a>>> {
    let text = text_of(stream).map_err(|source| Error::Io {
        path: path.to_owned(),
        source,
    })?;
    Ok(JsonStream::new(text))
}

/// The error of a file, from that of its stream.
fn refused(path: &Path, expected: &'static str, fault: Fault) -> Error {
    let path = path.to_owned();
    let Fault {
        cause,
        line,
        column,
    } = fault;
    match cause {
        Cause::End => Error::Truncated { path, line, column },
        Cause::TooDeep { at } => Error::JsonTooDeep {
            path,
            most: DEEPEST,
            at,
        },
        Cause::Io(source) => Error::Io { path, source },
        Cause::Syntax {
            expected: inner,
            found,
        } => Error::Json {
            path,
            expected,
            found: match inner {
                "" => found,
                inner => format!("{found} in the place of {inner}"),
            },
            line,
            column,
        },
    }
}

/// Names a file of another kind by its first bytes.
fn check_beginning<R: Read>(json: &mut JsonStream<R>) -> Parsed<()> {
    let kind = json.kind();
    if matches!(kind, Ok(Kind::Object | Kind::List)) {
        return Ok(());
    }
    match by_beginning(json.ahead(BEGINNING)?) {
        Some(found) => Err(json.syntax("", found.to_owned())),
        None => kind.map(drop),
    }
}

fn sections<R: Read>(json: &mut JsonStream<R>) -> Parsed<Sections> {
    check_beginning(json)?;
    if json.kind()? != Kind::Object {
        let found = match json.kind()? {
            Kind::List => Keys::of_list(json)?
                .of_list_in_place_of_annotations()
                .to_owned(),
            _ => described(json)?,
        };
        return Err(json.syntax("", found));
    }
    let (mut sections, mut keys) = (Sections::default(), Keys::default());
    json.object(|json, key| match key {
        "images" => once(json, "images", &mut sections.images, image),
        "categories" => once(json, "categories", &mut sections.categories, category),
        "annotations" => once(json, "annotations", &mut sections.annotations, annotation),
        other => keys.pass_over(json, other),
    })?;
    keys.look_behind(json);
    let none = sections.images.is_none() && sections.categories.is_none();
    if let Some(found) = keys.in_place_of_annotations()
        && none
        && (sections.annotations.is_none() || keys.follows())
    {
        return Err(json.syntax("", found.to_owned()));
    }
    json.end()?;
    Ok(sections)
}

/// Something read, or why not.
type Parsed<T> = std::result::Result<T, Fault>;

type Member<R, T> = fn(&mut Fields<'_, R>, &str, &mut T) -> Parsed<bool>;

fn once<R: Read, T: Default>(
    json: &mut JsonStream<R>,
    name: &str,
    section: &mut Option<Vec<T>>,
    member: impl Fn(&mut JsonStream<R>) -> Parsed<T>,
) -> Parsed<()> {
    match json.kind()? {
        Kind::Null => return json.skip(),
        Kind::List if section.is_none() => {}
        Kind::List => return Err(json.syntax("each section once", format!("`{name}` again"))),
        _ => {
            let found = format!("`{name}`: {}", described(json)?);
            return Err(json.syntax("a list of records", found));
        }
    }
    *section = Some(records(json, member)?);
    Ok(())
}

/// A list of records, in no more memory than it needs.
fn records<R: Read, T>(
    json: &mut JsonStream<R>,
    member: impl Fn(&mut JsonStream<R>) -> Parsed<T>,
) -> Parsed<Vec<T>> {
    let mut records = Vec::new();
    json.list(|json| {
        records.push(member(json)?);
        Ok(())
    })?;
    records.shrink_to_fit();
    Ok(records)
}

/// One record, its unknown fields passed over.
fn record<R: Read, T>(
    json: &mut JsonStream<R>,
    record: &mut T,
    odd: &mut Vec<Odd>,
    member: Member<R, T>,
) -> Parsed<()> {
    if json.kind()? != Kind::Object {
        let found = described(json)?;
        return Err(json.syntax("a record: an object", found));
    }
    json.object(|stream, key| {
        let mut fields = Fields { stream, odd };
        match member(&mut fields, key, record)? {
            true => Ok(()),
            false => fields.stream.skip(),
        }
    })?;
    odd.shrink_to_fit();
    Ok(())
}

fn image<R: Read>(json: &mut JsonStream<R>) -> Parsed<RawImage> {
    let (mut read, mut odd, mut url) = (RawImage::default(), Vec::new(), None);
    // LVIS names the photographs by their address alone.
    let mut image = (&mut read, &mut url);
    record(json, &mut image, &mut odd, |fields, key, (image, url)| {
        match key {
            "id" => image.id = fields.id("id")?,
            "file_name" => image.file_name = fields.name("file_name")?.map(String::into),
            "width" => image.width = fields.pixels("width")?,
            "height" => image.height = fields.pixels("height")?,
            "neg_category_ids" | "not_exhaustive_category_ids" => {
                image.federated |= fields.stream.kind()? == Kind::List;
                return Ok(false);
            }
            "coco_url" => {
                let mut ignored = Vec::new();
                let mut fields = Fields {
                    stream: fields.stream,
                    odd: &mut ignored,
                };
                **url = fields.name("coco_url")?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    if let (None, Some(url)) = (&read.file_name, url)
        && let Some((_, name)) = url.rsplit_once('/')
    {
        read.file_name = Some(name.into());
    }
    read.odd = odd;
    Ok(read)
}

fn category<R: Read>(json: &mut JsonStream<R>) -> Parsed<RawCategory> {
    let (mut read, mut odd) = (RawCategory::default(), Vec::new());
    record(json, &mut read, &mut odd, |fields, key, category| {
        match key {
            "id" => category.id = fields.id("id")?,
            "name" => category.name = fields.name("name")?,
            "supercategory" => category.supercategory = fields.name("supercategory")?,
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    read.odd = odd;
    Ok(read)
}

fn annotation<R: Read>(json: &mut JsonStream<R>) -> Parsed<RawAnnotation> {
    let (mut read, mut odd) = (RawAnnotation::default(), Vec::new());
    let mut names = OtherNames::default();
    let mut annotation = (&mut read, &mut names);
    record(
        json,
        &mut annotation,
        &mut odd,
        |fields, key, (one, names)| {
            match key {
                "id" => one.id = fields.id("id")?,
                "image_id" => one.image = fields.id("image_id")?,
                "category_id" => one.category = fields.id("category_id")?,
                "score" => one.score = fields.number("score", "a score")?,
                "area" => one.area = fields.number("area", "a number of pixels")?,
                "bbox" => one.bbox = fields.bbox()?,
                "iscrowd" => one.crowd = fields.flag("iscrowd")?.unwrap_or(false),
                "segmentation" => one.shape = fields.shape()?,
                other => {
                    if fields.stream.kind()? != Kind::Null {
                        names.add(other);
                    }
                    return Ok(false);
                }
            }
            Ok(true)
        },
    )?;
    names.report(
        [
            ("image_id", read.image.is_some()),
            ("category_id", read.category.is_some()),
            ("score", read.score.is_some()),
            ("bbox", read.bbox.is_some() || read.shape.is_some()),
        ],
        &mut odd,
    );
    read.odd = odd;
    Ok(read)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Sections> {
        annotation_file(Path::new("a.json"), text.as_bytes())
    }

    fn message(text: &str) -> String {
        read(text).map(|_| ()).unwrap_err().to_string()
    }

    #[test]
    fn fields_that_are_not_needed_may_be_anything() {
        let anything = [
            "0",
            "null",
            "NaN",
            "\"\"",
            "[[[]]]",
            "{\"a\": [true]}",
            "1e999",
        ];
        for odd in anything {
            let text = format!(
                r#"{{"info": {odd}, "licenses": {odd}, "images": [{{"id": 3, "license": {odd}, "date_captured": {odd},
                "coco_url": {odd}, "flickr_url": {odd}, "file_name": "a.jpg"}}], "type": {odd}, "categories":
                [{{"id": 1, "keypoints": {odd}}}], "annotations": [{{"id": 1, "image_id": 3, "category_id": 1,
                "attributes": {odd}, "keypoints": {odd}}}]}}"#
            );
            let sections = read(&text).unwrap();
            let (images, annotations) = (sections.images.unwrap(), sections.annotations.unwrap());
            assert_eq!((images.len(), annotations.len()), (1, 1), "{odd}");
            assert_eq!(images[0].file_name.as_deref(), Some("a.jpg"));
            assert!(
                images[0].odd.is_empty() && annotations[0].odd.is_empty(),
                "{odd}"
            );
        }
    }

    #[test]
    fn an_odd_field_is_kept_with_its_record() {
        let sections = read(
            r#"{"annotations": [{"id": 1, "area": "12", "bbox": [1], "score": true, "iscrowd": 0.0},
            {"image_id": 2.0, "category_id": "cat", "id": 18446744073709551617, "area": null}]}"#,
        )
        .unwrap();
        let annotations = sections.annotations.unwrap();
        let odd: Vec<_> = annotations[0]
            .odd
            .iter()
            .map(|odd| (odd.field, &*odd.found))
            .collect();
        let expected = [
            ("area", "the text \"12\""),
            ("bbox", "1 numbers"),
            ("score", "true"),
        ];
        assert_eq!(odd, expected);
        assert_eq!(annotations[1].image, Some(Id::Number(2)));
        assert_eq!(annotations[1].category, Some(Id::Text("cat".into())));
        assert_eq!(
            annotations[1].id,
            Some(Id::Text("18446744073709551617".into()))
        );
        assert!(sections.images.is_none() && annotations[1].odd.is_empty());
    }

    #[test]
    fn lvis_names_photographs_by_their_address() {
        let text = r#"{"images": [{"id": 1, "coco_url": "http://a.org/val2017/7.jpg"}, {"id": 2, "coco_url": "x/1.jpg",
            "file_name": "2.jpg"}, {"id": 3}]}"#;
        let images = read(text).unwrap().images.unwrap();
        let names: Vec<_> = images
            .iter()
            .map(|image| image.file_name.as_deref())
            .collect();
        assert_eq!(names, [Some("7.jpg"), Some("2.jpg"), None]);
    }

    #[test]
    fn other_files_get_a_sentence() {
        let start = "a.json: expected annotations: an object with images, annotations and categories, found ";
        for (text, found) in [
            ("[]", "a list, as results are at line 1 column 3"),
            ("7", "7 at line 1 column 2"),
            (
                "PK\u{3}\u{4}",
                "a ZIP archive: unpack it first at line 1 column 1",
            ),
            (
                "<!DOCTYPE html>",
                "a page in HTML: fetch the file itself at line 1 column 1",
            ),
            (
                "hello",
                "`hello` in the place of a value at line 1 column 1",
            ),
            (
                "{\"images\": {}}",
                "`images`: an object in the place of a list of records at line 1 column 14",
            ),
            (
                "{\"images\": [7]}",
                "7 in the place of a record: an object at line 1 column 14",
            ),
            (
                "{\"images\": [],\n \"images\": []}",
                "`images` again in the place of each section once at line 2 column 12",
            ),
        ] {
            assert_eq!(message(text), format!("{start}{found}"), "{text}");
        }
        assert!(matches!(read("").map(|_| ()), Err(Error::Truncated { .. })));
        let deep = format!(r#"{{"info": {}"#, "[".repeat(100_000));
        assert!(matches!(
            read(&deep).map(|_| ()),
            Err(Error::JsonTooDeep { .. })
        ));
        let list = |text: &str| detection_file(Path::new("r.json"), text.as_bytes()).map(|_| ());
        assert!(list("[{}]").is_ok());
        let error = list("{}").unwrap_err();
        assert!(
            matches!(&error, Error::ResultsNotAList { found, .. } if found == "an object"),
            "{error}"
        );
    }
}
