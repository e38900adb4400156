//! Loss and gradients of a batch of regions: every part of a [`RegionClassifier`] forward, and the same list upward.
//!
//! ```text
//! maps → (learning trunk) → (reduction) → F → pooling → z → (z − μ) s → classifier → loss      forward
//!                                         F̄ ← pooling ← z̄ ← · s       ← classifier ← softmax    back
//! ```

use dfdx::prelude::*;
use dfdx::tensor::Cpu;
use faer::Mat;
use o2p::SpectralReport;
use web_time::Instant;

use crate::error::{Error, Result};
use crate::feature_maps::FeatureMaps;
use crate::network::Network;
use crate::parameters::{ParameterTensor, numbers};
use crate::region_classifier::{RegionClassifier, RegionInput, RegionSeconds};
use crate::region_pooling::{Pooled, Prepared};
use crate::seam::{features_from_maps, maps_from_features};
use crate::softmax::SoftmaxLoss;
use crate::tape::{Hearer, MapTensor, Reach, TracedMap, refused, run_chain_heard, send_all_home};
use crate::trainable_network::TrainableNetwork as _;
use crate::trunk::{Chain, Mode};

/// Regions of one training step.
#[derive(Clone, Copy)]
pub struct RegionBatch<'a> {
    /// Each up to where learning begins.
    pub inputs: &'a [RegionInput],
    /// Their classes.
    pub classes: &'a [usize],
    /// Seeds of dropout, one a region.
    pub seeds: &'a [u64],
    /// The part of the trunk that learns; `None` where it is frozen, or there is none.
    pub learning: Option<&'a Chain>,
    /// Place among the trunk's tensors of the first that learns.
    pub first_tensor: usize,
    /// Called with each gradient as soon as it is complete.
    pub hook: Option<&'a Hearer>,
}

/// Loss and cotangents of a batch of regions.
pub struct RegionStep {
    /// Cross-entropy, the mean over the batch.
    pub loss: f64,
    /// K × B, row-major: classes × regions.
    pub probabilities: Vec<f64>,
    /// What the spectral map met, a report a region; none for other poolings.
    pub reports: Vec<SpectralReport>,
    /// Wall time of the parts, forward and back.
    pub seconds: RegionSeconds,
    /// Of all parameters that learn, summed over the batch.
    pub gradients: Gradients<f32, Cpu>,
}

/// The classifier's end of a step.
struct Scored {
    softmax: SoftmaxLoss,
    gradients: Gradients<f32, Cpu>,
    /// z̄ of each region.
    bars: Vec<Vec<f64>>,
}

impl RegionClassifier {
    /// Loss of a batch, and the cotangents of all parameters that learn.
    ///
    /// # Errors
    /// [`Error::InBatch`] for what goes wrong with one region; those of the classifier and of the way back.
    pub fn step(&self, batch: &RegionBatch<'_>) -> Result<RegionStep> {
        let learning = batch.learning.is_some();
        let (mut lap, mut seconds) = (Lap::begin(), RegionSeconds::default());
        let traces = self.traces(batch)?;
        *seconds.below_pooling(learning) += lap.seconds();
        let (pooled, vectors) = self.pool_all(&traces, batch.inputs)?;
        seconds.layer += lap.seconds();
        let mut scored = self.score(&vectors, batch)?;
        seconds.head = lap.seconds();
        if traces.iter().any(Option::is_some) {
            let pairs: Vec<_> = pooled.iter().zip(&scored.bars).collect();
            let feature_bars = matbackprop_core::batch(&pairs, |(pooled, bar)| pooled.vjp(bar))?;
            seconds.layer += lap.seconds();
            let below = backward_below(traces, &feature_bars)?;
            self.add_below(&mut scored.gradients, below, batch.first_tensor)?;
            *seconds.below_pooling(learning) += lap.seconds();
        }
        Ok(RegionStep {
            loss: scored.softmax.loss(),
            probabilities: scored.softmax.probabilities().to_vec(),
            reports: pooled.iter().filter_map(Pooled::report).collect(),
            seconds,
            gradients: scored.gradients,
        })
    }

    /// F of each region on a tape of its own, where something below the pooling learns.
    fn traces(&self, batch: &RegionBatch<'_>) -> Result<Vec<Option<TracedMap>>> {
        let regions = batch.inputs.iter().zip(batch.seeds).enumerate();
        let traces = regions.map(|(place, (input, seed))| {
            // The way back ends with what came first.
            let hook = batch.hook.filter(|_| place == 0);
            let trace = self.traced(batch.learning, &input.maps, *seed, hook);
            trace.map_err(Error::in_batch(place))
        });
        traces.collect()
    }

    fn traced(
        &self,
        learning: Option<&Chain>,
        maps: &FeatureMaps,
        seed: u64,
        hook: Option<&Hearer>,
    ) -> Result<Option<TracedMap>> {
        if learning.is_none() && self.reduction.is_none() {
            return Ok(None);
        }
        let shape = (maps.channels(), maps.height(), maps.width());
        let x: MapTensor = Cpu::default()
            .try_tensor_from_vec(maps.values().to_vec(), shape)
            .map_err(refused)?;
        let mut x = x.traced(Gradients::leaky());
        let mode = Mode::Training { seed };
        let mut reach = Reach {
            first_step: 0,
            input: false,
        };
        if let (Some(above), Some(trunk)) = (learning, &self.trunk) {
            let hook = hook.cloned();
            x = run_chain_heard(above, &trunk.parameters, x, mode.clone(), reach, hook)?;
            reach.input = true;
        }
        if let Some(Network { chain, parameters }) = &self.reduction {
            let trunk = self.trunk.as_ref();
            let places = trunk.map_or(0, |trunk| trunk.parameters.tensors().len());
            let hook = hook.map(|hook| hook.after(places));
            x = run_chain_heard(chain, parameters, x, mode, reach, hook)?;
        }
        Ok(Some(x))
    }

