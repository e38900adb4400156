//! Functions of matrices.

mod divided_difference;
mod domain;
mod gram_factors;
mod gram_function;
mod gram_matrix;
mod gram_second;
mod matrix_exp;
mod matrix_function;
mod matrix_log;
mod matrix_sqrt;
mod newton_schulz;
mod prepared_gram;
mod scalar;
mod scalar_function;
mod second_order;
mod support;
mod symmetric_power;
mod trace_function;
mod whitening;

pub(crate) use gram_factors::svd_keeps_digits;
pub use gram_function::GramFunction;
pub use gram_matrix::Eigenpairs;
pub(crate) use gram_matrix::keeps_its_digits;
pub use gram_second::GramFunctionSecond;
pub use matrix_exp::MatrixExp;
pub use matrix_function::{MatrixFunction, MatrixFunctionSecond};
pub use matrix_log::MatrixLog;
pub use matrix_sqrt::MatrixSqrt;
pub use newton_schulz::{Iterations, NewtonSchulz, NewtonSchulzTangent, Normalisation};
pub use prepared_gram::PreparedGram;
pub use scalar::{Exp, Inverse, InverseSqrt, Log, Power, Ridge, Sqrt, WithSlope};
pub use scalar_function::ScalarFunction;
pub use symmetric_power::{SymmetricPower, SymmetricPowerCotangent};
pub use trace_function::TraceFunction;
pub use whitening::Whitening;
