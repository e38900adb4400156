//! Chains, normalised cuts, second-order pooling and the rules of `matbackprop-core` on a dfdx tape of your own.
//!
//! ```text
//! your tensors ─► TapeSession::chain ─► your operations ─► TapeSession::ncuts ─► your loss
//!                                                      ├─► TapeSession::o2p ──┤     │
//!                                                      └─► TapeSession::rule ─┘     │
//! gradients of your tensors and of Parameters::tensors ◄─ TapeSession::backward ◄───┘
//! ```
//!
//! The networks of this crate do not use a tape: [`ForwardPass`](crate::ForwardPass) runs their chains. This module is
//! for networks that mix these layers with dfdx's own.
//!
//! # Conventions
//! Tensors are on dfdx's `Cpu`, f32, maps C × H × W; matrix layers compute in f64. A chain runs on the
//! [`Device`](crate::Device) of its parameters.
//!
//! # Example
//! One step down the gradient of normalised cuts, through a convolution of this crate and a scale of the user's.
//! ```
//! use dfdx::prelude::*;
//! use models::on_tape::{MapTensor, TapeSession};
//! use models::{BackwardScope, Mode, Parameters, TrunkKind};
//! use ncuts::{Indicator, NcutsLayer};
//!
//! # fn main() -> Result<(), models::Error> {
//! let (chain, layers) = TrunkKind::Lite0.chain(&[("stem".to_owned(), 1.0)])?;
//! let parameters = Parameters::random(layers, 1);
//! let device = Cpu::default();
//! let image: MapTensor = device.sample_uniform_like(&(3, 8, 8));
//! let scale: Tensor<(), f32, Cpu> = device.tensor(0.5);
//! // Sixteen positions of the stem's grid: a left half and a right half.
//! let halves = (0..16).map(|i| u32::from(i % 4 >= 2)).collect();
//! let halves = Indicator::from_assignment(halves, 2)?;
//!
//! let session = TapeSession::new();
//! let x = image.traced(Gradients::leaky());
//! let maps = session.chain(&chain, &parameters, x, Mode::Inference, BackwardScope::PARAMETERS)?;
//! let shape = *maps.shape();
//! let maps = maps * scale.clone().broadcast_like(&shape);
//! let loss = session.ncuts(&NcutsLayer::default(), maps, &[halves])?;
//! let gradients = session.backward(loss)?;
//! assert_eq!(gradients.get(&parameters.tensors()[0]).shape().0, 32 * 3 * 3 * 3);
//! # Ok(())
//! # }
//! ```

use std::cell::RefCell;
use std::rc::Rc;

use dfdx::prelude::*;
use dfdx::tensor::CpuError;
use faer::Mat;
use matbackprop_core::stack::{Stack, StackRef, StackRule, Stacked};
use ncuts::{Indicator, NcutsLayer};
use o2p::{O2pLayer, Region};

use crate::backend::{BackwardScope, Planes};
use crate::device::{DeviceMaps, GridMaps};
use crate::error::{Error, Result, refused};
use crate::parameters::{Parameters, contents_of};
use crate::seam::{features_from_maps, maps_from_features};
use crate::trunk::{Chain, Mode};

/// Feature maps as a tensor: channels, height, width.
pub type MapTensor<T = NoneTape> = Tensor<(usize, usize, usize), f32, Cpu, T>;

/// Matrices of one shape as a tensor: how many there are, rows, columns.
pub type MatrixTensor<T = NoneTape> = MapTensor<T>;

/// Puts layers on a tape, and holds the error of one that fails in the backward pass: the tape's own error type has no
/// room for it.
#[derive(Clone, Debug, Default)]
pub struct TapeSession {
    failure: Rc<RefCell<Option<Error>>>,
}

impl TapeSession {
    /// A session for one or more tapes.
    pub fn new() -> Self {
        Self::default()
    }

