//! A step that ranks share: each takes its part of the examples, all end with the same.

use dfdx::prelude::*;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::failure_policy::unreadable;
use crate::gradient_sums::GradientSums;
use crate::sampler::Sample;
use crate::step::learning;
use crate::task::{StepContext, StepMeasures, StepResult, Task};
use crate::trainer::{Trainer, first_tensor};
use models::TrainableNetwork as _;
use models::fnv_1a;

/// How a rank's part of a step went.
#[derive(Serialize, Deserialize)]
#[serde(bound = "M: StepMeasures")]
struct RankStatus<M> {
    examples: usize,
    /// The bits: JSON knows no NaN.
    loss: u64,
    measures: M,
    failure: Option<RankFailure>,
}

#[derive(Serialize, Deserialize)]
enum RankFailure {
    NotFinite,
    Unreadable {
        index: usize,
        name: String,
        why: String,
    },
    Other(String),
}

impl<T: Task> Trainer<T> {
    /// Loss and gradients of all ranks' samples from ours, the same to the bit on every rank; `None` where a number was
    /// not finite on any.
    ///
    /// # Errors
    /// On every rank the same: our own, or that of another as [`Error::Unreadable`] or [`Error::OnRank`].
    pub(super) fn shared_step(
        &mut self,
        number: u64,
        mine: &[Sample],
    ) -> Result<Option<StepResult<T::Measures>>> {
        let Some(sender) = self.ranks.sums() else {
            return Err(nobody());
        };
        let first = first_tensor(&self.config, &self.network)?;
        let tensors = learning(&self.network, &self.config)?;
        let lengths: Vec<usize> = tensors.iter().map(|tensor| tensor.shape().0).collect();
        let sums = GradientSums::new(sender, first, &lengths);
        let hook = sums.hook();
        let at = StepContext {
            number,
            samples: mine,
            config: &self.config,
            hook: Some(&hook),
        };
        let found = match mine {
            // The last step of an epoch may have fewer examples than there are ranks.
            [] => Ok(StepResult {
                loss: 0.0,
                measures: T::Measures::default(),
                gradients: Gradients::leaky(),
            }),
            _ => self.task.step(&self.network, &at),
        };
        let (mut found, error) = match found {
            Ok(found) => (Some(found), None),
            Err(error) => (None, Some(error)),
        };
        let summed = sums.finish(found.as_mut().map(|found| &mut found.gradients), &tensors);
        let error = error.or(summed.err());
        let status = RankStatus {
            examples: mine.len(),
            loss: found
                .as_ref()
                .map_or(f64::NAN, |found| found.loss)
                .to_bits(),
            measures: found
                .as_ref()
                .map_or_else(T::Measures::default, |found| found.measures.clone()),
            failure: error.as_ref().map(RankFailure::of),
        };
        let statuses = self.ranks.all_gather(in_bytes(&status)?)?;
        let statuses = statuses.iter().map(|bytes| of_bytes(bytes));
        let statuses: Vec<RankStatus<T::Measures>> = statuses.collect::<Result<_>>()?;
        if let Some((rank, failure)) = worst(&statuses) {
            return failure.on_all(rank, error.filter(|_| rank == self.ranks.rank()), || {
                self.ranks.failed_alike();
            });
        }
        let count: usize = statuses.iter().map(|status| status.examples).sum();
        let losses = statuses
            .iter()
            .map(|status| status.examples as f64 * f64::from_bits(status.loss));
        let loss = losses.sum::<f64>() / count as f64;
        let parts = statuses.into_iter().filter(|status| status.examples > 0);
        let parts: Vec<_> = parts
            .map(|status| (status.examples, status.measures))
            .collect();
        Ok(found.map(|found| StepResult {
            loss,
            measures: T::Measures::joined(&parts),
            gradients: found.gradients,
        }))
    }

