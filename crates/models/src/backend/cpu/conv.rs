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
mod tests {
    //! Tests of the convolution, against loops.

    use super::*;
    use crate::backend::test_values::random_values;
    use crate::trunk::{Activation, Padding};

    /// The formula of [`Conv`], spelled out.
    fn by_loops(conv: &Conv, x: &Planes, torch_weight: &[f32], bias: &[f32]) -> Vec<f32> {
        let (h, w) = conv.output_size(x.height(), x.width()).unwrap();
        let (ci, co) = conv.channels_of_group();
        let (top, left) = before(conv.window(), x);
        let mut out = Vec::new();
        for o in 0..conv.out_channels {
            for y in 0..h {
                for z in 0..w {
                    let mut sum = bias[o];
                    for i in 0..ci {
                        for u in 0..conv.kernel {
                            for v in 0..conv.kernel {
                                let (row, column) = (y * conv.stride + u, z * conv.stride + v);
                                if row < top || column < left {
                                    continue;
                                }
                                let (row, column) = (row - top, column - left);
                                if row >= x.height() || column >= x.width() {
                                    continue;
                                }
                                sum += torch_weight
                                    [((o * ci + i) * conv.kernel + u) * conv.kernel + v]
                                    * x.row(o / co * ci + i, row)[column];
                            }
                        }
                    }
                    out.push(match conv.activation {
                        Activation::Identity => sum,
                        Activation::Relu => sum.max(0.0),
                        Activation::Relu6 => sum.clamp(0.0, 6.0),
                    });
                }
            }
        }
        out
    }

    /// Methods, kernels, strides, paddings, groups, activations; heights above a tile.
    fn cases() -> Vec<(Conv, usize, usize)> {
        let conv = |ci, co, kernel, stride, padding, groups, activation| Conv {
            in_channels: ci,
            out_channels: co,
            kernel,
            stride,
            padding,
            groups,
            activation,
        };
        use Activation::{Identity, Relu, Relu6};
        use Padding::{Same, Symmetric};
        vec![
            (conv(16, 5, 3, 1, Symmetric(1), 1, Relu), 9, 7),
            (conv(16, 5, 3, 1, Symmetric(0), 1, Identity), 9, 7),
            (conv(32, 6, 5, 1, Symmetric(2), 2, Relu), 6, 8),
            (conv(17, 4, 1, 1, Symmetric(0), 1, Relu6), 4, 5),
            (conv(20, 3, 1, 1, Symmetric(1), 1, Identity), 3, 3),
            (conv(16, 3, 3, 1, Same, 1, Relu), 40, 60),
            (conv(3, 4, 3, 1, Symmetric(1), 1, Relu), 8, 6),
            (conv(3, 4, 11, 4, Symmetric(2), 1, Relu), 23, 31),
            (conv(3, 4, 3, 2, Same, 1, Relu6), 9, 12),
            (conv(16, 4, 2, 1, Same, 1, Identity), 5, 6),
            (conv(4, 4, 3, 2, Same, 2, Relu), 1, 1),
        ]
    }

    #[test]
    fn value_equals_loops_by_either_method() {
        for (conv, h, w) in cases() {
            let frame = conv.window().frame(h, w);
            let x = Planes::from_contiguous(
                conv.in_channels,
                h,
                w,
                frame,
                &random_values(conv.in_channels * h * w, 1),
            );
            let weight = random_values(conv.weight_len(), 2);
            let bias = random_values(conv.out_channels, 3);
            let y = conv
                .forward(&x, &conv.weight_from_torch(&weight), &bias, 1)
                .to_contiguous();
            let expected = by_loops(&conv, &x, &weight, &bias);
            for (a, b) in y.iter().zip(&expected) {
                // f32 sums of at most 800 products of numbers below 1.
                assert!((a - b).abs() < 2e-5 * (1.0 + b.abs()), "{conv:?}: {a} {b}");
            }
        }
    }

    #[test]
    fn the_vjp_is_the_transposed_map() {
        // Without activation y is linear in x, w and b apart: ⟨ȳ, y(ẋ)⟩ = ⟨x̄, ẋ⟩ exactly, to rounding.
        for (conv, h, w) in cases() {
            let conv = Conv {
                activation: Activation::Identity,
                ..conv
            };
            let n = conv.in_channels * h * w;
            let x = Planes::from_contiguous(
                conv.in_channels,
                h,
                w,
                conv.window().frame(h, w),
                &random_values(n, 1),
            );
            let weight = conv.weight_from_torch(&random_values(conv.weight_len(), 2));
            let bias = random_values(conv.out_channels, 3);
            let y = conv.forward(&x, &weight, &bias, 0);
            let y_bar = random_values(y.data().len(), 4);
            let framed = Planes::from_contiguous(y.channels(), y.height(), y.width(), 0, &y_bar);
            let bars = conv.vjp(&x, &weight, &y, framed, Some(2));
            let along_y = dot(&y_bar, y.data());
            let along_bias = dot(&bars.bias, &bias);
            let x_bar = bars.input.unwrap().to_contiguous();
            let along_x = dot(&x_bar, &x.to_contiguous()) + along_bias;
            let along_weight = dot(&bars.weight, &weight) + along_bias;
            let scale = y_bar.len() as f64;
            assert!(
                (along_y - along_x).abs() < 1e-5 * scale,
                "{conv:?}: {along_y} {along_x}"
            );
            assert!(
                (along_y - along_weight).abs() < 1e-5 * scale,
                "{conv:?}: {along_y} {along_weight}"
            );
        }
    }

    #[test]
    fn torch_order_there_and_back() {
        let conv = cases()[2].0;
        let weight = random_values(conv.weight_len(), 5);
        assert_eq!(
            conv.weight_to_torch(&conv.weight_from_torch(&weight)),
            weight
        );
    }

    fn dot(a: &[f32], b: &[f32]) -> f64 {
        a.iter()
            .zip(b)
            .map(|(a, b)| f64::from(*a) * f64::from(*b))
            .sum()
    }
}
