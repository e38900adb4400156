//! A convolutional network that draws the boundaries people would draw.
//!
//! | file | the methods of [`DeepBoundaries`] in it |
//! |---|---|
//! | `network` | the type; new networks; architecture, device, counts |
//! | `standards` | mean and deviation of each channel, and their place in the first convolutions |
//! | `files` | load, save, the head alone; the parts that training sees |
//! | `levels` | image → trunk → features at several strides; their calibration |
//! | `predict` | image → a map of probabilities |
//! | `step` | features → loss → gradients |

mod files;
mod levels;
mod network;
mod predict;
mod standards;
mod step;

pub use network::DeepBoundaries;
pub use predict::BoundaryProbabilities;
pub use step::BoundaryStep;
