//! Where examples come from.

use image::RgbImage;
use segmentation::LabelMap;

use crate::error::Result;

/// Images with human segmentations.
pub trait SegmentationSet {
    /// How many images.
    fn len(&self) -> usize;

    /// Whether there is none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A name that stays the same from run to run, fit for a file's.
    fn id(&self, index: usize) -> &str;

    /// The photograph.
    ///
    /// # Errors
    /// Those of its file.
    fn image(&self, index: usize) -> Result<RgbImage>;

    /// Every human segmentation of it, at the photograph's size.
    ///
    /// # Errors
    /// Those of its file.
    fn annotations(&self, index: usize) -> Result<Vec<LabelMap>>;
}
