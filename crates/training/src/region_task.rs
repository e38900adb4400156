//! Training on free-form regions with their classes.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use models::{
    Chain, FeatureCache, RegionBatch, RegionClassifier, RegionInput, RegionSeconds, RegionSet,
    RegionView, TrainableNetwork as _, fnv_1a,
};
use o2p::Region;
use serde::{Deserialize, Serialize};
use web_time::Instant;

use crate::config::TrainConfig;
use crate::error::{Error, Result};
use crate::region_measures::{RegionMeasures, measures};
use crate::sampler::Sample;
use crate::task::{StepContext, StepResult, Task};
use crate::trainer::{first_step, first_tensor};

/// Regions that the scales of the trunk's taps, and the size of the pooled vectors, are measured on.
const CALIBRATION_REGIONS: usize = 200;

/// How regions are looked at while training.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RegionTraining {
    /// Shifts and zooms of a region whose features are kept, the region as it is among them; each mirrored and not.
    /// A trunk that learns from its first layer on sees another one in every sample.
    pub views: u32,
}

impl Default for RegionTraining {
    fn default() -> Self {
        Self { views: 2 }
    }
}

/// Regions told apart.
pub struct RegionTask<'a> {
    set: &'a dyn RegionSet,
    settings: RegionTraining,
    /// The part of the trunk that is frozen, and the part that learns.
    halves: Option<(Chain, Option<Chain>)>,
    cache: Option<FeatureCache>,
    /// Where features are kept for other trainings too.
    shared_cache: Option<PathBuf>,
    /// Whether scales, μ and s stay as they are.
    calibrated: bool,
    regions: HashMap<(usize, u32, bool), Region>,
}

impl<'a> RegionTask<'a> {
    /// On these regions.
    pub fn new(set: &'a dyn RegionSet, settings: RegionTraining) -> Self {
        Self {
            set,
            settings,
            halves: None,
            cache: None,
            shared_cache: None,
            calibrated: false,
            regions: HashMap::new(),
        }
    }

    /// Keeps the features of frozen layers in `folder` beyond this training, for any other that starts from the
    /// same ones on the same regions.
    pub fn sharing_cache(self, folder: &Path) -> Self {
        Self {
            shared_cache: Some(folder.to_path_buf()),
            ..self
        }
    }

    /// For a network that was trained before: scales, μ and s stay as they are.
    pub fn already_calibrated(self) -> Self {
        Self {
            calibrated: true,
            ..self
        }
    }

    /// The view of a sample, up to where learning begins.
    fn input(&mut self, network: &RegionClassifier, sample: &Sample) -> Result<RegionInput> {
        let (set, index, flipped) = (self.set, sample.example, sample.flipped);
        let below = self.halves.as_ref().map(|(below, _)| below);
        let Some(cache) = &mut self.cache else {
            let jitter = Some(sample.draw);
            return Ok(network.input(below, set, index, RegionView { jitter, flipped })?);
        };
        let variant = (sample.draw % u64::from(self.settings.views)) as u32;
        // By the region's name, as its file: a subset that shares the cache sees the same views.
        let words = format!("{} {variant}", set.id(index));
        let jitter = (variant > 0).then(|| fnv_1a(words.bytes()));
        let view = RegionView { jitter, flipped };
        let key = (index, variant, flipped);
        let known = self.regions.get(&key).cloned();
        let input = network.cached_input(below, (set, index, view), (cache, variant), known)?;
        self.regions
            .entry(key)
            .or_insert_with(|| input.region.clone());
        Ok(input)
    }

    /// Names the region of an error.
    fn of(&self, step: u64, sample: &Sample) -> impl Fn(Error) -> Error + use<> {
        let image = self.set.id(sample.example).to_owned();
        move |source| Error::Step {
            step,
            image: image.clone(),
            source: Box::new(source),
        }
    }
}

