//! MS-COCO: instances, free-form regions to be classified, and how well they were.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod dataset;
mod error;
mod regions;

pub use dataset::{
    Annotation, Category, CocoInstances, ImageRecord, MAX_PIXELS, Mask, Points, Shape,
};
pub use error::{Error, Record, Result, Size};
pub use regions::{Frame, LeftOut, Region, RegionCrop, RegionRule, RegionSet, View};
