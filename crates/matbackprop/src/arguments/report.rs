//! `matbackprop report`.

use std::path::PathBuf;

use clap::Args;

const EXAMPLE: &str = "\
Example:
  matbackprop report runs/lite0
  matbackprop report runs/lite0-o2p-fc --data COCO --out o2p.html

The page needs nothing but itself: figures of loss, ranks or errors, learning rate, gradient and spectra over the
steps so far, also while the training goes on. Of a classifier of regions that `eval coco --run` measured, the
errors of each class and which was taken for which; with --data, pictures of the regions that were worst.";

/// Draw how a training goes, or went, on one page
#[derive(Args, Debug)]
#[command(after_help = EXAMPLE)]
pub struct ReportArguments {
    /// The folder that `train` wrote, or is writing
    pub run: PathBuf,

    /// The page [default: RUN/report.html]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,

    /// Folder of MS-COCO, for pictures of its regions
    #[arg(long, value_name = "COCO_DIR")]
    pub data: Option<PathBuf>,

    /// The regions that were classified
    #[arg(long, value_name = "NAME", default_value = "val")]
    pub split: String,

    /// Pictures at most
    #[arg(long, value_name = "N", default_value_t = 24)]
    pub pictures: usize,
}
