//! Layers in a row, forward and back, from an image to feature maps of one size.

use super::conv::Conv;
use super::depthwise::Depthwise;
use super::dropout::Dropout;
use super::max_pool::MaxPool;
use super::mode::Mode;
use super::planes::Planes;
use super::resize::{AxisMap, Resize};
use super::response_norm::ResponseNorm;
use crate::error::{Error, Result};
use segmentation::GridAxis;

/// One layer of a [`Chain`]. Value 0 is the chain's input, value i + 1 what step i makes.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Convolution; `weight` and `weight + 1` count the chain's parameters: kernel, bias.
    Conv {
        /// The layer.
        layer: Conv,
        /// Place of the kernel among the parameters.
        weight: usize,
    },
    /// Depthwise convolution, parameters likewise.
    Depthwise {
        /// The layer.
        layer: Depthwise,
        /// Place of the kernel among the parameters.
        weight: usize,
    },
    /// Max-pool.
    MaxPool(MaxPool),
    /// Response normalisation.
    ResponseNorm(ResponseNorm),
    /// Dropout while training, nothing else.
    Dropout(Dropout),
    /// Adds an earlier value: a residual connection.
    Add {
        /// Which value.
        value: usize,
    },
}

/// A value that goes into the chain's output.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tap {
    /// Which value.
    pub value: usize,
    /// Factor, so that maps of different size of numbers meet as equals.
    pub scale: f32,
}

/// Steps in a row; the output is its taps, brought to the first tap's size and concatenated.
///
/// ```text
/// v₀ = x,  v_{i+1} = step_i(v_i),  y = [s₁ v_{t₁}; s₂ resize(v_{t₂}); …]
/// ```
///
/// # Shapes
/// x: C × H × W; y: Σ channels of the taps × H′ × W′ of the first tap.
///
/// # Cost
/// Forward keeps every value only when a way back is wanted; otherwise each goes after its last use.
#[derive(Clone, Debug, PartialEq)]
pub struct Chain {
    /// The steps.
    pub steps: Vec<Step>,
    /// The taps, at least one.
    pub taps: Vec<Tap>,
}

/// Channels, height, width.
pub type Size = (usize, usize, usize);

/// What the way back of a [`Chain`] needs.
#[derive(Clone, Debug)]
pub struct Saved {
    values: Vec<Option<Planes>>,
    resizes: Vec<Resize>,
    mode: Mode,
}

impl Chain {
    /// The step that reads parameter `index`; the number of steps where none does.
    pub fn step_of_parameter(&self, index: usize) -> usize {
        let reads = |step: &Step| match step {
            Step::Conv { weight, .. } | Step::Depthwise { weight, .. } => *weight == index,
            _ => false,
        };
        self.steps
            .iter()
            .position(reads)
            .unwrap_or(self.steps.len())
    }

    /// Sizes of all values for an input of `size`.
    ///
    /// # Errors
    /// [`Error::ImageTooSmall`] where a window does not fit.
    pub fn sizes(&self, size: Size) -> Result<Vec<Size>> {
        let mut sizes = vec![size];
        let too_small = Error::ImageTooSmall {
            height: size.1,
            width: size.2,
        };
        for step in &self.steps {
            let (c, h, w) = sizes[sizes.len() - 1];
            let next = match step {
                Step::Conv { layer, .. } => layer
                    .output_size(h, w)
                    .map(|(h, w)| (layer.out_channels, h, w)),
                Step::Depthwise { layer, .. } => layer.output_size(h, w).map(|(h, w)| (c, h, w)),
                Step::MaxPool(pool) => pool.output_size(h, w).map(|(h, w)| (c, h, w)),
                Step::ResponseNorm(_) | Step::Dropout(_) | Step::Add { .. } => Some((c, h, w)),
            };
            match next {
                Some((c, h, w)) if h > 0 && w > 0 => sizes.push((c, h, w)),
                _ => return Err(too_small),
            }
        }
        Ok(sizes)
    }

