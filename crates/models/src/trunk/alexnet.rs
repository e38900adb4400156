//! AlexNet's five convolutions.

use super::activation::Activation;
use super::builder::Builder;
use super::chain::Step;
use super::conv::Conv;
use super::max_pool::MaxPool;
use super::padding::Padding;
use super::response_norm::ResponseNorm;

/// The variants of AlexNet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum AlexnetLayout {
    /// torchvision's: 64-192-384-256-256 channels, neither groups nor response normalisation.
    #[default]
    Torchvision,
    /// The original's: 96-256-384-384-256 channels, two groups in conv2, conv4 and conv5, response
    /// normalisation after conv1 and conv2, pools in ceil mode (as Caffe's reference network).
    Original,
}

/// conv1 … conv5 with their pools, under torchvision's names; values `relu1` … `relu5`, `pool5`.
///
/// # Source
/// Krizhevsky, Sutskever, Hinton, 2012; Krizhevsky, "One weird trick for parallelizing
/// convolutional neural networks", 2014 (torchvision's widths).
pub(super) fn builder(layout: AlexnetLayout) -> Builder {
    let original = layout == AlexnetLayout::Original;
    let widths = if original {
        [96, 256, 384, 384, 256]
    } else {
        [64, 192, 384, 256, 256]
    };
    let groups = if original { [1, 2, 1, 2, 2] } else { [1; 5] };
    let first_pad = if original { 0 } else { 2 };
    let geometry = [
        (11, 4, first_pad),
        (5, 1, 2),
        (3, 1, 1),
        (3, 1, 1),
        (3, 1, 1),
    ];
    // torchvision's places in `features`; ReLUs and pools lie between.
    let modules = [0, 3, 6, 8, 10];
    let mut chain = Builder::new(3);
    for index in 0..5 {
        let (kernel, stride, pad) = geometry[index];
        let layer = Conv {
            in_channels: chain.channels(),
            out_channels: widths[index],
            kernel,
            stride,
            padding: Padding::Symmetric(pad),
            groups: groups[index],
            activation: Activation::Relu,
        };
        chain
            .conv_with(format!("features.{}", modules[index]), None, layer)
            .named(format!("relu{}", index + 1));
        if index < 2 || index == 4 {
            chain.step(Step::MaxPool(MaxPool {
                kernel: 3,
                stride: 2,
                ceil: original,
            }));
            if index == 4 {
                chain.named("pool5");
            } else if original {
                chain.step(Step::ResponseNorm(ResponseNorm::ALEXNET));
            }
        }
    }
    chain
}
