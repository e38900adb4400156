//! What can go wrong between a file and a number.

use std::path::PathBuf;

/// Everything this crate refuses, with the file and the numbers.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused to read a file.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Its reason.
        source: std::io::Error,
    },
    /// A file that is not JSON, or not of the wanted shape.
    #[error("{}: expected {expected}, found {source}", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// What the file should hold.
        expected: &'static str,
        /// The parser's reason, with line and column.
        source: serde_json::Error,
    },
    /// A number that JSON cannot hold, as some writers print it.
    #[error("{}: expected a finite number, found {found} at line {line} column {column}", path.display())]
    JsonNotFinite {
        /// The file.
        path: PathBuf,
        /// `NaN`, `Infinity` or `-Infinity`.
        found: &'static str,
        /// Its line, from 1.
        line: usize,
        /// Its column, from 1.
        column: usize,
    },
    /// Results that are not a list.
    #[error("{}: expected a list of detections, found {found}", path.display())]
    ResultsNotAList {
        /// The file.
        path: PathBuf,
        /// What kind of value it holds.
        found: &'static str,
    },
    /// No detection, and nobody said of what kind.
    #[error("{}: expected a detection that tells boxes from masks, found an empty list", path.display())]
    ResultsEmpty {
        /// The file.
        path: PathBuf,
    },
    /// A detection in an image that the annotations do not list.
    #[error("{}: detection {index}: expected an annotated image, found image {image}", path.display())]
    DetectionImage {
        /// The file.
        path: PathBuf,
        /// Its place in the list, from 0.
        index: usize,
        /// The id it names.
        image: u64,
    },
    /// A detection of a category that the annotations do not list.
    #[error("{}: detection {index}: expected an annotated category, found category {category}", path.display())]
    DetectionCategory {
        /// The file.
        path: PathBuf,
        /// Its place in the list, from 0.
        index: usize,
        /// The id it names.
        category: u64,
    },
    /// A detection whose score, box or mask is not what the evaluation takes.
    #[error("{}: detection {index}: expected {expected}, found {found}", path.display())]
    Detection {
        /// The file.
        path: PathBuf,
        /// Its place in the list, from 0.
        index: usize,
        /// What the evaluation takes.
        expected: String,
        /// What was there.
        found: String,
    },
    /// Annotations that list nothing to detect.
    #[error("{}: expected at least one entry under `{list}`, found none", path.display())]
    TruthEmpty {
        /// The file.
        path: PathBuf,
        /// The empty list.
        list: &'static str,
    },
    /// Two annotations under one id.
    #[error("{}: expected each annotation once, found {annotation} twice", path.display())]
    TruthAnnotationTwice {
        /// The file.
        path: PathBuf,
        /// The id.
        annotation: u64,
    },
    /// An image without the size that its masks need, or with one out of range.
    #[error("{}: image {image}: expected {expected}, found {width} × {height} pixels", path.display())]
    TruthImageSize {
        /// The file.
        path: PathBuf,
        /// The image.
        image: u64,
        /// What its masks need.
        expected: &'static str,
        /// Its width, 0 where the file has none.
        width: u32,
        /// Its height, 0 where the file has none.
        height: u32,
    },
    /// An annotation whose mask or box is not one.
    #[error("{}: annotation {annotation}: expected {expected}, found {found}", path.display())]
    TruthAnnotation {
        /// The file.
        path: PathBuf,
        /// Its id.
        annotation: u64,
        /// What it should hold.
        expected: String,
        /// What was there.
        found: String,
    },
    /// The evaluation itself refused.
    #[error("{}: {source}", path.display())]
    DetectionEvaluation {
        /// The results.
        path: PathBuf,
        /// Its reason.
        source: hotcoco::Error,
    },
    /// A picture without pixels, or with more or fewer numbers than pixels.
    #[error("grey plane: expected {width} × {height} numbers, at least one, found {found}")]
    GrayPlaneSize {
        /// Pixels in a row.
        width: usize,
        /// Rows.
        height: usize,
        /// Numbers given.
        found: usize,
    },
    /// A grey value that is not a number.
    #[error("grey plane: expected finite values, found {value} at column {x} of row {y}")]
    GrayPlaneNotFinite {
        /// Its column.
        x: usize,
        /// Its row.
        y: usize,
        /// What was there.
        value: f32,
    },
    /// A grid or bins that describe nothing.
    #[error("dense SIFT: expected {expected}, found {found}")]
    DenseSiftOption {
        /// What is possible.
        expected: &'static str,
        /// What was asked for.
        found: String,
    },
}

/// What this crate's fallible functions return.
pub type Result<T> = std::result::Result<T, Error>;
