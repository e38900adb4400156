//! The decompositions every rule stands on.
//!
//! ```text
//! symmetric_eigen ── tridiagonal ── rank_one_update ── secular
//!                              └─── implicit_ql
//! thin_svd           singular values and vectors, by faer
//! scratch            room for them, kept from call to call
//! products           symmetric ones at half the cost
//! ```

mod implicit_ql;
mod products;
mod rank_one_update;
mod scratch;
mod secular;
mod symmetric_eigen;
mod thin_svd;
mod tridiagonal;

pub(crate) use products::{
    gram, scaled_product, spectral_product, symmetric_product, times_diagonal,
};
pub(crate) use symmetric_eigen::symmetric_eigen;
pub(crate) use thin_svd::thin_svd;
