//! Convolutional trunks: layers with their way back, and the networks made of them.

mod activation;
mod alexnet;
mod builder;
mod chain;
mod conv;
mod correlate;
mod depthwise;
mod dropout;
mod efficientnet_lite0;
mod halves;
mod jobs;
mod kind;
mod max_pool;
mod mode;
mod padding;
mod patches;
mod phases;
mod planes;
mod resize;
mod response_norm;
mod shelf;
mod sliding;
#[cfg(any(test, feature = "cuda", feature = "stand-ins"))]
pub(crate) mod tensor_road;
#[cfg(test)]
pub(crate) mod test_numbers;
mod tiles;
mod vgg16;
mod window;

pub use activation::Activation;
pub use alexnet::AlexnetLayout;
pub(crate) use builder::Builder;
pub use builder::{Layer, NamedLayer};
pub use chain::{Chain, Saved, Size, Step, Tap};
pub use conv::Conv;
pub use depthwise::Depthwise;
pub use dropout::Dropout;
pub use kind::TrunkKind;
pub use max_pool::MaxPool;
pub use mode::Mode;
pub use padding::Padding;
pub use planes::Planes;
pub use resize::{AxisMap, Resize};
pub use response_norm::ResponseNorm;