    /// The maps that `chain` makes of `x`; `scope` says how far its backward pass goes.
    ///
    /// Gradients of the parameters come under [`Parameters::tensors`]. Nothing is saved where the tape is [`NoneTape`].
    ///
    /// # Errors
    /// [`Error::ImageTooSmall`]; [`Error::Tape`] when the device refuses.
    pub fn chain<T: Tape<f32, Cpu>>(
        &self,
        chain: &Chain,
        parameters: &Parameters,
        x: MapTensor<T>,
        mode: Mode,
        scope: BackwardScope,
    ) -> Result<MapTensor<T>> {
        let (x, mut tape) = contiguous(x)?.split_tape();
        let (device, values) = (parameters.device().clone(), parameters.values());
        let (channels, height, width) = *x.shape();
        let input = Planes::from_vec(channels, height, width, contents_of(&x));
        let input = DeviceMaps::Host(input);
        if !T::OWNS_TAPE {
            let inputs = GridMaps::alone(input);
            let output = device.forward(chain, inputs, &values, mode, &mut |_| {})?;
            return Ok(map_tensor(output.into_planes()?)?.put_tape(tape));
        }
        let inputs = GridMaps::alone(input);
        let (output, saved) = device.forward_saving(chain, inputs, &values, mode)?;
        let (channels, height, width) = output.size();
        let output = map_tensor(output.into_planes()?)?;
        let (x_ghost, output_ghost) = (x.ghost(), output.ghost());
        let ghosts: Vec<_> = parameters.tensors().iter().map(Tensor::ghost).collect();
        let chain = chain.clone();
        let failure = Rc::clone(&self.failure);
        tape.add_backward_op(move |gradients| {
            let bar = gradients.get_or_alloc_mut(&output_ghost)?.to_vec();
            let bar = DeviceMaps::Host(Planes::from_vec(channels, height, width, bar));
            let mut refusal = Ok(());
            let take = |weight: usize, bars: [Vec<f32>; 2]| {
                for (ghost, bar) in ghosts[weight..].iter().zip(bars) {
                    match gradients.get_or_alloc_mut(ghost) {
                        Ok(total) => add(total, &bar),
                        Err(error) => refusal = Err(error),
                    }
                }
            };
            let x_bar = device
                .vjp_with_hook(&chain, saved, &values, bar, scope, take)
                .and_then(|bar| bar.map(DeviceMaps::into_planes).transpose())
                .map_err(|error| stop(&failure, error))?;
            refusal?;
            if let Some(x_bar) = x_bar {
                let total = gradients.get_or_alloc_mut(&x_ghost)?;
                add(total, &x_bar.into_contiguous());
            }
            Ok(())
        });
        Ok(output.put_tape(tape))
    }

    /// J of [`NcutsLayer`], the maps' positions being the pixels.
    ///
    /// # Errors
    /// [`Error::Ncuts`], as [`NcutsLayer`] has it; [`Error::Tape`] when the device refuses.
    pub fn ncuts<T: Tape<f32, Cpu>>(
        &self,
        layer: &NcutsLayer,
        maps: MapTensor<T>,
        indicators: &[Indicator],
    ) -> Result<Tensor<(), f32, Cpu, T>> {
        let (maps, mut tape) = contiguous(maps)?.split_tape();
        let features = features_from_maps(&contents_of(&maps), maps.shape().0);
        let cut = layer.forward(features.as_ref(), None, indicators)?;
        let loss = Cpu::default()
            .try_tensor_from_vec(vec![cut.loss() as f32], ())
            .map_err(refused)?;
        let (maps_ghost, loss_ghost) = (maps.ghost(), loss.ghost());
        let failure = Rc::clone(&self.failure);
        tape.add_backward_op(move |gradients| {
            let loss_bar = gradients.get_or_alloc_mut(&loss_ghost)?[0];
            let bars = cut.vjp(f64::from(loss_bar));
            let bars = bars.map_err(|error| stop(&failure, error.into()))?;
            let total = gradients.get_or_alloc_mut(&maps_ghost)?;
            add(total, &maps_from_features(bars.features.as_ref()));
            Ok(())
        });
        Ok(loss.put_tape(tape))
    }

    /// Second-order pooling of regions: a row a region, d (d + 1) / 2 columns for d channels.
    ///
    /// # Errors
    /// [`Error::Region`], as [`O2pLayer`] has it; [`Error::Tape`] when the device refuses.
    pub fn o2p<T: Tape<f32, Cpu>>(
        &self,
        layer: &O2pLayer,
        maps: MapTensor<T>,
        regions: &[Region],
    ) -> Result<Tensor<(usize, usize), f32, Cpu, T>> {
        let (maps, mut tape) = contiguous(maps)?.split_tape();
        let features = features_from_maps(&contents_of(&maps), maps.shape().0);
        let pooled = layer.forward(features.as_ref(), None, regions)?;
        let (rows, columns) = pooled.outputs().shape();
        // Row-major z is column-major zᵀ, which the seam casts.
        let values = maps_from_features(pooled.outputs().transpose());
        let outputs = Cpu::default()
            .try_tensor_from_vec(values, (rows, columns))
            .map_err(refused)?;
        let (maps_ghost, outputs_ghost) = (maps.ghost(), outputs.ghost());
        let failure = Rc::clone(&self.failure);
        tape.add_backward_op(move |gradients| {
            let bar = gradients.get_or_alloc_mut(&outputs_ghost)?;
            let bar: Mat<f64> = features_from_maps(bar, rows);
            let bars = pooled.vjp(bar.transpose());
            let bars = bars.map_err(|error| stop(&failure, error.into()))?;
            let total = gradients.get_or_alloc_mut(&maps_ghost)?;
            add(total, &maps_from_features(bars.features.as_ref()));
            Ok(())
        });
        Ok(outputs.put_tape(tape))
    }

