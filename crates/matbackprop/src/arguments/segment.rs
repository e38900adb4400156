//! `matbackprop segment`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::clusters::ClusterArgument;
use super::device::DeviceArgument;

const EXAMPLE: &str = "\
Example:
  matbackprop segment photograph.jpg -o pictures --k 3,6 --labels

For photograph.jpg this writes into DIR
  photograph.overlay.png    the photograph with the outlines of its segments
  photograph.segments.png   every segment in a colour of its own
  photograph.labels.png     with --labels: 16-bit grey, the number of the segment, from 0
  photograph.contours.png   with --contours: 8-bit grey, an ultrametric contour map, as eval bsds --pb reads it,
                            in the size that the photograph was segmented at
and with several numbers of segments photograph.k3.overlay.png, photograph.k6.overlay.png, …

Built with --features mpi, `mpirun -np N matbackprop segment …` distributes the photographs over N processes.";

/// Quality against time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Quality {
    /// One network: about a quarter of a second
    Standard,
    /// Two networks together
    High,
}

/// Cut photographs into segments, and paint them
#[derive(Args, Debug)]
#[command(after_help = EXAMPLE)]
pub struct SegmentArguments {
    /// Photographs, JPEG, PNG or WebP
    #[arg(required = true, value_name = "IMAGE")]
    pub images: Vec<PathBuf>,

    /// Folder for the pictures; it is created if it does not exist
    #[arg(short, long, value_name = "DIR", default_value = ".")]
    pub out: PathBuf,

    /// A network that `train` wrote; the one inside this program if none is given
    #[arg(long, value_name = "FILE")]
    pub weights: Option<PathBuf>,

    /// `high` adds a VGG-16 network and takes several times as long. Its head is inside this program; the trunk,
    /// vgg16_features_f16.safetensors, is looked for in the folder `weights` of MATBACKPROP_DATA, or in data/weights here
    #[arg(long, value_enum, default_value = "standard")]
    pub quality: Quality,

    /// Numbers of segments: `auto` lets the network choose; `7`, `3,5,8` or `2..16` (both ends count) make a
    /// segmentation each, cut out of one tree, so that more segments only split those of fewer
    #[arg(long, value_name = "K", default_value = "auto")]
    pub k: ClusterArgument,

    /// Also write the segment numbers, as a 16-bit PNG
    #[arg(long)]
    pub labels: bool,

    /// Also write the boundary strengths, as a grey PNG with white for the strongest possible. They come from the
    /// network's embedding, colours and contrast
    #[arg(long)]
    pub contours: bool,

    /// Segment larger photographs at this longer side, in pixels, and bring the segments back to full size; 0 for
    /// any size
    #[arg(long, value_name = "N", default_value_t = 1024)]
    pub max_side: u32,

    #[command(flatten)]
    pub device: DeviceArgument,

    /// Print one JSON object, not lines
    #[arg(long)]
    pub json: bool,
}
