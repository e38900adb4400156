//! The one reader of pictures: by their content, upright, within the memory that their file can fill.

use std::borrow::Cow;
use std::io::Cursor;
use std::path::Path;

use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, RgbImage};

use crate::decode_limits::check_decoded_size;
use crate::error::{Error, Result};

/// Pixels that a picture may have: 300 MB of them.
const MOST_PIXELS: u64 = 100_000_000;

/// A JPEG, PNG or WebP whose header has been read, and no pixel yet.
///
/// # Conventions
/// The first bytes of a file decide on its format, not its name. Sizes and pixels are upright, as the Exif tag says; a
/// tag that cannot be read is no tag.
///
/// # Example
/// ```no_run
/// # fn main() -> pictures::Result<()> {
/// let file = pictures::PictureFile::open("beach.jpg".as_ref())?;
/// let (width, height) = file.size();
/// let pixels = file.decode()?;
/// assert_eq!((pixels.width(), pixels.height()), (width, height));
/// # Ok(())
/// # }
/// ```
pub struct PictureFile<'a> {
    origin: String,
    decoder: Box<dyn ImageDecoder + 'a>,
    orientation: Orientation,
}

impl<'a> PictureFile<'a> {
    /// The picture in a file.
    ///
    /// # Errors
    /// [`Error::File`]; those of [`from_bytes`](Self::from_bytes).
    pub fn open(path: &Path) -> Result<Self> {
        let origin = path.display().to_string();
        match std::fs::read(path) {
            Ok(bytes) => Self::from_bytes(&origin, bytes),
            Err(source) => Err(Error::File { origin, source }),
        }
    }

    /// The picture in a file's bytes; `origin` names it in errors.
    ///
    /// # Errors
    /// [`Error::NotAPicture`] for other files and broken ones, [`Error::TooManyPixels`] and [`Error::Claim`] by the header
    /// alone.
    pub fn from_bytes(origin: &str, bytes: impl Into<Cow<'a, [u8]>>) -> Result<Self> {
        let bytes = bytes.into();
        let file = bytes.len() as u64;
        let not_a_picture = |found: String| Error::NotAPicture {
            origin: origin.to_owned(),
            found,
        };
        let refused = |error: ImageError| not_a_picture(error.to_string());
        let Ok(format) = image::guess_format(&bytes) else {
            let found = if file == 0 {
                "an empty file"
            } else {
                "another file"
            };
            return Err(not_a_picture(found.to_owned()));
        };
        if format == ImageFormat::Jpeg && breaks_off(&bytes) {
            return Err(not_a_picture("a JPEG that breaks off".to_owned()));
        }
        let reader = ImageReader::with_format(Cursor::new(bytes), format);
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
        check_decoded_size(origin, (width, height), decoder.total_bytes(), file)?;
        let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
        Ok(Self {
            origin: origin.to_owned(),
            decoder: Box::new(decoder),
            orientation,
        })
    }

    /// Width and height, upright.
    pub fn size(&self) -> (u32, u32) {
        let (width, height) = self.decoder.dimensions();
        match swaps_sides(self.orientation) {
            true => (height, width),
            false => (width, height),
        }
    }

    /// Width and height as the pixels lie in the file, before the turn that an Exif tag asks for.
    pub fn stored_size(&self) -> (u32, u32) {
        self.decoder.dimensions()
    }

    /// The same picture as its pixels lie in the file: for annotations that were made without a look at the Exif tag.
    pub fn as_stored(mut self) -> Self {
        self.orientation = Orientation::NoTransforms;
        self
    }

    pub(crate) fn orientation(&self) -> Orientation {
        self.orientation
    }

    /// The pixels, upright, in the file's own colours and depth.
    ///
    /// # Errors
    /// [`Error::NotAPicture`] where the file is broken.
    ///
    /// # Cost
    /// The pixels, and as much again while they are turned.
    pub fn decode(self) -> Result<DynamicImage> {
        let image = DynamicImage::from_decoder(self.decoder);
        let mut image = image.map_err(|error| Error::NotAPicture {
            origin: self.origin,
            found: error.to_string(),
        })?;
        image.apply_orientation(self.orientation);
        Ok(image)
    }
}

/// Whether a turn exchanges width and height.
pub(crate) fn swaps_sides(orientation: Orientation) -> bool {
    matches!(
        orientation,
        Orientation::Rotate90
            | Orientation::Rotate270
            | Orientation::Rotate90FlipH
            | Orientation::Rotate270FlipH
    )
}

/// A photograph from its file, upright, three bytes a pixel.
///
/// # Errors
/// Those of [`PictureFile::open`] and [`PictureFile::decode`].
pub fn read_upright(path: &Path) -> Result<RgbImage> {
    Ok(PictureFile::open(path)?.decode()?.into_rgb8())
}

/// As [`read_upright`], out of a file's bytes; `origin` names it in errors.
///
/// # Errors
/// Those of [`PictureFile::from_bytes`] and [`PictureFile::decode`].
pub fn decode_upright(origin: &str, bytes: &[u8]) -> Result<RgbImage> {
    let file = PictureFile::from_bytes(origin, bytes)?;
    Ok(file.decode()?.into_rgb8())
}

/// Whether a JPEG has no end: decoders paint the missing part grey and report no error.
///
/// Segments are passed over by their lengths, with any previews in them, up to the first scan; from there on no
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

#[cfg(test)]
mod tests {
    use test_support::refused;

    use super::*;

    #[test]
    fn other_files_and_broken_pictures_are_refused() {
        let error = |bytes: &[u8]| decode_upright("holiday", bytes).unwrap_err().to_string();
        assert_eq!(
            error(b""),
            "holiday: expected a JPEG, PNG or WebP picture, found an empty file"
        );
        assert_eq!(
            error(b"plain words, no picture"),
            "holiday: expected a JPEG, PNG or WebP picture, found another file"
        );
        let mut png = Cursor::new(Vec::new());
        let image = RgbImage::from_fn(9, 7, |x, y| image::Rgb([x as u8, y as u8, 3]));
        image.write_to(&mut png, ImageFormat::Png).unwrap();
        let png = png.into_inner();
        assert_eq!(decode_upright("holiday", &png).unwrap(), image);
        assert!(error(&png[..png.len() / 2]).starts_with("holiday: expected a JPEG"));
        let mut jpeg = Cursor::new(Vec::new());
        image.write_to(&mut jpeg, ImageFormat::Jpeg).unwrap();
        let jpeg = jpeg.into_inner();
        assert_eq!(
            decode_upright("holiday", &jpeg).unwrap().dimensions(),
            (9, 7)
        );
        for end in [jpeg.len() - 2, jpeg.len() - 20, 30] {
            let found = error(&jpeg[..end]);
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
        refused! { decode_upright("bomb", &png) => Error::TooManyPixels { width: 60_000, .. } }
        // 9,000 × 9,000 are not too many, but more than fit into a few bytes.
        png[16..20].copy_from_slice(&9_000_u32.to_be_bytes());
        png[20..24].copy_from_slice(&9_000_u32.to_be_bytes());
        let crc = crc32(&png[12..29]).to_be_bytes();
        png[29..33].copy_from_slice(&crc);
        refused! { decode_upright("bomb", &png) => Error::Claim { width: 9_000, .. } }
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
        assert_eq!(PictureFile::open(&path).unwrap().size(), (8, 16));
    }
}
