//! `matbackprop report`.

use std::path::PathBuf;

use clap::{Args, ValueHint};
use experiments::ReportSettings;

use super::{headings, sections};

const EXAMPLES: &str = "\
  # The curves of a training, with photographs of val
  matbackprop report runs/lite0 --data BSDS500

  # A classifier of regions, after `eval coco --run`
  matbackprop report runs/lite0-o2p-fc --data COCO --out o2p.html";

const PAGE: &str = "\
  The page is one HTML file without other files. It has curves of loss, learning rate, gradient and spectra.

  Of a network that cuts, it also has the average covering of val over the steps. With --data, it has spectra before \
  and after training, and photographs with their segments before, after and by a person.

  Of a classifier of regions that `eval coco --run` measured, it also has the errors of each class and the \
  confusions. With --data, it has pictures of the worst regions.";

/// Draw the curves of a training on one HTML page
///
/// It can be drawn during the training, too.
#[derive(Args, Debug)]
#[command(
    after_help = sections::examples(EXAMPLES),
    after_long_help = sections::with_examples(EXAMPLES, &[("The page", PAGE)])
)]
pub struct ReportArguments {
    /// Folder that `train` wrote, or is writing
    #[arg(value_hint = ValueHint::DirPath)]
    pub run: PathBuf,

    /// Folder of BSDS500, or of MS-COCO for a classifier of regions: for pictures
    #[arg(long, value_name = "FOLDER", value_hint = ValueHint::DirPath, help_heading = headings::INPUT)]
    pub data: Option<PathBuf>,

    /// Photographs to segment, or regions to show
    #[arg(long, value_name = "NAME", default_value = "val", help_heading = headings::INPUT)]
    pub split: String,

    /// Most pictures to show [default: 6 photographs, 24 regions]
    #[arg(long, value_name = "N", help_heading = headings::INPUT)]
    pub pictures: Option<usize>,

    /// File of the page [default: RUN/report.html]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = headings::OUTPUT)]
    pub out: Option<PathBuf>,
}

impl ReportArguments {
    /// The library's settings.
    pub fn settings(&self) -> ReportSettings {
        ReportSettings {
            out: self.out.clone(),
            data: self.data.clone(),
            split: self.split.clone(),
            pictures: self.pictures,
            ..ReportSettings::new(&self.run)
        }
    }
}
