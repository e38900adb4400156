//! Which photographs `matbackprop segment` takes, and which files it writes.

use std::path::PathBuf;

use clap::{ArgAction, Args, ValueEnum, ValueHint};
use experiments::PngSize;
use experiments::segment::Export;

use super::{headings, values};

/// What is taken from folders, and out of photographs.
#[derive(Args, Debug)]
pub struct SourceArguments {
    /// Also take the photographs in subfolders of a folder
    ///
    /// Their outputs lie in subfolders of the same names. Hidden files and links to folders are left out.
    #[arg(short, long, help_heading = headings::INPUT)]
    pub recursive: bool,

    /// Mask of pixels to leave out: white is segmented, black is left out
    ///
    /// PATH is a picture of the photograph's size, or a folder with NAME.png or NAME.jpg.png for each. White begins at
    /// half of full brightness. What left-out pixels show changes nothing, and no segment joins across them. Segments then
    /// count from 1, and 0 is left out. NAME.segments.png is black there, other files leave these pixels out.
    #[arg(long, value_name = "PATH", value_hint = ValueHint::AnyPath, help_heading = headings::INPUT)]
    pub mask: Option<PathBuf>,

    /// Superpixels that segments are made of [default: 400, or 250 with --boundary-network]
    ///
    /// More give finer borders and allow more segments. Memory grows with the square of their number.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=4096),
        help_heading = headings::SEGMENTATION)]
    pub superpixels: Option<u32>,
}

/// Size of PNG files against time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PngName {
    /// As fast as can be, on all cores
    Fast,
    /// As small as can be, several times as slow
    Small,
}

impl PngName {
    /// As the library has it.
    pub fn size(self) -> PngSize {
        match self {
            Self::Fast => PngSize::Fast,
            Self::Small => PngSize::Small,
        }
    }
}

/// What is written.
#[derive(Args, Debug)]
pub struct ExportArguments {
    /// Also write files for other programs, such as `coco,svg`
    #[arg(long, value_name = "LIST", value_parser = values::export(), value_delimiter = ',', help_heading = headings::OUTPUT)]
    pub export: Vec<Export>,

    /// Size of PNG files against time
    #[arg(long, value_enum, value_name = "SIZE", default_value = "fast", help_heading = headings::OUTPUT)]
    pub png: PngName,

    /// Leave out photographs whose outputs all exist
    ///
    /// Only names are compared. A call that was stopped resumes this way.
    #[arg(long, overrides_with = "overwrite", help_heading = headings::OUTPUT)]
    pub skip_existing: bool,

    /// Write over outputs of earlier calls: the default
    ///
    /// A photograph that is given is never written over.
    #[arg(long, action = ArgAction::SetTrue, overrides_with = "skip_existing", help_heading = headings::OUTPUT)]
    pub overwrite: bool,
}
