//! `matbackprop eval bsds`.

use std::path::PathBuf;

use bench_bsds::Split;
use clap::{Args, ValueEnum};
use models::TrunkKind;

use super::clusters::ClusterArgument;
use super::device::DeviceArgument;
use super::layout;

const EXAMPLE: &str = "\
Example:
  matbackprop eval bsds --data BSDS500 --split val --run runs/lite0
  matbackprop eval bsds --data BSDS500 --split val --model intervening-contour

--data is the folder with images/SPLIT/*.jpg and groundTruth/SPLIT/*.mat, or one with BSDS500/data below it.

ODS takes one level for all images, OIS each image's own best, Best each human region's. A level is a number of
clusters (networks, ID_K.png), a threshold (ucm2) or a place in a list (segs). Beside the official covering stand its
average over annotators and the best annotator's.

--out DIR keeps the measures of each finished image in DIR/images. A call that was stopped goes on there, with the
same numbers in the end; more images can be added by another --limit. Other settings want another folder.

Built with --features mpi, `mpirun -np N matbackprop eval bsds …` deals the images out to N processes.";

/// How segmentations of different images are laid side by side, for the one level of ODS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LevelRule {
    /// The number of clusters: the same for all images
    Clusters,
    /// The network's own choice for each image plus t, the same t from -6 to 8 for all
    Auto,
    /// The height at which the network's tree of contours is cut, from 0 to 1 in steps of 0.01
    Tree,
}

/// The region measures of BSDS500, as the official benchmark defines them
#[derive(Args, Debug)]
#[command(after_help = EXAMPLE)]
#[command(group = clap::ArgGroup::new("source").required(true).args(["run", "weights", "model", "untrained", "segs", "ucm", "pb"]))]
#[command(group = clap::ArgGroup::new("unlearned").args(["model", "untrained"]))]
pub struct EvalBsdsArguments {
    /// Folder of BSDS500
    #[arg(long, value_name = "BSDS_DIR")]
    pub data: PathBuf,

    /// train, val or test
    #[arg(long)]
    pub split: Split,

    /// Measure the network of a finished training, in the folder that `train` wrote
    #[arg(long)]
    pub run: Option<PathBuf>,

    /// Measure a network out of its file
    #[arg(long, value_name = "FILE")]
    pub weights: Option<PathBuf>,

    /// More networks, out of their files, whose embeddings count too in --levels tree
    #[arg(long, value_name = "FILE", num_args = 1.., conflicts_with_all = ["segs", "ucm", "pb"])]
    pub with: Vec<PathBuf>,

    /// Measure the features of a trunk without a head: vgg16, lite0, alexnet, alexnet-original
    #[arg(long, value_name = "TRUNK", value_parser = layout::trunk, requires = "trunk_weights")]
    pub untrained: Option<TrunkKind>,

    /// Measure a row that is not trained, by its recipe: a name, or a TOML file
    #[arg(long, value_name = "NAME|FILE")]
    pub model: Option<String>,

    /// The layers of that trunk, the one that gives the grid first [default: its usual two]
    #[arg(
        long,
        value_name = "LAYER,…",
        value_delimiter = ',',
        requires = "untrained"
    )]
    pub taps: Option<Vec<String>>,

    /// The weights of that trunk, or of the recipe's, safetensors
    #[arg(long, value_name = "FILE", requires = "unlearned")]
    pub trunk_weights: Option<PathBuf>,

    /// Measure anybody's segmentations: ID.mat with a cell `segs`, or label maps ID.png, ID_K.png, ID/K.png, or those of segment --labels
    #[arg(long, value_name = "DIR")]
    pub segs: Option<PathBuf>,

    /// Measure contour maps: ID.mat with `ucm2`
    #[arg(long, value_name = "DIR")]
    pub ucm: Option<PathBuf>,

    /// Measure soft boundary maps: ID.png in grey of 8 or 16 bits, white for the strongest; boundaries alone
    #[arg(long, value_name = "DIR")]
    pub pb: Option<PathBuf>,

    /// Thresholds to cut contour maps and soft boundary maps at, evenly between 0 and 1
    #[arg(long, value_name = "N", default_value_t = 99, conflicts_with_all = ["run", "weights", "model", "untrained"])]
    pub thresholds: usize,

    /// Numbers of clusters of a network's segmentations [default: 2..16]
    #[arg(long, value_name = "K", conflicts_with_all = ["segs", "ucm", "pb"])]
    pub k: Option<ClusterArgument>,

    /// What is one level for all images [default: clusters]
    #[arg(long, value_enum, conflicts_with_all = ["segs", "ucm", "pb", "k"])]
    pub levels: Option<LevelRule>,

    /// Measure boundaries too: recall, precision and F of the pixels between segments, about half a second an image
    #[arg(long)]
    pub boundaries: bool,

    #[command(flatten)]
    pub device: DeviceArgument,

    /// Write the official kit's text files, report.json and report.html into this folder. The measures of each image are kept there: the same call goes on where one was stopped
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,

    /// Measure the first N images only
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,

    /// Tell seconds an image and peak memory too
    #[arg(long)]
    pub timing: bool,

    /// Print one JSON object, not a table
    #[arg(long)]
    pub json: bool,

    /// Add every level and every image to the JSON object
    #[arg(long, requires = "json")]
    pub details: bool,
}

impl EvalBsdsArguments {
    /// Whether boundaries are measured: soft boundary maps have nothing else.
    pub fn measures_boundaries(&self) -> bool {
        self.boundaries || self.pb.is_some()
    }
}
