//! BSDS500 and MS-COCO as networks are trained on them.

mod regions;
mod segmentations;

pub use regions::CocoRegions;
pub(crate) use regions::region_name;
pub(crate) use segmentations::of_file;
pub use segmentations::{BsdsTrainingSet, TrainingSplit};
