//! `matbackprop report`.

use std::path::PathBuf;

use clap::Args;
use experiments::ReportSettings;

const EXAMPLE: &str = "\
Example:
  matbackprop report runs/lite0 --data BSDS500
  matbackprop report runs/lite0-o2p-fc --data COCO --out o2p.html

The page is self-contained: figures of loss, ranks or errors, learning rate, gradient and spectra over the \
steps so far, also during the training. Of a network that cuts, average covering of val over the steps; with \
--data, spectra before and after training, and photographs with their segments before, after and by a person. Of a \
classifier of regions that `eval coco --run` measured, the errors of each class and which was taken for which; with \
--data, pictures of the regions that were worst.";

/// Draw the curves of a training on one page, during it or after
#[derive(Args, Debug)]
#[command(after_help = EXAMPLE)]
pub struct ReportArguments {
    /// The folder that `train` wrote, or is writing
    pub run: PathBuf,

    /// The page [default: RUN/report.html]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,

    /// Folder of BSDS500, or of MS-COCO for a classifier of regions: for pictures
    #[arg(long, value_name = "FOLDER")]
    pub data: Option<PathBuf>,

    /// The photographs that are cut, or the regions that were classified
    #[arg(long, value_name = "NAME", default_value = "val")]
    pub split: String,

    /// Photographs or regions that are shown, at most [default: 6 photographs, 24 regions]
    #[arg(long, value_name = "N")]
    pub pictures: Option<usize>,
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
