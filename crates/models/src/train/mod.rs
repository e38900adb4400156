//! Training: examples in, steps, a journal, checkpoints.

mod averaging;
mod checkpoint;
mod config;
mod examples;
mod feature_cache;
mod journal;
mod optimiser;
mod plan;
mod run_folder;
mod schedule;
mod trainer;

pub use config::{Annotations, Optimiser, TrainConfig, TrunkTraining};
pub use examples::TrainingSet;
pub use journal::{Journal, StepRecord};
pub use schedule::Schedule;
pub use trainer::{Progress, Trainer};
