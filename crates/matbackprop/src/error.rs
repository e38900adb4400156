//! What can go wrong between a segmentation and its picture.

/// An error of this crate.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// A label map of another size than its photograph.
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
}

/// A result of this crate.
pub type Result<T> = std::result::Result<T, Error>;
