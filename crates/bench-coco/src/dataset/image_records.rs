//! The photographs that annotations list: their sizes, and why no region of one can be read.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::path::{Path, PathBuf};

use pictures::PictureHeader;

use super::listed::Unique;
use super::records::RawImage;
use super::values::Odd;
use crate::error::{Record, Size};
use crate::findings::{FindingKind, Findings};
use crate::id::Id;
use crate::photograph_files::{PhotographFolder, plain_name};

/// The largest image that is believed: 2²⁸ pixels, 16384 × 16384.
pub const MAX_PIXELS: u64 = 1 << 28;

/// Letters of a name that a message shows.
const LONGEST_NAME: usize = 80;

/// A photograph, not yet read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageRecord {
    /// COCO's id.
    pub id: Id,
    /// Its file, below the folder of images, as the annotations name it.
    pub file_name: Box<str>,
    /// Width and height in pixels.
    pub size: Size,
}

/// A field, the form it should have, and what was found.
pub(super) type Fault = (&'static str, String, String);
/// A value, or the fault that keeps its record out.
pub(super) type Checked<T> = Result<T, Fault>;

/// The images, and why no region of one can be read.
pub(super) fn checked_images(
    images: Unique<RawImage>,
    photographs: Option<&Path>,
    findings: &mut Findings<'_>,
) -> (Vec<ImageRecord>, Vec<Option<Fault>>) {
    let ambiguous = images.repeated_otherwise(|a, b| {
        (&a.file_name, a.width, a.height) == (&b.file_name, b.width, b.height)
    });
    report_shared(
        images
            .records
            .iter()
            .map(|(id, raw)| (id, raw.file_name.as_deref())),
        findings,
    );
    let photographs = photographs.map(|folder| PhotographFolder::new(folder.to_owned()));
    let checked = images.records.into_iter().zip(ambiguous);
    let checked = checked.map(|((id, raw), ambiguous)| {
        let (size, fault) = match size_of(&id, &raw, photographs.as_ref(), findings) {
            Ok(size) => (size, None),
            Err(fault) => (
                Size {
                    width: 0,
                    height: 0,
                },
                Some(fault),
            ),
        };
        let file_name = raw.file_name.unwrap_or_default();
        let fault = fault.or_else(|| {
            let nameless = file_name.trim().is_empty();
            nameless.then(|| odd_field(&raw.odd, "file_name", "a file below the folder of images"))
        });
        let fault = fault.or_else(|| {
            let expected = "one photograph under this id".to_owned();
            ambiguous.then(|| {
                (
                    "id",
                    expected,
                    "several, of other names or sizes".to_owned(),
                )
            })
        });
        let record = ImageRecord {
            id,
            file_name,
            size,
        };
        (record, fault)
    });
    checked.unzip()
}

/// Counts images whose photograph another id has too.
pub(crate) fn report_shared<'a>(
    images: impl Iterator<Item = (&'a Id, Option<&'a str>)>,
    findings: &mut Findings<'_>,
) {
    let mut first: HashMap<PathBuf, &Id> = HashMap::new();
    for (id, name) in images {
        let Some(name) = name.filter(|name| !name.trim().is_empty()) else {
            continue;
        };
        match first.entry(plain_name(name)) {
            Entry::Vacant(place) => drop(place.insert(id)),
            Entry::Occupied(before) => findings.add(FindingKind::SharedPhotographs, || {
                let name: String = name.chars().take(LONGEST_NAME).collect();
                format!(
                    "images {} and {}: {name}",
                    before.get().quoted(),
                    id.quoted()
                )
            }),
        }
    }
}

/// The size that is listed; where there is none, that of the photograph.
fn size_of(
    id: &Id,
    raw: &RawImage,
    photographs: Option<&PhotographFolder>,
    findings: &mut Findings<'_>,
) -> Checked<Size> {
    let listed = listed_size(raw);
    if listed.is_ok() || raw.width.is_some() || raw.height.is_some() {
        return listed;
    }
    let name = raw.file_name.as_deref().unwrap_or_default();
    let folder = photographs.filter(|_| !name.trim().is_empty());
    let file = folder.and_then(|folder| folder.located(name).ok());
    let Some(Ok(header)) = file.map(|file| PictureHeader::read(&file.path)) else {
        return listed;
    };
    let (width, height) = header.size();
    findings.add(FindingKind::WithoutSize, || {
        format!("{}: {width} × {height}", Record::Image(id.clone()))
    });
    checked_size(width.into(), height.into())
}

/// The fault of a field that is odd, or missing.
pub(super) fn odd_field(odd: &[Odd], field: &'static str, expected: &str) -> Fault {
    match odd.iter().find(|odd| odd.field == field) {
        Some(odd) => (field, odd.expected.to_owned(), odd.found.to_string()),
        None => (field, expected.to_owned(), "none".to_owned()),
    }
}

fn listed_size(raw: &RawImage) -> Checked<Size> {
    let side = |field, side: Option<u64>| {
        side.ok_or_else(|| odd_field(&raw.odd, field, "a whole number of pixels"))
    };
    let (width, height) = (side("width", raw.width)?, side("height", raw.height)?);
    checked_size(width, height)
}

fn checked_size(width: u64, height: u64) -> Checked<Size> {
    let pixels = width.checked_mul(height);
    match (u32::try_from(width), u32::try_from(height)) {
        (Ok(width), Ok(height)) if pixels.is_some_and(|n| n > 0 && n <= MAX_PIXELS) => {
            Ok(Size { width, height })
        }
        _ => {
            let expected = format!("1 to {MAX_PIXELS} pixels");
            Err(("width × height", expected, format!("{width} × {height}")))
        }
    }
}
