//! Layers in a row, from maps to feature maps of one size, and the places of their values.

use super::conv::Conv;
use super::depthwise::Depthwise;
use super::dropout::Dropout;
use super::max_pool::MaxPool;
use super::resize::{AxisMap, Resize};
use super::response_norm::ResponseNorm;
use super::window::Window;
use crate::error::{Error, Result};
use segmentation::GridAxis;

/// One layer of a [`Chain`]. Value 0 is the chain's first input, value i + 1 the output of step i.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Step {
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
    /// Earlier values brought to the first one's grid, one after the other.
    Join {
        /// Which values.
        values: Vec<usize>,
    },
    /// Another input of the chain.
    Input {
        /// Which one; 0 is value 0 already.
        place: usize,
    },
}

/// A value that goes into the chain's output.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Tap {
    /// Which value.
    pub value: usize,
    /// Factor, so that maps of different magnitude count alike.
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
/// Every value is held only where a backward pass is to follow; otherwise each goes after its last use.
#[derive(Clone, Debug, PartialEq)]
pub struct Chain {
    /// The steps.
    pub(crate) steps: Vec<Step>,
    /// The taps, at least one.
    pub(crate) taps: Vec<Tap>,
}

/// Channels, height, width.
pub(crate) type Size = (usize, usize, usize);

/// An input of a chain: its size, and where its columns and rows lie. Those of all inputs are counted in the same pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct InputGrid {
    pub(crate) size: Size,
    pub(crate) axes: [GridAxis; 2],
}

impl InputGrid {
    /// Maps whose positions are the pixels themselves.
    pub(crate) fn pixels(size: Size) -> Self {
        let whole = |positions| GridAxis {
            positions,
            stride: 1.0,
            offset: 0.0,
        };
        Self {
            size,
            axes: [whole(size.2), whole(size.1)],
        }
    }
}

/// A chain on inputs of one size.
#[derive(Clone, Debug)]
pub(crate) struct ChainPlan {
    /// The size of each value.
    pub(crate) sizes: Vec<Size>,
    /// The frame of zeros that the reader of each value wants.
    pub(crate) frames: Vec<usize>,
    /// The frame in which each value's cotangent is read without a copy.
    pub(crate) cotangent_frames: Vec<usize>,
    /// How each tap is brought to the output's grid.
    pub(crate) resizes: Vec<Resize>,
    /// For each step how the values that it joins are brought to the first one's grid.
    pub(crate) joins: Vec<Vec<Resize>>,
}

impl Chain {
    /// The same steps, and one more for each group of taps, which joins them: a value a group, each on the grid of the
    /// group's first tap. The last is the output.
    ///
    /// # Panics
    /// When the groups are not all taps.
    pub(crate) fn with_joined(mut self, groups: &[usize]) -> Self {
        let taps: Vec<usize> = self.taps.iter().map(|tap| tap.value).collect();
        let mut rest = taps.as_slice();
        for count in groups {
            let (own, others) = rest.split_at(*count);
            self.steps.push(Step::Join {
                values: own.to_vec(),
            });
            rest = others;
        }
        assert!(rest.is_empty(), "each tap in a group");
        self.taps = vec![Tap {
            value: self.steps.len(),
            scale: 1.0,
        }];
        self
    }

    /// How many steps there are.
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    /// Whether there is no step, as in the lower half of a chain that learns from its first layer on.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// The step that reads parameter `index`; the number of steps where none does.
    pub fn step_of_parameter(&self, index: usize) -> usize {
        let reads = |step: &Step| {
            let layer = step.kernel_layer();
            layer.is_some_and(|(_, weight)| weight == index)
        };
        self.steps
            .iter()
            .position(reads)
            .unwrap_or(self.steps.len())
    }

    /// Sizes of all values for one input of `size`.
    ///
    /// # Errors
    /// [`Error::ImageTooSmall`] where a window does not fit.
    pub(crate) fn sizes(&self, size: Size) -> Result<Vec<Size>> {
        self.sizes_of(&[InputGrid::pixels(size)])
    }

