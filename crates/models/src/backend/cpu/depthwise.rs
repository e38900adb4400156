//! Convolution of each channel by itself, on framed planes.

use pulp::Arch;

use super::parallel::for_each_job;
use super::phases::Phases;
use super::sliding::{Weighted, add_products, sum, weighted_sums};
use crate::backend::interface::LayerCotangents;
use crate::backend::planes::Planes;
use crate::trunk::Depthwise;

/// Sums that a channel makes at a time: they and the rows under them stay in the first-level cache.
const TILE_POSITIONS: usize = 2048;

impl Depthwise {
    /// y, in a frame of `out_pad`.
    ///
    /// # Panics
    /// When sizes do not fit; see [`Depthwise::output_size`].
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
        let mut output = Planes::zeros(self.channels, height, width, out_pad);
        let phases = Phases::of(self.window(), input);
        let stride = output.row_stride();
        let step = phases.row_stride();
        let rows = (TILE_POSITIONS / step).clamp(1, height);
        let scratch = || (vec![0.0; phases.scratch_len()], vec![0.0; rows * step]);
        let arch = Arch::new();
        for_each_job(
            output.planes_mut(),
            self.cost(height, width),
            scratch,
            |(split, sums), c, places| {
                let numbers = phases.split(input.plane(c), split);
                let weights = self.weights_of(weight, c).iter();
                let taps: Vec<Weighted> = phases.starts().zip(weights).map(weighted).collect();
                for y0 in (0..height).step_by(rows) {
                    let tile = rows.min(height - y0);
                    let sums = &mut sums[..(tile - 1) * step + width];
                    weighted_sums(arch, &numbers[y0 * step..], &taps, sums);
                    for (y, sums) in sums.chunks(step).enumerate() {
                        let place = &mut places[(y0 + y + out_pad) * stride + out_pad..][..width];
                        self.activation.apply(&sums[..width], bias[c], place);
                    }
                }
            },
        );
        output
    }

    /// Cotangents of weight, bias and, where asked for, input, from y and ȳ.
    pub(super) fn vjp(
        &self,
        input: &Planes,
        weight: &[f32],
        output: &Planes,
        out_bar: &Planes,
        input_pad: Option<usize>,
    ) -> LayerCotangents<Planes> {
        let (channels, taps) = (self.channels, self.kernel * self.kernel);
        let mut weight_bar = vec![0.0; channels * taps];
        let mut bias_bar = vec![0.0; channels];
        let mut input_bar =
            input_pad.map(|pad| Planes::zeros(channels, input.height(), input.width(), pad));
        let mut planes = input_bar.as_mut().map(Planes::planes_mut);
        let jobs = weight_bar.chunks_exact_mut(taps).zip(&mut bias_bar);
        let jobs = jobs.map(|job| (job, planes.as_mut().and_then(Iterator::next)));

        let phases = Phases::of(self.window(), input);
        let turned = phases.turned_starts();
        let step = phases.row_stride();
        let used = (output.height() - 1) * step + output.width();
        let scratch = || {
            let split = vec![0.0; phases.scratch_len()];
            let phases_bar = vec![0.0; phases.count() * phases.len()];
            // s̄ among zeros: only its rows are ever written.
            let sum_bar = vec![0.0; phases.reach() + phases.len()];
            (split, phases_bar, sum_bar)
        };
        let arch = Arch::new();
        for_each_job(
            jobs,
            2 * self.cost(output.height(), output.width()),
            scratch,
            |(split, phases_bar, sum_bar), c, ((weight_bar, bias_bar), places)| {
                let row = &mut sum_bar[phases.reach()..][..used];
                for (y, bars) in row.chunks_mut(step).enumerate() {
                    let bars = &mut bars[..output.width()];
                    bars.copy_from_slice(out_bar.row(c, y));
                    self.activation.vjp_row_in_place(output.row(c, y), bars);
                }
                *bias_bar = sum(row);
                let numbers = phases.split(input.plane(c), split);
                add_products(arch, numbers, phases.starts(), row, weight_bar);
                if let (Some(places), Some(pad)) = (places, input_pad) {
                    let weights = self.weights_of(weight, c);
                    for (phase, starts) in turned.iter().enumerate() {
                        let pairs = starts.iter().map(|(tap, start)| (*start, &weights[*tap]));
                        let taps: Vec<Weighted> = pairs.map(weighted).collect();
                        let bars = &mut phases_bar[phase * phases.len()..][..phases.len()];
                        let rows = phases.rows_inside();
                        weighted_sums(arch, &sum_bar[rows.start..], &taps, &mut bars[rows]);
                    }
                    phases.join(phases_bar, pad, places);
                }
            },
        );
        LayerCotangents {
            input: input_bar,
            weight: weight_bar,
            bias: bias_bar,
        }
    }

    fn weights_of<'w>(&self, weight: &'w [f32], c: usize) -> &'w [f32] {
        let taps = self.kernel * self.kernel;
        &weight[c * taps..][..taps]
    }

    /// Multiplications that make an output of this size.
    fn cost(&self, height: usize, width: usize) -> usize {
        self.channels * self.kernel * self.kernel * height * width
    }
}

