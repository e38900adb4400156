//! `matbackprop eval bsds`.

use std::path::PathBuf;

use bench_bsds::Split;
use clap::{Args, ValueEnum};
use experiments::evaluate::{BsdsSettings, BsdsSource, LevelRule};
use experiments::recipe::trunk_by_name;
use models::TrunkKind;

use super::clusters::ClusterArgument;
use super::device::DeviceArgument;
use crate::failure::usage;

const EXAMPLE: &str = "\
Example:
  matbackprop eval bsds --data BSDS500 --split val --run runs/lite0
  matbackprop eval bsds --data BSDS500 --split val --recipe intervening-contour

--data is the folder with images/SPLIT/*.jpg and groundTruth/SPLIT/*.mat, or one with BSDS500/data below it.

ODS takes one level for all images, OIS each image's own best, Best each human region's. A level is a number of \
clusters (networks, ID_K.png), a threshold (ucm2) or a place in a list (segs). Beside the official covering stand its \
average over annotators and the best annotator's.

--out DIR saves the measures of each finished image in DIR/images. The same call resumes one that was stopped, with the \
same numbers in the end; more images can be added by another --limit. Other settings want another folder.

Built with --features mpi, `mpirun -np N matbackprop eval bsds …` distributes the images over N processes.";

/// How segmentations of different images are laid side by side, for the one level of ODS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LevelName {
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
#[command(group = clap::ArgGroup::new("source").required(true).args(["run", "weights", "recipe", "untrained", "segs", "ucm", "pb"]))]
#[command(group = clap::ArgGroup::new("unlearned").args(["recipe", "untrained"]))]
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
    #[arg(long, value_name = "TRUNK", value_parser = trunk_by_name, requires = "trunk_weights")]
    pub untrained: Option<TrunkKind>,

    /// Measure a row that is not trained, by its recipe: a name, or a TOML file
    #[arg(long, alias = "model", value_name = "NAME|FILE")]
    pub recipe: Option<String>,

    /// The layers of that trunk, the one that gives the grid first [default: its usual two]
    #[arg(
        long,
        alias = "taps",
        value_name = "LAYER,…",
        value_delimiter = ',',
        requires = "untrained"
    )]
    pub layers: Option<Vec<String>>,

    /// The weights of that trunk, or of the recipe's, safetensors
    #[arg(long, value_name = "FILE", requires = "unlearned")]
    pub trunk_weights: Option<PathBuf>,

    /// Measure segmentations of any method: ID.mat with a cell `segs`, or label maps ID.png, ID_K.png, ID/K.png, or those of segment --labels
    #[arg(long, value_name = "DIR")]
    pub segs: Option<PathBuf>,

    /// Measure contour maps: ID.mat with `ucm2`
    #[arg(long, value_name = "DIR")]
    pub ucm: Option<PathBuf>,

    /// Measure soft boundary maps: ID.png in grey of 8 or 16 bits, white for the strongest; boundaries alone
    #[arg(long, value_name = "DIR")]
    pub pb: Option<PathBuf>,

    /// Thresholds to cut contour maps and soft boundary maps at, evenly between 0 and 1
    #[arg(long, value_name = "N", default_value_t = 99, conflicts_with_all = ["run", "weights", "recipe", "untrained"])]
    pub thresholds: usize,

    /// Numbers of clusters of a network's segmentations [default: 2..16]
    #[arg(long, value_name = "K", conflicts_with_all = ["segs", "ucm", "pb"])]
    pub k: Option<ClusterArgument>,

    /// How levels of different images are matched for ODS [default: clusters]
    #[arg(long, value_enum, conflicts_with_all = ["segs", "ucm", "pb", "k"])]
    pub levels: Option<LevelName>,

    /// Measure boundaries too: recall, precision and F of the pixels between segments, about half a second an image
    #[arg(long)]
    pub boundaries: bool,

    #[command(flatten)]
    pub device: DeviceArgument,

    /// Write the official kit's text files, report.json and report.html into this folder. The measures of each image are saved there: the same call resumes one that was stopped
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,

    /// Measure the first N images only
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,

    /// Print seconds an image and peak memory too
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
    /// The library's settings.
    pub fn settings(&self) -> anyhow::Result<BsdsSettings> {
        let levels = self.levels.map(|levels| match levels {
            LevelName::Clusters => LevelRule::Clusters,
            LevelName::Auto => LevelRule::Auto,
            LevelName::Tree => LevelRule::Tree,
        });
        Ok(BsdsSettings {
            with: self.with.clone(),
            trunk_weights: self.trunk_weights.clone(),
            thresholds: self.thresholds,
            clusters: self.k.clone().map(|k| k.0),
            levels,
            boundaries: self.boundaries,
            device: self.device.choice(),
            out: self.out.clone(),
            limit: self.limit,
            ..BsdsSettings::new(&self.data, self.split, self.source()?)
        })
    }

    /// The one source that clap has made sure of.
    fn source(&self) -> anyhow::Result<BsdsSource> {
        let folders = [
            self.run.clone().map(BsdsSource::Run),
            self.weights.clone().map(BsdsSource::Weights),
            self.recipe.clone().map(BsdsSource::Recipe),
            self.untrained
                .map(|trunk| BsdsSource::Untrained(trunk, self.layers.clone())),
            self.segs.clone().map(BsdsSource::Segmentations),
            self.ucm.clone().map(BsdsSource::ContourMaps),
            self.pb.clone().map(BsdsSource::SoftBoundaries),
        ];
        let source = folders.into_iter().flatten().next();
        source.ok_or_else(|| usage("expected a source of segmentations, found none"))
    }
}
