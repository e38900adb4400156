//! Training on free-form regions with their classes.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use dfdx::prelude::*;
use dfdx::tensor::Cpu;
use o2p::Region;
use serde::{Deserialize, Serialize};

use super::config::TrainConfig;
use super::plan::Visit;
use super::region_measures::{Lap, RegionMeasures, measures};
use super::task::{Outcome, StepAt, Task};
use super::trainer::{first_step, first_tensor};
use crate::error::{Error, Result};
use crate::feature_cache::FeatureCache;
use crate::learner::Learner as _;
use crate::network::Network;
use crate::parameters::numbers;
use crate::region_classifier::{RegionClassifier, RegionInput, RegionSeconds, cached_name};
use crate::region_pooling::Prepared;
use crate::region_set::{RegionSet, RegionView};
use crate::seam::{features_from_maps, maps_from_features};
use crate::softmax::SoftmaxLoss;
use crate::tape::{Hearer, MapTensor, Reach, TracedMap, refused, run_chain_heard, send_all_home};
use crate::trunk::{Chain, Mode, fnv_1a};

/// Regions that the scales of the trunk's taps, and the size of the pooled vectors, are measured on.
const CALIBRATION_REGIONS: usize = 200;

/// How regions are looked at while training.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RegionTraining {
    /// Shifts and zooms of a region whose features are kept, the region as it is among them; each mirrored and not.
    /// A trunk that learns from its first layer on sees another one at every visit.
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
    measured: bool,
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
            measured: false,
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

    /// For a network that was trained before: what was measured then is kept.
    pub fn measured_before(self) -> Self {
        Self {
            measured: true,
            ..self
        }
    }

    /// The view of a visit, up to where learning begins.
    fn input(&mut self, network: &RegionClassifier, visit: &Visit) -> Result<RegionInput> {
        let (set, index, flipped) = (self.set, visit.image, visit.flipped);
        let below = self.halves.as_ref().map(|(below, _)| below);
        let Some(cache) = &mut self.cache else {
            let jitter = Some(visit.draw);
            return network.input(below, set, index, RegionView { jitter, flipped });
        };
        let variant = (visit.draw % u64::from(self.settings.views)) as u32;
        // By the region's name, as its file: a subset that shares the cache sees the same views.
        let words = format!("{} {variant}", set.id(index));
        let jitter = (variant > 0).then(|| fnv_1a(words.bytes()));
        let view = RegionView { jitter, flipped };
        let name = cached_name(set.id(index), variant, flipped);
        let key = (index, variant, flipped);
        let known = self.regions.get(&key).cloned();
        let input = network.cached_input(below, (set, index, view), (cache, &name), known)?;
        self.regions
            .entry(key)
            .or_insert_with(|| input.region.clone());
        Ok(input)
    }

    /// F of each region on a tape of its own, where something below the pooling learns.
    fn traced(
        &self,
        network: &RegionClassifier,
        maps: &crate::FeatureMaps,
        seed: u64,
        hearer: Option<&Hearer>,
    ) -> Result<Option<TracedMap>> {
        let above = self.halves.as_ref().and_then(|(_, above)| above.as_ref());
        if above.is_none() && network.reduction.is_none() {
            return Ok(None);
        }
        let shape = (maps.channels(), maps.height(), maps.width());
        let x: MapTensor = Cpu::default()
            .try_tensor_from_vec(maps.values().to_vec(), shape)
            .map_err(refused)?;
        let mut x = x.traced(Gradients::leaky());
        let mode = Mode::Training { seed };
        let mut input = false;
        if let (Some(above), Some(trunk)) = (above, &network.trunk) {
            let reach = Reach {
                first_step: 0,
                input,
            };
            x = run_chain_heard(
                above,
                &trunk.parameters,
                x,
                mode.clone(),
                reach,
                hearer.cloned(),
            )?;
            input = true;
        }
        if let Some(reduction) = &network.reduction {
            let reach = Reach {
                first_step: 0,
                input,
            };
            let trunk = network.trunk.as_ref();
            let hearer = hearer.map(|hearer| {
                hearer.after(trunk.map_or(0, |trunk| trunk.parameters.tensors().len()))
            });
            let Network { chain, parameters } = reduction;
            x = run_chain_heard(chain, parameters, x, mode, reach, hearer)?;
        }
        Ok(Some(x))
    }

    /// Names the region of an error.
    fn of(&self, step: u64, visit: &Visit) -> impl Fn(Error) -> Error + use<> {
        let image = self.set.id(visit.image).to_owned();
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
        if self.measured {
            return Ok(());
        }
        let every = self.set.len().div_ceil(CALIBRATION_REGIONS);
        let total = self.set.len().div_ceil(every);
        if let Some(trunk) = &mut network.trunk {
            trunk.chain.taps.iter_mut().for_each(|tap| tap.scale = 1.0);
        }
        let whole = network.trunk.as_ref().map(|trunk| trunk.chain.clone());
        let mut inputs = Vec::with_capacity(total);
        let mut unreadable = None;
        for count in 0..total {
            let index = count * every;
            let input = network.input(whole.as_ref(), self.set, index, RegionView::PLAIN);
            observer(count + 1, total);
            // What cannot be read is told when a step meets it, unless there is nothing else.
            match input {
                Err(error @ Error::Unreadable { .. }) => unreadable = Some(error),
                input => {
                    let input = input?;
                    network.check_channels(&input.maps)?;
                    inputs.push(input);
                }
            }
        }
        if let Some(error) = unreadable.filter(|_| inputs.is_empty()) {
            return Err(error);
        }
        if let Some(trunk) = &network.trunk {
            let maps = inputs
                .iter()
                .map(|input| Ok::<_, Error>(input.maps.clone()));
            let scales = trunk.tap_scales(maps)?;
            let channels = trunk.channels_of_taps();
            network.set_tap_scales(&scales);
            for input in &mut inputs {
                input.maps.scale(&channels, &scales);
            }
        }
        // μ = mean z, s = 1 / √(mean over numbers and regions of (z − μ)²).
        let pooled = inputs.iter().map(|input| Ok(network.pooled(input)?.1));
        let vectors = pooled.collect::<Result<Vec<Vec<f64>>>>()?;
        let share = 1.0 / vectors.len() as f64;
        let length = network.centre.len();
        let mean: Vec<f64> = (0..length)
            .map(|place| vectors.iter().map(|z| z[place]).sum::<f64>() * share)
            .collect();
        let squares = vectors
            .iter()
            .flat_map(|z| z.iter().zip(&mean))
            .map(|(z, mean)| (z - mean).powi(2));
        let variance = squares.sum::<f64>() * share / length as f64;
        network.centre = mean.into_iter().map(|mean| mean as f32).collect();
        network.spread = if variance > 0.0 {
            (1.0 / variance.sqrt()) as f32
        } else {
            1.0
        };
        Ok(())
    }

    fn open(
        &mut self,
        network: &RegionClassifier,
        config: &TrainConfig,
        cache: &Path,
        sharers: usize,
    ) -> Result<()> {
        let first = first_step(config, network)?;
        self.halves = network.trunk.as_ref().map(|trunk| trunk.chain.split(first));
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
        at: &StepAt<'_>,
    ) -> Result<Outcome<RegionMeasures>> {
        let learning = self
            .halves
            .as_ref()
            .is_some_and(|(_, above)| above.is_some());
        let mut lap = Lap::begin();
        let mut parts = RegionSeconds::default();
        let mut inputs = Vec::with_capacity(at.visits.len());
        for visit in at.visits {
            let input = self.input(network, visit);
            inputs.push(input.map_err(self.of(at.number, visit))?);
        }
        parts.crop = inputs.iter().map(|input| input.crop_seconds).sum();
        parts.trunk = lap.seconds() - parts.crop;
        let mut traces = Vec::with_capacity(at.visits.len());
        for (place, (visit, input)) in at.visits.iter().zip(&inputs).enumerate() {
            // The way back ends with what came first.
            let hearer = at.hearer.filter(|_| place == 0);
            let trace = self.traced(network, &input.maps, visit.dropout, hearer);
            traces.push(trace.map_err(self.of(at.number, visit))?);
        }
        *parts.below_pooling(learning) += lap.seconds();
        // Regions share the cores, each pooled by itself; eigenvalues are found on the device where it pays.
        let features: Vec<_> = traces
            .iter()
            .zip(&inputs)
            .map(|(trace, input)| match trace {
                Some(trace) => features_from_maps(&numbers(trace), trace.shape().0),
                None => input.maps.grid_features().features,
            })
            .collect();
        let pooling = &network.architecture().pooling;
        let pairs: Vec<_> = features.iter().zip(&inputs).collect();
        let prepared = matbackprop_core::batch(&pairs, |(features, input)| {
            Ok::<_, Error>(Prepared::begin(pooling, features.as_ref(), &input.region))
        })?;
        let matrices = prepared
            .iter()
            .map(|prepared| prepared.as_ref().ok()?.matrix());
        let eigenpairs = network.classifier.parameters.device().eigenpairs(matrices);
        let pairs: Vec<_> = prepared.into_iter().zip(eigenpairs).collect();
        let pooled = matbackprop_core::batch_owned(pairs, |(prepared, eigenpairs)| {
            Ok::<_, Error>(prepared.and_then(|prepared| prepared.finish(eigenpairs)))
        })?;
        let mut steps = Vec::with_capacity(pooled.len());
        let mut vectors = Vec::with_capacity(pooled.len());
        for (pooled, visit) in pooled.into_iter().zip(at.visits) {
            let (step, z) = pooled.map_err(self.of(at.number, visit))?;
            steps.push(step);
            vectors.push(z);
        }
        parts.layer += lap.seconds();

        let batch = at.visits.len();
        let truths: Vec<usize> = at
            .visits
            .iter()
            .map(|visit| self.set.class(visit.image))
            .collect();
        let z: MapTensor = Cpu::default()
            .try_tensor_from_vec(
                network.standardised(&vectors),
                (network.centre.len(), 1, batch),
            )
            .map_err(refused)?;
        let reach = Reach {
            first_step: 0,
            input: true,
        };
        let classifier = &network.classifier;
        let seeds = at.visits.iter().map(|visit| visit.dropout).collect();
        let below: usize = network.tensors().len() - classifier.parameters.tensors().len();
        let logits = run_chain_heard(
            &classifier.chain,
            &classifier.parameters,
            z.clone().traced(Gradients::leaky()),
            Mode::Batch { seeds },
            reach,
            at.hearer.map(|hearer| hearer.after(below)),
        )?;
        let softmax = SoftmaxLoss::forward(&numbers(&logits), &truths)?;
        // The trainer divides by the number of examples: the sum's cotangent is wanted here.
        let bar = softmax.vjp(batch as f64);
        let mut gradients = send_all_home(vec![(logits, bar)])?;
        let z_bar: Vec<f32> = gradients
            .get_or_alloc_mut(&z.ghost())
            .map_err(refused)?
            .to_vec();

        let spread = f64::from(network.spread);
        let bars: Vec<Vec<f64>> = (0..batch)
            .map(|b| {
                let column = z_bar.iter().skip(b).step_by(batch);
                column.map(|bar| f64::from(*bar) * spread).collect()
            })
            .collect();
        parts.head = lap.seconds();
        if traces.iter().any(Option::is_some) {
            let pairs: Vec<_> = steps.iter().zip(&bars).collect();
            let feature_bars = matbackprop_core::batch(&pairs, |(step, bar)| step.vjp(bar))?;
            parts.layer += lap.seconds();
            let outputs = traces.into_iter().zip(&feature_bars);
            let outputs = outputs.filter_map(|(trace, bar)| {
                trace.map(|trace| (trace, maps_from_features(bar.as_ref())))
            });
            let below = send_all_home(outputs.collect())?;
            add_gradients(&mut gradients, below, network, at.config)?;
            *parts.below_pooling(learning) += lap.seconds();
        }
        Ok(Outcome {
            loss: softmax.loss(),
            measures: measures(&softmax, &truths, &steps, parts),
            gradients,
        })
    }

    fn close(&mut self) -> Result<()> {
        let cache = self.cache.take().filter(|_| self.shared_cache.is_none());
        cache.map_or(Ok(()), FeatureCache::remove)
    }
}

/// Gradients of the parts below the pooling, beside those above it.
fn add_gradients(
    total: &mut Gradients<f32, Cpu>,
    mut below: Gradients<f32, Cpu>,
    network: &RegionClassifier,
    config: &TrainConfig,
) -> Result<()> {
    let tensors = |part: &'_ Network| part.parameters.tensors().to_vec();
    let first = first_tensor(config, network)?;
    let trunk = network.trunk.iter().flat_map(tensors).skip(first);
    for tensor in trunk.chain(network.reduction.iter().flat_map(tensors)) {
        let ghost = tensor.ghost();
        let from = below.get_or_alloc_mut(&ghost).map_err(refused)?;
        let to = total.get_or_alloc_mut(&ghost).map_err(refused)?;
        let pairs = to.iter_mut().zip(from.iter());
        pairs.for_each(|(to, from)| *to += from);
    }
    Ok(())
}

#[cfg(test)]
#[path = "region_task_tests.rs"]
mod tests;
