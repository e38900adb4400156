//! Training a head to draw the boundaries that people draw.

use std::path::Path;

use dfdx::prelude::Gradients;
use dfdx::tensor::Cpu;
use serde::{Deserialize, Serialize};

use crate::calibration::CalibrationExamples;
use crate::config::{TrainConfig, TrunkTraining};
use crate::error::{Error, Result};
use crate::sampler::Sample;
use crate::segmentation_set::{SegmentationSet, feature_name, photograph};
use crate::task::{StepContext, StepMeasures, StepResult, Task, refuse_empty};
use models::{DeepBoundaries, FeatureCache, FeatureMaps, GradientHook};

/// Images that mean and deviation of the features' channels are measured on, evenly spaced over the set.
const CALIBRATION_IMAGES: usize = 25;

/// The loss, as checkpoints name it.
const SETTINGS: &str = r#"{"loss":"weighted-cross-entropy"}"#;

/// Measures of a step, as in the journal: means over positions, then over examples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BoundaryMeasures {
    /// Share of people who drew a boundary at a position.
    pub drawn_boundaries: f64,
    /// Probability of a boundary at a position.
    pub predicted_boundaries: f64,
}

impl StepMeasures for BoundaryMeasures {
    fn joined(parts: &[(usize, Self)]) -> Self {
        let count: usize = parts.iter().map(|(examples, _)| examples).sum();
        let mean = |of: fn(&Self) -> f64| {
            let sums = parts.iter();
            let sums = sums.map(|(examples, part)| *examples as f64 * of(part));
            sums.sum::<f64>() / count as f64
        };
        Self {
            drawn_boundaries: mean(|part| part.drawn_boundaries),
            predicted_boundaries: mean(|part| part.predicted_boundaries),
        }
    }
}

/// Boundaries where people draw them, on a frozen trunk.
///
/// The loss is [`BoundaryLoss`](models::BoundaryLoss) against the share of people with a boundary near each position of
/// the finest grid ([`HumanBoundaries::on_grid`](models::HumanBoundaries::on_grid)).
pub struct BoundaryTask<'a> {
    set: &'a dyn SegmentationSet,
    cache: Option<FeatureCache>,
    calibrated: bool,
}

impl<'a> BoundaryTask<'a> {
    /// The task on these photographs.
    pub fn new(set: &'a dyn SegmentationSet) -> Self {
        Self {
            set,
            cache: None,
            calibrated: false,
        }
    }

    /// For a network that was trained before: means and deviations of its channels stay as they are.
    pub fn already_calibrated(self) -> Self {
        Self {
            calibrated: true,
            ..self
        }
    }

    fn sample(
        &mut self,
        network: &DeepBoundaries,
        sample: &Sample,
        gradients: Gradients<f32, Cpu>,
        hook: Option<&GradientHook>,
        sums: &mut (f64, BoundaryMeasures),
    ) -> Result<Gradients<f32, Cpu>> {
        let unreadable = Error::unreadable(sample.example, self.set.id(sample.example));
        let human = self.set.boundaries(sample.example).map_err(unreadable)?;
        let human = match sample.flipped {
            true => human.flipped(),
            false => human,
        };
        let levels = self.levels(network, sample)?;
        let outcome = network.step(&levels, &human, sample.dropout, gradients, hook)?;
        let (loss, measures) = sums;
        *loss += outcome.loss;
        measures.drawn_boundaries += outcome.drawn;
        measures.predicted_boundaries += outcome.predicted;
        Ok(outcome.gradients)
    }

    /// The features of a sample at each level; the trunk runs once for those that are not in the cache.
    fn levels(&mut self, network: &DeepBoundaries, sample: &Sample) -> Result<Vec<FeatureMaps>> {
        let set = self.set;
        let mut made: Option<Vec<FeatureMaps>> = None;
        let mut make = |level: usize| -> Result<FeatureMaps> {
            let levels = match made.take() {
                Some(levels) => levels,
                None => network.level_features(&photograph(set, sample)?)?,
            };
            let maps = levels[level].clone();
            made = Some(levels);
            Ok(maps)
        };
        let channels = network.level_channels().into_iter().enumerate();
        let name = feature_name(set, sample);
        // Files that cannot be read are refused where they are looked at.
        let contents = || set.digest(sample.example).unwrap_or(0);
        let maps = channels.map(|(level, channels)| match &mut self.cache {
            Some(cache) => {
                let name = format!("{name}_level{level}");
                cache.features((&name, contents), channels, || make(level))
            }
            None => make(level),
        });
        maps.collect()
    }
}

