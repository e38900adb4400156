//! The regions to be classified: which annotations, seen how.

mod crop;
mod photographs;
mod set;
mod view;

pub use crop::{Frame, RegionCrop};
pub use set::{LeftOut, Region, RegionRule, RegionSet, Unreadable};
pub use view::View;
