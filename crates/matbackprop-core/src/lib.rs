//! Differentiable matrix rules, on faer.
mod error;
pub use error::{Error, Result};
