//! Convolution of each channel by itself.

use rayon::prelude::*;

use super::activation::Activation;
use super::padding::Padding;
use super::planes::Planes;
use super::window::Window;

/// A depthwise convolution with bias and a fused activation.
///
/// ```text
/// forward   y[c] = f( b[c] + Σ_{u,v} w[c, u, v] · x[c, s·y + u − p, s·x + v − p] )
/// vjp       s̄ = ȳ ∘ f′,   b̄ = Σ s̄,   w̄[c, u, v] = Σ x s̄,   x̄ = Σ_{u,v} w[c, u, v] s̄
/// ```
///
/// # Shapes
/// x: C × H × W; y: C × H′ × W′; weight: C × k × k; bias: C.
///
/// # Cost
/// 2 · k² · C · H′ · W′ operations forward, twice that for the way back; one thread a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Depthwise {
    /// Channels in and out.
    pub channels: usize,
    /// Side of the square kernel.
    pub kernel: usize,
    /// Step between windows.
    pub stride: usize,
    /// Zeros around the input.
    pub padding: Padding,
    /// What follows.
    pub activation: Activation,
}

/// What comes home to a depthwise convolution.
pub(super) struct DepthwiseCotangents {
    pub(super) input: Option<Planes>,
    pub(super) weight: Vec<f32>,
    pub(super) bias: Vec<f32>,
}

impl Depthwise {
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

    /// y, in a frame of `out_pad`.
    ///
    /// # Panics
    /// When sizes do not fit; [`Depthwise::output_size`] tells before.
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
        let starts = Starts::of(self, input);
        let (plane, stride) = (output.plane_stride(), output.row_stride());
        output
            .data_mut()
            .par_chunks_exact_mut(plane)
            .enumerate()
            .for_each_init(
                || vec![0.0_f32; width],
                |sums, (c, rows)| {
                    let weights = self.weights_of(weight, c);
                    for y in 0..height {
                        sums.fill(0.0);
                        for (tap, w) in weights.iter().enumerate() {
                            let window = starts.row(input, c, y, tap);
                            add_scaled(sums, *w, window, self.stride);
                        }
                        let place = &mut rows[(y + out_pad) * stride + out_pad..][..width];
                        self.activation.apply(sums, bias[c], place);
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
        mut out_bar: Planes,
        input_pad: Option<usize>,
    ) -> DepthwiseCotangents {
        self.activation.vjp_in_place(output, &mut out_bar);
        let sum_bar = out_bar;
        let starts = Starts::of(self, input);
        let (height, taps) = (sum_bar.height(), self.kernel * self.kernel);
        let mut weight_bar = vec![0.0; self.channels * taps];
        let bias = weight_bar
            .par_chunks_exact_mut(taps)
            .enumerate()
            .map(|(c, bars)| {
                let mut total = 0.0;
                for y in 0..height {
                    let row = sum_bar.row(c, y);
                    total += row.iter().sum::<f32>();
                    for (tap, bar) in bars.iter_mut().enumerate() {
                        let window = starts.row(input, c, y, tap);
                        *bar += dot_strided(row, window, self.stride);
                    }
                }
                total
            })
            .collect();
        let input = input_pad.map(|pad| {
            // Written with the frame of the input, so that every window lies inside; then reframed.
            let mut bar = Planes::zeros(self.channels, input.height(), input.width(), input.pad());
            let plane = bar.plane_stride();
            bar.data_mut()
                .par_chunks_exact_mut(plane)
                .enumerate()
                .for_each(|(c, plane)| {
                    let weights = self.weights_of(weight, c);
                    for y in 0..height {
                        for (tap, w) in weights.iter().enumerate() {
                            let start = starts.start(y, tap);
                            let row = sum_bar.row(c, y);
                            scatter_scaled(&mut plane[start..], *w, row, self.stride);
                        }
                    }
                });
            bar.clear_frame();
            bar.with_frame(pad)
        });
        DepthwiseCotangents {
            input,
            weight: weight_bar,
            bias,
        }
    }

    fn weights_of<'w>(&self, weight: &'w [f32], c: usize) -> &'w [f32] {
        let taps = self.kernel * self.kernel;
        &weight[c * taps..][..taps]
    }
}

/// Where the windows of a layer start in a framed plane.
struct Starts {
    stride: usize,
    row_stride: usize,
    corners: Vec<(usize, usize)>,
}

impl Starts {
    fn of(layer: &Depthwise, input: &Planes) -> Self {
        let corner = |tap| layer.window().corner(input, tap);
        Self {
            stride: layer.stride,
            row_stride: input.row_stride(),
            corners: (0..layer.kernel * layer.kernel).map(corner).collect(),
        }
    }

    /// First number that output row `y` meets under `tap`.
    fn start(&self, y: usize, tap: usize) -> usize {
        let (row, column) = self.corners[tap];
        (y * self.stride + row) * self.row_stride + column
    }

    fn row<'p>(&self, input: &'p Planes, c: usize, y: usize, tap: usize) -> &'p [f32] {
        &input.plane(c)[self.start(y, tap)..]
    }
}

fn add_scaled(sums: &mut [f32], weight: f32, window: &[f32], stride: usize) {
    if stride == 1 {
        for (sum, x) in sums.iter_mut().zip(window) {
            *sum += weight * x;
        }
    } else {
        for (sum, x) in sums.iter_mut().zip(window.iter().step_by(stride)) {
            *sum += weight * x;
        }
    }
}

fn dot_strided(row: &[f32], window: &[f32], stride: usize) -> f32 {
    row.iter()
        .zip(window.iter().step_by(stride))
        .map(|(a, b)| a * b)
        .sum()
}

fn scatter_scaled(window: &mut [f32], weight: f32, row: &[f32], stride: usize) {
    for (place, bar) in window.iter_mut().step_by(stride).zip(row) {
        *place += weight * bar;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trunk::conv::Conv;
    use crate::trunk::test_numbers::numbers;

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
                &numbers(3 * h * w, 1),
            );
            let weight = numbers(3 * layer.kernel * layer.kernel, 2);
            let bias = numbers(3, 3);
            let conv = as_conv(&layer);
            let y = layer.forward(&x, &weight, &bias, 1);
            let expected = conv.forward(&x, &weight, &bias, 1);
            close(&y.to_contiguous(), &expected.to_contiguous());

            let bar = numbers(3 * y.height() * y.width(), 4);
            let bar = Planes::from_contiguous(3, y.height(), y.width(), 1, &bar);
            let ours = layer.vjp(&x, &weight, &y, bar.clone(), Some(2));
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
