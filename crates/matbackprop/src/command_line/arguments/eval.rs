//! `matbackprop eval bsds`.

use std::path::PathBuf;

use bench_bsds::Split;
use clap::builder::StyledStr;
use clap::{Args, ValueEnum, ValueHint};
use experiments::evaluate::{BsdsSettings, BsdsSource, LevelRule};
use experiments::recipe::BSDS_RECIPES;
use models::TrunkKind;

use super::clusters::ClusterArgument;
use super::device::DeviceArgument;
use super::reading::ReadingArguments;
use super::{headings, sections, values};
use crate::command_line::failure::usage;

const EXAMPLES: &str = "\
  # The network of a training, at the numbers of clusters 2 to 16
  matbackprop eval bsds --data BSDS500 --split val --run runs/lite0

  # A network out of its file, by the tree that `segment` cuts, boundaries too
  matbackprop eval bsds --data BSDS500 --split val --levels tree --boundaries \\
    --weights runs/lite0/network.safetensors

  # Segmentations of any method, with the official kit's files and a page
  matbackprop eval bsds --data BSDS500 --split val --segs segmentations \\
    --out measures

  # Soft boundary maps of any method
  matbackprop eval bsds --data BSDS500 --split val --pb maps

  # Normalised cuts without learning
  matbackprop eval bsds --data BSDS500 --split val --limit 1 \\
    --recipe intervening-contour";

const WORDS: &str = "\
  A level is one of several segmentations of an image: a number of clusters (networks, ID_K.png), \
  a threshold (ucm2), a height (trees) or a place in a list (segs).

    ODS    one level for all images, the best in the mean
    OIS    the best level of each image
    Best   the best segment of any level for each human segment

  Beside the official covering, the table has its mean over annotators and that of the best annotator.";

const RESUMING: &str = "\
  --out DIR saves the measures of each finished image in DIR/images. The same call resumes there, with the same \
  numbers in the end. A larger --limit adds images. Other settings need another folder.";

const PROCESSES: &str = "\
  A build with the feature mpi shares the images out over N processes:

    mpirun -np N matbackprop eval bsds ...";

fn long_end() -> StyledStr {
    let untrained = |name: &&str| {
        let text = BSDS_RECIPES.text(name);
        text.is_some_and(|text| !text.contains("\n[training]"))
    };
    let recipes = BSDS_RECIPES.names().into_iter().filter(untrained);
    let recipes = format!("  {}", recipes.collect::<Vec<_>>().join(", "));
    let others = [
        ("Words", WORDS),
        ("Resuming", RESUMING),
        ("Recipes without training", recipes.as_str()),
        ("Several processes", PROCESSES),
    ];
    sections::with_examples(EXAMPLES, &others)
}

/// How segmentations of different images are laid side by side, for the one level of ODS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LevelName {
    /// The number of clusters, the same for all images
    Clusters,
    /// The network's own choice for each image plus t, with t from -6 to 8
    Auto,
    /// The height at which the network's tree is cut, from 0 to 1 in steps of 0.01
    Tree,
}

/// Measure segmentations or boundaries on BSDS500
///
/// Covering, probabilistic Rand index and variation of information are those of the official benchmark.
/// So are recall, precision and F of boundaries.
#[derive(Args, Debug)]
#[command(
    after_help = sections::examples(EXAMPLES),
    after_long_help = long_end()
)]
#[command(group = clap::ArgGroup::new("source").required(true).args(["run", "weights", "recipe", "untrained", "segs", "ucm", "pb"]))]
#[command(group = clap::ArgGroup::new("unlearned").args(["recipe", "untrained"]))]
pub struct EvalBsdsArguments {
    /// Folder of BSDS500
    ///
    /// It holds `images/SPLIT/*.jpg` and `groundTruth/SPLIT/*.mat`, or a folder `BSDS500/data` with them. Pictures are
    /// read by their content, and truths may be pictures too: `crates/bench-bsds/docs/layouts.md` lists the layouts.
    #[arg(long, value_name = "BSDS_DIR", value_hint = ValueHint::DirPath, help_heading = headings::INPUT)]
    pub data: PathBuf,

    /// Images to measure
    #[arg(long, value_parser = values::bsds_split(), help_heading = headings::INPUT)]
    pub split: Split,

    /// Measure the first N images only
    #[arg(long, value_name = "N", help_heading = headings::INPUT)]
    pub limit: Option<usize>,

    /// The network of a finished training: the folder that `train` wrote
    #[arg(long, value_hint = ValueHint::DirPath, help_heading = headings::SOURCE)]
    pub run: Option<PathBuf>,

