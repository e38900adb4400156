//! The size of a picture and the turn of its Exif tag, without its pixels.

use std::fs::File;
use std::io::{Cursor, Read};
use std::path::Path;

use image::ImageFormat;
use image::metadata::Orientation;

use crate::decoders::{guarded, read_header};
use crate::error::{Error, Result};
use crate::file_kind::file_kind;
use crate::memory_budget::MemoryBudget;
use crate::picture_file::{PictureFile, ReadOptions, turned};

/// Bytes in which almost every header ends: a JPEG with a preview and a profile has 100 kB of them.
const BEGINNING: u64 = 1 << 18;

/// What a picture's file says about its size.
///
/// # Conventions
/// As stored is as the pixels lie in the file, upright is after the turn that its Exif tag asks for, or its XMP data
/// where there is none. A tag that cannot be read is no tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PictureHeader {
    stored: (u32, u32),
    orientation: Orientation,
}

impl PictureHeader {
    /// Reads the beginning of a JPEG, and all of a file of another kind, or whose header does not end there. No pixel is
    /// decoded, and no budget of memory is compared.
    ///
    /// # Errors
    /// Those of [`PictureFile::open`].
    pub fn read(path: &Path) -> Result<Self> {
        let origin = path.display().to_string();
        let refused = |source| Error::File {
            origin: origin.clone(),
            source,
        };
        let mut beginning = Vec::new();
        let mut file = File::open(path).map_err(refused)?;
        file.by_ref()
            .take(BEGINNING)
            .read_to_end(&mut beginning)
            .map_err(refused)?;
        if let Some(header) = Self::of_beginning(&beginning) {
            return Ok(header);
        }
        let options = ReadOptions {
            memory: MemoryBudget::of_bytes(u64::MAX),
            ..ReadOptions::default()
        };
        let whole = Cursor::new(beginning).chain(file);
        Ok(Self::of(&PictureFile::from_reader(
            &origin, whole, options,
        )?))
    }

    /// Of a JPEG. In files of other kinds what turns them may lie behind the pixels.
    fn of_beginning(bytes: &[u8]) -> Option<Self> {
        let format = file_kind(bytes).ok()?;
        if format != ImageFormat::Jpeg {
            return None;
        }
        let memory = MemoryBudget::of_bytes(u64::MAX);
        let header = guarded(|| read_header(bytes, format, memory)).ok()?;
        Some(Self {
            stored: (header.width, header.height),
            orientation: header.turn.orientation,
        })
    }

    fn of(file: &PictureFile<'_>) -> Self {
        Self {
            stored: file.stored_size(),
            orientation: file.orientation(),
        }
    }

    /// Width and height as stored.
    pub fn stored_size(&self) -> (u32, u32) {
        self.stored
    }

    /// Width and height, upright.
    pub fn size(&self) -> (u32, u32) {
        turned(self.stored, self.orientation)
    }

    /// Whether an Exif tag turns or mirrors the picture.
    pub fn is_turned(&self) -> bool {
        self.orientation != Orientation::NoTransforms
    }
}

#[cfg(test)]
mod tests {
    use image::RgbImage;
    use test_support::refused;

    use super::*;

    #[test]
    fn sizes_without_a_pixel() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a.png", "a.jpg", "a.webp"] {
            let path = folder.path().join(name);
            RgbImage::new(40, 30).save(&path).unwrap();
            let header = PictureHeader::read(&path).unwrap();
            assert_eq!(
                (header.stored_size(), header.size()),
                ((40, 30), (40, 30)),
                "{name}"
            );
            assert!(!header.is_turned());
        }
        let path = folder.path().join("long.png");
        // Noise, so that the file is longer than what is read of it.
        let noise = RgbImage::from_fn(700, 700, |x, y| {
            let number = (x * 7919 + y * 104_729).wrapping_mul(2_654_435_761);
            image::Rgb([number as u8, (number >> 8) as u8, (number >> 16) as u8])
        });
        noise.save(&path).unwrap();
        assert!(std::fs::metadata(&path).unwrap().len() > BEGINNING);
        assert_eq!(PictureHeader::read(&path).unwrap().size(), (700, 700));
        std::fs::write(&path, "no picture").unwrap();
        refused! {
            PictureHeader::read(&path) => Error::NotAPicture { .. },
            PictureHeader::read(&folder.path().join("absent.png")) => Error::File { .. },
        }
    }
}
