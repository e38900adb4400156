//! The task of a training: examples in, gradients out.

use std::path::Path;

use dfdx::prelude::Gradients;
use dfdx::tensor::Cpu;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::config::TrainConfig;
use crate::error::{Error, Result};
use crate::sampler::Sample;
use models::{GradientHook, TrainableNetwork};

/// Loss and gradients of one step.
pub struct StepResult<M> {
    /// Mean over the examples.
    pub loss: f64,
    /// Further measures for the journal.
    pub measures: M,
    /// Summed over the examples, not averaged: the trainer divides by their number. A parameter that has none does not
    /// move.
    pub gradients: Gradients<f32, Cpu>,
}

/// The inputs of a task for one step.
pub struct StepContext<'a> {
    /// Counted from 1.
    pub number: u64,
    /// Which examples, how: this process's part of the step.
    pub samples: &'a [Sample],
    /// Settings of the training; they say how much of the trunk learns.
    pub config: &'a TrainConfig,
    /// May be called with gradients that nothing more is added to, each once, so that they are summed over processes while
    /// the backward pass continues; the others are taken from the result. A task may leave it alone.
    pub hook: Option<&'a GradientHook>,
}

/// Measures of a step, of all its examples or of some, as in the journal.
pub trait StepMeasures: Serialize + DeserializeOwned + Clone + Default {
    /// Of all, from those of each part and how many examples it has.
    fn joined(parts: &[(usize, Self)]) -> Self;
}

/// Something that a network is trained for. Loop, optimiser, journal and checkpoints are the
/// [`Trainer`](crate::Trainer)'s.
///
/// A task is asked in this order: [`Task::check`]; [`Task::calibrate`], for a new training only; [`Task::open`];
/// [`Task::step`] again and again; [`Task::close`] after the last step.
///
/// # Conventions
/// A step depends on the network and its [`StepContext`] alone: this is what makes a resumed training take the steps that
/// an undisturbed one takes, and several processes those of one.
pub trait Task {
    /// The network that learns.
    type Network: TrainableNetwork;
    /// The measures of a step.
    type Measures: StepMeasures;

    /// Refuses settings outside their range, and an empty set.
    ///
    /// # Errors
    /// [`Error::Setting`].
    fn check(&self) -> Result<()> {
        refuse_empty(self.examples(), "at least one example")
    }

    /// The settings as text: a training resumes only under its own.
    fn settings(&self) -> String;

    /// How many examples.
    fn examples(&self) -> usize;

    /// The name of an example, the same in every run.
    fn id(&self, index: usize) -> &str;

    /// Names of all examples, in order.
    fn ids(&self) -> Vec<String> {
        let ids = (0..self.examples()).map(|index| self.id(index).to_owned());
        ids.collect()
    }

    /// A digest of the contents of an example; 0 where they cannot be read, or where the task does not know any. A training
    /// resumes only on the contents that it began with.
    fn digest(&self, index: usize) -> u64 {
        let _ = index;
        0
    }

    /// Sentences for people since this was asked last, such as of features that were made again.
    fn take_notices(&mut self) -> Vec<String> {
        Vec::new()
    }

    /// Measures the scales of a new network before its first step, and reports progress to `observer` as (done, total).
    ///
    /// # Errors
    /// Those of the task's data and of the network.
    fn calibrate(
        &mut self,
        network: &mut Self::Network,
        config: &TrainConfig,
        observer: &mut dyn FnMut(usize, usize),
    ) -> Result<()> {
        let _ = (network, config, observer);
        Ok(())
    }

    /// Opens the state that all steps share. `cache` is a folder for features, which `sharers` processes fill together; it
    /// need not exist yet.
    ///
    /// # Errors
    /// Those of the task's files.
    fn open(
        &mut self,
        network: &Self::Network,
        config: &TrainConfig,
        cache: &Path,
        sharers: usize,
    ) -> Result<()> {
        let _ = (network, config, cache, sharers);
        Ok(())
    }

    /// Loss and gradients of one step.
    ///
    /// # Errors
    /// [`Error::Unreadable`] for an example whose data cannot be read: the step is asked for again without it. An error of
    /// a matrix rule that met a number which is not finite skips the step; any other ends the training.
    fn step(
        &mut self,
        network: &Self::Network,
        at: &StepContext<'_>,
    ) -> Result<StepResult<Self::Measures>>;

    /// Removes the resources of [`Task::open`].
    ///
    /// # Errors
    /// Those of the task's files.
    fn close(&mut self) -> Result<()> {
        Ok(())
    }
}

/// Refuses a set of no examples.
pub(crate) fn refuse_empty(examples: usize, expected: &'static str) -> Result<()> {
    if examples > 0 {
        return Ok(());
    }
    Err(Error::Setting {
        name: "training set",
        expected,
        found: "none".to_owned(),
    })
}

/// Settings as checkpoints hold them.
pub(crate) fn settings_in_files(settings: &impl Serialize) -> String {
    // Numbers and names in a struct: JSON has words for all of them.
    serde_json::to_string(settings).unwrap_or_default()
}
