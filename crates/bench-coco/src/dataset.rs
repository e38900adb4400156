//! What an annotation file of COCO holds: images, categories, and the objects that people outlined.

mod instances;
mod json;
mod mask;
mod shape;

pub use instances::{Annotation, Category, CocoInstances, ImageRecord, MAX_PIXELS};
pub use mask::Mask;
pub use shape::{Points, Shape};
