//! How well regions were classified.

mod bootstrap;
mod confusion;
mod report;

pub use bootstrap::Interval;
pub use confusion::Confusion;
pub use report::{
    ClassRow, ClassificationReport, Confused, Prediction, RESAMPLES, paired_difference,
};
