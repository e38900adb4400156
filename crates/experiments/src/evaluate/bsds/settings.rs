//! Settings of a measurement on BSDS500.

use std::path::PathBuf;

use bench_bsds::{SoftReading, Split, TruthReading};
use models::{ClusterChoice, DeviceChoice, TrunkKind};

/// How segmentations of different images are laid side by side, for the one level of ODS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LevelRule {
    /// The number of clusters: the same for all images.
    Clusters,
    /// The network's own choice for each image plus t, the same t from −6 to 8 for all.
    Auto,
    /// The height at which the network's tree of contours is cut, from 0 to 1 in steps of 0.01.
    Tree,
}

/// Where segmentations, or boundaries alone, come from.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum BsdsSource {
    /// The network of a finished training, in its folder.
    Run(PathBuf),
    /// A network out of its file.
    Weights(PathBuf),
    /// A row that is not trained, by its recipe: a name, or a TOML file.
    Recipe(String),
    /// The features of a trunk without a head, of these layers or of its usual two.
    Untrained(TrunkKind, Option<Vec<String>>),
    /// Segmentations of any method: `ID.mat` with a cell `segs`, or label maps.
    Segmentations(PathBuf),
    /// Contour maps: `ID.mat` with `ucm2`.
    ContourMaps(PathBuf),
    /// Soft boundary maps: `ID.png`, `.npy`, `.mat`, …; boundaries alone.
    SoftBoundaries(PathBuf),
}

/// Settings of [`bsds`](super::bsds()).
#[derive(Clone, Debug, PartialEq)]
pub struct BsdsSettings {
    /// Folder of BSDS500.
    pub data: PathBuf,
    /// The split of the images.
    pub split: Split,
    /// Where segmentations come from.
    pub source: BsdsSource,
    /// More networks, out of their files, whose embeddings count too under [`LevelRule::Tree`].
    pub with: Vec<PathBuf>,
    /// The run or the file of a network whose boundaries superpixels follow, under [`LevelRule::Tree`].
    pub boundary_network: Option<PathBuf>,
    /// The weights of a trunk that is not trained.
    pub trunk_weights: Option<PathBuf>,
    /// Thresholds that contour maps and soft boundary maps are cut at, evenly between 0 and 1.
    pub thresholds: usize,
    /// Numbers of clusters; 2 to 16 by default.
    pub clusters: Option<ClusterChoice>,
    /// How levels of different images are matched for ODS; clusters by default.
    pub levels: Option<LevelRule>,
    /// Whether boundaries are measured too.
    pub boundaries: bool,
    /// Where networks run.
    pub device: DeviceChoice,
    /// Folder for the official kit's text files, `report.json` and `report.html`; measures of finished images are kept
    /// there too.
    pub out: Option<PathBuf>,
    /// The first so many images only.
    pub limit: Option<usize>,
    /// How the numbers of soft boundary maps are read.
    pub soft: SoftReading,
    /// How truths are read.
    pub truth: TruthReading,
    /// Whether id 0 is a segment in `segs` of `.mat` files too.
    pub labels_from_zero: bool,
    /// The largest share of the images that may be left out, for files that are absent or cannot be read.
    pub max_unreadable: f64,
}

impl BsdsSettings {
    /// Regions of all images of a split, on the processor, nothing written.
    pub fn new(data: impl Into<PathBuf>, split: Split, source: BsdsSource) -> Self {
        Self {
            data: data.into(),
            split,
            source,
            with: Vec::new(),
            boundary_network: None,
            trunk_weights: None,
            thresholds: 99,
            clusters: None,
            levels: None,
            boundaries: false,
            device: DeviceChoice::Cpu,
            out: None,
            limit: None,
            soft: SoftReading::default(),
            truth: TruthReading::default(),
            labels_from_zero: false,
            max_unreadable: 0.01,
        }
    }

    /// Whether boundaries are measured: soft boundary maps have nothing else.
    pub(super) fn measures_boundaries(&self) -> bool {
        self.boundaries || matches!(self.source, BsdsSource::SoftBoundaries(_))
    }

    /// How many of so many images may be left out.
    pub(super) fn most_left_out(&self, images: usize) -> usize {
        (self.max_unreadable * images as f64).floor() as usize
    }

    /// The source in a few words.
    pub(super) fn origin(&self) -> String {
        match &self.source {
            BsdsSource::Run(path)
            | BsdsSource::Weights(path)
            | BsdsSource::Segmentations(path)
            | BsdsSource::ContourMaps(path)
            | BsdsSource::SoftBoundaries(path) => path.display().to_string(),
            BsdsSource::Recipe(name) => name.clone(),
            BsdsSource::Untrained(trunk, layers) => {
                let layers = layers
                    .as_ref()
                    .map(|layers| format!(" {}", layers.join(",")));
                format!("untrained {}{}", trunk.name(), layers.unwrap_or_default())
            }
        }
    }
}

/// The numbers of clusters asked for; `None` where the network is to choose.
pub(super) fn counts(choice: &ClusterChoice) -> Option<&[usize]> {
    match choice {
        ClusterChoice::Counts(counts) => Some(counts),
        ClusterChoice::Auto | ClusterChoice::Around(_) => None,
    }
}
