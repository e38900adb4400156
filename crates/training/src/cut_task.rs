//! Training through normalised cuts on human segmentations.

use std::path::Path;

use dfdx::prelude::Gradients;
use dfdx::tensor::Cpu;
use ncuts::{Criterion, Indicator, NcutsLayer};
use segmentation::LabelMap;
use serde::{Deserialize, Serialize};

use crate::calibration::CalibrationExamples;
use crate::config::{TrainConfig, TrunkTraining};
use crate::criterion_in_files;
use crate::error::{Error, Result};
use crate::sampler::Sample;
use crate::segmentation_set::{SegmentationSet, feature_name, photograph};
use crate::task::{StepContext, StepMeasures, StepResult, Task, refuse_empty, settings_in_files};
use crate::trainer::first_step;
use models::{CutInput, DeepNcuts, FeatureCache, GradientHook};

/// Images that the scales of the trunk's taps are measured on, evenly spaced over the set.
const CALIBRATION_IMAGES: usize = 50;

/// Which human segmentations of a photograph a sample uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Annotations {
    /// One, drawn for each sample.
    One,
    /// All; the loss is their mean.
    All,
}

/// How a cut is compared with human segmentations.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CutTraining {
    /// Human segmentations a sample uses.
    pub annotations: Annotations,
    /// The loss; in files by name where it is one of this type's own.
    #[serde(with = "criterion_in_files")]
    pub criterion: Criterion,
}

impl Default for CutTraining {
    fn default() -> Self {
        Self {
            annotations: Annotations::All,
            criterion: Criterion::default(),
        }
    }
}

impl CutTraining {
    /// Projectors of a hard rank: singular values below 10⁻⁶ of the largest, as f32 rounds them, are no rank.
    pub const HARD: Criterion = criterion_in_files::HARD;

    /// As many leading eigenvectors as people drew segments (Bach and Jordan), eigenvalues closer than a thousandth
    /// smoothed over.
    pub const EIGENVECTORS: Criterion = criterion_in_files::EIGENVECTORS;

    /// ε of the regularised projector, where that is the loss.
    pub fn epsilon(&self) -> Option<f64> {
        match self.criterion {
            Criterion::Regularised { epsilon } => Some(epsilon),
            _ => None,
        }
    }

    /// Refuses settings outside their range.
    ///
    /// # Errors
    /// [`Error::Setting`].
    pub fn check(&self) -> Result<()> {
        let refused = |name, expected, found| {
            Err(Error::Setting {
                name,
                expected,
                found,
            })
        };
        match self.epsilon() {
            Some(epsilon) if epsilon.is_finite() && epsilon > 0.0 => Ok(()),
            Some(epsilon) => refused("epsilon", "a number above 0", epsilon.to_string()),
            // What the layer refuses on two pixels of two segments, it refuses everywhere.
            None => match self.on_two_pixels() {
                Ok(()) => Ok(()),
                Err(error) => refused("criterion", "settings in their range", error.to_string()),
            },
        }
    }

    fn on_two_pixels(&self) -> std::result::Result<(), ncuts::Error> {
        let labels = LabelMap::new(2, 1, vec![0, 1])?;
        let indicator = Indicator::from_label_map(&labels, 2, 1)?;
        let features = faer::mat![[1.0, 0.5], [0.25, 1.0]];
        let forward = self
            .layer()
            .forward(features.as_ref(), None, &[indicator])?;
        forward.vjp(1.0).map(|_| ())
    }

    pub(super) fn layer(&self) -> NcutsLayer {
        NcutsLayer::new(self.criterion)
    }
}

/// Measures of a step through normalised cuts, as in the journal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CutMeasures {
    /// Mean rank of the similarity's projector.
    pub similarity_rank: f64,
    /// Mean rank of the target's projector: segments of the annotations used.
    pub target_rank: f64,
    /// Segments of annotations that vanish at the features' resolution, and were left out.
    pub dropped_segments: usize,
}

impl StepMeasures for CutMeasures {
    fn joined(parts: &[(usize, Self)]) -> Self {
        let count: usize = parts.iter().map(|(examples, _)| examples).sum();
        let mean = |of: fn(&Self) -> f64| {
            let sums = parts
                .iter()
                .map(|(examples, part)| *examples as f64 * of(part));
            sums.sum::<f64>() / count as f64
        };
        Self {
            similarity_rank: mean(|part| part.similarity_rank),
            target_rank: mean(|part| part.target_rank),
            dropped_segments: parts.iter().map(|(_, part)| part.dropped_segments).sum(),
        }
    }
}

/// Cuts that fall where people cut.
pub struct CutTask<'a> {
    set: &'a dyn SegmentationSet,
    settings: CutTraining,
    layer: NcutsLayer,
    cache: Option<FeatureCache>,
    calibrated: bool,
}

impl<'a> CutTask<'a> {
    /// The task on these photographs.
    pub fn new(set: &'a dyn SegmentationSet, settings: CutTraining) -> Self {
        Self {
            set,
            settings,
            layer: settings.layer(),
            cache: None,
            calibrated: false,
        }
    }

    /// For a network that was trained before: the scales of its taps stay as they are.
    pub fn already_calibrated(self) -> Self {
        Self {
            calibrated: true,
            ..self
        }
    }

