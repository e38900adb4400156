//! The range of a matrix.

mod factored_pullback;
mod leading_projector;
mod nearest_orthogonal;
mod polar;
mod procrustes;
mod projector;
mod pseudo_inverse;
mod regularised_projector;
mod rotation;
mod weighted_points;

pub use leading_projector::LeadingProjector;
pub use polar::{Polar, PolarSecond, PolarTangent};
pub use procrustes::{Alignment, Procrustes, ProcrustesCotangent, ProcrustesTangent};
pub use projector::{Projector, ProjectorSecond};
pub use pseudo_inverse::{PseudoInverse, PseudoInverseSecond};
pub use regularised_projector::RegularisedProjector;
pub use rotation::Rotation;
