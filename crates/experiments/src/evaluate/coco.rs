//! A trained classifier of regions, or detections of any method, measured on MS-COCO.

mod classification;
mod detections;

pub(crate) use classification::predictions_path;
pub use classification::{
    ClassificationSettings, CocoReport, classification, classification_among,
};
pub use detections::detections;
