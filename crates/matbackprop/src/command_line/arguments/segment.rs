//! `matbackprop segment`.

use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};
use experiments::segment::SegmentSettings;
use pictures::MemoryBudget;

use super::clusters::ClusterArgument;
use super::device::DeviceArgument;
use super::segment_files::{ExportArguments, SourceArguments};
use super::{headings, sections};

const EXAMPLES: &str = "\
  # One photograph: writes photo.overlay.png and photo.segments.png
  matbackprop segment photo.jpg

  # Several photographs, cut into 3 and into 6 segments, with label maps
  matbackprop segment photo.jpg coffee.jpg -o pictures --k 3,6 --labels

  # Segments that end where people draw their borders
  matbackprop segment photo.jpg -o pictures --superpixels-by boundaries

  # A folder with its subfolders; outlines and masks for other programs
  matbackprop segment photos -r -o pictures --export svg,coco

  # For a program: one JSON object, nothing else
  matbackprop segment photo.jpg -o pictures --json --quiet";

const FILES: &str = "\
  Written into DIR for photo.jpg:

    photo.overlay.png    the photograph with the outlines of its segments
    photo.segments.png   each segment in a colour of its own
    photo.labels.png     with --labels: 16-bit grey, segment numbers from 0
    photo.contours.png   with --contours: 8-bit grey, an ultrametric contour map
    photo.boundaries.png with --boundaries: 8-bit grey, 255 is certain

  Several numbers of segments give photo.k3.overlay.png, photo.k6.overlay.png, and so on. \
  A photograph that fails is named; the others are segmented, and the exit code is 1.

  Photographs of one name get their folders, their ends or numbers. \
  Outputs of earlier calls are written over, and not segmented. Photographs are never written over.";

const STOPPING: &str = "\
  SIGINT and SIGTERM end the call after the current photograph. What was done stays. \
  --json prints it, and the exit code is 128 + the signal's number.";

const PROCESSES: &str = "\
  A build with the feature mpi shares the photographs out over N processes:

    mpirun -np N matbackprop segment ...";

/// Quality against time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Quality {
    /// One network, the fastest
    Standard,
    /// Two networks, several times as slow
    High,
}

/// What superpixels follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Followed {
    /// Edges of colour
    Colours,
    /// Boundaries as people draw them, by a second small network
    Boundaries,
}

/// Segment photographs and draw the outlines
#[derive(Args, Debug)]
#[command(
    after_help = sections::examples(EXAMPLES),
    after_long_help = sections::with_examples(EXAMPLES, &[("Files", FILES), ("Stopping", STOPPING), ("Several processes", PROCESSES)])
)]
pub struct SegmentArguments {
    /// Photographs: JPEG, PNG, WebP, TIFF, BMP or GIF; folders of them; `-` for standard input
    #[arg(required = true, value_name = "IMAGE", value_hint = ValueHint::AnyPath)]
    pub images: Vec<PathBuf>,

    #[command(flatten)]
    pub source: SourceArguments,

    /// Numbers of segments: `auto`, `7`, `3,5,8` or `2..16`
    ///
    /// `auto` lets the network choose. Each number gives a segmentation of its own; a range includes both ends. All are
    /// cut from one tree, so more segments only split those of fewer.
    #[arg(long, value_name = "K", default_value = "auto", help_heading = headings::SEGMENTATION)]
    pub k: ClusterArgument,

    /// Level of detail, from 0 for every superpixel to 1 for one segment [default: 0.41]
    ///
    /// It is the height of the contours that part segments, the same on every photograph. Plain photographs have few
    /// segments at it, crowded ones many. Middle numbers on BSDS500: 70 at 0.2, 17 at 0.41, 5 at 0.6. People drew 16.
    #[arg(long, value_name = "HEIGHT", value_parser = level, conflicts_with = "k", help_heading = headings::SEGMENTATION)]
    pub level: Option<f64>,

    /// Longer side to segment at, in pixels; 0 for no limit
    ///
    /// Larger photographs are segmented at this size, and their segments brought back to full size. The shorter side of a
    /// strip keeps 128 pixels, as far as that makes no more than N × N.
    #[arg(long, value_name = "N", default_value_t = 1024, help_heading = headings::SEGMENTATION)]
    pub max_side: u32,

