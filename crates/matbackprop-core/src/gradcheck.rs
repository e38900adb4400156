//! Derivatives held against finite differences, and matrices to hold them on.

mod check;
mod matrices;

pub use crate::gaussian::gaussian;
pub use check::{GradientCheck, Perturbation, check_jvp, check_vjp};
pub use matrices::{symmetric_with_spectrum, with_spectrum};