    /// A network out of its file
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = headings::SOURCE)]
    pub weights: Option<PathBuf>,

    /// A method without training: a recipe by name, or a TOML file
    #[arg(long, alias = "model", value_name = "NAME|FILE", help_heading = headings::SOURCE)]
    pub recipe: Option<String>,

    /// The features of a trunk without a head
    #[arg(long, value_name = "TRUNK", value_parser = values::trunk(), requires = "trunk_weights",
        help_heading = headings::SOURCE)]
    pub untrained: Option<TrunkKind>,

    /// Segmentations of any method, in a folder
    ///
    /// `ID.mat` with a cell `segs`, label maps `ID.png`, `ID_K.png`, `ID/K.png` or `ID.npy`, or those of `segment
    /// --labels`.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, help_heading = headings::SOURCE)]
    pub segs: Option<PathBuf>,

    /// Contour maps, in a folder: `ID.mat` with `ucm2`
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, help_heading = headings::SOURCE)]
    pub ucm: Option<PathBuf>,

    /// Soft boundary maps, in a folder: `ID.png`, `.jpg`, `.npy` or `.mat`
    ///
    /// White, or 1, is the strongest boundary. Boundaries alone are measured.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, help_heading = headings::SOURCE)]
    pub pb: Option<PathBuf>,

    /// Weights of the trunk of --untrained or --recipe, as safetensors
    #[arg(long, value_name = "FILE", requires = "unlearned", value_hint = ValueHint::FilePath,
        help_heading = headings::NETWORK)]
    pub trunk_weights: Option<PathBuf>,

    /// Layers of the trunk of --untrained [default: its usual two]
    ///
    /// The first one gives the grid of the features.
    #[arg(long, alias = "taps", value_name = "LAYER,...", value_delimiter = ',', requires = "untrained",
        help_heading = headings::NETWORK)]
    pub layers: Option<Vec<String>>,

    /// More networks, whose embeddings count too with --levels tree
    #[arg(long, value_name = "FILE", num_args = 1.., conflicts_with_all = ["segs", "ucm", "pb"],
        value_hint = ValueHint::FilePath, help_heading = headings::NETWORK)]
    pub with: Vec<PathBuf>,

    /// Network of `train boundaries`, along whose boundaries superpixels lie with --levels tree
    #[arg(long, value_name = "RUN|FILE", conflicts_with_all = ["segs", "ucm", "pb"], value_hint = ValueHint::AnyPath,
        help_heading = headings::NETWORK)]
    pub boundary_network: Option<PathBuf>,

    #[command(flatten)]
    pub reading: ReadingArguments,

    #[command(flatten, next_help_heading = headings::NETWORK)]
    pub device: DeviceArgument,

    /// How levels of different images are matched for ODS [default: clusters]
    #[arg(long, value_enum, conflicts_with_all = ["segs", "ucm", "pb", "k"], help_heading = headings::MEASURES)]
    pub levels: Option<LevelName>,

    /// Numbers of clusters of a network's segmentations [default: 2..16]
    #[arg(long, value_name = "K", conflicts_with_all = ["segs", "ucm", "pb"], help_heading = headings::MEASURES)]
    pub k: Option<ClusterArgument>,

    /// Thresholds of contour maps and soft boundary maps, evenly from 0 to 1
    #[arg(long, value_name = "N", default_value_t = 99, conflicts_with_all = ["run", "weights", "recipe", "untrained"],
        help_heading = headings::MEASURES)]
    pub thresholds: usize,

    /// Measure boundaries too, in about half a second an image
    ///
    /// Recall, precision and F of the pixels between segments.
    #[arg(long, help_heading = headings::MEASURES)]
    pub boundaries: bool,

    /// Folder for report.html, report.json and the official kit's text files
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, help_heading = headings::OUTPUT)]
    pub out: Option<PathBuf>,

    /// Print seconds an image and peak memory too
    #[arg(long, help_heading = headings::OUTPUT)]
    pub timing: bool,

    /// Print one JSON object instead of a table
    #[arg(long, help_heading = headings::OUTPUT)]
    pub json: bool,

    /// Add every level and every image to the JSON object
    #[arg(long, requires = "json", help_heading = headings::OUTPUT)]
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
        Ok(self.reading.applied_to(BsdsSettings {
            with: self.with.clone(),
            boundary_network: self.boundary_network.clone(),
            trunk_weights: self.trunk_weights.clone(),
            thresholds: self.thresholds,
            clusters: self.k.clone().map(|k| k.0),
            levels,
            boundaries: self.boundaries,
            device: self.device.choice(),
            out: self.out.clone(),
            limit: self.limit,
            ..BsdsSettings::new(&self.data, self.split, self.source()?)
        }))
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
