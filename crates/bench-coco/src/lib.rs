//! MS-COCO: instances, free-form regions to be classified, and how well they were.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod error;
mod sift;

pub use error::{Error, Result};
pub use sift::{CHANNELS, DenseSift, DescriptorMaps, GrayPlane};
