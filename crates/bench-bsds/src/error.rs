//! The errors between a file and a measure.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::segmentation::Level;

/// Width and height in pixels, written `481 × 321`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Pixels in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} × {}", self.width, self.height)
    }
}

/// Where in a `.mat` file: a byte of the file, or of a compressed element after inflation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MatPosition {
    /// Byte offset, from 0.
    pub offset: usize,
    /// File offset of the compressed element that `offset` counts in, where it is one.
    pub compressed_at: Option<usize>,
}

impl fmt::Display for MatPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.compressed_at {
            None => write!(f, "byte {}", self.offset),
            Some(start) => write!(
                f,
                "byte {} of the element compressed at byte {start}",
                self.offset
            ),
        }
    }
}

/// Everything this crate refuses, with the file or image and the numbers.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused to read a file or folder.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// Its reason.
        source: std::io::Error,
    },
    /// A picture that cannot be read: a missing or another file, a broken one, or more pixels than memory is to be taken for.
    #[error(transparent)]
    Picture(#[from] pictures::Error),
    /// A PNG that is not a label map.
    #[error("{}: expected {expected}, found {found}", path.display())]
    LabelPng {
        /// The file.
        path: PathBuf,
        /// The form of a label map.
        expected: &'static str,
        /// The content found.
        found: String,
    },
    /// A file that is not a NumPy array as it is read here.
    #[error("{}: expected {expected}, found {found}", path.display())]
    Npy {
        /// The file.
        path: PathBuf,
        /// The form of the array.
        expected: String,
        /// The content found.
        found: String,
    },
    /// A file that is not a truth as BSDS300 has them.
    #[error("{}: line {line}: expected {expected}, found {found}", path.display())]
    SegFile {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The content that the format asks for there.
        expected: String,
        /// The content found.
        found: String,
    },
    /// A picture that is not a soft boundary map.
    #[error("{}: expected a soft boundary map in grey of 8 or 16 bits, found {found}", path.display())]
    BoundaryPicture {
        /// The file.
        path: PathBuf,
        /// Its colours.
        found: String,
    },
    /// Bytes that are not a MATLAB level 5 file.
    #[error("{}: at {position}: expected {expected}, found {found}", path.display())]
    Mat {
        /// The file.
        path: PathBuf,
        /// The byte.
        position: MatPosition,
        /// The content that the format asks for there.
        expected: String,
        /// The content found.
        found: String,
    },
    /// A MATLAB file whose variables are not what the benchmark stores.
    #[error("{}: variable `{variable}`: expected {expected}, found {found}", path.display())]
    MatVariable {
        /// The file.
        path: PathBuf,
        /// The variable, with the path into it: `groundTruth{2}.Segmentation`.
        variable: String,
        /// The content that the benchmark asks for.
        expected: String,
        /// The content found.
        found: String,
    },
    /// None of the known layouts of BSDS500 lies under a folder.
    #[error("expected one of {}, found none", looked_for.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", "))]
    NoDataset {
        /// The folders tried.
        looked_for: Vec<PathBuf>,
    },
    /// A folder without one file of the kind wanted.
    #[error("{}: expected {expected}, found none", path.display())]
    EmptyFolder {
        /// The folder.
        path: PathBuf,
        /// The files wanted.
        expected: &'static str,
    },
    /// An image without annotation, or an annotation without image.
    #[error("expected {} beside {}, found {instead}; --max-unreadable SHARE leaves such images out", missing.display(), found.display())]
    MissingPartner {
        /// The file that is there.
        found: PathBuf,
        /// The file that is not.
        missing: PathBuf,
        /// Files that may be meant but are not read, or `none` and what else there is.
        instead: String,
    },
    /// More images without a partner than may be left out.
    #[error(
        "{most} of {images} images may be left out, found {found} without a partner; the first: {first}"
    )]
    TooManyMissing {
        /// How many may be left out.
        most: usize,
        /// How many there are.
        images: usize,
        /// How many lack a partner.
        found: usize,
        /// The first of them.
        first: Box<Error>,
    },
    /// An image twice.
    #[error("image {image}: expected one photograph, found {} and {}", first.display(), second.display())]
    AmbiguousImage {
        /// The image's id.
        image: String,
        /// One of them.
        first: PathBuf,
        /// The other.
        second: PathBuf,
    },
    /// A map of another size than its photograph.
    #[error("{}: expected {expected} pixels, as the photograph has, found {found}{}", path.display(), hint(path, *expected, *found))]
    MapSize {
        /// The map's file.
        path: PathBuf,
        /// The size of the photograph and its annotations.
        expected: Size,
        /// The map's size.
        found: Size,
    },
    /// A truth that holds boundaries alone, where regions are measured.
    #[error("{}: expected segments, found boundaries alone: regions cannot be measured", path.display())]
    BoundariesAlone {
        /// The file.
        path: PathBuf,
    },
    /// A folder of results lacks an image.
    #[error("{}: expected {expected} for image {image}, found {found}{}", folder.display(), leaving_out(*others))]
    NoSegmentation {
        /// The folder.
        folder: PathBuf,
        /// The image's id.
        image: String,
        /// The names that would have been read.
        expected: String,
        /// Files that may be meant but are not read, or `none` and what else there is.
        found: String,
        /// Whether other images have theirs.
        others: bool,
    },
    /// A folder of results has an image twice.
    #[error("image {image}: expected one source of segmentations, found {} and {}", first.display(), second.display())]
    AmbiguousSegmentation {
        /// The image's id.
        image: String,
        /// One of them.
        first: PathBuf,
        /// The other.
        second: PathBuf,
    },
    /// Two things that must lie on the same pixels do not.
    #[error("{name}: expected {expected} pixels, found {found}")]
    SizeMismatch {
        /// The map of the wrong size: a file, or an image's id and the map's name.
        name: String,
        /// The right size.
        expected: Size,
        /// Its size.
        found: Size,
    },
    /// An image without one human segmentation.
    #[error("image {image}: expected at least one annotation, found none")]
    NoAnnotations {
        /// The image's id.
        image: String,
    },
    /// An image without one segmentation to measure.
    #[error("image {image}: expected at least one segmentation, found none")]
    NoLevels {
        /// The image's id.
        image: String,
    },
    /// Two segmentations of one image under the same level.
    #[error("image {image}: expected each level once, found {level} twice")]
    DuplicateLevel {
        /// The image's id.
        image: String,
        /// The level.
        level: Level,
    },
    /// Measures of an image, read back, whose levels do not increase.
    #[error("image {image}: expected increasing levels, found {next} after {previous}")]
    LevelsOutOfOrder {
        /// The image's id.
        image: String,
        /// The level before.
        previous: Level,
        /// The offender.
        next: Level,
    },
    /// Images whose levels cannot be laid side by side.
    #[error("image {image}: expected the levels of image {first} ({expected}), found {found}")]
    LevelsDiffer {
        /// The first image.
        first: String,
        /// Its levels, in words.
        expected: String,
        /// The image that differs.
        image: String,
        /// Its levels, in words.
        found: String,
    },
    /// Nothing was measured.
    #[error("expected at least one image, found none")]
    NoImages,
    /// No threshold to cut a contour map at.
    #[error("expected at least one threshold, found none")]
    NoThresholds,
    /// Thresholds that do not increase, or are not numbers.
    #[error("expected increasing thresholds, found {next} after {previous}")]
    Thresholds {
        /// The threshold before.
        previous: f64,
        /// The offender.
        next: f64,
    },
    /// A label map that `ncuts` refuses.
    #[error(transparent)]
    LabelMap(#[from] segmentation::Error),
}

