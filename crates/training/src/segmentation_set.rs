//! Where examples come from.

use image::RgbImage;
use models::{HumanBoundaries, fnv_1a};
use segmentation::LabelMap;

use crate::error::{Error, Result};
use crate::sampler::Sample;

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

    /// The boundaries that each person drew on it; by default those between the segments of each segmentation.
    ///
    /// # Errors
    /// Those of its file.
    fn boundaries(&self, index: usize) -> Result<HumanBoundaries> {
        let maps = self.annotations(index)?;
        Ok(HumanBoundaries::between_segments(&maps)?)
    }

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

/// The photograph of a sample, mirrored where the sample is.
pub(crate) fn photograph(set: &dyn SegmentationSet, sample: &Sample) -> Result<RgbImage> {
    let unreadable = Error::unreadable(sample.example, set.id(sample.example));
    let mut image = set.image(sample.example).map_err(unreadable)?;
    if sample.flipped {
        image::imageops::flip_horizontal_in_place(&mut image);
    }
    Ok(image)
}

/// The name of a sample's features in a cache.
pub(crate) fn feature_name(set: &dyn SegmentationSet, sample: &Sample) -> String {
    let side = if sample.flipped {
        "mirrored"
    } else {
        "upright"
    };
    format!("{}_{side}", set.id(sample.example))
}