    /// Whether all ranks go on; `done` tells whether this one would, and a number that must be the same on all.
    ///
    /// # Errors
    /// Our own; [`Error::OnRank`] for another's; [`Error::Ranks`] where ranks have come apart.
    pub(super) fn all_go_on(&self, done: Result<(bool, u64)>) -> Result<bool> {
        let ranks = &self.ranks;
        if ranks.is_alone() || ranks.have_failed() {
            return done.map(|(go_on, _)| go_on);
        }
        let failure = done.as_ref().err().map(ToString::to_string);
        let words = done.as_ref().map_or_else(
            |_| Vec::new(),
            |(go_on, number)| [&[u8::from(*go_on)], &number.to_le_bytes()[..]].concat(),
        );
        let statuses = ranks.gather_results(failure, words);
        done?;
        let statuses = statuses?;
        if statuses.iter().any(|words| words[1..] != statuses[0][1..]) {
            ranks.failed_alike();
            let found = format!("other numbers on each after step {}", self.step());
            return Err(Error::Ranks { found });
        }
        Ok(statuses.iter().all(|words| words[0] == 1))
    }

    /// Refuses ranks whose networks are not the same.
    pub(super) fn check_alike(&self) -> Result<()> {
        if self.ranks.is_alone() {
            return Ok(());
        }
        let tensors = self.network.tensors_out().into_iter();
        let values = tensors.flat_map(|tensor| tensor.values);
        let digest = fnv_1a(values.flat_map(f32::to_le_bytes)) ^ self.step();
        self.all_go_on(Ok((true, digest))).map(|_| ())
    }

    /// Refuses settings that leave a rank without work.
    pub(super) fn check_batch(&self) -> Result<()> {
        let (batch, ranks) = (self.config.batch, self.ranks.size());
        if batch < ranks {
            return Err(Error::Setting {
                name: "batch",
                expected: "an example a rank or more",
                found: format!("{batch} for {ranks} ranks"),
            });
        }
        Ok(())
    }
}

impl RankFailure {
    fn of(error: &Error) -> Self {
        if error.is_of_numbers() {
            return Self::NotFinite;
        }
        match unreadable(error) {
            Some((index, name, why)) => Self::Unreadable { index, name, why },
            None => Self::Other(error.to_string()),
        }
    }

    /// What it is on every rank; `own` where it is ours.
    fn on_all<O>(
        &self,
        rank: usize,
        own: Option<Error>,
        failed: impl FnOnce(),
    ) -> Result<Option<O>> {
        let elsewhere = |message: &String| Error::OnRank {
            rank,
            message: message.clone(),
        };
        match self {
            Self::NotFinite => Ok(None),
            Self::Unreadable { index, name, why } => {
                Err(own.unwrap_or_else(|| Error::Unreadable {
                    index: *index,
                    name: name.clone(),
                    source: Box::new(elsewhere(why)),
                }))
            }
            Self::Other(message) => {
                failed();
                Err(own.unwrap_or_else(|| elsewhere(message)))
            }
        }
    }

    fn weight(&self) -> u8 {
        match self {
            Self::NotFinite => 0,
            Self::Unreadable { .. } => 1,
            Self::Other(_) => 2,
        }
    }
}

/// The failure that decides, of the first rank that has one as bad.
fn worst<M>(statuses: &[RankStatus<M>]) -> Option<(usize, &RankFailure)> {
    let failures = statuses.iter().enumerate();
    let failures = failures.filter_map(|(rank, status)| Some((rank, status.failure.as_ref()?)));
    // The last of the greatest is what `max_by_key` finds.
    failures.rev().max_by_key(|(_, failure)| failure.weight())
}

fn in_bytes(status: &impl Serialize) -> Result<Vec<u8>> {
    serde_json::to_vec(status).map_err(|error| garbled(&error))
}

fn of_bytes<M: StepMeasures>(bytes: &[u8]) -> Result<RankStatus<M>> {
    serde_json::from_slice(bytes).map_err(|error| garbled(&error))
}

fn garbled(error: &serde_json::Error) -> Error {
    Error::Ranks {
        found: format!("a status that cannot be read: {error}"),
    }
}

fn nobody() -> Error {
    Error::Ranks {
        found: "one process; run under mpirun -np 2 or more".to_owned(),
    }
}

#[cfg(test)]
#[path = "shared_step_tests.rs"]
mod tests;
