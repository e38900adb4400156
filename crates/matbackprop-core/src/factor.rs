//! Factorisations, and solves with them.

mod cholesky;
mod log_det;
mod qr;
mod symmetric_solve;

pub use cholesky::Cholesky;
pub use log_det::{LogDet, SignedLogDet};
pub use qr::{Qr, QrTangent};
pub use symmetric_solve::{SymmetricMethod, SymmetricSolve, SymmetricSolveCotangent};
