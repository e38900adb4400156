//! The one reader of pictures: by their content, upright, within a budget of memory.

use std::borrow::Cow;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use image::metadata::Orientation;
use image::{ColorType, DynamicImage, GrayImage, ImageFormat, RgbImage};

use crate::colour_profile::{Ink, Profile};
use crate::decoders::{Header, decode, decode_inks, guarded, partial, read_header};
use crate::error::{Error, Result};
use crate::file_kind::{file_kind, name};
use crate::gif_frame::with_whole_screen;
use crate::jpeg::{coverage, with_tables};
use crate::memory_budget::MemoryBudget;
use crate::notes::Note;
use crate::orientation::Turn;
use crate::photograph::{Photograph, reduce, upright, upright_mask};
use crate::png_chunks::ends_without_end;
use crate::to_srgb::{Meaning, Shown, show, show_inks};

/// How a picture is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReadOptions {
    /// What its pixels may take.
    pub memory: MemoryBudget,
    /// Reads what is there of a damaged picture, with a [`Note`].
    pub lenient: bool,
    /// Bytes that what follows takes for each pixel. A photograph for which they are too many is halved until they fit.
    /// None: it is never made smaller.
    pub bytes_to_come: Option<u64>,
}

/// A picture whose header has been read, and no pixel yet.
///
/// # Conventions
/// The first bytes of a file decide on its format, not its name. Sizes and pixels are upright, as the Exif tag says, or
/// XMP data where there is none; a tag that cannot be read is no tag. Of several pictures in a file the first is read.
///
/// # Cost
/// What it takes to decode is compared with the budget ([`ReadOptions::memory`]) before memory is taken:
///
/// ```text
/// file + samples + max(what the decoder keeps, 3 bytes a pixel where the samples are not bytes of RGB)
/// 6 bytes a pixel where the picture is turned by a quarter
/// ```
///
/// # Example
/// ```no_run
/// # fn main() -> pictures::Result<()> {
/// let file = pictures::PictureFile::open("beach.jpg".as_ref())?;
/// let (width, height) = file.size();
/// let photograph = file.photograph()?;
/// assert_eq!(photograph.pixels.dimensions(), (width, height));
/// # Ok(())
/// # }
/// ```
pub struct PictureFile<'a> {
    origin: String,
    bytes: Cow<'a, [u8]>,
    format: ImageFormat,
    header: Header,
    options: ReadOptions,
}

impl<'a> PictureFile<'a> {
    /// The picture in a file.
    ///
    /// # Errors
    /// [`Error::File`]; those of [`from_bytes`](Self::from_bytes).
    pub fn open(path: &Path) -> Result<Self> {
        Self::open_with(path, ReadOptions::default())
    }

