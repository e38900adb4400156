//! Weights on disk.

mod read;
mod write;

pub use read::{TensorSource, WeightsFile};
pub use write::{Precision, TensorOut, write_atomically, write_safetensors};
