//! Factorisations, and solves with them.

mod cholesky;
mod log_det;
mod lyapunov;
mod qr;
mod sylvester;
mod symmetric_solve;

pub use cholesky::Cholesky;
pub use log_det::{LogDet, SignedLogDet};
pub use lyapunov::{Lyapunov, LyapunovCotangent};
pub use qr::{Qr, QrTangent};
pub use sylvester::{Sylvester, SylvesterCotangent};
pub use symmetric_solve::{SymmetricMethod, SymmetricSolve, SymmetricSolveCotangent};