    /// Channels of the output; 0 where no image of 256 × 256 passes.
    pub(crate) fn output_channels(&self) -> usize {
        // Sizes of an image that any trunk takes; channels do not depend on it.
        let sizes = self.sizes((3, 256, 256)).unwrap_or_default();
        let taps = self.taps.iter();
        taps.filter_map(|tap| sizes.get(tap.value))
            .map(|size| size.0)
            .sum()
    }

    /// Where the output's columns and rows lie in an input of `size`: every window's position is its middle.
    ///
    /// # Errors
    /// [`Error::ImageTooSmall`] where a window does not fit.
    pub fn output_axes(&self, size: Size) -> Result<[GridAxis; 2]> {
        let sizes = self.sizes(size)?;
        Ok(self.axes(&sizes)[self.taps[0].value])
    }

    /// Where each value's columns and rows lie in the chain's input.
    fn axes(&self, sizes: &[Size]) -> Vec<[GridAxis; 2]> {
        let whole = |positions| GridAxis {
            positions,
            stride: 1.0,
            offset: 0.0,
        };
        let mut axes = vec![[whole(sizes[0].2), whole(sizes[0].1)]];
        for (index, step) in self.steps.iter().enumerate() {
            let (_, height, width) = sizes[index];
            let (kernel, stride, before) = match step {
                Step::Conv {
                    layer:
                        Conv {
                            kernel,
                            stride,
                            padding,
                            ..
                        },
                    ..
                }
                | Step::Depthwise {
                    layer:
                        Depthwise {
                            kernel,
                            stride,
                            padding,
                            ..
                        },
                    ..
                } => {
                    let before = |size| padding.before(size, *kernel, *stride);
                    (*kernel, *stride, [before(width), before(height)])
                }
                Step::MaxPool(pool) => (pool.kernel, pool.stride, [0, 0]),
                Step::ResponseNorm(_) | Step::Dropout(_) | Step::Add { .. } => (1, 1, [0, 0]),
            };
            let (_, next_height, next_width) = sizes[index + 1];
            let positions = [next_width, next_height];
            let next = [0, 1].map(|side| {
                let from = axes[index][side];
                let middle = 0.5 * (kernel - 1) as f64 - before[side] as f64;
                let offset = from.offset + from.stride * middle;
                let stride = from.stride * stride as f64;
                GridAxis {
                    positions: positions[side],
                    stride,
                    offset,
                }
            });
            axes.push(next);
        }
        axes
    }

    /// How a tap's value is brought to the output's grid.
    pub(super) fn resizes(&self, sizes: &[Size]) -> Vec<Resize> {
        let axes = self.axes(sizes);
        let first = self.taps[0].value;
        let (_, height, width) = sizes[first];
        let resize = |tap: &Tap| {
            let [columns, rows] =
                [0, 1].map(|side| AxisMap::between(axes[tap.value][side], axes[first][side]));
            Resize {
                height,
                width,
                rows,
                columns,
            }
        };
        self.taps.iter().map(resize).collect()
    }

    /// y, and what the way back needs where `keep` asks for it.
    ///
    /// # Errors
    /// [`Error::ImageTooSmall`] where a window does not fit.
    pub fn forward(
        &self,
        input: Planes,
        parameters: &[Vec<f32>],
        mode: Mode,
        keep: bool,
    ) -> Result<(Planes, Saved)> {
        let sizes = self.sizes((input.channels(), input.height(), input.width()))?;
        let frames = self.frames(&sizes);
        let last_uses = self.last_uses();
        let mut values: Vec<Option<Planes>> = vec![Some(input.with_frame(frames[0]))];
        for (index, step) in self.steps.iter().enumerate() {
            let pad = frames[index + 1];
            let next = self.step_forward(step, index, &values, parameters, &mode, pad);
            values.push(Some(next));
            if !keep {
                for (value, last_use) in values.iter_mut().zip(&last_uses) {
                    if *last_use <= index {
                        *value = None;
                    }
                }
            }
        }
        let output = self.join(&values, &sizes);
        if !keep {
            values.clear();
        }
        Ok((
            output,
            Saved {
                values,
                resizes: self.resizes(&sizes),
                mode,
            },
        ))
    }

