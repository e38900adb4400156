//! EfficientNet-Lite0's blocks.

use super::activation::Activation;
use super::builder::Builder;
use super::chain::Step;
use super::conv::Conv;
use super::depthwise::Depthwise;
use super::padding::Padding;

/// Blocks, kernel, stride of the first, expansion, output channels.
const STAGES: [(usize, usize, usize, usize, usize); 7] = [
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
];

/// Stem and inverted residual blocks with ReLU6, batch normalisation folded into the kernels; values
/// `expandN` (after the expansion of block N, non-negative) and `blockN`.
///
/// # Conventions
/// Names as in the PyTorch port: `_conv_stem`, `_blocks.N._expand_conv`, `_blocks.N._depthwise_conv`,
/// `_blocks.N._project_conv`; TensorFlow's `SAME` padding. `expand3`, `expand5`, `expand11` are the
/// last values at strides 4, 8 and 16.
///
/// # Source
/// Tan, Le, "EfficientNet", 2019; the Lite variant drops squeeze-and-excitation and swish.
pub(super) fn builder() -> Builder {
    let mut chain = Builder::new(3);
    chain.conv_with(
        "_conv_stem".into(),
        Some("_bn0".into()),
        Conv {
            stride: 2,
            ..dense(3, 32, 3, Activation::Relu6)
        },
    );
    chain.named("stem");
    let mut block = 0;
    for (repeats, kernel, stride, expansion, out) in STAGES {
        for repeat in 0..repeats {
            let stride = if repeat == 0 { stride } else { 1 };
            inverted_residual(&mut chain, block, kernel, stride, expansion, out);
            block += 1;
        }
    }
    chain
}

/// 1×1 up, depthwise, 1×1 down, and the residual where sizes allow one.
fn inverted_residual(
    chain: &mut Builder,
    block: usize,
    kernel: usize,
    stride: usize,
    expansion: usize,
    out: usize,
) {
    let name = |part: &str| format!("_blocks.{block}.{part}");
    let (input, channels) = (chain.value(), chain.channels());
    let wide = channels * expansion;
    if expansion > 1 {
        let layer = dense(channels, wide, 1, Activation::Relu6);
        chain
            .conv_with(name("_expand_conv"), Some(name("_bn0")), layer)
            .named(format!("expand{block}"));
    }
    let layer = Depthwise {
        channels: wide,
        kernel,
        stride,
        padding: Padding::Same,
        activation: Activation::Relu6,
    };
    chain.depthwise(name("_depthwise_conv"), Some(name("_bn1")), layer);
    let layer = dense(wide, out, 1, Activation::Identity);
    chain.conv_with(name("_project_conv"), Some(name("_bn2")), layer);
    if stride == 1 && channels == out {
        chain.step(Step::Add { value: input });
    }
    chain.named(format!("block{block}"));
}

fn dense(from: usize, to: usize, kernel: usize, activation: Activation) -> Conv {
    Conv {
        in_channels: from,
        out_channels: to,
        kernel,
        stride: 1,
        padding: Padding::Same,
        groups: 1,
        activation,
    }
}
