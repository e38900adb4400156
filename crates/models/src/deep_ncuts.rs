//! A convolutional network whose features normalised cuts segment.
//!
//! | file | the methods of [`DeepNcuts`] in it |
//! |---|---|
//! | `network` | the type; new networks; architecture, device, counts |
//! | `files` | load, save, the head alone; the parts that training sees |
//! | `features` | image → trunk → head → F; the grid; calibration of the taps |
//! | `segment` | F → embedding → segmentations of chosen numbers of clusters |
//! | `contours` | F of an image and its mirror image → one tree of segmentations |
//! | `step` | image or features → loss → gradients |

mod contours;
mod features;
mod files;
mod network;
mod segment;
mod step;

pub use contours::{Contours, TreeSettings, boundary_contours, joint_contours, masked_contours};
pub use network::DeepNcuts;
pub use segment::{ClusterChoice, SegmentSeconds, Segmented};
pub use step::{CutInput, CutStep};
