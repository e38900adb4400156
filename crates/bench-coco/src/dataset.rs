//! The content of an annotation file of COCO: images, categories, and the objects that people outlined.

mod depth_limit;
mod instances;
mod json;
mod mask;
mod shape;

pub(crate) use depth_limit::{DepthLimited, refused};
pub use instances::{Annotation, Category, CocoInstances, ImageRecord, MAX_PIXELS};
pub use mask::Mask;
pub use shape::{Points, Shape};
pub(crate) use shape::{check_walk, length_of_walk};
