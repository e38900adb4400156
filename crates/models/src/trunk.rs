//! Convolutional trunks: definitions of layers, chains of layers, and the networks made of them.
//!
//! How they are computed stands in `backend`.

mod activation;
mod alexnet;
mod builder;
mod chain;
mod conv;
mod depthwise;
mod dropout;
mod efficientnet_lite0;
mod kernel_layer;
mod kind;
mod max_pool;
mod mode;
mod padding;
pub(crate) mod resize;
mod response_norm;
mod split;
mod vgg16;
pub(crate) mod window;

pub use activation::Activation;
pub use alexnet::AlexnetLayout;
pub(crate) use builder::Builder;
pub use builder::NamedLayer;
pub use chain::Chain;
#[cfg(test)]
pub(crate) use chain::Tap;
pub(crate) use chain::{ChainPlan, InputGrid, Size, Step};
pub use conv::Conv;
pub(crate) use depthwise::Depthwise;
pub(crate) use dropout::Draws;
pub(crate) use dropout::Dropout;
pub(crate) use kernel_layer::KernelLayer;
pub use kind::TrunkKind;
pub(crate) use max_pool::MaxPool;
pub use mode::Mode;
pub use padding::Padding;
pub(crate) use resize::Resize;
pub(crate) use response_norm::ResponseNorm;