    /// Memory for a photograph, its pictures and the network [default: 1G, or a quarter of what the system allows]
    ///
    /// Such as `512M` or `4G`. A photograph that needs more comes out at a half, a quarter, … of its size. One that cannot
    /// be read or segmented within it is refused; a smaller --max-side takes less.
    #[arg(long, value_name = "SIZE", help_heading = headings::SEGMENTATION)]
    pub max_memory: Option<MemoryBudget>,

    /// Segment what is there of a damaged photograph
    ///
    /// The share that is missing or broken is printed.
    #[arg(long, help_heading = headings::SEGMENTATION)]
    pub lenient: bool,

    /// Quality against time
    ///
    /// `high` adds a VGG-16 network. Its head is inside this program. Its trunk, `vgg16_features_f16.safetensors`, is
    /// looked for in the folder `weights` of MATBACKPROP_DATA, then in `data/weights`.
    #[arg(long, value_enum, default_value = "standard", help_heading = headings::NETWORK)]
    pub quality: Quality,

    /// Network that `train` wrote [default: the one inside this program]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = headings::NETWORK)]
    pub weights: Option<PathBuf>,

    /// What superpixels follow [default: colours, or boundaries with --boundary-network]
    ///
    /// With `boundaries`, segments end where people draw their borders more often, and need about twice the time. Numbers
    /// are in the README.
    #[arg(long, value_enum, help_heading = headings::SEGMENTATION)]
    pub superpixels_by: Option<Followed>,

    /// Network for --superpixels-by boundaries: the folder that `train boundaries` wrote, or its file [default: the one
    /// inside this program]
    #[arg(long, value_name = "RUN|FILE", value_hint = ValueHint::AnyPath,
        help_heading = headings::NETWORK)]
    pub boundary_network: Option<PathBuf>,

    #[command(flatten, next_help_heading = headings::NETWORK)]
    pub device: DeviceArgument,

    /// Folder for the pictures, created if missing
    #[arg(short, long, value_name = "DIR", default_value = ".", value_hint = ValueHint::DirPath,
        help_heading = headings::OUTPUT)]
    pub out: PathBuf,

    /// Also write the segment numbers, as a 16-bit PNG
    #[arg(long, help_heading = headings::OUTPUT)]
    pub labels: bool,

    /// Also write the boundary strengths, as a grey PNG
    ///
    /// White is the strongest possible boundary. Strengths come from the network's embedding, colours and contrast,
    /// or boundaries of --boundary-network.
    /// The picture has the size that was segmented at; `eval bsds --pb` reads it.
    #[arg(long, help_heading = headings::OUTPUT)]
    pub contours: bool,

    /// Also write the probabilities of boundaries, as a grey PNG
    ///
    /// White is certain. --superpixels-by boundaries or --boundary-network draw them, on the photograph and its mirror
    /// image. The picture has the size
    /// that was segmented at; `eval bsds --pb DIR --nms` measures it.
    #[arg(long, help_heading = headings::OUTPUT)]
    pub boundaries: bool,

    #[command(flatten)]
    pub files: ExportArguments,

    /// Print one JSON object instead of lines
    #[arg(long, help_heading = headings::OUTPUT)]
    pub json: bool,
}

fn level(text: &str) -> Result<f64, String> {
    let number = text
        .parse()
        .ok()
        .filter(|level| (0.0..=1.0).contains(level));
    number.ok_or_else(|| "expected a number from 0 to 1".to_owned())
}

impl SegmentArguments {
    /// The library's settings.
    pub fn settings(&self) -> SegmentSettings {
        SegmentSettings {
            recursive: self.source.recursive,
            mask: self.source.mask.clone(),
            superpixels: self.source.superpixels.map(|count| count as usize),
            boundaries: self.boundaries,
            counts: self.k.counts().map(<[usize]>::to_vec).unwrap_or_default(),
            level: self.level,
            max_side: self.max_side,
            max_memory: self.max_memory.unwrap_or_else(MemoryBudget::of_system),
            lenient: self.lenient,
            labels: self.labels,
            contours: self.contours,
            png: self.files.png.size(),
            exports: self.files.export.clone(),
            skip_existing: self.files.skip_existing,
            ..SegmentSettings::new(&self.images, &self.out)
        }
    }
}