    fn sample(
        &mut self,
        network: &DeepNcuts,
        sample: &Sample,
        config: &TrainConfig,
        gradients: Gradients<f32, Cpu>,
        hook: Option<&GradientHook>,
        sums: &mut (f64, CutMeasures),
    ) -> Result<Gradients<f32, Cpu>> {
        let annotations = self.annotations(sample)?;
        let annotations: Vec<&LabelMap> = annotations.iter().collect();
        let (layer, seed, set) = (&self.layer, sample.dropout, self.set);
        let outcome = match &mut self.cache {
            Some(cache) => {
                let name = feature_name(set, sample);
                // Files that cannot be read are refused where they are looked at.
                let contents = || set.digest(sample.example).unwrap_or(0);
                let compute = || Ok::<_, Error>(network.trunk_features(&photograph(set, sample)?)?);
                let maps = cache.features((&name, contents), network.trunk_channels(), compute)?;
                network.step(
                    CutInput::Features(&maps),
                    &annotations,
                    layer,
                    seed,
                    gradients,
                    hook,
                )?
            }
            None => {
                let image = photograph(set, sample)?;
                let first_step = first_step(config, network)?;
                let input = CutInput::Image {
                    image: &image,
                    first_step,
                };
                network.step(input, &annotations, layer, seed, gradients, hook)?
            }
        };
        let (loss, measures) = sums;
        let ranks = &outcome.target_ranks;
        *loss += outcome.loss;
        measures.similarity_rank += outcome.similarity_rank as f64;
        measures.target_rank += ranks.iter().sum::<usize>() as f64 / ranks.len() as f64;
        measures.dropped_segments += outcome.dropped_segments;
        Ok(outcome.gradients)
    }

    fn annotations(&self, sample: &Sample) -> Result<Vec<LabelMap>> {
        let unreadable = Error::unreadable(sample.example, self.set.id(sample.example));
        let mut annotations = self.set.annotations(sample.example).map_err(unreadable)?;
        if annotations.is_empty() {
            let found = self.set.id(sample.example).to_owned();
            let expected = "at least one human segmentation an image";
            return Err(Error::Setting {
                name: "training set",
                expected,
                found,
            });
        }
        if self.settings.annotations == Annotations::One {
            let drawn = (sample.draw % annotations.len() as u64) as usize;
            annotations = vec![annotations.swap_remove(drawn)];
        }
        if sample.flipped {
            annotations = annotations.iter().map(LabelMap::flipped).collect();
        }
        Ok(annotations)
    }
}

impl Task for CutTask<'_> {
    type Network = DeepNcuts;
    type Measures = CutMeasures;

    fn check(&self) -> Result<()> {
        self.settings.check()?;
        refuse_empty(self.set.len(), "at least one image")
    }

    fn settings(&self) -> String {
        settings_in_files(&self.settings)
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
        network: &mut DeepNcuts,
        _: &TrainConfig,
        observer: &mut dyn FnMut(usize, usize),
    ) -> Result<()> {
        if self.calibrated {
            return Ok(());
        }
        // The size of features hardly differs from image to image: a few dozen are enough.
        let set = self.set;
        let mut examples = CalibrationExamples::new(set.len(), CALIBRATION_IMAGES);
        let images = examples.read(observer, |_| true, |index| set.image(index));
        let calibrated = network.calibrate(images);
        examples.conclude(calibrated)
    }

    fn open(
        &mut self,
        network: &DeepNcuts,
        config: &TrainConfig,
        cache: &Path,
        sharers: usize,
    ) -> Result<()> {
        self.cache = match config.trunk {
            TrunkTraining::Frozen => {
                let layers = network.trunk_digest();
                Some(FeatureCache::new(cache, config.cache_bytes, layers)?.shared_by(sharers))
            }
            _ => None,
        };
        Ok(())
    }

    fn step(
        &mut self,
        network: &DeepNcuts,
        at: &StepContext<'_>,
    ) -> Result<StepResult<CutMeasures>> {
        let mut gradients = Gradients::leaky();
        let mut sums = (0.0, CutMeasures::default());
        for (place, sample) in at.samples.iter().enumerate() {
            // The last sample's backward pass is the last that adds to any gradient.
            let hook = at.hook.filter(|_| place + 1 == at.samples.len());
            let stepped = self.sample(network, sample, at.config, gradients, hook, &mut sums);
            let id = self.set.id(sample.example);
            gradients = stepped.map_err(Error::in_step(at.number, id))?;
        }
        let share = 1.0 / at.samples.len() as f64;
        let (loss, measures) = sums;
        Ok(StepResult {
            loss: loss * share,
            measures: CutMeasures {
                similarity_rank: measures.similarity_rank * share,
                target_rank: measures.target_rank * share,
                dropped_segments: measures.dropped_segments,
            },
            gradients,
        })
    }

    fn close(&mut self) -> Result<()> {
        Ok(self.cache.take().map_or(Ok(()), FeatureCache::remove)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use matbackprop_core::{GapPolicy, RankTolerance};
    use test_support::refused;

    #[test]
    fn every_criterion_has_its_range() {
        let with = |criterion| CutTraining {
            criterion,
            ..CutTraining::default()
        };
        for criterion in [
            Criterion::default(),
            CutTraining::HARD,
            CutTraining::EIGENVECTORS,
        ] {
            with(criterion).check().unwrap();
        }
        let regularised = |epsilon| with(Criterion::Regularised { epsilon }).check();
        let rank_tolerance = RankTolerance::Relative(1.5);
        let gaps = GapPolicy::Broadened { width: 0.0 };
        refused! {
            regularised(0.0) => Error::Setting { name: "epsilon", .. },
            regularised(-1.0) => Error::Setting { name: "epsilon", .. },
            regularised(f64::NAN) => Error::Setting { name: "epsilon", .. },
            regularised(f64::INFINITY) => Error::Setting { name: "epsilon", .. },
            with(Criterion::HardProjector { rank_tolerance }).check() => Error::Setting { name: "criterion", .. },
            with(Criterion::Eigenvectors { gaps }).check() => Error::Setting { name: "criterion", .. },
        }
    }
}
