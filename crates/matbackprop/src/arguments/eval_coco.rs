//! `matbackprop eval coco`.

use std::path::PathBuf;

use bench_coco::DetectionKind;
use clap::{Args, ValueEnum};
use experiments::evaluate::ClassificationSettings;

use super::device::DeviceArgument;

const EXAMPLE: &str = "\
Example:
  matbackprop eval coco --data COCO --run runs/lite0-o2p-fc --against runs/lite0-first
  matbackprop eval coco --detections results.json --truth instances_val2017.json

--detections is a list of {\"image_id\", \"category_id\", \"score\", \"bbox\": [x, y, width, height], \
\"segmentation\": {\"size\", \"counts\"}}, as COCO's server takes it; --truth has images, \
annotations and categories.

AP is average precision, AR average recall, from 0 to 1; where there is nothing to find, -1 in the \
table and null in JSON. Input that the table would misstate is an error: an image or a category that \
--truth lacks, a mask of another size, a score that is no number.

Built with --features mpi, `mpirun -np N matbackprop eval coco --run …` distributes the regions over N processes.";

/// How detections are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum KindArgument {
    /// Masks
    Segm,
    /// Boxes
    Bbox,
}

impl From<KindArgument> for DetectionKind {
    fn from(kind: KindArgument) -> Self {
        match kind {
            KindArgument::Segm => Self::Segm,
            KindArgument::Bbox => Self::Bbox,
        }
    }
}

/// The errors of a trained classifier of regions, or the official table of detections by any method
#[derive(Args, Debug)]
#[command(after_help = EXAMPLE)]
#[command(group = clap::ArgGroup::new("source").required(true).args(["run", "detections"]))]
pub struct EvalCocoArguments {
    /// Measure a trained classifier: the folder that `train o2p` wrote; its predictions are saved there
    #[arg(long, value_name = "RUN", requires = "data")]
    pub run: Option<PathBuf>,

    /// Folder of MS-COCO: annotations/instances_SPLIT….json beside the photographs
    #[arg(long, value_name = "COCO_DIR", requires = "run")]
    pub data: Option<PathBuf>,

    /// The regions to classify
    #[arg(long, value_name = "NAME", default_value = "val")]
    pub split: String,

    /// Another measured run: print the paired difference of the errors
    #[arg(long, value_name = "RUN", requires = "run")]
    pub against: Option<PathBuf>,

    /// Cache folder for the trunk's features, as of train o2p --cache: networks with the same frozen trunk share it
    #[arg(long, value_name = "DIR", requires = "run")]
    pub cache: Option<PathBuf>,

    /// Measure detections of any method: COCO's results format
    #[arg(long, value_name = "FILE", requires = "truth")]
    pub detections: Option<PathBuf>,

    /// The annotations to be found: COCO's instances format
    #[arg(long, value_name = "FILE")]
    pub truth: Option<PathBuf>,

    /// How detections are compared [default: masks where the first one has a mask, boxes otherwise]
    #[arg(long, value_enum, requires = "detections")]
    pub kind: Option<KindArgument>,

    #[command(flatten)]
    pub device: DeviceArgument,

    /// Print one JSON object, the precision of each category in it, not a table
    #[arg(long)]
    pub json: bool,
}

impl EvalCocoArguments {
    /// The library's settings, where a classifier is to be measured.
    pub fn classification(&self) -> Option<ClassificationSettings> {
        let (run, data) = (self.run.as_ref()?, self.data.as_ref()?);
        Some(ClassificationSettings {
            split: self.split.clone(),
            against: self.against.clone(),
            cache: self.cache.clone(),
            device: self.device.choice(),
            ..ClassificationSettings::new(run, data)
        })
    }
}
