//! Spectra with their vectors.

mod eigenvalue_gaps;
mod generalised_eig;
mod sym_eig;
mod thin_svd;
mod values_only;

pub use generalised_eig::{GeneralisedEig, GeneralisedEigCotangent, GeneralisedEigTangent};
pub use sym_eig::{SymEig, SymEigTangent};
pub use thin_svd::{ThinSvd, ThinSvdTangent};
pub use values_only::{eigenvalues, singular_values};
