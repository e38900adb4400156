//! Spectra with their vectors.

mod generalised_eig;
mod sym_eig;
mod thin_svd;

pub use generalised_eig::{GeneralisedEig, GeneralisedEigCotangent, GeneralisedEigTangent};
pub use sym_eig::{SymEig, SymEigTangent};
pub use thin_svd::{ThinSvd, ThinSvdTangent};