    /// z of each region, and what its way back needs.
    ///
    /// Regions share the cores, each pooled by itself; eigenvalues are found on the device where it pays.
    fn pool_all(
        &self,
        traces: &[Option<TracedMap>],
        inputs: &[RegionInput],
    ) -> Result<(Vec<Pooled>, Vec<Vec<f64>>)> {
        let features: Vec<Mat<f64>> = traces
            .iter()
            .zip(inputs)
            .map(|(trace, input)| match trace {
                Some(trace) => features_from_maps(&numbers(trace), trace.shape().0),
                None => input.maps.grid_features().features,
            })
            .collect();
        let pooling = &self.architecture().pooling;
        let pairs: Vec<_> = features.iter().zip(inputs).collect();
        let prepared = matbackprop_core::batch(&pairs, |(features, input)| {
            Ok::<_, Error>(Prepared::begin(pooling, features.as_ref(), &input.region))
        })?;
        let matrices = prepared
            .iter()
            .map(|prepared| prepared.as_ref().ok()?.matrix());
        let eigenpairs = self.classifier.parameters.device().eigenpairs(matrices);
        let pairs: Vec<_> = prepared.into_iter().zip(eigenpairs).collect();
        let finished = matbackprop_core::batch_owned(pairs, |(prepared, eigenpairs)| {
            Ok::<_, Error>(prepared.and_then(|prepared| prepared.finish(eigenpairs)))
        })?;
        let finished = finished.into_iter().enumerate();
        finished
            .map(|(place, pooled)| pooled.map_err(Error::in_batch(place)))
            .collect()
    }

    /// Scores of the pooled vectors, the loss, and the way back from it to z.
    fn score(&self, vectors: &[Vec<f64>], batch: &RegionBatch<'_>) -> Result<Scored> {
        let count = vectors.len();
        let z: MapTensor = Cpu::default()
            .try_tensor_from_vec(self.standardised(vectors), (self.centre.len(), 1, count))
            .map_err(refused)?;
        let reach = Reach {
            first_step: 0,
            input: true,
        };
        let Network { chain, parameters } = &self.classifier;
        let places: usize = self.tensors().len() - parameters.tensors().len();
        let mode = Mode::Batch {
            seeds: batch.seeds.into(),
        };
        let hook = batch.hook.map(|hook| hook.after(places));
        let traced = z.clone().traced(Gradients::leaky());
        let logits = run_chain_heard(chain, parameters, traced, mode, reach, hook)?;
        let softmax = SoftmaxLoss::forward(&numbers(&logits), batch.classes)?;
        // The trainer divides by the number of examples: the sum's cotangent is wanted here.
        let bar = softmax.vjp(count as f64);
        let mut gradients = send_all_home(vec![(logits, bar)])?;
        let z_bar = gradients.get_or_alloc_mut(&z.ghost()).map_err(refused)?;
        let spread = f64::from(self.spread);
        let bars = (0..count)
            .map(|b| {
                let column = z_bar.iter().skip(b).step_by(count);
                column.map(|bar| f64::from(*bar) * spread).collect()
            })
            .collect();
        Ok(Scored {
            softmax,
            gradients,
            bars,
        })
    }

    /// Adds the gradients of the parts below the pooling to those of the classifier.
    fn add_below(
        &self,
        total: &mut Gradients<f32, Cpu>,
        mut below: Gradients<f32, Cpu>,
        first_tensor: usize,
    ) -> Result<()> {
        let tensors =
            |part: &Network| -> Vec<ParameterTensor> { part.parameters.tensors().to_vec() };
        let trunk = self.trunk.iter().flat_map(tensors).skip(first_tensor);
        for tensor in trunk.chain(self.reduction.iter().flat_map(tensors)) {
            let ghost = tensor.ghost();
            let from = below.get_or_alloc_mut(&ghost).map_err(refused)?;
            let to = total.get_or_alloc_mut(&ghost).map_err(refused)?;
            let pairs = to.iter_mut().zip(from.iter());
            pairs.for_each(|(to, from)| *to += from);
        }
        Ok(())
    }
}

/// Gradients of all that learns below the pooling.
fn backward_below(
    traces: Vec<Option<TracedMap>>,
    feature_bars: &[Mat<f64>],
) -> Result<Gradients<f32, Cpu>> {
    let outputs = traces.into_iter().zip(feature_bars);
    let outputs = outputs
        .filter_map(|(trace, bar)| trace.map(|trace| (trace, maps_from_features(bar.as_ref()))));
    send_all_home(outputs.collect())
}

/// A clock that counts each stretch once.
struct Lap(Instant);

impl Lap {
    fn begin() -> Self {
        Self(Instant::now())
    }

    /// Seconds since the last call.
    fn seconds(&mut self) -> f64 {
        let before = std::mem::replace(&mut self.0, Instant::now());
        (self.0 - before).as_secs_f64()
    }
}

impl RegionSeconds {
    /// Where the layers between a cache and the pooling count.
    fn below_pooling(&mut self, trunk_learns: bool) -> &mut f64 {
        if trunk_learns {
            &mut self.trunk
        } else {
            &mut self.layer
        }
    }
}
