//! What a training is about: examples in, gradients out.

use std::path::Path;

use dfdx::prelude::Gradients;
use dfdx::tensor::Cpu;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::config::TrainConfig;
use crate::error::Result;
use crate::sampler::Sample;
use models::GradientHook;
use models::TrainableNetwork;

/// Loss and gradients of one step.
pub struct StepResult<M> {
    /// Mean over the examples.
    pub loss: f64,
    /// What the journal shows beside it.
    pub measures: M,
    /// Summed over the examples, not averaged: the trainer divides by their number. A parameter that has none does not
    /// move.
    pub gradients: Gradients<f32, Cpu>,
}

/// What a task needs to know for one step.
pub struct StepContext<'a> {
    /// Counted from 1.
    pub number: u64,
    /// Which examples, how: this process's part of the step.
    pub samples: &'a [Sample],
    /// Settings of the training; they say how much of the trunk learns.
    pub config: &'a TrainConfig,
    /// May be called with gradients that nothing more is added to, each once, so that they are summed over processes while
    /// the backward pass goes on; the others are taken from the result. A task may leave it alone.
    pub hook: Option<&'a GradientHook>,
}

/// What the journal shows of a step, of all its examples or of some.
pub trait StepMeasures: Serialize + DeserializeOwned + Clone + Default {
    /// Of all, from those of each part and how many examples it has.
    fn joined(parts: &[(usize, Self)]) -> Self;
}

/// Something that a network can be trained for. The loop, the optimiser, the journal and the checkpoints are the
/// [`Trainer`](crate::Trainer)'s.
pub trait Task {
    /// What learns.
    type Network: TrainableNetwork;
    /// What the journal shows of a step.
    type Measures: StepMeasures;

    /// Refuses settings outside their range, and an empty set.
    fn check(&self) -> Result<()>;

    /// The settings as text: a training resumes only under its own.
    fn settings(&self) -> String;

    /// How many examples.
    fn examples(&self) -> usize;

    /// The name of an example.
    fn id(&self, index: usize) -> &str;

    /// Names of all examples, in order.
    fn ids(&self) -> Vec<String> {
        let ids = (0..self.examples()).map(|index| self.id(index).to_owned());
        ids.collect()
    }

    /// Measures what is measured before the first step; `done` of `total` are told.
    fn calibrate(
        &mut self,
        network: &mut Self::Network,
        config: &TrainConfig,
        observer: &mut dyn FnMut(usize, usize),
    ) -> Result<()>;

    /// Opens what the steps share; features are kept in `cache`, by so many processes.
    fn open(
        &mut self,
        network: &Self::Network,
        config: &TrainConfig,
        cache: &Path,
        sharers: usize,
    ) -> Result<()>;

    /// One step's loss and gradients. An example that cannot be read is [`Error::Unreadable`](crate::Error::Unreadable),
    /// and the step is asked for again without it.
    fn step(
        &mut self,
        network: &Self::Network,
        at: &StepContext<'_>,
    ) -> Result<StepResult<Self::Measures>>;

    /// Removes what was kept.
    fn close(&mut self) -> Result<()>;
}
