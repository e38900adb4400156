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
                            sum += torch_weight[((o * ci + i) * conv.kernel + u) * conv.kernel + v]
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
