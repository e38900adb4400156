//! BSDS500 and MS-COCO as networks are trained on them.

mod file_digests;
mod regions;
mod segmentations;

pub(crate) use file_digests::FileDigests;
pub use regions::CocoRegions;
pub(crate) use regions::region_name;
pub(crate) use segmentations::of_file;
pub use segmentations::{BsdsTrainingSet, TrainingSplit};
