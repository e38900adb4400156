//! A trainer for networks with matrix layers: tasks, optimisers, checkpoints exact to the bit, several processes.
//!
//! # Example
//! DeepNCuts on photographs of your own; the README has the set too.
//! ```no_run
//! use training::{CutTask, CutTraining, Progress, SegmentationSet, TrainConfig, Trainer};
//!
//! # fn train(network: models::DeepNcuts, photographs: &dyn SegmentationSet) -> training::Result<()> {
//! let task = CutTask::new(photographs, CutTraining::default());
//! let run = std::path::Path::new("runs/first");
//! let trainer = Trainer::start(network, task, TrainConfig::default(), run, |_, _| ())?;
//! let trained = trainer.run(|progress| {
//!     if let Progress::Step { record, .. } = progress {
//!         println!("step {}: loss {:.4}", record.step, record.loss);
//!     }
//!     // `false` stops after this step, with a checkpoint from which `Trainer::resume` goes on.
//!     true
//! })?;
//! # let _ = trained;
//! # Ok(())
//! # }
//! ```
//!
//! # Map
//! ```text
//! TrainableNetwork ────────────────────────┐
//! Task: StepContext ─▶ StepResult ─────────┤
//! TrainConfig: optimiser, learning rate, … ┼─▶ Trainer ─▶ journal, checkpoints, network
//! Ranks: one process, or several ──────────┘
//! ```
//!
//! | module | contents |
//! |---|---|
//! | [`Trainer`] | SGD and Adam, frozen or learning trunk, journal, checkpoints exact to the bit |
//! | [`Task`] | the objective of a network: a [`StepContext`] in, a [`StepResult`] out; with a [`TrainableNetwork`](models::TrainableNetwork) of your own, a training of your own |
//! | [`CutTask`] | cuts that fall where people cut, of a set of human segmentations ([`SegmentationSet`]) |
//! | [`BoundaryTask`] | boundaries where people draw them, of the same sets |
//! | [`RegionTask`] | classification of free-form regions |
//! | [`Ranks`] | several processes, on one machine or many, that train or measure together |
//! | [`ScribbleTraining`] | the head of a network on one photograph, from a few strokes of a pen |
//!
//! # Conventions
//! A step depends on the network, the seed and the step's number alone: a training that was stopped and resumed, or killed,
//! ends with the same bytes. Gradients are summed over the examples of a step and divided by their number.
//!
//! # Features
//! * `cuda`: trunks and heads on NVIDIA GPUs, and sums over the GPUs of several processes; needs a CUDA toolkit to build.
//! * `mpi`: ranks that `mpirun` starts; needs an MPI and libclang to build.

mod averaging;
mod boundary_task;
mod calibration;
mod checkpoint;
mod config;
mod criterion_in_files;
mod cut_task;
mod distributed;
mod error;
mod failure_policy;
mod gradient_sums;
mod journal;
mod optimiser;
mod recent_checkpoints;
mod region_measures;
mod region_task;
mod run_folder;
mod run_lock;
mod sampler;
mod schedule;
mod scribble_training;
mod segmentation_set;
mod shared_step;
mod step;
mod task;
#[cfg(test)]
mod test_halves;
mod trainer;

pub use boundary_task::{BoundaryMeasures, BoundaryTask};
pub use config::{Optimiser, TrainConfig, TrunkTraining};
pub use cut_task::{Annotations, CutMeasures, CutTask, CutTraining};
/// Gradients by parameter, as dfdx holds them: what a [`StepResult`] brings.
pub use dfdx::prelude::Gradients;
pub use distributed::Ranks;
pub use error::{Error, Result};
pub use journal::{Journal, StepRecord};
pub use recent_checkpoints::can_resume;
pub use region_measures::RegionMeasures;
pub use region_task::{RegionTask, RegionTraining};
pub use run_lock::was_begun;
pub use sampler::Sample;
pub use schedule::Schedule;
pub use scribble_training::{ScribbleStep, ScribbleTraining};
pub use segmentation_set::SegmentationSet;
pub use task::{StepContext, StepMeasures, StepResult, Task};
pub use trainer::{Progress, Trainer};

/// The README's example runs as a doc test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