fn weighted((start, weight): (usize, &f32)) -> Weighted {
    Weighted {
        start,
        weight: *weight,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::test_values::random_values;
    use crate::trunk::{Activation, Conv, Padding};

    fn cases() -> Vec<(Depthwise, usize, usize)> {
        let layer = |kernel, stride, padding, activation| Depthwise {
            channels: 3,
            kernel,
            stride,
            padding,
            activation,
        };
        vec![
            (layer(3, 1, Padding::Same, Activation::Relu6), 6, 7),
            (layer(5, 2, Padding::Same, Activation::Relu), 9, 12),
            (layer(3, 2, Padding::Same, Activation::Identity), 1, 1),
            (layer(3, 1, Padding::Symmetric(0), Activation::Relu), 5, 4),
            (layer(5, 1, Padding::Same, Activation::Relu6), 10, 10),
            (layer(3, 2, Padding::Same, Activation::Relu6), 11, 10),
            // More rows than a tile holds.
            (layer(3, 1, Padding::Same, Activation::Relu6), 40, 70),
        ]
    }

    /// The same map as a convolution with one group a channel.
    fn as_conv(layer: &Depthwise) -> Conv {
        Conv {
            in_channels: layer.channels,
            out_channels: layer.channels,
            kernel: layer.kernel,
            stride: layer.stride,
            padding: layer.padding,
            groups: layer.channels,
            activation: layer.activation,
        }
    }

    #[test]
    fn equals_a_convolution_in_groups_of_one() {
        for (layer, h, w) in cases() {
            let x = Planes::from_contiguous(
                3,
                h,
                w,
                layer.window().frame(h, w),
                &random_values(3 * h * w, 1),
            );
            let weight = random_values(3 * layer.kernel * layer.kernel, 2);
            let bias = random_values(3, 3);
            let conv = as_conv(&layer);
            let y = layer.forward(&x, &weight, &bias, 1);
            let expected = conv.forward(&x, &weight, &bias, 1);
            close(&y.to_contiguous(), &expected.to_contiguous());

            let bar = random_values(3 * y.height() * y.width(), 4);
            let bar = Planes::from_contiguous(3, y.height(), y.width(), 1, &bar);
            let ours = layer.vjp(&x, &weight, &y, &bar, Some(2));
            let theirs = conv.vjp(&x, &weight, &expected, bar, Some(2));
            close(&ours.weight, &theirs.weight);
            close(&ours.bias, &theirs.bias);
            close(ours.input.unwrap().data(), theirs.input.unwrap().data());
        }
    }

    fn close(a: &[f32], b: &[f32]) {
        assert_eq!(a.len(), b.len());
        for (a, b) in a.iter().zip(b) {
            assert!((a - b).abs() < 2e-5, "{a} {b}");
        }
    }
}
