//! Dense SIFT: the local descriptors that the second-order pooling baseline pools.

mod dense;
mod descriptor_maps;
mod gray_plane;
mod orientation;
mod taps;

pub use dense::DenseSift;
pub use descriptor_maps::{CHANNELS, DescriptorMaps};
pub use gray_plane::GrayPlane;
