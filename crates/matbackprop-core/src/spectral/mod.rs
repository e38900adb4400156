//! Spectra with their vectors.

mod sym_eig;
mod thin_svd;

pub use sym_eig::{SymEig, SymEigTangent};
pub use thin_svd::{ThinSvd, ThinSvdTangent};
