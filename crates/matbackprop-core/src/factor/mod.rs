//! Factorisations, and what is solved with them.

mod cholesky;

pub use cholesky::Cholesky;