impl Task for BoundaryTask<'_> {
    type Network = DeepBoundaries;
    type Measures = BoundaryMeasures;

    fn check(&self) -> Result<()> {
        refuse_empty(self.set.len(), "at least one image")
    }

    fn settings(&self) -> String {
        SETTINGS.to_owned()
    }

    fn examples(&self) -> usize {
        self.set.len()
    }

    fn id(&self, index: usize) -> &str {
        self.set.id(index)
    }

    fn digest(&self, index: usize) -> u64 {
        self.set.digest(index).unwrap_or(0)
    }

    fn take_notices(&mut self) -> Vec<String> {
        let cache = self.cache.as_mut();
        cache.map_or_else(Vec::new, FeatureCache::take_notices)
    }

    fn calibrate(
        &mut self,
        network: &mut DeepBoundaries,
        config: &TrainConfig,
        observer: &mut dyn FnMut(usize, usize),
    ) -> Result<()> {
        check_frozen(config)?;
        if self.calibrated {
            return Ok(());
        }
        let set = self.set;
        let mut examples = CalibrationExamples::new(set.len(), CALIBRATION_IMAGES);
        let images = examples.read(observer, |_| true, |index| set.image(index));
        let calibrated = network.calibrate(images);
        examples.conclude(calibrated)
    }

    fn open(
        &mut self,
        network: &DeepBoundaries,
        config: &TrainConfig,
        cache: &Path,
        sharers: usize,
    ) -> Result<()> {
        check_frozen(config)?;
        let layers = network.trunk_digest();
        let cache = FeatureCache::new(cache, config.cache_bytes, layers)?;
        self.cache = Some(cache.shared_by(sharers));
        Ok(())
    }

    fn step(
        &mut self,
        network: &DeepBoundaries,
        at: &StepContext<'_>,
    ) -> Result<StepResult<BoundaryMeasures>> {
        let mut gradients = Gradients::leaky();
        let mut sums = (0.0, BoundaryMeasures::default());
        for (place, sample) in at.samples.iter().enumerate() {
            // The last sample's backward pass is the last that adds to any gradient.
            let hook = at.hook.filter(|_| place + 1 == at.samples.len());
            let stepped = self.sample(network, sample, gradients, hook, &mut sums);
            let id = self.set.id(sample.example);
            gradients = stepped.map_err(Error::in_step(at.number, id))?;
        }
        let share = 1.0 / at.samples.len() as f64;
        let (loss, measures) = sums;
        Ok(StepResult {
            loss: loss * share,
            measures: BoundaryMeasures {
                drawn_boundaries: measures.drawn_boundaries * share,
                predicted_boundaries: measures.predicted_boundaries * share,
            },
            gradients,
        })
    }

    fn close(&mut self) -> Result<()> {
        Ok(self.cache.take().map_or(Ok(()), FeatureCache::remove)?)
    }
}

