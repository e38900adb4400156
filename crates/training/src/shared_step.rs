//! A step that ranks share: each takes its part of the examples, and all end with the same gradients.

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
            return Err(single_process());
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

    /// Whether all ranks continue. `done` says whether this one would, and a number that must be the same on all.
    ///
    /// # Errors
    /// Our own; [`Error::OnRank`] for another's; [`Error::Ranks`] where ranks have diverged.
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

    /// The error on every rank; `own` where it is ours.
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
    // `max_by_key` finds the last of the greatest.
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

fn single_process() -> Error {
    Error::Ranks {
        found: "one process; run under mpirun -np 2 or more".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    // Trainings by ranks that are threads, compared with one by one process.

    use std::path::Path;
    use std::rc::Rc;

    use super::*;
    use crate::distributed::Ranks;
    use crate::test_halves::{Halves, network};
    use crate::{
        CutMeasures, CutTask, CutTraining, Optimiser, Progress, RegionMeasures, StepRecord,
        TrainConfig, TrunkTraining,
    };

    fn config(trunk: TrunkTraining) -> TrainConfig {
        TrainConfig {
            epochs: 5,
            batch: 4,
            optimiser: Optimiser::Adam,
            rate: 1e-3,
            warmup: 5,
            trunk,
            averaging: 0.5,
            ..TrainConfig::default()
        }
    }

    /// The result of a training on one rank: its steps, and the digest of its network or the error.
    type Left = (
        Vec<StepRecord<CutMeasures>>,
        std::result::Result<u64, String>,
    );

    fn train(ranks: Ranks, set: &Halves, config: &TrainConfig, folder: &Path) -> Left {
        train_on(&models::Device::default(), ranks, set, config, folder)
    }

    fn train_on(
        device: &models::Device,
        ranks: Ranks,
        set: &Halves,
        config: &TrainConfig,
        folder: &Path,
    ) -> Left {
        let ranks = Rc::new(ranks);
        let task = CutTask::new(set, CutTraining::default());
        let (network, config) = (network().on_device(device), config.clone());
        let mut records = Vec::new();
        let trained = Trainer::start_among(&ranks, network, task, config, folder, |_, _| ())
            .and_then(|trainer| {
                trainer.run(|event| {
                    if let Progress::Step { record, .. } = event {
                        records.push(record.clone());
                    }
                    true
                })
            });
        let digest = trained.map(|network| {
            let tensors = network
                .expect("a training that is not stopped")
                .tensors_out()
                .into_iter();
            fnv_1a(
                tensors
                    .flat_map(|tensor| tensor.values)
                    .flat_map(f32::to_le_bytes),
            )
        });
        Rc::into_inner(ranks).unwrap().finalize().unwrap();
        (records, digest.map_err(|error| error.to_string()))
    }

    /// Every rank's.
    fn train_by(size: usize, set: &Halves, config: &TrainConfig) -> Vec<Left> {
        let folder = tempfile::tempdir().unwrap();
        let left = if size == 1 {
            vec![train(Ranks::alone(), set, config, folder.path())]
        } else {
            Ranks::as_threads(size, |ranks| train(ranks, set, config, folder.path()))
        };
        let cache = folder.path().join("cache");
        assert!(!cache.exists() || left[0].1.is_err());
        left
    }

    fn assert_alike(one: &[StepRecord<CutMeasures>], several: &[StepRecord<CutMeasures>]) {
        assert_eq!(one.len(), several.len());
        for (one, several) in one.iter().zip(several) {
            assert_eq!(one.images, several.images);
            let (a, b) = (&one.measures, &several.measures);
            assert!((a.target_rank - b.target_rank).abs() < 1e-12);
            assert_eq!(a.dropped_segments, b.dropped_segments);
            assert!(
                (one.loss - several.loss).abs() < 1e-5,
                "{one:?} {several:?}"
            );
        }
    }

    #[test]
    fn ranks_take_the_steps_of_one_process() {
        // Steps of 4, 4 and 1 of nine images: the last has no example for one of two ranks, or for two of three.
        let set = Halves::new(9, None);
        for trunk in [TrunkTraining::Frozen, TrunkTraining::Whole] {
            let config = TrainConfig {
                epochs: 7,
                ..config(trunk)
            };
            let one = train_by(1, &set, &config);
            assert_eq!(one[0].0.len(), 21);
            for size in [2, 3] {
                let several = train_by(size, &set, &config);
                assert_alike(&one[0].0, &several[0].0);
                // All ranks end with the same bytes.
                let first = several[0].1.as_ref().unwrap();
                assert!(
                    several
                        .iter()
                        .all(|(_, digest)| digest.as_ref() == Ok(first))
                );
            }
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn ranks_with_a_gpu_each_take_the_steps_of_one_process() {
        let name = "shared_step::tests::ranks_with_a_gpu_each_take_the_steps_of_one_process";
        gpu::stand_ins::run_among(name, || {
            let set = Halves::new(9, None);
            let config = config(TrunkTraining::Whole);
            let tensors = models::Device::tensors_on_cpu();
            let alone = tempfile::tempdir().unwrap();
            let one = train_on(&tensors, Ranks::alone(), &set, &config, alone.path());
            // A GPU each: over them. Two ranks on one: not.
            for cards in [[0, 1], [1, 1]] {
                let folder = tempfile::tempdir().unwrap();
                let several = Ranks::as_threads(2, |ranks| {
                    let card = gpu::Gpu::open(cards[ranks.rank()]).unwrap();
                    let device = models::Device::tensors_on_cpu_beside(Some(card));
                    let over = ranks.sum_over_gpus(&device).unwrap();
                    (over, train_on(&device, ranks, &set, &config, folder.path()))
                });
                assert!(
                    several
                        .iter()
                        .all(|(over, _)| *over == (cards[0] != cards[1]))
                );
                let several: Vec<_> = several.into_iter().map(|(_, left)| left).collect();
                assert_alike(&one.0, &several[0].0);
                assert_eq!(
                    several[0].1.as_ref().unwrap(),
                    several[1].1.as_ref().unwrap()
                );
            }
        });
    }

    #[test]
    fn an_example_unreadable_on_one_rank_is_left_out_on_all() {
        let set = Halves::new(8, Some(5));
        let config = TrainConfig {
            unreadable: 0.2,
            ..config(TrunkTraining::Frozen)
        };
        let one = train_by(1, &set, &config);
        let several = train_by(2, &set, &config);
        assert_alike(&one[0].0, &several[0].0);
        let strict = TrainConfig {
            unreadable: 0.1,
            ..config
        };
        for (_, reported) in train_by(2, &set, &strict) {
            let reported = reported.unwrap_err();
            assert!(
                reported.starts_with("expected at most 10 % of 8 examples"),
                "{reported}"
            );
            assert!(
                reported.contains("halves5") && reported.contains("cut short"),
                "{reported}"
            );
        }
    }

    #[test]
    fn a_failure_on_one_rank_stops_all() {
        let mut set = Halves::new(8, None);
        set.bare = Some(3);
        let config = config(TrunkTraining::Whole);
        let reported: Vec<String> = train_by(3, &set, &config)
            .into_iter()
            .map(|(_, reported)| reported.unwrap_err())
            .collect();
        let own = reported
            .iter()
            .position(|reported| !reported.starts_with("rank "))
            .unwrap();
        assert!(
            reported[own].contains("at least one human segmentation an image"),
            "{reported:?}"
        );
        for (rank, other) in reported.iter().enumerate() {
            assert!(
                rank == own || *other == format!("rank {own}: {}", reported[own]),
                "{reported:?}"
            );
        }
    }

    #[test]
    fn a_rank_without_work_is_refused() {
        let config = config(TrunkTraining::Frozen);
        let set = Halves::new(8, None);
        for (_, reported) in train_by(5, &set, &config) {
            let reported = reported.unwrap_err();
            assert_eq!(
                reported,
                "batch: expected an example a rank or more, found 4 for 5 ranks"
            );
        }
    }

    #[test]
    fn numbers_that_are_not_finite_on_one_rank_are_so_on_all() {
        let parts = |failures: [Option<RankFailure>; 3]| {
            failures.map(|failure| RankStatus {
                examples: 1,
                loss: 0,
                measures: CutMeasures::default(),
                failure,
            })
        };
        let unreadable = || RankFailure::Unreadable {
            index: 4,
            name: "d".to_owned(),
            why: "cut short".to_owned(),
        };
        let decided = |failures, rank| {
            let statuses = parts(failures);
            let (found, failure) = worst(&statuses).unwrap();
            assert_eq!(found, rank);
            failure.on_all::<()>(found, None, || ())
        };
        assert!(worst(&parts([None, None, None])).is_none());
        assert!(
            decided([None, Some(RankFailure::NotFinite), None], 1)
                .unwrap()
                .is_none()
        );
        let failures = [
            Some(RankFailure::NotFinite),
            Some(unreadable()),
            Some(unreadable()),
        ];
        let reported = decided(failures, 1).unwrap_err().to_string();
        assert_eq!(reported, "d: rank 1: cut short");
        let other = || Some(RankFailure::Other("full".to_owned()));
        let reported = decided([Some(unreadable()), other(), other()], 1).unwrap_err();
        assert_eq!(reported.to_string(), "rank 1: full");
    }

    #[test]
    fn measures_of_parts_are_those_of_all() {
        let part = |similarity_rank, dropped_segments| CutMeasures {
            similarity_rank,
            target_rank: 2.0,
            dropped_segments,
        };
        let joined = CutMeasures::joined(&[(3, part(4.0, 1)), (1, part(8.0, 2))]);
        assert_eq!(joined, part(5.0, 3));
        let part = |training_error, smallest, crop| RegionMeasures {
            training_error,
            smallest_eigenvalue: Some(smallest),
            condition: Some(1.0 / smallest),
            fewer_than_channels: Some(training_error),
            parts: models::RegionSeconds {
                crop,
                ..models::RegionSeconds::default()
            },
        };
        let joined = RegionMeasures::joined(&[(1, part(1.0, 0.25, 2.0)), (3, part(0.0, 0.5, 1.0))]);
        assert_eq!(joined, part(0.25, 0.25, 2.0));
    }
}
