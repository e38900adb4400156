//! The layers that have a kernel and a bias: what all convolutions share.

use super::chain::Step;
use super::conv::Conv;
use super::depthwise::Depthwise;
use super::window::Window;

/// A convolution of either kind. Its bias follows its kernel among a chain's parameters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum KernelLayer {
    /// Sees all channels of its group.
    Conv(Conv),
    /// Sees its own channel.
    Depthwise(Depthwise),
}

impl Step {
    /// The convolution of this step, and the place of its kernel among the parameters.
    pub(crate) fn kernel_layer(&self) -> Option<(KernelLayer, usize)> {
        match self {
            Self::Conv { layer, weight } => Some((KernelLayer::Conv(*layer), *weight)),
            Self::Depthwise { layer, weight } => Some((KernelLayer::Depthwise(*layer), *weight)),
            Self::MaxPool(_)
            | Self::ResponseNorm(_)
            | Self::Dropout(_)
            | Self::Add { .. }
            | Self::Join { .. }
            | Self::Input { .. } => None,
        }
    }
}

impl KernelLayer {
    /// The window that slides over the input.
    pub(crate) fn window(self) -> Window {
        match self {
            Self::Conv(layer) => layer.window(),
            Self::Depthwise(layer) => layer.window(),
        }
    }
}