    /// As [`open`](Self::open), with options.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_with(path: &Path, options: ReadOptions) -> Result<Self> {
        let origin = path.display().to_string();
        match File::open(path) {
            Ok(file) => Self::from_reader(&origin, file, options),
            Err(source) => Err(Error::File { origin, source }),
        }
    }

    /// The picture that comes out of a reader, which may go on for ever: the kind is decided by the first bytes, and no more
    /// are read than the budget allows.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn from_reader(origin: &str, mut reader: impl Read, options: ReadOptions) -> Result<Self> {
        let failed = |source| Error::File {
            origin: origin.to_owned(),
            source,
        };
        let mut bytes = Vec::new();
        let mut first = reader.by_ref().take(FIRST_BYTES);
        first.read_to_end(&mut bytes).map_err(failed)?;
        file_kind(&bytes).map_err(|found| Error::NotAPicture {
            origin: origin.to_owned(),
            found,
        })?;
        let most = options.memory.bytes().max(FIRST_BYTES);
        let mut rest = reader.take(most - bytes.len() as u64 + 1);
        rest.read_to_end(&mut bytes).map_err(failed)?;
        if bytes.len() as u64 > most {
            options.memory.check(origin, "the file alone", most + 1)?;
        }
        Self::from_bytes_with(origin, bytes, options)
    }

    /// The picture in a file's bytes; `origin` names it in errors.
    ///
    /// # Errors
    /// [`Error::NotAPicture`] for other files, [`Error::Broken`] and [`Error::Memory`] by the header alone.
    pub fn from_bytes(origin: &str, bytes: impl Into<Cow<'a, [u8]>>) -> Result<Self> {
        Self::from_bytes_with(origin, bytes, ReadOptions::default())
    }

    /// As [`from_bytes`](Self::from_bytes), with options.
    ///
    /// # Errors
    /// As [`from_bytes`](Self::from_bytes).
    pub fn from_bytes_with(
        origin: &str,
        bytes: impl Into<Cow<'a, [u8]>>,
        options: ReadOptions,
    ) -> Result<Self> {
        let bytes = bytes.into();
        let not_a_picture = |found: String| Error::NotAPicture {
            origin: origin.to_owned(),
            found,
        };
        let format = file_kind(&bytes).map_err(not_a_picture)?;
        let bytes = match format {
            ImageFormat::Jpeg => with_tables(bytes),
            ImageFormat::Gif => with_whole_screen(bytes),
            _ => bytes,
        };
        let broken = |found: String| {
            not_a_picture(format!("a {} that cannot be read ({found})", name(format)))
        };
        let header = guarded(|| read_header(&bytes, format, options.memory)).map_err(broken)?;
        if header.width == 0 || header.height == 0 {
            return Err(broken("it has no pixels".to_owned()));
        }
        let what = format!("{} × {} pixels", header.width, header.height);
        let needed = needed(&header, bytes.len() as u64, options);
        options.memory.check(origin, &what, needed)?;
        Ok(Self {
            origin: origin.to_owned(),
            bytes,
            format,
            header,
            options,
        })
    }

    /// Width and height, upright.
    pub fn size(&self) -> (u32, u32) {
        turned(self.stored_size(), self.header.turn.orientation)
    }

    /// Width and height as the pixels lie in the file, before the turn that an Exif tag asks for.
    pub fn stored_size(&self) -> (u32, u32) {
        (self.header.width, self.header.height)
    }

    /// The same picture as its pixels lie in the file: for annotations that were made without a look at the Exif tag.
    pub fn as_stored(mut self) -> Self {
        self.header.turn = Turn {
            orientation: Orientation::NoTransforms,
            by_xmp: false,
        };
        self
    }

    pub(crate) fn orientation(&self) -> Orientation {
        self.header.turn.orientation
    }

    /// The samples, upright, in the file's own colours and depth: for pictures that are data.
    ///
    /// # Errors
    /// [`Error::Broken`]; [`Error::Damaged`] unless the reader is lenient.
    ///
    /// # Cost
    /// The pixels, and as much again while they are turned.
    pub fn decode(self) -> Result<DynamicImage> {
        let mut notes = Vec::new();
        self.check_whole(&mut notes)?;
        let mut image = self.samples(&mut notes)?;
        image.apply_orientation(self.header.turn.orientation);
        Ok(image)
    }

    /// The photograph as a viewer shows it: for pictures that are looked at.
    ///
    /// ```text
    /// samples → scaled from the bits they fill → sRGB by the profile → on white → reduced if need be → upright
    /// ```
    ///
    /// # Conventions
    /// A profile that is sRGB within two levels of 255, or that cannot be used, changes nothing; the latter is noted. Inks
    /// (CMYK) without a profile are taken as Adobe's programs write them.
    ///
    /// # Errors
    /// As [`decode`](Self::decode).
    ///
    /// # Cost
    /// As the type says.
    pub fn photograph(mut self) -> Result<Photograph> {
        let mut notes = Vec::new();
        self.check_whole(&mut notes)?;
        if self.header.tags.has_more {
            notes.push(Note::FirstOfSeveral);
        }
        if self.header.turn.by_xmp {
            notes.push(Note::TurnedByXmp);
        }
        let mut meaning = self.meaning(&mut notes);
        let shown = match self.inks(&mut meaning, &mut notes)? {
            Some(pixels) => Shown {
                pixels,
                transparent: None,
            },
            None => show(self.samples(&mut notes)?, &meaning, &mut notes),
        };
        self.bytes = Cow::Borrowed(&[]);
        let file_size = self.size();
        let orientation = self.header.turn.orientation;
        let (width, height) = shown.pixels.dimensions();
        let side = reduction((width, height), self.options);
        let pixels = reduce(shown.pixels, side as usize);
        let small = pixels.dimensions();
        let pixels = upright(pixels, orientation);
        let transparency = shown.transparent.and_then(|mask| {
            let mask = upright_mask(GrayImage::from_raw(width, height, mask)?, orientation);
            Some(mask.at_size(turned(small, orientation)))
        });
        if side > 1 {
            notes.push(Note::Reduced {
                from: file_size,
                to: pixels.dimensions(),
            });
        }
        Ok(Photograph {
            // Made smaller, there may be none.
            transparency: transparency.filter(|found| found.mask().iter().any(|value| *value != 0)),
            pixels,
            file_size,
            notes,
        })
    }

    /// Refuses a JPEG of which a part is missing: decoders paint it grey and report no error.
    fn check_whole(&self, notes: &mut Vec<Note>) -> Result<()> {
        if self.format != ImageFormat::Jpeg {
            return Ok(());
        }
        let Some(found) = coverage(&self.bytes) else {
            return Ok(());
        };
        if found.missing > 0.0 {
            self.damaged(found.missing, notes)?;
        } else if found.left_over >= FEW_BYTES {
            notes.push(Note::LeftOver {
                bytes: found.left_over,
            });
        }
        Ok(())
    }

    /// Notes the damage where the reader is lenient.
    fn damaged(&self, missing: f64, notes: &mut Vec<Note>) -> Result<()> {
        if self.options.lenient {
            notes.push(Note::Damaged { missing });
            return Ok(());
        }
        Err(Error::Damaged {
            origin: self.origin.clone(),
            kind: name(self.format),
            width: self.header.width,
            height: self.header.height,
            missing,
        })
    }

    /// The pixels as the file has them, not turned.
    fn samples(&self, notes: &mut Vec<Note>) -> Result<DynamicImage> {
        let decoded =
            guarded(|| decode(&self.bytes, self.format, &self.header, self.options.memory));
        let found = match decoded {
            Ok(image) => return Ok(image),
            Err(found) => found,
        };
        // Of a PNG, the rows up to the damage.
        if self.format == ImageFormat::Png
            && let Some((image, missing)) = partial(&self.bytes, &self.header)
        {
            // A checksum that is wrong says nothing of where: as little as there can be.
            if missing > 0.0 || !ends_without_end(&self.bytes) {
                self.damaged(missing.max(1e-3), notes)?;
            }
            return Ok(image);
        }
        Err(self.broken(found))
    }

    fn broken(&self, found: String) -> Error {
        Error::Broken {
            origin: self.origin.clone(),
            kind: name(self.format),
            width: self.header.width,
            height: self.header.height,
            found,
        }
    }

    /// The photograph of a file of inks with a profile for them; none for others. The profile is used up.
    fn inks(&self, meaning: &mut Meaning, notes: &mut Vec<Note>) -> Result<Option<RgbImage>> {
        let Some(inks) = self.header.inks else {
            return Ok(None);
        };
        let Some(profile) = meaning.profile.take() else {
            return Ok(None);
        };
        let to_srgb = match profile.to_srgb(Ink::Cmyk) {
            Ok(Some(to_srgb)) => to_srgb,
            Ok(None) => return Ok(None),
            Err(reason) => {
                notes.push(Note::ProfileIgnored { reason });
                return Ok(None);
            }
        };
        let samples = guarded(|| decode_inks(&self.bytes, &self.header, inks))
            .map_err(|found| self.broken(found))?;
        let size = (self.header.width, self.header.height);
        Ok(Some(show_inks(&samples, size, &to_srgb)))
    }

    /// What the file says of its samples.
    fn meaning(&self, notes: &mut Vec<Note>) -> Meaning {
        let header = &self.header;
        let mut ignored = |reason: String| notes.push(Note::ProfileIgnored { reason });
        let profile = match &header.profile {
            Some(_) if header.chunks.code_points.is_some() => Profile::from_chunks(&header.chunks),
            Some(Ok(bytes)) => Profile::from_icc(bytes).map_err(&mut ignored).ok(),
            Some(Err(reason)) => {
                ignored(reason.clone());
                None
            }
            None => Profile::from_chunks(&header.chunks),
        };
        Meaning {
            profile,
            significant_bits: header
                .tags
                .significant_bits
                .or(header.chunks.significant_bits),
            premultiplied: header.tags.premultiplied,
            alpha_is_none: header.tags.extra_is_no_alpha,
        }
    }
}

