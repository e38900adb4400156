//! Convolutional trunks: what each layer is, chains of layers, and the networks made of them.
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
pub use builder::{Layer, NamedLayer};
pub(crate) use chain::ChainPlan;
pub use chain::{Chain, Size, Step, Tap};
pub use conv::Conv;
pub use depthwise::Depthwise;
pub(crate) use dropout::Draws;
pub use dropout::Dropout;
pub use kind::TrunkKind;
pub use max_pool::MaxPool;
pub use mode::Mode;
pub use padding::Padding;
pub use resize::{AxisMap, Resize};
pub use response_norm::ResponseNorm;
