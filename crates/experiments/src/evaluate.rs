//! Segmentations, boundaries, classifiers and detections, measured.

mod bsds;
mod coco;

pub use bsds::{BsdsReport, BsdsSettings, BsdsSource, LevelRule, bsds, bsds_among};
pub(crate) use coco::predictions_path;
pub use coco::{
    ClassificationSettings, CocoReport, classification, classification_among, detections,
};
