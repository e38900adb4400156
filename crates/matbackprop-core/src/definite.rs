//! Distances and means of symmetric positive definite matrices.

mod distance;
mod log_euclidean_distance;
mod log_euclidean_mean;
mod weighted_matrices;

pub use distance::{DistanceCotangent, DistanceTangent};
pub use log_euclidean_distance::LogEuclideanDistance;
pub use log_euclidean_mean::LogEuclideanMean;
pub use weighted_matrices::MeanCotangent;