impl Task for RegionTask<'_> {
    type Network = RegionClassifier;
    type Measures = RegionMeasures;

    fn check(&self) -> Result<()> {
        let rules = [
            ("training set", self.set.is_empty(), "at least one region"),
            ("views", self.settings.views == 0, "1 or more"),
        ];
        match rules.into_iter().find(|(_, broken, _)| *broken) {
            None => Ok(()),
            Some((name, _, expected)) => Err(Error::Setting {
                name,
                expected,
                found: "none".to_owned(),
            }),
        }
    }

    fn settings(&self) -> String {
        serde_json::to_string(&self.settings).unwrap_or_default()
    }

    fn examples(&self) -> usize {
        self.set.len()
    }

    fn id(&self, index: usize) -> &str {
        self.set.id(index)
    }

    fn calibrate(
        &mut self,
        network: &mut RegionClassifier,
        _: &TrainConfig,
        observer: &mut dyn FnMut(usize, usize),
    ) -> Result<()> {
        if self.calibrated {
            return Ok(());
        }
        let set = self.set;
        let every = set.len().div_ceil(CALIBRATION_REGIONS);
        let total = set.len().div_ceil(every);
        network.calibrate(|network| {
            let whole = network.trunk().map(|trunk| &trunk.chain);
            let mut inputs = Vec::with_capacity(total);
            let mut unreadable = None;
            for count in 0..total {
                let input = network.input(whole, set, count * every, RegionView::PLAIN);
                observer(count + 1, total);
                // What cannot be read is told when a step meets it, unless there is nothing else.
                match input.map_err(Error::from) {
                    Err(error @ Error::Unreadable { .. }) => unreadable = Some(error),
                    input => inputs.push(input?),
                }
            }
            match unreadable.filter(|_| inputs.is_empty()) {
                Some(error) => Err(error),
                None => Ok(inputs),
            }
        })
    }

    fn open(
        &mut self,
        network: &RegionClassifier,
        config: &TrainConfig,
        cache: &Path,
        sharers: usize,
    ) -> Result<()> {
        let first = first_step(config, network)?;
        self.halves = network.trunk().map(|trunk| trunk.chain.split(first));
        let frozen = self.halves.as_ref();
        let frozen = frozen.is_some_and(|(below, _)| !below.steps.is_empty());
        let below = self.halves.as_ref().map(|(below, _)| below);
        let shared = self.shared_cache.as_ref().zip(below);
        let shared = shared.and_then(|(folder, below)| network.cache_folder(folder, below));
        let folder = shared.unwrap_or_else(|| cache.to_path_buf());
        self.cache = frozen
            .then(|| FeatureCache::new(&folder, config.cache_bytes))
            .transpose()?
            .map(|cache| cache.shared_by(sharers));
        Ok(())
    }

    fn step(
        &mut self,
        network: &RegionClassifier,
        at: &StepContext<'_>,
    ) -> Result<StepResult<RegionMeasures>> {
        let begin = Instant::now();
        let mut inputs = Vec::with_capacity(at.samples.len());
        for sample in at.samples {
            let input = self.input(network, sample);
            inputs.push(input.map_err(self.of(at.number, sample))?);
        }
        let crop = inputs.iter().map(|input| input.crop_seconds).sum::<f64>();
        let below = begin.elapsed().as_secs_f64() - crop;
        let classes: Vec<usize> = at
            .samples
            .iter()
            .map(|sample| self.set.class(sample.example))
            .collect();
        let seeds: Vec<u64> = at.samples.iter().map(|sample| sample.dropout).collect();
        let batch = RegionBatch {
            inputs: &inputs,
            classes: &classes,
            seeds: &seeds,
            learning: self.halves.as_ref().and_then(|(_, above)| above.as_ref()),
            first_tensor: first_tensor(at.config, network)?,
            hook: at.hook,
        };
        let step = network.step(&batch).map_err(|error| match error {
            models::Error::InBatch { place, source } => {
                self.of(at.number, &at.samples[place])((*source).into())
            }
            error => error.into(),
        })?;
        let parts = RegionSeconds {
            crop,
            trunk: step.seconds.trunk + below,
            ..step.seconds
        };
        Ok(StepResult {
            loss: step.loss,
            measures: measures(&step.probabilities, &classes, &step.reports, parts),
            gradients: step.gradients,
        })
    }

    fn close(&mut self) -> Result<()> {
        let cache = self.cache.take().filter(|_| self.shared_cache.is_none());
        Ok(cache.map_or(Ok(()), FeatureCache::remove)?)
    }
}

#[cfg(test)]
#[path = "region_task_tests.rs"]
mod tests;
