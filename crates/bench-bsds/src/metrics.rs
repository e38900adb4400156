//! Measures of a segmentation against human ones: of its regions, all from one table of counts, and of its boundaries.

mod assignment;
mod boundary_f;
mod boundary_map;
mod boundary_match;
mod contingency;
mod covering;
mod probabilistic_rand;
mod regions;
mod suppression;
mod thinning;
mod variation_of_information;

pub(crate) use boundary_f::count_all;
pub use boundary_f::{BoundaryCounts, BoundaryScore};
pub use boundary_map::{BoundaryMap, SoftBoundaryMap};
pub use boundary_match::BoundaryMatch;
pub use contingency::ContingencyTable;
pub use covering::Overlaps;
pub(crate) use covering::covered;
pub use probabilistic_rand::rand_index;
pub(crate) use regions::Regions;
pub use variation_of_information::variation_of_information;
