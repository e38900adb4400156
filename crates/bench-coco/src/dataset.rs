//! What an annotation file of COCO holds: images, categories, and the objects that people outlined.

mod instances;
mod json;
mod mask;
mod nesting;
mod shape;

pub use instances::{Annotation, Category, CocoInstances, ImageRecord, MAX_PIXELS};
pub use mask::Mask;
pub(crate) use nesting::{Shallow, refused};
pub use shape::{Points, Shape};
pub(crate) use shape::{check_walk, length_of_walk};