    /// One output of a rule of `matbackprop-core` for every matrix of `x`: f(FᵀF), f(A), polar factors, projectors, rotations,
    /// singular values and vectors.
    ///
    /// `output` counts in the order of the rule, from 0. The tape goes with that output alone, so that no part of a gradient is
    /// lost with an output that is not used; each further output is a call, and decomposes again. Values of one column come as
    /// matrices of one column.
    ///
    /// # Errors
    /// [`Error::Matrices`], as the rule has it, for a rule of several inputs, and where there is no such output; [`Error::Tape`]
    /// when the device refuses.
    ///
    /// # Example
    /// The rotation nearest to a matrix: where plain singular vectors have no gradient, since all singular values are equal.
    /// ```
    /// use dfdx::prelude::*;
    /// use matbackprop_core::stack::RotationRule;
    /// use models::on_tape::{MatrixTensor, TapeSession};
    ///
    /// # fn main() -> Result<(), models::Error> {
    /// let quarter_turn = vec![0.0, -1.0, 1.0, 0.0];
    /// let x: MatrixTensor = Cpu::default().tensor_from_vec(quarter_turn, (1, 2, 2));
    /// let session = TapeSession::new();
    /// let rotation = session.rule(RotationRule, 0, x.trace(Gradients::leaky()))?;
    /// // R₁₁ + 3 R₂₁: only the angle counts, and it would change R₁₁ alone.
    /// let weights = Cpu::default().tensor_from_vec(vec![1.0, 0.0, 3.0, 0.0], (1, 2, 2));
    /// let gradients = session.backward((rotation * weights).sum())?;
    /// assert_eq!(gradients.get(&x).as_vec(), [0.5, 0.0, 0.0, 0.5]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn rule<R: StackRule + 'static, T: Tape<f32, Cpu>>(
        &self,
        rule: R,
        output: usize,
        x: MatrixTensor<T>,
    ) -> Result<MatrixTensor<T>> {
        let (x, mut tape) = contiguous(x)?.split_tape();
        let (count, rows, columns) = *x.shape();
        let stacked = Stacked::new(rule);
        let entries = contents_of(&x);
        let inputs = StackRef::row_major(&entries, count, (rows, columns))?;
        let forward = stacked.forward(&[inputs])?;
        let (kept, mut outputs) = (forward.kept, forward.outputs);
        if output >= outputs.len() {
            return Err(Error::NoSuchOutput {
                op: stacked.rule().op(),
                outputs: outputs.len(),
                found: output,
            });
        }
        let others = outputs.len();
        let stack = outputs.swap_remove(output);
        let shape = stack.as_ref().shape();
        let result = Cpu::default()
            .try_tensor_from_vec(stack.into_numbers(), (count, shape.0, shape.1))
            .map_err(refused)?;
        let (x_ghost, result_ghost) = (x.ghost(), result.ghost());
        let failure = Rc::clone(&self.failure);
        tape.add_backward_op(move |gradients| {
            let bar = gradients.get_or_alloc_mut(&result_ghost)?.to_vec();
            let x_bar = || {
                let mut bars = vec![None; others];
                bars[output] = Some(StackRef::row_major(&bar, count, shape)?);
                let inputs = StackRef::row_major(&entries, count, (rows, columns))?;
                let kept: Vec<_> = kept.iter().map(Stack::as_ref).collect();
                stacked.vjp(&[inputs], &kept, &bars)
            };
            let x_bars =
                x_bar().map_err(|error: matbackprop_core::Error| stop(&failure, error.into()))?;
            let total = gradients.get_or_alloc_mut(&x_ghost)?;
            for x_bar in x_bars {
                add(total, x_bar.numbers());
            }
            Ok(())
        });
        Ok(result.put_tape(tape))
    }

    /// Runs a tape backward. A loss's own `backward` does the same, and shows the failure of one of these layers as an
    /// error of memory.
    ///
    /// # Errors
    /// The error of the layer that fails; [`Error::Tape`] when the device refuses.
    pub fn backward(
        &self,
        loss: Tensor<(), f32, Cpu, OwnedTape<f32, Cpu>>,
    ) -> Result<Gradients<f32, Cpu>> {
        let failed = |error| self.failure.take().unwrap_or_else(|| refused(error));
        loss.try_backward().map_err(failed)
    }
}

