//! Convolution, bias and activation in one step.

use faer::MatRef;

use super::activation::Activation;
use super::correlate::{Corner, correlate, correlate_vjp_matrix};
use super::jobs::for_each_job;
use super::padding::Padding;
use super::patches::Patches;
use super::planes::Planes;
use super::sliding::sum;
use super::window::Window;

/// Input channels below which shifted windows are too thin a product and patches pay.
const FEWEST_CHANNELS: usize = 16;

/// A convolution with bias and a fused activation.
///
/// ```text
/// forward   y[o] = f( b[o] + Σ_{i,u,v} w[o, i, u, v] · x[i, s·y + u − p, s·x + v − p] )
/// vjp       s̄ = ȳ ∘ f′,   b̄ = Σ s̄,   w̄ = Σ x s̄,   x̄ = w correlated, turned by 180°, with s̄
/// ```
///
/// # Shapes
/// x: Ci × H × W; y: Co × H′ × W′ with H′, W′ from [`Padding`]; bias: Co; weight: groups × taps ×
/// Co/groups × Ci/groups numbers in that order, taps row-major: the order in which the products
/// read them. [`Conv::weight_from_torch`] brings them from (Co, Ci/groups, k, k).
///
/// # Cost
/// 2 · k² · Ci · Co · H′ · W′ / groups operations forward, twice that for the way back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conv {
    /// Channels that come in.
    pub in_channels: usize,
    /// Channels that go out.
    pub out_channels: usize,
    /// Side of the square kernel.
    pub kernel: usize,
    /// Step between windows.
    pub stride: usize,
    /// Zeros around the input.
    pub padding: Padding,
    /// Groups of channels that do not see one another; 1 for all see all.
    pub groups: usize,
    /// What follows.
    pub activation: Activation,
}

/// What comes home to a convolution.
pub(super) struct ConvCotangents {
    pub(super) input: Option<Planes>,
    pub(super) weight: Vec<f32>,
    pub(super) bias: Vec<f32>,
}

impl Conv {
    /// Number of weights.
    pub fn weight_len(&self) -> usize {
        self.kernel * self.kernel * self.in_channels * self.out_channels / self.groups
    }

    /// Height and width of the output, or `None` where the kernel does not fit.
    pub fn output_size(&self, height: usize, width: usize) -> Option<(usize, usize)> {
        self.window().output_size(height, width)
    }

    /// What slides over the input.
    pub(super) fn window(&self) -> Window {
        Window {
            kernel: self.kernel,
            stride: self.stride,
            padding: self.padding,
        }
    }

    /// The weight in this crate's order, from torch's (Co, Ci/groups, k, k).
    ///
    /// # Panics
    /// When `weight.len() != self.weight_len()`.
    pub fn weight_from_torch(&self, weight: &[f32]) -> Vec<f32> {
        let mut ours = vec![0.0; weight.len()];
        self.for_each_place(weight.len(), |torch, place| ours[place] = weight[torch]);
        ours
    }

    /// The weight in torch's order (Co, Ci/groups, k, k), from this crate's.
    ///
    /// # Panics
    /// When `weight.len() != self.weight_len()`.
    pub fn weight_to_torch(&self, weight: &[f32]) -> Vec<f32> {
        let mut torch_order = vec![0.0; weight.len()];
        self.for_each_place(weight.len(), |torch, place| {
            torch_order[torch] = weight[place]
        });
        torch_order
    }

    fn for_each_place(&self, len: usize, mut visit: impl FnMut(usize, usize)) {
        assert_eq!(len, self.weight_len(), "weights of this convolution");
        let (ci, co) = self.channels_of_group();
        let taps = self.kernel * self.kernel;
        let mut torch = 0;
        for o in 0..self.out_channels {
            for i in 0..ci {
                for tap in 0..taps {
                    visit(torch, ((o / co * taps + tap) * co + o % co) * ci + i);
                    torch += 1;
                }
            }
        }
    }

    /// y, in a frame of `out_pad`.
    ///
    /// # Panics
    /// When sizes do not fit; [`Conv::output_size`] tells before.
    pub(super) fn forward(
        &self,
        input: &Planes,
        weight: &[f32],
        bias: &[f32],
        out_pad: usize,
    ) -> Planes {
        let (height, width) = self
            .output_size(input.height(), input.width())
            .expect("a kernel that fits");
        let mut output = Planes::zeros(self.out_channels, height, width, out_pad);
        let (ci, co) = self.channels_of_group();
        let finish = |c: usize, sums: &[f32], row: &mut [f32]| {
            self.activation.apply(sums, bias[c], row);
        };
        for (group, matrices) in weight.chunks_exact(weight.len() / self.groups).enumerate() {
            let from = group * ci..(group + 1) * ci;
            let to = group * co..(group + 1) * co;
            if self.by_patches() {
                self.patches()
                    .correlate(input, from, matrices, &mut output, to, finish);
            } else {
                let matrix = |tap: usize| tap_matrix(matrices, tap, ci, co);
                let corners = self.corners(input);
                correlate(input, from, &corners, matrix, &mut output, to, finish);
            }
        }
        output
    }

