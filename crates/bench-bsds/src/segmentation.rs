//! The segmentations to measure: for every image a pool of segmentations, each under a level.

mod boundary_folder;
mod boundary_pool;
mod folder;
mod label_png;
mod level;
mod mat_pool;
mod pool;
mod ucm;

pub use boundary_folder::BoundaryFolder;
pub use boundary_pool::{BoundaryPool, read_boundaries};
pub use folder::SegmentationFolder;
pub use label_png::{decode_label_png, read_label_png};
pub use level::Level;
pub(crate) use level::LevelWithKind;
pub use mat_pool::{decode_segmentation_mat, read_segmentation_mat};
pub use pool::Pool;
pub(crate) use pool::Segments;
pub use ucm::{Thresholds, Ucm};
