//! Loss and gradients of a batch of regions: every part of a [`RegionClassifier`] forward, and the same list upward.
//!
//! ```text
//! maps → (learning trunk) → (reduction) → F → pooling → z → (z − μ) s → classifier → loss      forward
//!                                         F̄ ← pooling ← z̄ ← · s       ← classifier ← softmax    back
//! ```

use dfdx::prelude::{Cpu, Gradients};
use faer::Mat;
use o2p::SpectralReport;
use web_time::Instant;

use super::classify::RegionSeconds;
use super::input::RegionInput;
use super::network::RegionClassifier;
use crate::backend::{BackwardScope, Planes};
use crate::error::{Error, Result};
use crate::feature_maps::FeatureMaps;
use crate::forward_pass::{ForwardPass, GradientHook};
use crate::network::Network;
use crate::region_pooling::{Pooled, Prepared};
use crate::seam::{features_from_maps, maps_from_features};
use crate::softmax::SoftmaxLoss;
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
    /// Called with each gradient as soon as it is complete.
    pub hook: Option<&'a GradientHook>,
}

/// Loss and cotangents of a batch of regions.
pub struct RegionStep {
    /// Cross-entropy, the mean over the batch.
    pub loss: f64,
    /// K × B, row-major: classes × regions.
    pub probabilities: Vec<f64>,
    /// Reports of the spectral map, one for each region; none for other poolings.
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
    /// [`Error::InBatch`] for an error of one region; those of the classifier and of the backward pass.
    pub fn step(&self, batch: &RegionBatch<'_>) -> Result<RegionStep> {
        let learning = batch.learning.is_some();
        let (mut lap, mut seconds) = (Lap::begin(), RegionSeconds::default());
        let passes = self.passes_below(batch)?;
        *seconds.below_pooling(learning) += lap.seconds();
        let (pooled, vectors) = self.pool_all(&passes, batch.inputs)?;
        seconds.layer += lap.seconds();
        let mut scored = self.score(&vectors, batch)?;
        seconds.head = lap.seconds();
        if passes.iter().any(Option::is_some) {
            let pairs: Vec<_> = pooled.iter().zip(&scored.bars).collect();
            let feature_bars = matbackprop_core::batch(&pairs, |(pooled, bar)| pooled.vjp(bar))?;
            seconds.layer += lap.seconds();
            // From the last region to the first: sums of gradients depend on the order.
            for (pass, bar) in passes.into_iter().zip(&feature_bars).rev() {
                if let Some(pass) = pass {
                    let bar = maps_from_features(bar.as_ref());
                    pass.backward(bar, &mut scored.gradients)?;
                }
            }
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

    /// Each region's pass through the learning layers below the pooling, where there are any.
    fn passes_below<'n>(&'n self, batch: &RegionBatch<'n>) -> Result<Vec<Option<ForwardPass<'n>>>> {
        let regions = batch.inputs.iter().zip(batch.seeds).enumerate();
        let passes = regions.map(|(place, (input, seed))| {
            // The first region's backward pass is the last: with it gradients are complete.
            let hook = batch.hook.filter(|_| place == 0);
            let pass = self.pass_below(batch.learning, &input.maps, *seed, hook);
            pass.map_err(Error::in_batch(place))
        });
        passes.collect()
    }

    fn pass_below<'n>(
        &'n self,
        learning: Option<&'n Chain>,
        maps: &FeatureMaps,
        seed: u64,
        hook: Option<&GradientHook>,
    ) -> Result<Option<ForwardPass<'n>>> {
        if learning.is_none() && self.reduction.is_none() {
            return Ok(None);
        }
        let mut pass = ForwardPass::of(maps.planes());
        let mode = Mode::Training { seed };
        let mut scope = BackwardScope::PARAMETERS;
        if let (Some(above), Some(trunk)) = (learning, &self.trunk) {
            let hook = hook.cloned();
            pass = pass.through(above, &trunk.parameters, mode.clone(), scope, hook)?;
            scope = BackwardScope::ALL;
        }
        if let Some(Network { chain, parameters }) = &self.reduction {
            let trunk = self.trunk.as_ref();
            let places = trunk.map_or(0, |trunk| trunk.parameters.tensors().len());
            let hook = hook.map(|hook| hook.after(places));
            pass = pass.through(chain, parameters, mode, scope, hook)?;
        }
        // On a device the layers have run when their output is here: the clock of this part counts them.
        pass.output()?;
        Ok(Some(pass))
    }

    /// z of each region, and the saved values for its backward pass.
    ///
    /// Regions share the cores, each pooled by itself; eigenvalues are found on the device where it pays.
    fn pool_all(
        &self,
        passes: &[Option<ForwardPass<'_>>],
        inputs: &[RegionInput],
    ) -> Result<(Vec<Pooled>, Vec<Vec<f64>>)> {
        let features = passes.iter().zip(inputs).map(|(pass, input)| {
            Ok(match pass {
                Some(pass) => {
                    let output = pass.output()?;
                    features_from_maps(output.data(), output.channels())
                }
                None => input.maps.grid_features().features,
            })
        });
        let features = features.collect::<Result<Vec<Mat<f64>>>>()?;
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

    /// Scores of the pooled vectors, the loss, and the backward pass from it to z.
    fn score(&self, vectors: &[Vec<f64>], batch: &RegionBatch<'_>) -> Result<Scored> {
        let count = vectors.len();
        let z = Planes::from_vec(self.centre.len(), 1, count, self.standardised(vectors));
        let Network { chain, parameters } = &self.classifier;
        let places: usize = self.tensors().len() - parameters.tensors().len();
        let mode = Mode::Batch {
            seeds: batch.seeds.into(),
        };
        let hook = batch.hook.map(|hook| hook.after(places));
        let pass = ForwardPass::of(z);
        let pass = pass.through(chain, parameters, mode, BackwardScope::ALL, hook)?;
        let softmax = SoftmaxLoss::forward(pass.output()?.data(), batch.classes)?;
        // The trainer divides by the number of examples: the sum's cotangent is wanted here.
        let bar = softmax.vjp(count as f64);
        let mut gradients = Gradients::leaky();
        let z_bar = pass.backward(bar, &mut gradients)?;
        let z_bar = z_bar.expect("the cotangent that the scope asks for");
        let z_bar = z_bar.into_contiguous();
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
