//! The decompositions every rule stands on.

mod bunch_kaufman;
mod condition;
mod dense;
mod equilibrate;
mod lu;
mod qr;
mod triangular;

pub(crate) use bunch_kaufman::BunchKaufman;
pub(crate) use condition::{ensure_regular, reciprocal_condition, singular};
pub(crate) use dense::{gram, symmetric_eigen, thin_svd};
pub(crate) use equilibrate::{Equilibration, SymmetricEquilibration};
pub(crate) use lu::Lu;
pub(crate) use qr::thin_qr;
pub(crate) use triangular::{cholesky, solve_lower, solve_root, solve_upper};
