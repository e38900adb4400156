//! The decompositions every rule stands on.

mod dense;
mod triangular;

pub(crate) use dense::{gram, symmetric_eigen, thin_svd};
pub(crate) use triangular::{cholesky, solve_lower, solve_upper};
