//! `matbackprop eval coco`.

use std::path::PathBuf;

use bench_coco::{DetectionKind, DetectionOptions};
use clap::{Args, ValueEnum, ValueHint};
use experiments::evaluate::ClassificationSettings;

use super::device::DeviceArgument;
use super::{headings, sections};
use crate::command_line::failure::usage;

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
     \"segmentation\"}

  A segmentation is a list of polygons, or run lengths {\"size\", \"counts\"} in letters or numbers. \
  --truth has `images`, `annotations` and `categories`. Both may be packed by gzip. Only the fields that are \
  compared are looked at.

  Input that the table would misstate is an error. Such are detections of what --truth lacks, masks of another \
  size, and scores that are no number. Repeated ids, annotations of unlisted images or categories, and negative \
  areas are counted. Standard error and JSON name them; --strict refuses them.";

const PYCOCOTOOLS: &str = "\
  The numbers are those of pycocotools 2.0, except where it departs from what the files mean. With \
  --as-pycocotools they are its numbers there too:

  - A detection that matches the annotation with the id 0 is a false one.
  - Of annotations with one id, the last counts in the place of each.
  - Detections of categories that are not listed are passed over.
  - Boxes without masks are compared as masks.
  - The first line is -1 where --max-dets does not have 100.";

const WORDS: &str = "\
  AP is average precision, AR average recall, from 0 to 1. Where there is nothing to find, \
  the table has -1 and JSON has null.";

const PROCESSES: &str = "\
  A build with the feature mpi shares the regions of --run out over N processes:

    mpirun -np N matbackprop eval coco ...";

const SECTIONS: [(&str, &str); 4] = [
    ("Files", FILES),
    ("Beside pycocotools", PYCOCOTOOLS),
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

    /// Largest share of regions that may be left out because they cannot be read
    #[arg(long, alias = "unreadable", value_name = "SHARE", default_value_t = 0.01, requires = "run",
        help_heading = headings::CLASSIFIER)]
    pub max_unreadable: f64,

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

    /// Detections an image that count, the best by score
    ///
    /// One number, or three that rise: the first two are those of two lines of recall.
    #[arg(long, value_name = "N,...", value_delimiter = ',', default_value = "1,10,100", requires = "detections",
        help_heading = headings::DETECTIONS)]
    pub max_dets: Vec<usize>,

    /// Take all categories for one, as pycocotools with `useCats = 0`
    #[arg(long, requires = "detections", help_heading = headings::DETECTIONS)]
    pub class_agnostic: bool,

    /// Print the number of pycocotools, also where it departs from what the files mean
    #[arg(long, requires = "detections", help_heading = headings::DETECTIONS)]
    pub as_pycocotools: bool,

    /// Refuse files with repeated ids, records that are not listed, or negative areas
    #[arg(long)]
    pub strict: bool,

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
            max_unreadable: self.max_unreadable,
            strict: self.strict,
            ..ClassificationSettings::new(run, data)
        })
    }

    /// How detections are evaluated.
    pub fn detections(&self) -> anyhow::Result<DetectionOptions> {
        let max_detections = match self.max_dets[..] {
            [most] => [1, 10.min(most.saturating_sub(1)), most],
            [few, some, most] => [few, some, most],
            _ => {
                let found = self.max_dets.len();
                return Err(usage(format!(
                    "--max-dets: expected one number, or three that rise, found {found}"
                )));
            }
        };
        Ok(DetectionOptions {
            kind: self.kind.map(DetectionKind::from),
            max_detections,
            class_agnostic: self.class_agnostic,
            as_pycocotools: self.as_pycocotools,
            strict: self.strict,
        })
    }
}