    /// Parameter cotangents (one a parameter; empty where the step was not reached) and, when
    /// `first_step` is 0 and it is asked for, the input's.
    ///
    /// The way back ends before `first_step`: what lies below is frozen.
    ///
    /// # Panics
    /// When `saved` was made without `keep`, or `out_bar` has another size than the output.
    pub fn vjp(
        &self,
        saved: Saved,
        parameters: &[Vec<f32>],
        out_bar: &Planes,
        first_step: usize,
        want_input: bool,
    ) -> (Vec<Vec<f32>>, Option<Planes>) {
        let quiet = |_: usize, _: &mut [Vec<f32>]| ();
        self.vjp_telling(saved, parameters, out_bar, first_step, want_input, quiet)
    }

    /// As [`Chain::vjp`]; `told` gets the cotangents so far as soon as those of a kernel, whose place it is told, and
    /// of its bias are done, and may take them away.
    pub(crate) fn vjp_telling(
        &self,
        saved: Saved,
        parameters: &[Vec<f32>],
        out_bar: &Planes,
        first_step: usize,
        want_input: bool,
        mut told: impl FnMut(usize, &mut [Vec<f32>]),
    ) -> (Vec<Vec<f32>>, Option<Planes>) {
        let Saved {
            mut values,
            resizes,
            mode,
        } = saved;
        let mut bars: Vec<Option<Planes>> = vec![None; values.len()];
        let bar_pads = self.cotangent_frames(&values);
        self.unjoin(&values, &resizes, out_bar, &bar_pads, &mut bars);
        let mut parameter_bars = vec![Vec::new(); parameters.len()];
        for (index, step) in self.steps.iter().enumerate().skip(first_step).rev() {
            let output = values[index + 1].take();
            let Some(bar) = bars[index + 1].take() else {
                continue;
            };
            let output = output.expect("values are kept for the way back");
            let input = values[index]
                .as_ref()
                .expect("values are kept for the way back");
            let wanted = index > first_step || (want_input && first_step == 0);
            let pad = wanted.then(|| bar_pads[index]);
            let input_bar = match step {
                Step::Conv { layer, weight } => {
                    let c = layer.vjp(input, &parameters[*weight], &output, bar, pad);
                    parameter_bars[*weight] = c.weight;
                    parameter_bars[weight + 1] = c.bias;
                    told(*weight, &mut parameter_bars);
                    c.input
                }
                Step::Depthwise { layer, weight } => {
                    let c = layer.vjp(input, &parameters[*weight], &output, &bar, pad);
                    parameter_bars[*weight] = c.weight;
                    parameter_bars[weight + 1] = c.bias;
                    told(*weight, &mut parameter_bars);
                    c.input
                }
                Step::MaxPool(pool) => pad.map(|pad| pool.vjp(input, &output, &bar, pad)),
                Step::ResponseNorm(norm) => pad.map(|pad| norm.vjp(input, &bar, pad)),
                Step::Dropout(dropout) => {
                    let mut bar = bar;
                    if let Some(draws) = mode.draws(index) {
                        dropout.mask_in_place(&mut bar, &draws);
                    }
                    Some(bar)
                }
                Step::Add { value } => {
                    add_bar(&mut bars[*value], bar.clone());
                    Some(bar)
                }
            };
            if let Some(bar) = input_bar {
                add_bar(&mut bars[index], bar);
            }
        }
        let input_bar = bars[0].take().filter(|_| want_input && first_step == 0);
        (parameter_bars, input_bar)
    }

