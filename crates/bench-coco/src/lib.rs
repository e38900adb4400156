//! MS-COCO: instances, free-form regions to be classified, and how well they were.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod detections;
mod error;
mod sift;

pub use detections::{
    CategoryPrecision, DetectionKind, DetectionRow, DetectionTable, evaluate_detections,
};
pub use error::{Error, Result};
pub use sift::{CHANNELS, DenseSift, DescriptorMaps, GrayPlane};
