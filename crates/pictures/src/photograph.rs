//! A photograph from its file, upright, and the size it is segmented at.

use std::io::Cursor;
use std::path::Path;

use image::imageops::{FilterType, resize};
use image::{DynamicImage, ImageDecoder as _, ImageError, ImageFormat, ImageReader, RgbImage};
use segmentation::LabelMap;

use crate::claim::check_claim;
use crate::error::{Error, Result};

/// Pixels that a picture may have: 300 MB of them.
const MOST_PIXELS: u64 = 100_000_000;

/// Reads a JPEG, PNG or WebP and turns it upright, as its Exif tag says.
///
/// # Errors
/// [`Error::File`]; those of [`decode_upright`].
pub fn read_upright(path: &Path) -> Result<RgbImage> {
    let origin = path.display().to_string();
    match std::fs::read(path) {
        Ok(bytes) => decode_upright(&origin, &bytes),
        Err(source) => Err(Error::File { origin, source }),
    }
}

/// As [`read_upright`], out of a file's bytes; `origin` names it in errors.
///
/// # Errors
/// [`Error::NotAPicture`] for other files and broken ones, [`Error::TooManyPixels`] and [`Error::Claim`] by the header alone.
///
/// # Cost
/// Three bytes a pixel, and as much again while it is turned.
pub fn decode_upright(origin: &str, bytes: &[u8]) -> Result<RgbImage> {
    let not_a_picture = |found: String| Error::NotAPicture {
        origin: origin.to_owned(),
        found,
    };
    let refused = |error: ImageError| not_a_picture(error.to_string());
    let reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format();
    let reader = reader.map_err(|error| not_a_picture(error.to_string()))?;
    if reader.format().is_none() {
        return Err(not_a_picture(match bytes.len() {
            0 => "an empty file".to_owned(),
            _ => "another file".to_owned(),
        }));
    }
    if reader.format() == Some(ImageFormat::Jpeg) && breaks_off(bytes) {
        return Err(not_a_picture("a JPEG that breaks off".to_owned()));
    }
    let mut decoder = reader.into_decoder().map_err(refused)?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > MOST_PIXELS {
        return Err(Error::TooManyPixels {
            origin: origin.to_owned(),
            width,
            height,
            most: MOST_PIXELS,
        });
    }
    check_claim(
        origin,
        (width, height),
        decoder.total_bytes(),
        bytes.len() as u64,
    )?;
    // A tag that cannot be read is no tag.
    let orientation = decoder.orientation().ok();
    let mut image = DynamicImage::from_decoder(decoder).map_err(refused)?;
    if let Some(orientation) = orientation {
        image.apply_orientation(orientation);
    }
    Ok(image.into_rgb8())
}

/// Whether a JPEG has no end: decoders paint what is missing grey and say nothing.
///
/// Segments are passed over by their lengths, with whatever previews lie in them, up to the first scan; from there on no
/// number may look like the end marker but the end marker.
fn breaks_off(bytes: &[u8]) -> bool {
    const SCAN: u8 = 0xDA;
    const END: [u8; 2] = [0xFF, 0xD9];
    let mut at = 2;
    while let Some([0xFF, kind, high, low]) = bytes.get(at..at + 4) {
        if *kind == SCAN {
            return !bytes[at..].windows(2).any(|pair| pair == END);
        }
        // A marker may be led by filling bytes.
        at += match kind {
            0xFF => 1,
            _ => 2 + usize::from(u16::from_be_bytes([*high, *low])),
        };
    }
    true
}

/// The photograph at its working size, where that is another: the longer side at most `longest`, 0 for any.
pub fn at_working_size(image: &RgbImage, longest: u32) -> Option<RgbImage> {
    let (width, height) = image.dimensions();
    let longer = width.max(height);
    if longest == 0 || longer <= longest {
        return None;
    }
    let scaled = |side: u32| {
        let exact = f64::from(side) * f64::from(longest) / f64::from(longer);
        (exact.round() as u32).max(1)
    };
    Some(resize(
        image,
        scaled(width),
        scaled(height),
        FilterType::Triangle,
    ))
}

