//! Measures of a segmentation against one human segmentation, all from one table of counts.

mod contingency;
mod covering;
mod probabilistic_rand;
mod regions;
mod variation_of_information;

pub use contingency::ContingencyTable;
pub use covering::Overlaps;
pub(crate) use covering::covered;
pub use probabilistic_rand::rand_index;
pub(crate) use regions::Regions;
pub use variation_of_information::variation_of_information;