/// Bytes that say which kind of file it is.
const FIRST_BYTES: u64 = 1 << 16;

/// Bytes that are left over in files that are whole: what an encoder adds at the end.
const FEW_BYTES: usize = 16;

/// Bytes that reading takes at its largest.
fn needed(header: &Header, file: u64, options: ReadOptions) -> u64 {
    let pixels = u64::from(header.width) * u64::from(header.height);
    let converted = if header.colour == ColorType::Rgb8 {
        0
    } else {
        3 + u64::from(header.colour.has_alpha())
    };
    let decoded = file
        .saturating_add(header.bytes)
        .saturating_add(header.scratch.max(pixels * converted));
    let side = reduction((header.width, header.height), options);
    let is_turned = turned((1, 2), header.turn.orientation) == (2, 1);
    let turning = if is_turned {
        6 * pixels / (side * side)
    } else {
        0
    };
    decoded.max(turning)
}

/// The side of the squares of which one pixel is made, so that what follows fits.
fn reduction((width, height): (u32, u32), options: ReadOptions) -> u64 {
    let Some(bytes) = options.bytes_to_come else {
        return 1;
    };
    let sides = (0..16).map(|power| 1_u64 << power);
    let fits = |side: &u64| {
        let pixels = u64::from(width).div_ceil(*side) * u64::from(height).div_ceil(*side);
        pixels.saturating_mul(bytes) <= options.memory.bytes()
    };
    sides.into_iter().find(fits).unwrap_or(1 << 16)
}