/// The label map at the photograph's size: every pixel takes the nearest label.
///
/// # Errors
/// [`Error::Labels`] for a size of no pixels.
pub fn at_full_size(labels: &LabelMap, (width, height): (u32, u32)) -> Result<LabelMap> {
    let (width, height) = (width as usize, height as usize);
    if (labels.width(), labels.height()) == (width, height) {
        return Ok(labels.clone());
    }
    // The centre of a pixel, in pixels of the label map.
    let place = |i: usize, full: usize, small: usize| (2 * i + 1) * small / (2 * full);
    let columns: Vec<usize> = (0..width)
        .map(|x| place(x, width, labels.width()))
        .collect();
    let mut ids = Vec::with_capacity(width * height);
    for y in 0..height {
        let begin = place(y, height, labels.height()) * labels.width();
        let row = &labels.ids()[begin..begin + labels.width()];
        ids.extend(columns.iter().map(|x| row[*x]));
    }
    Ok(LabelMap::new(width, height, ids)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longer_side_is_bounded() {
        let working = |width, height, longest| {
            let image = RgbImage::new(width, height);
            at_working_size(&image, longest).map(|image| image.dimensions())
        };
        assert_eq!(working(100, 40, 50), Some((50, 20)));
        assert_eq!(working(40, 100, 50), Some((20, 50)));
        assert_eq!(working(3000, 1, 50), Some((50, 1)));
        assert_eq!((working(50, 50, 50), working(100, 40, 0)), (None, None));
    }

    #[test]
    fn labels_come_back_at_full_size() {
        let labels = LabelMap::new(2, 1, vec![4, 9]).unwrap();
        let full = at_full_size(&labels, (5, 2)).unwrap();
        assert_eq!(full.ids(), [4, 4, 9, 9, 9, 4, 4, 9, 9, 9]);
        assert_eq!(at_full_size(&labels, (2, 1)).unwrap(), labels);
    }

    #[test]
    fn what_is_no_picture_is_told() {
        let told = |bytes: &[u8]| decode_upright("holiday", bytes).unwrap_err().to_string();
        assert_eq!(
            told(b""),
            "holiday: expected a JPEG, PNG or WebP picture, found an empty file"
        );
        assert_eq!(
            told(b"plain words, no picture"),
            "holiday: expected a JPEG, PNG or WebP picture, found another file"
        );
        let mut png = Cursor::new(Vec::new());
        let image = RgbImage::from_fn(9, 7, |x, y| image::Rgb([x as u8, y as u8, 3]));
        image.write_to(&mut png, ImageFormat::Png).unwrap();
        let png = png.into_inner();
        assert_eq!(decode_upright("holiday", &png).unwrap(), image);
        assert!(told(&png[..png.len() / 2]).starts_with("holiday: expected a JPEG"));
        let mut jpeg = Cursor::new(Vec::new());
        image.write_to(&mut jpeg, ImageFormat::Jpeg).unwrap();
        let jpeg = jpeg.into_inner();
        assert_eq!(
            decode_upright("holiday", &jpeg).unwrap().dimensions(),
            (9, 7)
        );
        for end in [jpeg.len() - 2, jpeg.len() - 20, 30] {
            let found = told(&jpeg[..end]);
            assert!(found.ends_with("found a JPEG that breaks off"), "{found}");
        }
        assert!(matches!(
            read_upright(Path::new("no such file")),
            Err(Error::File { .. })
        ));
    }

    #[test]
    fn a_picture_that_claims_too_much_is_refused_by_its_header() {
        // A PNG's header alone, of 60,000 × 60,000 pixels.
        let mut png = Cursor::new(Vec::new());
        RgbImage::new(1, 1)
            .write_to(&mut png, ImageFormat::Png)
            .unwrap();
        let mut png = png.into_inner();
        png[16..20].copy_from_slice(&60_000_u32.to_be_bytes());
        png[20..24].copy_from_slice(&60_000_u32.to_be_bytes());
        let crc = crc32(&png[12..29]).to_be_bytes();
        png[29..33].copy_from_slice(&crc);
        assert!(matches!(
            decode_upright("bomb", &png),
            Err(Error::TooManyPixels { width: 60_000, .. })
        ));
        // 9,000 × 9,000 are not too many, but more than fit into a few bytes.
        png[16..20].copy_from_slice(&9_000_u32.to_be_bytes());
        png[20..24].copy_from_slice(&9_000_u32.to_be_bytes());
        let crc = crc32(&png[12..29]).to_be_bytes();
        png[29..33].copy_from_slice(&crc);
        assert!(matches!(
            decode_upright("bomb", &png),
            Err(Error::Claim { width: 9_000, .. })
        ));
    }

    /// The checksum of a PNG's chunk.
    fn crc32(bytes: &[u8]) -> u32 {
        !bytes.iter().fold(u32::MAX, |crc, byte| {
            (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
                (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg())
            })
        })
    }

    #[test]
    fn a_turned_photograph_is_read_upright() {
        // Exif: a little-endian TIFF with one entry, orientation (0x0112) = 6, a quarter turn.
        let exif = [
            b"Exif\0\0II*\0\x08\0\0\0\x01\0".as_slice(),
            b"\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0",
        ]
        .concat();
        let image = RgbImage::from_fn(16, 8, |x, _| image::Rgb([if x < 8 { 255 } else { 0 }; 3]));
        let mut jpeg = Cursor::new(Vec::new());
        image.write_to(&mut jpeg, ImageFormat::Jpeg).unwrap();
        let mut bytes = jpeg.into_inner();
        let length = (exif.len() as u16 + 2).to_be_bytes();
        let segment = [&[0xFF, 0xE1], length.as_slice(), &exif].concat();
        bytes.splice(2..2, segment);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("turned.jpg");
        std::fs::write(&path, bytes).unwrap();
        let upright = read_upright(&path).unwrap();
        assert_eq!(upright.dimensions(), (8, 16));
        // A quarter turn clockwise brings the left to the top.
        assert!(upright.get_pixel(4, 1).0[0] > 200 && upright.get_pixel(4, 14).0[0] < 50);
    }
}
