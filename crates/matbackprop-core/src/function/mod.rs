//! Functions of matrices.

mod divided_difference;
mod gram_factors;
mod gram_function;
mod scalar;
mod scalar_function;
mod support;

pub use gram_function::GramFunction;
pub use scalar::{Exp, Inverse, InverseSqrt, Log, Power, Ridge, Sqrt, WithSlope};
pub use scalar_function::ScalarFunction;
