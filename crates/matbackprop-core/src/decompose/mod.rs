//! The decompositions every rule stands on.
//!
//! ```text
//! symmetric_eigen ── tridiagonalise ── householder, wide             ours; values with vectors or without
//!       └─────────── tridiagonal ── rank_one_update ── secular
//!                         └──────── implicit_ql, join
//! thin_svd ── householder_qr ── householder, wide
//!     └────── bidiagonal ── rank_one_update, join
//!                └───────── small_svd                               by faer
//! refined_svd ── double_double                                      small values to their last digit: few of them,
//! refined_by_parts ── sliced_product                                or any number
//! qr ── householder_qr      lu  triangular  bunch_kaufman
//! equilibrate        rows and columns of order one before them
//! condition          how near to singular
//! products           symmetric ones at half the cost
//! scratch            room, kept from call to call
//! ```

mod bidiagonal;
mod bunch_kaufman;
mod condition;
mod double_double;
mod equilibrate;
#[cfg(test)]
mod hard_cases;
mod householder;
mod householder_qr;
mod implicit_ql;
mod join;
mod lu;
mod products;
mod qr;
mod rank_one_update;
mod refined_by_parts;
mod refined_svd;
mod scratch;
mod secular;
mod sliced_product;
mod small_svd;
mod symmetric_eigen;
mod thin_svd;
mod triangular;
mod tridiagonal;
mod tridiagonalise;
mod wide;

pub(crate) use bunch_kaufman::BunchKaufman;
pub(crate) use condition::{ensure_regular, reciprocal_condition, singular};
pub(crate) use equilibrate::{Equilibration, SymmetricEquilibration};
pub(crate) use lu::Lu;
pub(crate) use products::{
    add_product, congruence, gram, mirror_lower, scaled_product, spectral_product,
    temporary_lower_product, temporary_product, temporary_symmetric_product, times_diagonal,
};
pub(crate) use qr::thin_qr;
pub(crate) use refined_by_parts::refined_by_parts;
pub(crate) use refined_svd::refined_svd;
pub(crate) use scratch::Temporary;
pub(crate) use symmetric_eigen::{SymmetricEigen, symmetric_eigen, symmetric_values};
pub(crate) use thin_svd::{singular_values_only, thin_svd};
pub(crate) use triangular::{cholesky, is_positive_definite, solve_lower, solve_root, solve_upper};