/// Refuses a trunk that is to learn: its gradients are not computed.
fn check_frozen(config: &TrainConfig) -> Result<()> {
    match &config.trunk {
        TrunkTraining::Frozen => Ok(()),
        other => Err(Error::Setting {
            name: "learning part of the trunk",
            expected: "none: a head that draws boundaries learns on a frozen trunk",
            found: format!("{other:?}"),
        }),
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;
    use crate::distributed::Ranks;
    use crate::journal::StepRecord;
    use crate::test_halves::Halves;
    use crate::trainer::{Progress, Trainer};
    use models::{BoundaryArchitecture, BoundaryLevel, TrainableNetwork as _};
    use models::{TrunkKind, TrunkWeights, fnv_1a};

    #[test]
    fn measures_of_parts_are_weighed_by_their_examples() {
        let part = |drawn_boundaries, predicted_boundaries| BoundaryMeasures {
            drawn_boundaries,
            predicted_boundaries,
        };
        let joined = BoundaryMeasures::joined(&[(1, part(0.5, 0.25)), (3, part(0.1, 0.05))]);
        assert!((joined.drawn_boundaries - 0.2).abs() < 1e-12);
        assert!((joined.predicted_boundaries - 0.1).abs() < 1e-12);
    }

    fn network() -> DeepBoundaries {
        let level = |layer: &str, reduction| BoundaryLevel {
            layers: vec![layer.to_owned()],
            reduction,
        };
        let architecture = BoundaryArchitecture {
            levels: vec![level("stem", 4), level("block2", 4)],
            merges: vec![4],
            ..BoundaryArchitecture::new(TrunkKind::Lite0)
        };
        DeepBoundaries::new(architecture, &TrunkWeights::Random, 2).unwrap()
    }

    /// The steps, and the digest of the network they lead to.
    fn train(
        ranks: Ranks,
        set: &Halves,
        config: &TrainConfig,
        folder: &Path,
    ) -> (
        Vec<StepRecord<BoundaryMeasures>>,
        std::result::Result<u64, String>,
    ) {
        let ranks = Rc::new(ranks);
        let mut records = Vec::new();
        let (task, config) = (BoundaryTask::new(set), config.clone());
        let started = Trainer::start_among(&ranks, network(), task, config, folder, |_, _| ());
        let trained = started.and_then(|trainer| {
            trainer.run(|event| {
                if let Progress::Step { record, .. } = event {
                    records.push(record.clone());
                }
                true
            })
        });
        let digest = trained.map(|network| {
            let network = network.expect("a training that is not stopped");
            let tensors = network.tensors_out().into_iter();
            let values = tensors.flat_map(|tensor| tensor.values);
            fnv_1a(values.flat_map(f32::to_le_bytes))
        });
        Rc::into_inner(ranks).unwrap().finalize().unwrap();
        (records, digest.map_err(|error| error.to_string()))
    }

    fn config() -> TrainConfig {
        TrainConfig {
            epochs: 4,
            batch: 4,
            ..TrainConfig::default()
        }
    }

    #[test]
    fn ranks_take_the_steps_of_one_process() {
        let set = Halves::new(9, None);
        let alone = tempfile::tempdir().unwrap();
        let (one, _) = train(Ranks::alone(), &set, &config(), alone.path());
        assert_eq!(one.len(), 12);
        let folder = tempfile::tempdir().unwrap();
        let several = Ranks::as_threads(2, |ranks| train(ranks, &set, &config(), folder.path()));
        assert_eq!(several[0].1, several[1].1);
        for (one, several) in one.iter().zip(&several[0].0) {
            assert_eq!(one.images, several.images);
            assert!(
                (one.loss - several.loss).abs() < 1e-5,
                "{one:?} {several:?}"
            );
            let (a, b) = (&one.measures, &several.measures);
            assert!((a.drawn_boundaries - b.drawn_boundaries).abs() < 1e-9);
        }
    }

    #[test]
    fn unreadable_photographs_are_left_out_by_name() {
        let set = Halves::new(8, Some(5));
        let strict = TrainConfig {
            unreadable: 0.1,
            ..config()
        };
        let lenient = TrainConfig {
            unreadable: 0.2,
            ..config()
        };
        let trained = |config: &TrainConfig| {
            let folder = tempfile::tempdir().unwrap();
            train(Ranks::alone(), &set, config, folder.path()).1
        };
        assert!(trained(&lenient).is_ok());
        let refused = trained(&strict).unwrap_err();
        assert!(refused.contains("halves5"), "{refused}");
        let whole = TrainConfig {
            trunk: TrunkTraining::Whole,
            ..config()
        };
        let refused = trained(&whole).unwrap_err();
        assert!(refused.contains("frozen trunk, found Whole"), "{refused}");
    }
}
