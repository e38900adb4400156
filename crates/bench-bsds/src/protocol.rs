//! The measures of a whole dataset: image by image, then together.

mod boundaries;
mod boundary_report;
mod evaluate;
mod image_measures;
mod levels;
mod report;

pub use boundaries::BoundaryEvaluation;
pub use boundary_report::{BoundaryImageRow, BoundaryLevelRow, BoundaryReport};
pub use evaluate::{Evaluation, Progress, evaluate, evaluate_in_parallel};
pub use report::{AverageCovering, Covering, ImageRow, LevelRow, Measure, Report};