/// An error that stops a tape: dfdx knows errors of its devices alone.
fn stop(failure: &RefCell<Option<Error>>, error: Error) -> CpuError {
    failure.replace(Some(error));
    CpuError::OutOfMemory
}

/// Views in another order copied, on the tape: buffers of values and gradients are read as they lie in memory.
fn contiguous<T: Tape<f32, Cpu>>(maps: MapTensor<T>) -> Result<MapTensor<T>> {
    maps.try_contiguous().map_err(refused)
}

fn map_tensor(maps: Planes) -> Result<MapTensor> {
    let size = maps.size();
    let tensor = Cpu::default().try_tensor_from_vec(maps.into_contiguous(), size);
    tensor.map_err(refused)
}

fn add(total: &mut [f32], bar: &[f32]) {
    for (total, bar) in total.iter_mut().zip(bar) {
        *total += bar;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::test_values::random_values;
    use crate::forward_pass::ForwardPass;
    use crate::trunk::TrunkKind;
    use matbackprop_core::stack::{GramFunctionRule, PolarRule, ThinSvdRule};
    use matbackprop_core::{Log, Ridge};

    fn stem() -> (Chain, Parameters) {
        let taps = [("expand1".to_owned(), 1.0)];
        let (chain, layers) = TrunkKind::Lite0.chain(&taps).unwrap();
        (chain, Parameters::random(layers, 2))
    }

    fn image() -> MapTensor {
        let values = random_values(3 * 24 * 20, 1);
        Cpu::default().tensor_from_vec(values, (3, 24, 20))
    }

    #[test]
    fn a_tape_gives_the_gradients_of_a_forward_pass() {
        let (chain, parameters) = stem();
        let (image, session) = (image(), TapeSession::new());
        let x = image.trace(Gradients::leaky());
        let scope = BackwardScope::ALL;
        let maps = session.chain(&chain, &parameters, x, Mode::Inference, scope);
        let maps = maps.unwrap();
        let without_tape =
            session.chain(&chain, &parameters, image.clone(), Mode::Inference, scope);
        assert_eq!(without_tape.unwrap().as_vec(), maps.as_vec());
        let count = maps.shape().num_elements();
        let bar = random_values(count, 3);
        let seed: MapTensor = Cpu::default().tensor_from_vec(bar.clone(), *maps.shape());
        let found = session.backward((maps * seed).sum()).unwrap();

        let mut expected = Gradients::leaky();
        let input = Planes::from_vec(3, 24, 20, contents_of(&image));
        let pass = ForwardPass::of(input);
        let pass = pass.through(&chain, &parameters, Mode::Inference, scope, None);
        let x_bar = pass.unwrap().backward(bar, &mut expected).unwrap();
        assert_eq!(found.get(&image).as_vec(), x_bar.unwrap().into_contiguous());
        for tensor in parameters.tensors() {
            assert_eq!(found.get(tensor).as_vec(), expected.get(tensor).as_vec());
        }
    }

    /// The slope of `loss` along a direction, by differences and by its tape.
    fn slopes(
        shape: (usize, usize, usize),
        loss: impl Fn(MapTensor<OwnedTape<f32, Cpu>>) -> Tensor<(), f32, Cpu, OwnedTape<f32, Cpu>>,
    ) -> (f64, f64) {
        let count = shape.0 * shape.1 * shape.2;
        let values: Vec<f32> = random_values(count, 4).iter().map(|v| v + 1.5).collect();
        let direction = random_values(count, 5);
        let moved = |step: f32| -> MapTensor {
            let moved = values.iter().zip(&direction).map(|(v, d)| v + step * d);
            Cpu::default().tensor_from_vec(moved.collect(), shape)
        };
        let value = |step| f64::from(loss(moved(step).traced(Gradients::leaky())).array());
        let step = 1e-2;
        let by_differences = (value(step) - value(-step)) / (2.0 * f64::from(step));
        let maps = moved(0.0);
        let session = TapeSession::new();
        let gradients = session.backward(loss(maps.trace(Gradients::leaky())));
        let bar = gradients.unwrap().get(&maps).as_vec();
        let pairs = bar.iter().zip(&direction);
        let by_tape = pairs.map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
        (by_differences, by_tape)
    }

    #[test]
    fn matrix_layers_on_a_tape_have_the_slope_of_their_loss() {
        let halves = (0..12).map(|i| u32::from(i % 4 >= 2)).collect();
        let halves = [Indicator::from_assignment(halves, 2).unwrap()];
        let regions = [
            Region::all(12).unwrap(),
            Region::from_positions(12, &[0, 3, 4, 7, 11]).unwrap(),
        ];
        let session = TapeSession::new();
        let cut = |maps: MapTensor<OwnedTape<f32, Cpu>>| {
            // A view with rows and columns exchanged, twice.
            let maps: MapTensor<_> = maps.permute::<_, Axes3<0, 2, 1>>();
            let maps: MapTensor<_> = maps.contiguous().permute::<_, Axes3<0, 2, 1>>();
            let layer = NcutsLayer::new(ncuts::Criterion::Regularised { epsilon: 1e-1 });
            session.ncuts(&layer, maps, &halves).unwrap() * 3.0
        };
        let pooled = |maps| {
            let outputs = session.o2p(&O2pLayer::default(), maps, &regions);
            outputs.unwrap().square().mean()
        };
        let of_cut = slopes((4, 3, 4), cut);
        let of_pooling = slopes((3, 3, 4), pooled);
        for (by_differences, by_tape) in [of_cut, of_pooling] {
            // Central differences of a loss in f32.
            assert!(
                (by_differences - by_tape).abs() < 2e-2 * by_tape.abs().max(0.05),
                "{by_differences} {by_tape}"
            );
        }
    }

    #[test]
    fn rules_on_a_tape_have_the_slope_of_their_loss() {
        let session = TapeSession::new();
        let of_gram = GramFunctionRule(Ridge::new(Log, 1e-1).unwrap());
        let weighted = |y: MatrixTensor<OwnedTape<f32, Cpu>>| {
            let count = y.shape().num_elements();
            let weights: MatrixTensor =
                Cpu::default().tensor_from_vec(random_values(count, 8), *y.shape());
            (y * weights).sum()
        };
        let slopes = [
            slopes((3, 6, 4), |x| {
                weighted(session.rule(of_gram, 0, x).unwrap())
            }),
            slopes((2, 5, 3), |x| {
                weighted(session.rule(PolarRule, 1, x).unwrap())
            }),
            slopes((4, 3, 3), |x| {
                // A view, rows and columns exchanged.
                let x: MatrixTensor<_> = x.permute::<_, Axes3<0, 2, 1>>();
                weighted(session.rule(ThinSvdRule::default(), 1, x).unwrap())
            }),
        ];
        for (by_differences, by_tape) in slopes {
            assert!(
                (by_differences - by_tape).abs() < 2e-2 * by_tape.abs().max(0.05),
                "{by_differences} {by_tape}"
            );
        }
    }

    #[test]
    fn a_rule_that_is_not_defined_says_why() {
        let session = TapeSession::new();
        let singular: MatrixTensor = Cpu::default().tensor_from_vec(vec![1.0; 8], (2, 2, 2));
        let forward = session.rule(PolarRule, 2, singular.clone()).unwrap_err();
        let sentence = "polar factors: expected an output below 2, found 2";
        assert_eq!(forward.to_string(), sentence);
        // One singular value is zero: the factor W is free there, and its gradient asked for.
        let w = session.rule(PolarRule, 0, singular.traced(Gradients::leaky()));
        let weights: MatrixTensor = Cpu::default().tensor_from_vec(random_values(8, 3), (2, 2, 2));
        let refused = w.and_then(|w| session.backward((w * weights).sum()).map(drop));
        assert!(matches!(refused, Err(Error::Matrices(_))), "{refused:?}");
    }

    #[test]
    fn a_layer_that_fails_on_the_way_back_says_why() {
        let session = TapeSession::new();
        let maps: MapTensor = Cpu::default().tensor_from_vec(random_values(12, 6), (3, 2, 2));
        let regions = [Region::all(4).unwrap()];
        let outputs = session.o2p(
            &O2pLayer::default(),
            maps.traced(Gradients::leaky()),
            &regions,
        );
        // ∞ as a cotangent.
        let loss = (outputs.unwrap() * f32::INFINITY).sum();
        let refused = session.backward(loss).unwrap_err();
        assert!(matches!(refused, Error::Region(_)), "{refused}");
    }
}
