//! The segmentations to measure: for every image a pool of segmentations, each under a level.

mod boundary_folder;
mod boundary_pool;
mod folder;
mod label_look;
mod label_png;
mod level;
mod mat_pool;
mod pool;
mod soft_map;
mod soft_survey;
mod ucm;
mod zero_look;

pub use boundary_folder::BoundaryFolder;
pub use boundary_pool::{BoundaryPool, decode_boundaries, read_boundaries, read_boundaries_with};
pub use folder::SegmentationFolder;
pub use label_look::LabelLook;
pub use label_png::{decode_label_png, read_label_png};
pub use level::Level;
pub(crate) use level::LevelWithKind;
pub use mat_pool::{decode_segmentation_mat, read_segmentation_mat};
pub use pool::Pool;
pub(crate) use pool::Segments;
pub(crate) use soft_map::read_picture;
pub use soft_map::{SoftLook, SoftReading};
pub use soft_survey::{SoftDoubt, SoftSurvey};
pub use ucm::{Thresholds, Ucm};
pub use zero_look::ZeroLook;
