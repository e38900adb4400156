//! The errors between a photograph, its segments and their picture.

use crate::byte_units::in_units;
use crate::notes::percent;

/// The kinds of picture that are read.
#[cfg(feature = "more-formats")]
pub(crate) const KINDS: &str = "JPEG, PNG, WebP, TIFF, BMP or GIF";
/// The kinds of picture that are read.
#[cfg(not(feature = "more-formats"))]
pub(crate) const KINDS: &str = "JPEG, PNG or WebP";

/// An error of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file that cannot be read.
    #[error("{origin}: cannot be read: {source}")]
    File {
        /// The file.
        origin: String,
        /// The system's error.
        source: std::io::Error,
    },
    /// Bytes that are no picture, or one of a kind that is not read.
    #[error("{origin}: expected a {KINDS} picture, found {found}")]
    NotAPicture {
        /// The name of the file.
        origin: String,
        /// The kind of file found, and what to do.
        found: String,
    },
    /// A picture that does not decode.
    #[error(
        "{origin}: expected a whole {kind} of {width} × {height} pixels, found {found}{}",
        if found.contains(": ") { "" } else { "; get the file again" }
    )]
    Broken {
        /// The name of the file.
        origin: String,
        /// The kind of picture.
        kind: &'static str,
        /// Columns, as its header says.
        width: u32,
        /// Rows, as its header says.
        height: u32,
        /// What the decoder says.
        found: String,
    },
    /// A picture of which a part is missing or broken.
    #[error(
        "{origin}: expected a whole {kind} of {width} × {height} pixels, found {} of it missing or broken; \
         get the file again, or use what is there (`--lenient`)",
        percent(*missing)
    )]
    Damaged {
        /// The name of the file.
        origin: String,
        /// The kind of picture.
        kind: &'static str,
        /// Columns, as its header says.
        width: u32,
        /// Rows, as its header says.
        height: u32,
        /// The share that is missing or broken, from 0 to 1.
        missing: f64,
    },
    /// A file that needs more memory than it may take.
    #[error(
        "{origin}: expected at most {} of memory for {what}, found {}; \
         allow more (`--max-memory` of `segment`, or the system's limit), or make the picture smaller",
        in_units(*most),
        in_units(*needed)
    )]
    Memory {
        /// The name of the file.
        origin: String,
        /// What the memory is for.
        what: String,
        /// The bytes that are needed.
        needed: u64,
        /// The bytes of the budget.
        most: u64,
    },
    /// A mask of which no pixel is white.
    #[error(
        "{origin}: expected a mask with white for the pixels to keep, found {percent:.1} % of white at most"
    )]
    Mask {
        /// The name of the file.
        origin: String,
        /// Its brightest pixel.
        percent: f64,
    },
    /// A label map, or a map of transparent pixels, of another size than its photograph.
    #[error("label map: expected {} × {} pixels, as the photograph has, found {} × {}", expected.0, expected.1, found.0, found.1)]
    SizeMismatch {
        /// Width and height of the photograph.
        expected: (usize, usize),
        /// Width and height of the label map.
        found: (usize, usize),
    },
    /// More segments than 16 bits can name.
    #[error("label image: expected at most 65535 segments, found {segments}")]
    TooManySegments {
        /// Segments of the label map.
        segments: usize,
    },
    /// A label map of no pixels.
    #[error(transparent)]
    Labels(#[from] segmentation::Error),
}

/// A result of this crate.
pub type Result<T> = std::result::Result<T, Error>;
