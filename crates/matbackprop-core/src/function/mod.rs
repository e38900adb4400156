//! Functions of matrices.

mod divided_difference;
mod scalar;
mod scalar_function;

pub use scalar::{Exp, Inverse, InverseSqrt, Log, Power, Ridge, Sqrt, WithSlope};
pub use scalar_function::ScalarFunction;
