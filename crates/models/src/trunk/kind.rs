//! The trunks, by name.

use super::alexnet::{self, AlexnetLayout};
use super::builder::{Builder, NamedLayer};
use super::chain::Chain;
use super::{efficientnet_lite0, vgg16};
use crate::error::Result;
use crate::image_input::InputRecipe;

/// Which convolutional network stands under the head.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum TrunkKind {
    /// VGG-16, conv1_1 … conv5_3.
    Vgg16,
    /// EfficientNet-Lite0.
    Lite0,
    /// AlexNet, conv1 … conv5.
    Alexnet(AlexnetLayout),
}

impl TrunkKind {
    /// Name on the command line and in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Vgg16 => "vgg16",
            Self::Lite0 => "lite0",
            Self::Alexnet(AlexnetLayout::Torchvision) => "alexnet",
            Self::Alexnet(AlexnetLayout::Original) => "alexnet-original",
        }
    }

    /// The recipe of the weights that this trunk is usually given.
    pub fn recipe(self) -> InputRecipe {
        match self {
            Self::Vgg16 | Self::Alexnet(AlexnetLayout::Original) => InputRecipe::CAFFE,
            Self::Lite0 => InputRecipe::LITE,
            Self::Alexnet(AlexnetLayout::Torchvision) => InputRecipe::TORCHVISION,
        }
    }

    /// The two layers whose features normalised cuts take by default, the finer first.
    pub fn default_taps(self) -> [&'static str; 2] {
        match self {
            Self::Vgg16 => ["relu4_3", "relu5_3"],
            Self::Lite0 => ["expand5", "expand11"],
            Self::Alexnet(_) => ["relu4", "relu5"],
        }
    }

    /// The chain up to the last tap, and its layers in order.
    ///
    /// # Errors
    /// [`Error::UnknownLayer`](crate::Error::UnknownLayer), naming the layers there are.
    pub fn chain(self, taps: &[(String, f32)]) -> Result<(Chain, Vec<NamedLayer>)> {
        let builder: Builder = match self {
            Self::Vgg16 => vgg16::builder(),
            Self::Lite0 => efficientnet_lite0::builder(),
            Self::Alexnet(layout) => alexnet::builder(layout),
        };
        builder.finish(self.name(), taps)
    }
}
