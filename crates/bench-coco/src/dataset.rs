//! The content of COCO's JSON: images, categories, the objects that people outlined, and what a detector found.

mod foreign;
mod image_records;
mod instances;
mod json_number;
mod json_stream;
mod listed;
mod mask;
mod other_names;
mod records;
mod run_lengths;
mod shape;
mod source;
mod values;

pub(crate) use image_records::report_shared;
pub use image_records::{ImageRecord, MAX_PIXELS};
pub use instances::{Annotation, Category, CocoInstances};
pub(crate) use listed::{placeholder_name, unique};
pub use mask::Mask;
pub(crate) use records::{
    RawAnnotation, RawCategory, RawImage, Sections, annotation_file, detection_file,
};
pub use run_lengths::RunLengths;
pub use shape::{Points, Shape};
pub(crate) use shape::{check_walk, length_of_walk};
pub(crate) use source::open_file;
