//! Convolution, bias and activation on framed planes.

use faer::MatRef;

use super::correlate::{Corner, correlate, correlate_vjp_matrix};
use super::parallel::for_each_job;
use super::patches::Patches;
use super::sliding::sum;
use super::window::{before, corner};
use crate::backend::interface::LayerCotangents;
use crate::backend::planes::Planes;
use crate::trunk::Conv;

/// Input channels below which shifted windows are too thin a product and patches pay.
const FEWEST_CHANNELS: usize = 16;

impl Conv {
    /// y, in a frame of `out_pad`.
    ///
    /// # Panics
    /// When sizes do not fit; see [`Conv::output_size`].
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
    ) -> LayerCotangents<Planes> {
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
            return LayerCotangents {
                input: input_bar,
                weight: weight_bar,
                bias,
            };
        }
        let corners = self.corners(input);
        // In this frame a row of s̄ is as long as a row of x, and a shift in one is one in the other.
        let sum_bar = sum_bar.with_frame(self.cotangent_frame(input.width(), input.pad()));
        for (group, (_, bars)) in groups.enumerate() {
            let from = group * ci..(group + 1) * ci;
            let to = group * co..(group + 1) * co;
            correlate_vjp_matrix(input, from, &corners, &sum_bar, to, bars);
        }
        if let Some(bar) = &mut input_bar {
            let (top, left) = before(self.window(), input);
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
        LayerCotangents {
            input: input_bar,
            weight: weight_bar,
            bias,
        }
    }

    /// Patches for strides, even kernels and thin inputs, shifted windows for the rest.
    fn by_patches(&self) -> bool {
        let (ci, _) = self.channels_of_group();
        let thin = self.kernel > 1 && ci < FEWEST_CHANNELS;
        let overhanging = self.padding.frame(1, self.kernel, 1) >= self.kernel;
        self.stride > 1 || self.kernel.is_multiple_of(2) || thin || overhanging
    }

    /// Corners of the taps in the input's frame.
    fn corners(&self, input: &Planes) -> Vec<Corner> {
        (0..self.kernel * self.kernel)
            .map(|tap| corner(self.window(), input, tap))
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
        let (top, left) = before(self.window(), input);
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
