//! Settings of a reproduction.

use std::path::PathBuf;

use models::{AlexnetLayout, TrunkKind};

/// Makes segmentations by methods of others; Python with scikit-image.
pub const SCRIPT: &str = include_str!("../../recipes/bsds/outside_references.py");

/// Which comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// Segmentations of BSDS500.
    Bsds,
    /// Classifiers of regions of MS-COCO.
    Coco,
}

/// Settings of [`reproduce`](super::reproduce()).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReproduceSettings {
    /// Which comparison.
    pub comparison: Comparison,
    /// The folder of the data set.
    pub data: PathBuf,
    /// A folder with the published weights of trunks, `vgg16_features_f16.safetensors` and
    /// `efficientnet_lite0_f16.safetensors`; with torchvision's `alexnet-owt-7be5be79.safetensors` its rows run too.
    pub weights: PathBuf,
    /// The folder of all runs: one a row, or a row and a seed.
    pub runs: PathBuf,
    /// Names of rows, or recipe files; all rows where there is none.
    pub rows: Vec<String>,
    /// The seeds of rows on pretrained trunks, in [`Comparison::Coco`]; the first of them is that of all others.
    pub seeds: Vec<u64>,
    /// How many rows of different trunks run side by side, on a core each, in [`Comparison::Coco`].
    pub jobs: usize,
    /// The Python of the rows `felzenszwalb` and `recursive-ncut`, with scikit-image.
    pub python: PathBuf,
    /// The contour maps of `gpb-owt-ucm`: `ID.mat` with `ucm2`.
    pub ucm: Option<PathBuf>,
    /// The `matbackprop` that is called.
    pub program: PathBuf,
}

impl ReproduceSettings {
    /// All rows, seeds 1 to 3, two jobs, `python3`, and the `matbackprop` that the system finds.
    pub fn new(
        comparison: Comparison,
        data: impl Into<PathBuf>,
        weights: impl Into<PathBuf>,
        runs: impl Into<PathBuf>,
    ) -> Self {
        Self {
            comparison,
            data: data.into(),
            weights: weights.into(),
            runs: runs.into(),
            rows: Vec::new(),
            seeds: vec![1, 2, 3],
            jobs: 2,
            python: "python3".into(),
            ucm: None,
            program: "matbackprop".into(),
        }
    }

    /// Where the script of outside references is written.
    pub(super) fn script(&self) -> PathBuf {
        self.runs.join("outside_references.py")
    }

    /// The published weights of a trunk.
    pub(super) fn weights_of(&self, trunk: TrunkKind) -> PathBuf {
        self.weights.join(match trunk {
            TrunkKind::Vgg16 => "vgg16_features_f16.safetensors".to_owned(),
            TrunkKind::Lite0 => "efficientnet_lite0_f16.safetensors".to_owned(),
            TrunkKind::Alexnet(AlexnetLayout::Torchvision) => {
                "alexnet-owt-7be5be79.safetensors".to_owned()
            }
            other => format!("{}.safetensors", other.name()),
        })
    }
}
