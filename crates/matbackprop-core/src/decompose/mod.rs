//! The decompositions every rule stands on.
//!
//! ```text
//! symmetric_eigen ── tridiagonal ── rank_one_update ── secular
//!                              └─── implicit_ql
//! dense              products and singular values, by faer
//! ```

mod dense;
mod implicit_ql;
mod rank_one_update;
mod secular;
mod symmetric_eigen;
mod tridiagonal;

pub(crate) use dense::{gram, thin_svd};
pub(crate) use symmetric_eigen::symmetric_eigen;
