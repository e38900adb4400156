//! Where examples come from.

use image::RgbImage;
use models::fnv_1a;
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

    /// A digest of the contents of an example, photograph and segmentations. Caches and checkpoints know by it whether the data
    /// are still those that they were made from.
    ///
    /// By default that of the pixels; sets of files digest these.
    ///
    /// # Errors
    /// Those of its files.
    fn digest(&self, index: usize) -> Result<u64> {
        let image = self.image(index)?;
        let maps = self.annotations(index)?;
        let sides = [image.width(), image.height()];
        let labels = maps.iter().flat_map(|map| map.ids().iter().copied());
        let numbers = sides.into_iter().chain(labels);
        let numbers = numbers.flat_map(u32::to_le_bytes);
        Ok(fnv_1a(image.as_raw().iter().copied().chain(numbers)))
    }
}
