//! BSDS500 on disk: photographs, and the segmentations that people drew on them.

mod bsds;
mod ground_truth;
mod layout;
mod listing;
pub(crate) mod mat5;
pub(crate) mod npy;
mod seg_file;
mod truth_look;
mod truth_pictures;

pub use bsds::{BsdsDataset, MissingPartner, Split};
pub(crate) use ground_truth::size_of;
pub use ground_truth::{
    Annotation, decode_ground_truth, decode_ground_truth_boundaries, read_ground_truth,
};
pub(crate) use listing::{ending, entries, found_instead, innermost, picture_rank, stem};
pub use seg_file::decode_seg;
pub use truth_look::TruthLook;
pub use truth_pictures::{TruthPictures, TruthReading};
