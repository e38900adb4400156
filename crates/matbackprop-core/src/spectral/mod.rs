//! Spectra with their vectors.

mod sym_eig;
mod thin_svd;
mod values_only;

pub use sym_eig::{SymEig, SymEigTangent};
pub use thin_svd::{ThinSvd, ThinSvdTangent};
pub use values_only::{eigenvalues, singular_values};
