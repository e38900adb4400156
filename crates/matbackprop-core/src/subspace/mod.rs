//! The range of a matrix.

mod projector;
mod regularised_projector;

pub use projector::Projector;
pub use regularised_projector::RegularisedProjector;
