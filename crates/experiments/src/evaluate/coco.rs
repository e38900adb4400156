//! A trained classifier of regions, or anybody's detections, measured on MS-COCO.

mod classification;
mod detections;

pub(crate) use classification::predictions_path;
pub use classification::{
    ClassificationSettings, CocoReport, classification, classification_among,
};
pub use detections::detections;
