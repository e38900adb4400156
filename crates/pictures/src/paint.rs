//! Segmentations as pictures.

mod colours;
mod outlines;

pub use colours::{paint_segments, segment_colours};
pub use outlines::paint_outlines;
