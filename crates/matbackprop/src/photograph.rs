//! A photograph from its file, upright, and the size it is segmented at.

use std::path::Path;

use anyhow::{Context, Result, bail};
use image::imageops::{FilterType, resize};
use image::{DynamicImage, ImageDecoder as _, ImageReader, RgbImage};
use ncuts::LabelMap;

/// Reads a JPEG or PNG and turns it upright, as its Exif tag says.
pub fn read_upright(path: &Path) -> Result<RgbImage> {
    let opened = ImageReader::open(path).and_then(ImageReader::with_guessed_format);
    let reader = opened.with_context(|| path.display().to_string())?;
    if reader.format().is_none() {
        bail!(
            "{}: expected a JPEG or PNG picture, found another file",
            path.display()
        );
    }
    let refused = || format!("{}: expected a JPEG or PNG picture", path.display());
    let mut decoder = reader.into_decoder().with_context(refused)?;
    // A tag that cannot be read is no tag.
    let orientation = decoder.orientation().ok();
    let mut image = DynamicImage::from_decoder(decoder).with_context(refused)?;
    if let Some(orientation) = orientation {
        image.apply_orientation(orientation);
    }
    Ok(image.into_rgb8())
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
    fn a_turned_photograph_is_read_upright() {
        // Exif: a little-endian TIFF with one entry, orientation (0x0112) = 6, a quarter turn.
        let exif = [
            b"Exif\0\0II*\0\x08\0\0\0\x01\0".as_slice(),
            b"\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0",
        ]
        .concat();
        let image = RgbImage::from_fn(16, 8, |x, _| image::Rgb([if x < 8 { 255 } else { 0 }; 3]));
        let mut jpeg = std::io::Cursor::new(Vec::new());
        image.write_to(&mut jpeg, image::ImageFormat::Jpeg).unwrap();
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
