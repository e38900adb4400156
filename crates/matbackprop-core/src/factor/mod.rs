//! Factorisations, and what is solved with them.

mod cholesky;
mod symmetric_solve;

pub use cholesky::Cholesky;
pub use symmetric_solve::{SymmetricRoad, SymmetricSolve, SymmetricSolveCotangent};