    /// Sizes of all values for these inputs.
    ///
    /// # Errors
    /// As [`Chain::sizes`]; [`Error::Setting`] for fewer inputs than the steps read.
    fn sizes_of(&self, inputs: &[InputGrid]) -> Result<Vec<Size>> {
        self.check_inputs(inputs.len())?;
        let size = inputs[0].size;
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
                Step::Join { values } => {
                    let (_, h, w) = sizes[values[0]];
                    Some((values.iter().map(|value| sizes[*value].0).sum(), h, w))
                }
                Step::Input { place } => Some(inputs[*place].size),
            };
            match next {
                Some((c, h, w)) if h > 0 && w > 0 => sizes.push((c, h, w)),
                _ => return Err(too_small),
            }
        }
        Ok(sizes)
    }

    /// Refuses another number of inputs than the steps read.
    fn check_inputs(&self, found: usize) -> Result<()> {
        let reads = |step: &Step| matches!(step, Step::Input { .. });
        let expected = 1 + self.steps.iter().filter(|step| reads(step)).count();
        if found == expected {
            return Ok(());
        }
        Err(Error::Setting {
            name: "inputs of a chain",
            expected: "as many as its steps read",
            found: format!("{found} for {expected}"),
        })
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
    pub(crate) fn output_axes(&self, size: Size) -> Result<[GridAxis; 2]> {
        Ok(self.value_axes(size)?[self.taps[0].value])
    }

    /// Where the columns and rows of each value lie in an input of `size`.
    ///
    /// # Errors
    /// As [`Chain::output_axes`].
    pub(crate) fn value_axes(&self, size: Size) -> Result<Vec<[GridAxis; 2]>> {
        let inputs = [InputGrid::pixels(size)];
        Ok(self.axes(&inputs, &self.sizes_of(&inputs)?))
    }

    /// Where each value's columns and rows lie in the pixels of the inputs.
    fn axes(&self, inputs: &[InputGrid], sizes: &[Size]) -> Vec<[GridAxis; 2]> {
        let mut axes = vec![inputs[0].axes];
        for (index, step) in self.steps.iter().enumerate() {
            match step {
                Step::Join { values } => {
                    axes.push(axes[values[0]]);
                    continue;
                }
                Step::Input { place } => {
                    axes.push(inputs[*place].axes);
                    continue;
                }
                _ => {}
            }
            let (_, height, width) = sizes[index];
            let (kernel, stride, before) = match (step, step.kernel_layer()) {
                (_, Some((layer, _))) => {
                    let Window {
                        kernel,
                        stride,
                        padding,
                    } = layer.window();
                    let before = |size| padding.before(size, kernel, stride);
                    (kernel, stride, [before(width), before(height)])
                }
                (Step::MaxPool(pool), None) => (pool.kernel, pool.stride, [0, 0]),
                _ => (1, 1, [0, 0]),
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

    /// The sizes for a run on an input of `size`.
    ///
    /// # Errors
    /// [`Error::ImageTooSmall`] where a window does not fit.
    pub(crate) fn plan(&self, size: Size) -> Result<ChainPlan> {
        self.plan_of(&[InputGrid::pixels(size)])
    }

    /// The sizes for a run on these inputs.
    ///
    /// # Errors
    /// [`Error::ImageTooSmall`] where a window does not fit.
    pub(crate) fn plan_of(&self, inputs: &[InputGrid]) -> Result<ChainPlan> {
        let sizes = self.sizes_of(inputs)?;
        let axes = self.axes(inputs, &sizes);
        let frames = self.frames(&sizes);
        let taps: Vec<usize> = self.taps.iter().map(|tap| tap.value).collect();
        let joins = self.steps.iter().map(|step| match step {
            Step::Join { values } => resizes(values, &axes, &sizes),
            _ => Vec::new(),
        });
        Ok(ChainPlan {
            cotangent_frames: self.cotangent_frames(&sizes, &frames),
            resizes: resizes(&taps, &axes, &sizes),
            joins: joins.collect(),
            sizes,
            frames,
        })
    }

    fn frames(&self, sizes: &[Size]) -> Vec<usize> {
        let of_step = self.steps.iter().zip(sizes);
        let of_step = of_step.map(|(step, (_, height, width))| match step.kernel_layer() {
            Some((layer, _)) => layer.window().frame(*height, *width),
            None => 0,
        });
        of_step.chain([0]).collect()
    }

    fn cotangent_frames(&self, sizes: &[Size], frames: &[usize]) -> Vec<usize> {
        let of_step = self.steps.iter().zip(sizes).zip(frames);
        let of_step = of_step.map(|((step, (_, _, width)), frame)| match step {
            Step::Conv { layer, .. } => layer.cotangent_frame(*width, *frame),
            _ => 0,
        });
        [0].into_iter().chain(of_step).collect()
    }

    /// For each value the last step that reads it; taps are read at the very end.
    pub(crate) fn last_uses(&self) -> Vec<usize> {
        let mut uses: Vec<usize> = (0..=self.steps.len()).collect();
        for (index, step) in self.steps.iter().enumerate() {
            match step {
                Step::Add { value } => uses[*value] = uses[*value].max(index),
                Step::Join { values } => {
                    for value in values {
                        uses[*value] = uses[*value].max(index);
                    }
                }
                _ => {}
            }
        }
        for tap in &self.taps {
            uses[tap.value] = usize::MAX;
        }
        uses
    }
}

/// How each of some values is brought to the grid of the first.
fn resizes(values: &[usize], axes: &[[GridAxis; 2]], sizes: &[Size]) -> Vec<Resize> {
    let first = values[0];
    let (_, height, width) = sizes[first];
    let resize = |value: &usize| {
        let [columns, rows] =
            [0, 1].map(|side| AxisMap::between(axes[*value][side], axes[first][side]));
        Resize {
            height,
            width,
            rows,
            columns,
        }
    };
    values.iter().map(resize).collect()
}
