//! Training: examples in, steps, a journal, checkpoints.

mod averaging;
mod checkpoint;
mod config;
mod cut_task;
mod examples;
mod gradient_sums;
mod journal;
mod kept_checkpoints;
mod optimiser;
mod plan;
mod region_measures;
mod region_task;
mod run_folder;
mod schedule;
mod scribble_training;
mod shared_step;
mod step;
mod task;
#[cfg(test)]
mod test_halves;
mod tolerance;
mod trainer;

pub use config::{Optimiser, TrainConfig, TrunkTraining};
pub use cut_task::{Annotations, CutCriterion, CutMeasures, CutTask, CutTraining};
pub use examples::TrainingSet;
pub use journal::{Journal, StepRecord};
pub use kept_checkpoints::can_resume;
pub use region_measures::RegionMeasures;
pub use region_task::{RegionTask, RegionTraining};
pub use schedule::Schedule;
pub use scribble_training::{ScribbleStep, ScribbleTraining};
pub use task::{Outcome, StepMeasures, Task};
pub use trainer::{Progress, Trainer};
