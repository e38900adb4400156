//! How `eval bsds` reads files that other programs wrote.

use bench_bsds::{SoftReading, TruthPictures, TruthReading};
use clap::{Args, ValueEnum};
use experiments::evaluate::BsdsSettings;

use super::headings;

/// Sources other than soft boundary maps.
const NOT_SOFT: [&str; 6] = ["run", "weights", "recipe", "untrained", "segs", "ucm"];

/// What a truth of pictures holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TruthName {
    /// White boundaries on black
    Boundaries,
    /// Black boundaries on white
    Inverted,
    /// Label maps, a number a segment
    Labels,
}

/// How files of other programs are read.
#[derive(Args, Debug)]
#[command(next_help_heading = headings::READING)]
pub struct ReadingArguments {
    /// Number of full strength in soft boundary maps [default: by the file's type]
    ///
    /// 255 and 65535 for integers of 8 and 16 bits, 1 for all other numbers.
    #[arg(long, value_name = "N", conflicts_with_all = NOT_SOFT)]
    pub scale: Option<f64>,

    /// Read soft boundary maps with dark lines on white
    #[arg(long, conflicts_with_all = NOT_SOFT)]
    pub invert: bool,

    /// Thin raw soft boundary maps by non-maximum suppression first
    ///
    /// The usual protocol of edge detectors does so before the benchmark. Leave it out for maps that were thinned.
    #[arg(long, conflicts_with_all = NOT_SOFT)]
    pub nms: bool,

    /// Count id 0 as a segment in label maps of .mat files
    ///
    /// The benchmark counts it as no segment. In truths it is a segment too then, and an error otherwise.
    #[arg(long)]
    pub labels_from_zero: bool,

    /// What a truth of pictures holds
    #[arg(long, value_enum, value_name = "KIND", default_value = "boundaries")]
    pub truth: TruthName,

    /// Share of white above which a pixel of a truth is a boundary
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    pub truth_above: f64,

    /// Largest share of images left out for absent or broken files
    #[arg(long, value_name = "SHARE", default_value_t = 0.01)]
    pub max_unreadable: f64,
}

impl ReadingArguments {
    /// The settings, read in this way.
    pub fn applied_to(&self, settings: BsdsSettings) -> BsdsSettings {
        BsdsSettings {
            soft: SoftReading {
                scale: self.scale,
                inverted: self.invert,
                suppressed: self.nms,
            },
            truth: TruthReading {
                pictures: match self.truth {
                    TruthName::Boundaries => TruthPictures::Boundaries,
                    TruthName::Inverted => TruthPictures::Inverted,
                    TruthName::Labels => TruthPictures::Labels,
                },
                above: self.truth_above,
                ..TruthReading::default()
            },
            labels_from_zero: self.labels_from_zero,
            max_unreadable: self.max_unreadable,
            ..settings
        }
    }
}
