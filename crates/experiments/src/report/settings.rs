//! Settings of a report.

use std::path::PathBuf;

/// Settings of [`report`](super::report()).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportSettings {
    /// The folder of the training.
    pub run: PathBuf,
    /// The page; `report.html` in that folder by default.
    pub out: Option<PathBuf>,
    /// Folder of BSDS500, or of MS-COCO for a classifier of regions: for pictures.
    pub data: Option<PathBuf>,
    /// The photographs that are cut, or the regions that were classified.
    pub split: String,
    /// Photographs or regions that are shown, at most; 6 and 24 by default.
    pub pictures: Option<usize>,
}

impl ReportSettings {
    /// The page in the run's folder, of val, without pictures.
    pub fn new(run: impl Into<PathBuf>) -> Self {
        Self {
            run: run.into(),
            out: None,
            data: None,
            split: "val".to_owned(),
            pictures: None,
        }
    }
}