    /// Cotangents of weight, bias and, where asked for, input, from y and ȳ.
    ///
    /// # Panics
    /// When sizes do not fit.
    pub(super) fn vjp(
        &self,
        input: &Planes,
        weight: &[f32],
        output: &Planes,
        mut out_bar: Planes,
        input_pad: Option<usize>,
    ) -> ConvCotangents {
        self.activation.vjp_in_place(output, &mut out_bar);
        let sum_bar = out_bar;
        let bias = sums_of_planes(&sum_bar);
        let mut weight_bar = vec![0.0; weight.len()];
        let mut input_bar = input_pad
            .map(|pad| Planes::zeros(self.in_channels, input.height(), input.width(), pad));
        let (ci, co) = self.channels_of_group();
        let group_len = weight.len() / self.groups;
        let groups = weight
            .chunks_exact(group_len)
            .zip(weight_bar.chunks_exact_mut(group_len));
        if self.by_patches() {
            for (group, (matrices, bars)) in groups.enumerate() {
                let from = group * ci..(group + 1) * ci;
                let to = group * co..(group + 1) * co;
                self.patches()
                    .vjp_matrix(input, from.clone(), &sum_bar, to.clone(), bars);
                if let Some(bar) = &mut input_bar {
                    self.patches().vjp_input(matrices, &sum_bar, to, bar, from);
                }
            }
            return ConvCotangents {
                input: input_bar,
                weight: weight_bar,
                bias,
            };
        }
        let corners = self.corners(input);
        // In this frame a row of s̄ is as long as a row of x, and a shift in one is one in the other.
        let sum_bar = sum_bar.with_frame(self.cotangent_frame(input));
        for (group, (_, bars)) in groups.enumerate() {
            let from = group * ci..(group + 1) * ci;
            let to = group * co..(group + 1) * co;
            correlate_vjp_matrix(input, from, &corners, &sum_bar, to, bars);
        }
        if let Some(bar) = &mut input_bar {
            let (top, left) = self.window().before(input);
            let reach = (self.kernel - 1 - top.min(left)).max(top.max(left));
            let frame = reach.max(sum_bar.pad());
            let sum_bar = sum_bar.with_frame(frame);
            let corners = self.turned_corners(input, frame);
            for (group, matrices) in weight.chunks_exact(group_len).enumerate() {
                let from = group * ci..(group + 1) * ci;
                let to = group * co..(group + 1) * co;
                let matrix = |tap: usize| tap_matrix(matrices, tap, ci, co).transpose();
                let keep = |_: usize, sums: &[f32], row: &mut [f32]| row.copy_from_slice(sums);
                correlate(&sum_bar, to, &corners, matrix, bar, from, keep);
            }
        }
        ConvCotangents {
            input: input_bar,
            weight: weight_bar,
            bias,
        }
    }

    /// Frame in which the cotangent is read without a copy.
    pub(super) fn cotangent_frame(&self, input: &Planes) -> usize {
        let widest = self.output_size(input.height(), input.width());
        let (_, width) = widest.expect("a kernel that fits");
        (input.row_stride() - width) / 2
    }

    /// Patches for strides, even kernels and thin inputs, shifted windows for the rest.
    fn by_patches(&self) -> bool {
        let (ci, _) = self.channels_of_group();
        let thin = self.kernel > 1 && ci < FEWEST_CHANNELS;
        let overhanging = self.padding.frame(1, self.kernel, 1) >= self.kernel;
        self.stride > 1 || self.kernel.is_multiple_of(2) || thin || overhanging
    }

    fn channels_of_group(&self) -> (usize, usize) {
        (
            self.in_channels / self.groups,
            self.out_channels / self.groups,
        )
    }

    /// Corners of the taps in the input's frame.
    fn corners(&self, input: &Planes) -> Vec<Corner> {
        (0..self.kernel * self.kernel)
            .map(|tap| self.window().corner(input, tap))
            .collect()
    }

    fn patches(&self) -> Patches {
        let (ci, co) = self.channels_of_group();
        Patches {
            window: self.window(),
            ci,
            co,
        }
    }

    /// Corners in the cotangent's frame: x[y] met tap u at sum y + p − u.
    fn turned_corners(&self, input: &Planes, pad: usize) -> Vec<Corner> {
        let (top, left) = self.window().before(input);
        (0..self.kernel * self.kernel)
            .map(|tap| {
                (
                    pad + top - tap / self.kernel,
                    pad + left - tap % self.kernel,
                )
            })
            .collect()
    }
}

/// Matrix of one tap, Ci × Co.
fn tap_matrix(matrices: &[f32], tap: usize, ci: usize, co: usize) -> MatRef<'_, f32> {
    MatRef::from_column_major_slice(&matrices[tap * ci * co..][..ci * co], ci, co)
}

fn sums_of_planes(planes: &Planes) -> Vec<f32> {
    let mut sums = vec![0.0; planes.channels()];
    let cost = planes.data().len();
    for_each_job(
        sums.iter_mut(),
        cost,
        || (),
        |(), c, total| {
            // The frame's zeros add nothing.
            *total = sum(planes.plane(c));
        },
    );
    sums
}

#[cfg(test)]
#[path = "conv_tests.rs"]
mod tests;
