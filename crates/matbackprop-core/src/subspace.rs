//! The range of a matrix.

mod column_range;
mod factored_pullback;
mod leading_projector;
mod leading_second;
mod least_squares;
mod nearest_orthogonal;
mod polar;
mod procrustes;
mod projector;
mod pseudo_inverse;
mod regularised_least_squares;
mod regularised_projector;
mod regularised_second;
mod rotation;
mod split;
mod truncated_svd;
mod weighted_points;

pub use leading_projector::LeadingProjector;
pub use leading_second::{LeadingProjectorSecond, LeadingProjectorSquareSecond};
pub use least_squares::{LeastSquares, LeastSquaresCotangent, LeastSquaresTangent};
pub use polar::{Polar, PolarSecond, PolarTangent};
pub use procrustes::{Alignment, Procrustes, ProcrustesCotangent, ProcrustesTangent};
pub use projector::{Projector, ProjectorSecond};
pub use pseudo_inverse::{PseudoInverse, PseudoInverseSecond};
pub use regularised_least_squares::{RegularisedLeastSquares, RegularisedLeastSquaresCotangent};
pub use regularised_projector::RegularisedProjector;
pub use regularised_second::RegularisedProjectorSecond;
pub use rotation::Rotation;
pub use split::Split;
