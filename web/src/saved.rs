//! What is saved: an object that was picked, or all segments, at the photograph's full size.

use std::io::Cursor;

use image::ImageFormat;
use pictures::{CocoMasks, SegmentExport, Transparency, at_full_size};
use segmentation::LabelMap;

use crate::error::{Error, Result};

/// Forms of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Numbers of segments as grey levels of 16 bits.
    LabelsPng,
    /// Outlines as a drawing.
    Svg,
    /// MS-COCO's file of instances, masks as run lengths.
    Coco,
}

impl Form {
    /// By its name on the page.
    ///
    /// # Errors
    /// [`Error::Argument`].
    pub fn named(name: &str) -> Result<Self> {
        match name {
            "labels" => Ok(Self::LabelsPng),
            "svg" => Ok(Self::Svg),
            "coco" => Ok(Self::Coco),
            other => Err(Error::Argument {
                name: "form",
                expected: "labels, svg or coco".to_owned(),
                found: other.to_owned(),
            }),
        }
    }
}

/// An object of chosen pieces at the size of a photograph: 0 within, 1 elsewhere and where nothing shows.
///
/// # Errors
/// Those of [`at_full_size`].
pub fn object(
    pieces: &LabelMap,
    chosen: &[u32],
    size: (u32, u32),
    transparency: Option<&Transparency>,
) -> Result<LabelMap> {
    let most = pieces.ids().iter().copied().max().unwrap_or(0);
    let mut outside = vec![1; most as usize + 1];
    for piece in chosen {
        if let Some(id) = outside.get_mut(*piece as usize) {
            *id = 0;
        }
    }
    let ids = pieces.ids().iter().map(|piece| outside[*piece as usize]);
    let object = LabelMap::new(pieces.width(), pieces.height(), ids.collect())?;
    left_out(at_full_size(&object, size)?, 1, transparency)
}

/// The segments at the size of a photograph; `segments` where nothing shows.
///
/// # Errors
/// Those of [`at_full_size`].
pub fn segments(
    labels: &LabelMap,
    segments: usize,
    size: (u32, u32),
    transparency: Option<&Transparency>,
) -> Result<LabelMap> {
    left_out(at_full_size(labels, size)?, segments as u32, transparency)
}

fn left_out(labels: LabelMap, id: u32, transparency: Option<&Transparency>) -> Result<LabelMap> {
    let Some(transparency) = transparency else {
        return Ok(labels);
    };
    let width = labels.width();
    let mut ids = labels.ids().to_vec();
    for (place, own) in ids.iter_mut().enumerate() {
        if transparency.at((place % width) as u32, (place / width) as u32) {
            *own = id;
        }
    }
    Ok(LabelMap::new(width, labels.height(), ids)?)
}

/// The bytes of a file of segments 0, …, `segments` − 1; pixels of other ids are left out. Where there are such pixels,
/// their label is 0, and segments count from 1.
///
/// # Errors
/// More segments than 16 bits hold.
pub fn file(name: &str, labels: &LabelMap, segments: usize, form: Form) -> Result<Vec<u8>> {
    let some_left_out = labels.ids().iter().any(|id| *id as usize >= segments);
    let export = SegmentExport::new(name, labels, segments, some_left_out);
    match form {
        Form::LabelsPng => {
            let mut png = Cursor::new(Vec::new());
            let image = export.numbers_image()?;
            image
                .write_to(&mut png, ImageFormat::Png)
                .map_err(|source| Error::NotWritten {
                    reason: source.to_string(),
                })?;
            Ok(png.into_inner())
        }
        Form::Svg => Ok(export.svg().into_bytes()),
        Form::Coco => {
            let file = export.coco(CocoMasks::RunLengths);
            serde_json::to_vec(&file).map_err(|source| Error::NotWritten {
                reason: source.to_string(),
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces() -> LabelMap {
        LabelMap::new(3, 2, vec![0, 1, 2, 0, 1, 2]).unwrap()
    }

    #[test]
    fn an_object_is_its_pieces() {
        let found = object(&pieces(), &[0, 2], (3, 2), None).unwrap();
        assert_eq!(found.ids(), [0, 1, 0, 0, 1, 0]);
        // A number that no piece has changes nothing.
        assert_eq!(object(&pieces(), &[9], (3, 2), None).unwrap().ids(), [1; 6]);
    }

    #[test]
    fn files_of_an_object_know_nothing_else() {
        let one = object(&pieces(), &[1], (3, 2), None).unwrap();
        let svg = String::from_utf8(file("a.jpg", &one, 1, Form::Svg).unwrap()).unwrap();
        assert_eq!(svg.matches("<path").count(), 1);
        assert!(svg.contains("M1 0H2V2H1Z"), "{svg}");
        let coco = file("a.jpg", &one, 1, Form::Coco).unwrap();
        let coco: serde_json::Value = serde_json::from_slice(&coco).unwrap();
        assert_eq!(coco["annotations"].as_array().map(Vec::len), Some(1));
        assert_eq!(coco["annotations"][0]["area"], 2);
        assert_eq!(coco["images"][0]["file_name"], "a.jpg");
    }

    #[test]
    fn labels_are_numbers_of_16_bits() {
        let png = file("a.jpg", &pieces(), 3, Form::LabelsPng).unwrap();
        let image = image::load_from_memory(&png).unwrap().into_luma16();
        assert_eq!(image.into_raw(), [0, 1, 2, 0, 1, 2]);
        assert!(Form::named("bmp").is_err());
    }
}
