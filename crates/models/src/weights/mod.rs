//! Weights on disk.

mod read;
mod write;

pub(crate) use read::{TensorSource, WeightsFile};
pub use write::Precision;
pub(crate) use write::{TensorOut, write_atomically, write_safetensors};
