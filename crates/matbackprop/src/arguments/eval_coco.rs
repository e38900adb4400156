//! `matbackprop eval coco`.

use std::path::PathBuf;

use bench_coco::DetectionKind;
use clap::{Args, ValueEnum, ValueHint};
use experiments::evaluate::ClassificationSettings;

use super::device::DeviceArgument;
use super::{headings, sections};

const EXAMPLES: &str = "\
  # A trained classifier, beside another that was measured before
  matbackprop eval coco --data COCO --run runs/lite0-first
  matbackprop eval coco --data COCO --run runs/lite0-o2p-fc \\
    --against runs/lite0-first

  # The official table of detections by any method
  matbackprop eval coco --detections results.json --truth instances.json

  # Boxes alone, as JSON with the precision of each category
  matbackprop eval coco --detections results.json --truth instances.json \\
    --kind bbox --json";

const FILES: &str = "\
  --detections is a list of objects, as COCO's server takes it:

    {\"image_id\", \"category_id\", \"score\", \"bbox\": [x, y, width, height],
     \"segmentation\": {\"size\", \"counts\"}}

  --truth has `images`, `annotations` and `categories`. Input that the table would misstate is an error: an image \
  or a category that --truth lacks, a mask of another size, a score that is not a number.";

const WORDS: &str = "\
  AP is average precision, AR average recall, from 0 to 1. Where there is nothing to find, \
  the table has -1 and JSON has null.";

const PROCESSES: &str = "\
  A build with the feature mpi shares the regions of --run out over N processes:

    mpirun -np N matbackprop eval coco ...";

const SECTIONS: [(&str, &str); 3] = [
    ("Files", FILES),
    ("Words", WORDS),
    ("Several processes", PROCESSES),
];

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

/// Measure a classifier of MS-COCO's regions, or detections of any method
///
/// Either --run and --data, or --detections and --truth. Detections give the official table, to the printed digit.
#[derive(Args, Debug)]
#[command(
    override_usage = "matbackprop eval coco [OPTIONS] --run <RUN> --data <COCO_DIR>\n       \
                      matbackprop eval coco [OPTIONS] --detections <FILE> --truth <FILE>",
    after_help = sections::examples(EXAMPLES),
    after_long_help = sections::with_examples(EXAMPLES, &SECTIONS)
)]
#[command(group = clap::ArgGroup::new("source").required(true).args(["run", "detections"]))]
pub struct EvalCocoArguments {
    /// Folder that `train o2p` wrote; the predictions are saved there
    #[arg(long, value_name = "RUN", requires = "data", value_hint = ValueHint::DirPath,
        help_heading = headings::CLASSIFIER)]
    pub run: Option<PathBuf>,

    /// Folder of MS-COCO
    ///
    /// It holds `annotations/instances_SPLIT*.json`, and the photographs beside it.
    #[arg(long, value_name = "COCO_DIR", requires = "run", value_hint = ValueHint::DirPath,
        help_heading = headings::CLASSIFIER)]
    pub data: Option<PathBuf>,

    /// Regions to classify
    #[arg(long, value_name = "NAME", default_value = "val", help_heading = headings::CLASSIFIER)]
    pub split: String,

    /// Another measured run: also print the paired difference of the errors
    #[arg(long, value_name = "RUN", requires = "run", value_hint = ValueHint::DirPath,
        help_heading = headings::CLASSIFIER)]
    pub against: Option<PathBuf>,

    /// Folder of cached features, as of `train o2p --cache`
    ///
    /// Networks with the same frozen trunk share it.
    #[arg(long, value_name = "DIR", requires = "run", value_hint = ValueHint::DirPath,
        help_heading = headings::CLASSIFIER)]
    pub cache: Option<PathBuf>,

    #[command(flatten, next_help_heading = headings::CLASSIFIER)]
    pub device: DeviceArgument,

    /// Detections in COCO's results format
    #[arg(long, value_name = "FILE", requires = "truth", value_hint = ValueHint::FilePath,
        help_heading = headings::DETECTIONS)]
    pub detections: Option<PathBuf>,

    /// Annotations to find, in COCO's instances format
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = headings::DETECTIONS)]
    pub truth: Option<PathBuf>,

    /// What to compare [default: masks if the first detection has one, otherwise boxes]
    #[arg(long, value_enum, requires = "detections", help_heading = headings::DETECTIONS)]
    pub kind: Option<KindArgument>,

    /// Print one JSON object instead of a table
    ///
    /// Of detections, it has the precision of each category too.
    #[arg(long, help_heading = headings::OUTPUT)]
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
