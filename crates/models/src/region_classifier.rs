//! Trunk → pooling of a free-form region → classifier: DeepO2P and its first-order baselines.
//!
//! | file | the methods of [`RegionClassifier`] in it |
//! |---|---|
//! | `network` | the type; new networks; architecture, device, counts |
//! | `files` | load, save; the parts that training sees |
//! | `input` | a region → crop → frozen trunk, or descriptors → [`RegionInput`]; its cache |
//! | `calibration` | scales of the taps, μ and s, measured before the first step |
//! | `classify` | input → pooling → classifier → probabilities |
//! | `step` | a batch of inputs → loss → gradients |

mod calibration;
mod classify;
mod files;
mod input;
mod network;
mod step;

pub use classify::{Classified, RegionSeconds};
pub use input::RegionInput;
pub use network::RegionClassifier;
pub use step::{RegionBatch, RegionStep};
