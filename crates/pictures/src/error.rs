//! The errors between a photograph, its segments and their picture.

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
    /// Bytes that are no picture, or a broken one.
    #[error("{origin}: expected a JPEG, PNG or WebP picture, found {found}")]
    NotAPicture {
        /// The name of the file.
        origin: String,
        /// The kind of file found, or where it breaks off.
        found: String,
    },
    /// A picture of more pixels than are taken.
    #[error("{origin}: expected at most {most} pixels, found {width} × {height}")]
    TooManyPixels {
        /// The name of the file.
        origin: String,
        /// Columns, as its header says.
        width: u32,
        /// Rows, as its header says.
        height: u32,
        /// The limit.
        most: u64,
    },
    /// A picture of more pixels than its file can hold.
    #[error(
        "{origin}: expected at least {least} bytes of a file for {width} × {height} pixels, found {file}"
    )]
    Claim {
        /// The name of the file.
        origin: String,
        /// Columns, as its header says.
        width: u32,
        /// Rows, as its header says.
        height: u32,
        /// Bytes that a file of so many pixels has.
        least: u64,
        /// Bytes that this one has.
        file: u64,
    },
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
    /// A label map of no pixels.
    #[error(transparent)]
    Labels(#[from] segmentation::Error),
}

/// A result of this crate.
pub type Result<T> = std::result::Result<T, Error>;