    fn step_forward(
        &self,
        step: &Step,
        index: usize,
        values: &[Option<Planes>],
        parameters: &[Vec<f32>],
        mode: &Mode,
        pad: usize,
    ) -> Planes {
        let input = values[index]
            .as_ref()
            .expect("a value is kept until its last use");
        match step {
            Step::Conv { layer, weight } => {
                layer.forward(input, &parameters[*weight], &parameters[weight + 1], pad)
            }
            Step::Depthwise { layer, weight } => {
                layer.forward(input, &parameters[*weight], &parameters[weight + 1], pad)
            }
            Step::MaxPool(pool) => pool.forward(input, pad),
            Step::ResponseNorm(norm) => norm.forward(input, pad),
            Step::Dropout(dropout) => {
                let mut output = input.clone();
                if let Some(draws) = mode.draws(index) {
                    dropout.mask_in_place(&mut output, &draws);
                }
                output.with_frame(pad)
            }
            Step::Add { value } => {
                let earlier = values[*value]
                    .as_ref()
                    .expect("a value is kept until its last use");
                let mut output = input.clone().with_frame(pad);
                output.add(earlier);
                output
            }
        }
    }

    /// The frame each value needs: that of the step which reads it.
    fn frames(&self, sizes: &[Size]) -> Vec<usize> {
        let of_step = self
            .steps
            .iter()
            .zip(sizes)
            .map(|(step, (_, h, w))| match step {
                Step::Conv { layer, .. } => layer.window().frame(*h, *w),
                Step::Depthwise { layer, .. } => layer.window().frame(*h, *w),
                _ => 0,
            });
        of_step.chain([0]).collect()
    }

    /// The frame in which each value's cotangent is read without a copy.
    fn cotangent_frames(&self, values: &[Option<Planes>]) -> Vec<usize> {
        let mut frames = vec![0; values.len()];
        for (index, step) in self.steps.iter().enumerate() {
            if let (Step::Conv { layer, .. }, Some(input)) = (step, &values[index]) {
                frames[index + 1] = layer.cotangent_frame(input);
            }
        }
        frames
    }

    /// For each value the last step that reads it; taps are read at the very end.
    pub(super) fn last_uses(&self) -> Vec<usize> {
        let mut uses: Vec<usize> = (0..=self.steps.len()).collect();
        for (index, step) in self.steps.iter().enumerate() {
            if let Step::Add { value } = step {
                uses[*value] = uses[*value].max(index);
            }
        }
        for tap in &self.taps {
            uses[tap.value] = usize::MAX;
        }
        uses
    }

    fn join(&self, values: &[Option<Planes>], sizes: &[Size]) -> Planes {
        let channels = self.taps.iter().map(|tap| sizes[tap.value].0).sum();
        let (_, height, width) = sizes[self.taps[0].value];
        let mut output = Planes::zeros(channels, height, width, 0);
        let mut first = 0;
        for (tap, resize) in self.taps.iter().zip(self.resizes(sizes)) {
            let value = values[tap.value].as_ref().expect("taps are kept");
            resize.forward_into(value, tap.scale, &mut output, first);
            first += value.channels();
        }
        output
    }

    fn unjoin(
        &self,
        values: &[Option<Planes>],
        resizes: &[Resize],
        out_bar: &Planes,
        pads: &[usize],
        bars: &mut [Option<Planes>],
    ) {
        let mut first = 0;
        for (tap, resize) in self.taps.iter().zip(resizes) {
            let value = values[tap.value].as_ref().expect("taps are kept");
            let bar = resize.vjp(value, tap.scale, out_bar, first, pads[tap.value]);
            add_bar(&mut bars[tap.value], bar);
            first += value.channels();
        }
    }
}

fn add_bar(total: &mut Option<Planes>, bar: Planes) {
    match total {
        Some(total) => total.add(&bar),
        None => *total = Some(bar),
    }
}

#[cfg(test)]
#[path = "chain_tests.rs"]
mod tests;
