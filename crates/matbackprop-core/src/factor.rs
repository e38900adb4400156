//! Factorisations, and solves with them.

mod cholesky;
mod determinant;
mod log_det;
mod lyapunov;
mod qr;
mod sylvester;
mod symmetric_solve;
mod wide_number;

pub use cholesky::Cholesky;
pub use determinant::Determinant;
pub use log_det::{LogDet, SignedLogDet};
pub use lyapunov::{Lyapunov, LyapunovCotangent};
pub use qr::{Qr, QrTangent};
pub use sylvester::{Sylvester, SylvesterCotangent};
pub use symmetric_solve::{SymmetricMethod, SymmetricSolve, SymmetricSolveCotangent};
