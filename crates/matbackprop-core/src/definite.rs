//! Distances and means of symmetric positive definite matrices.

mod affine_invariant_distance;
mod distance;
mod karcher_mean;
mod log_euclidean_distance;
mod log_euclidean_mean;
mod relative_spectrum;
mod weighted_matrices;

pub use affine_invariant_distance::AffineInvariantDistance;
pub use distance::{DistanceCotangent, DistanceTangent};
pub use karcher_mean::KarcherMean;
pub use log_euclidean_distance::LogEuclideanDistance;
pub use log_euclidean_mean::LogEuclideanMean;
pub use weighted_matrices::MeanCotangent;