/// Width and height, upright.
pub fn turned((width, height): (u32, u32), orientation: Orientation) -> (u32, u32) {
    match orientation {
        Orientation::Rotate90
        | Orientation::Rotate270
        | Orientation::Rotate90FlipH
        | Orientation::Rotate270FlipH => (height, width),
        _ => (width, height),
    }
}

/// A photograph from its file as a viewer shows it, three bytes a pixel.
///
/// # Errors
/// Those of [`PictureFile::open`] and [`PictureFile::photograph`].
pub fn read_upright(path: &Path) -> Result<RgbImage> {
    Ok(PictureFile::open(path)?.photograph()?.pixels)
}

/// As [`read_upright`], out of a file's bytes; `origin` names it in errors.
///
/// # Errors
/// Those of [`PictureFile::from_bytes`] and [`PictureFile::photograph`].
pub fn decode_upright(origin: &str, bytes: &[u8]) -> Result<RgbImage> {
    Ok(PictureFile::from_bytes(origin, bytes)?.photograph()?.pixels)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use test_support::refused;

    use super::*;

    #[test]
    fn other_files_and_broken_pictures_are_refused() {
        let error = |bytes: &[u8]| decode_upright("holiday", bytes).unwrap_err().to_string();
        assert_eq!(
            error(b""),
            "holiday: expected a JPEG, PNG, WebP, TIFF, BMP or GIF picture, found an empty file"
        );
        assert_eq!(
            error(b"plain words, no picture"),
            "holiday: expected a JPEG, PNG, WebP, TIFF, BMP or GIF picture, found another file"
        );
        let mut png = Cursor::new(Vec::new());
        let image = RgbImage::from_fn(9, 7, |x, y| image::Rgb([x as u8, y as u8, 3]));
        image.write_to(&mut png, ImageFormat::Png).unwrap();
        let png = png.into_inner();
        assert_eq!(decode_upright("holiday", &png).unwrap(), image);
        let half = error(&png[..png.len() / 2]);
        assert!(
            half.starts_with("holiday: expected a whole PNG of 9 × 7 pixels"),
            "{half}"
        );
        let mut jpeg = Cursor::new(Vec::new());
        image.write_to(&mut jpeg, ImageFormat::Jpeg).unwrap();
        let jpeg = jpeg.into_inner();
        assert_eq!(
            decode_upright("holiday", &jpeg).unwrap().dimensions(),
            (9, 7)
        );
        // Without its end marker it is whole.
        assert!(decode_upright("holiday", &jpeg[..jpeg.len() - 2]).is_ok());
        refused! {
            decode_upright("holiday", &jpeg[..jpeg.len() - 4]) => Error::Damaged { .. },
            decode_upright("holiday", &jpeg[..30]) => Error::NotAPicture { .. },
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
        refused! { decode_upright("bomb", &png) => Error::Memory { .. } }
        // 9,000 × 9,000 are not too many, but they are not there.
        png[16..20].copy_from_slice(&9_000_u32.to_be_bytes());
        png[20..24].copy_from_slice(&9_000_u32.to_be_bytes());
        let crc = crc32(&png[12..29]).to_be_bytes();
        png[29..33].copy_from_slice(&crc);
        refused! { decode_upright("bomb", &png) => Error::Broken { width: 9_000, .. } }
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