/// What to do about a map of another size.
fn hint(path: &Path, expected: Size, found: Size) -> &'static str {
    let sides = |change: fn(usize) -> usize| {
        (found.width, found.height) == (change(expected.width), change(expected.height))
    };
    let is_mat = path
        .extension()
        .is_some_and(|ending| ending.eq_ignore_ascii_case("mat"));
    if (expected.width, expected.height) == (found.height, found.width) {
        ": its rows and columns are exchanged, or the photograph is turned by its Exif tag"
    } else if sides(|side| 2 * side + 1) {
        ": a contour map at double size? Name it `ucm2` in a .mat file, or save it at (3:2:end, 3:2:end)"
    } else if is_mat && sides(|side| side.saturating_sub(1) / 2) {
        ": `ucm2` at the photograph's size? Expected 2 × height + 1 rows and 2 × width + 1 columns; give it another name"
    } else {
        ": save it at the photograph's size"
    }
}

/// What to do where some images have no file.
fn leaving_out(others: bool) -> &'static str {
    match others {
        true => "; --max-unreadable SHARE leaves such images out",
        false => "",
    }
}

/// The result of this crate's fallible functions.
pub type Result<T> = std::result::Result<T, Error>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_of_another_size_says_what_it_may_be() {
        for (name, width, height, end) in [
            ("7.png", 321, 481, "its Exif tag"),
            ("7.npy", 963, 643, "save it at (3:2:end, 3:2:end)"),
            ("7.mat", 240, 160, "give it another name"),
            ("7.png", 240, 160, "save it at the photograph's size"),
        ] {
            let size = |width, height| Size { width, height };
            let (expected, found) = (size(481, 321), size(width, height));
            let path = PathBuf::from(name);
            let error = Error::MapSize {
                path,
                expected,
                found,
            };
            assert!(error.to_string().ends_with(end), "{error}");
        }
    }
}
