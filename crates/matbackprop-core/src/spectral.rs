//! Spectra with their vectors.

mod eigenvalue_gaps;
mod generalised_eig;
mod kept_pairs;
mod leading_eigenpairs;
mod leading_generalised_eig;
mod leading_second;
mod leading_sym_eig;
mod sym_eig;
mod thin_svd;
mod values_only;

pub use generalised_eig::{GeneralisedEig, GeneralisedEigCotangent, GeneralisedEigTangent};
pub use leading_eigenpairs::{
    LanczosOptions, Leading, LeadingEigenpairs, LeadingEigenpairsTangent,
};
pub use leading_generalised_eig::{LeadingGeneralisedEig, LeadingGeneralisedEigCotangent};
pub use leading_second::LeadingEigenpairsSecond;
pub use leading_sym_eig::LeadingSymEig;
pub use sym_eig::{SymEig, SymEigTangent};
pub use thin_svd::{ThinSvd, ThinSvdTangent};
pub use values_only::{eigenvalues, singular_values};
