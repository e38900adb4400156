//! From an image to F, and where its rows lie.

use image::RgbImage;
use segmentation::GridAxis;

use super::network::DeepNcuts;
use crate::error::{Error, Result};
use crate::feature_maps::{FeatureMaps, GridFeatures};

impl DeepNcuts {
    /// The trunk's taps, scaled and brought to one grid.
    ///
    /// # Errors
    /// [`Error::ImageTooSmall`].
    pub fn trunk_features(&self, image: &RgbImage) -> Result<FeatureMaps> {
        self.trunk.infer(self.architecture.recipe.planes(image))
    }

    /// F of an image, the input of normalised cuts.
    ///
    /// # Errors
    /// [`Error::ImageTooSmall`].
    pub fn grid_features(&self, image: &RgbImage) -> Result<GridFeatures> {
        self.head_features(&self.trunk_features(image)?)
    }

    /// F from the trunk's features.
    ///
    /// # Errors
    /// [`Error::ImageTooSmall`] for an empty grid.
    pub fn head_features(&self, maps: &FeatureMaps) -> Result<GridFeatures> {
        let Some(head) = &self.head else {
            return Ok(maps.grid_features());
        };
        Ok(head.infer(maps.planes())?.grid_features())
    }

    /// Where the columns and rows of the features' grid lie in an image of `height × width`.
    ///
    /// # Errors
    /// [`Error::ImageTooSmall`].
    pub fn grid_axes(&self, height: usize, width: usize) -> Result<[GridAxis; 2]> {
        // Heads keep the grid: odd kernels, stride 1.
        self.trunk.chain.output_axes((3, height, width))
    }

    /// Sets each tap's scale to 1 / RMS of its features over the given images.
    ///
    /// # Errors
    /// The first image's that cannot be read; [`Error::Setting`] when there is no image, or a tap is zero on all of them.
    pub fn calibrate<E: From<Error>>(
        &mut self,
        images: impl Iterator<Item = Result<RgbImage, E>>,
    ) -> Result<(), E> {
        for tap in &mut self.trunk.chain.taps {
            tap.scale = 1.0;
        }
        let maps = images.map(|image| Ok::<_, E>(self.trunk_features(&image?)?));
        let scales = self.trunk.tap_scales(maps)?;
        for (index, scale) in scales.into_iter().enumerate() {
            self.architecture.taps[index].scale = scale;
            self.trunk.chain.taps[index].scale = scale;
        }
        Ok(())
    }
}
