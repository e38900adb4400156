//! Weights on disk.

mod foreign;
mod prefix;
mod read;
mod write;

pub(crate) use read::NetworkKind;
pub use read::{TensorSource, WeightsFile};
pub use write::{Precision, TensorOut, digest as digest_of_tensors, write_safetensors};
