//! The range of a matrix.

mod polar;
mod projector;
mod pseudo_inverse;
mod regularised_projector;

pub use polar::{Polar, PolarTangent};
pub use projector::Projector;
pub use pseudo_inverse::PseudoInverse;
pub use regularised_projector::RegularisedProjector;
