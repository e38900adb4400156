//! The range of a matrix.

mod factored_pullback;
mod leading_projector;
mod polar;
mod projector;
mod pseudo_inverse;
mod regularised_projector;

pub use leading_projector::LeadingProjector;
pub use polar::{Polar, PolarTangent};
pub use projector::Projector;
pub use pseudo_inverse::PseudoInverse;
pub use regularised_projector::RegularisedProjector;
