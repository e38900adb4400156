//! Normalised cuts as a differentiable layer.
mod error;
mod label_map;
pub use error::{Error, Result};
pub use label_map::LabelMap;
