//! The measures of a whole dataset: image by image, then together.

mod boundaries;
mod boundary_report;
mod evaluate;
mod evaluate_boundaries;
mod general_format;
mod image_counts;
mod image_measures;
mod levels;
mod official_files;
mod report;

pub use boundaries::BoundaryEvaluation;
pub use boundary_report::{BoundaryImageRow, BoundaryLevelRow, BoundaryReport};
pub use evaluate::{Evaluation, Progress, evaluate, evaluate_in_parallel};
pub use evaluate_boundaries::evaluate_boundaries;
pub use image_counts::ImageCounts;
pub use image_measures::ImageMeasures;
pub use official_files::OfficialFile;
pub use report::{AverageCovering, Covering, ImageRow, LevelRow, Measure, Report};
