//! BSDS500 on disk: photographs, and the segmentations that people drew on them.

mod bsds;
mod ground_truth;
pub(crate) mod mat5;

pub use bsds::{BsdsDataset, Split};
pub(crate) use ground_truth::size_of;
pub use ground_truth::{Annotation, decode_ground_truth, read_ground_truth};
