//! From an image to F, and where its rows lie.

use image::RgbImage;
use segmentation::GridAxis;

use super::network::DeepNcuts;
use crate::device::DeviceMaps;
use crate::error::{Error, Result};
use crate::feature_maps::{FeatureMaps, GridFeatures};

impl DeepNcuts {
    /// The trunk's taps, scaled and brought to one grid.
    ///
    /// # Errors
    /// [`Error::ImageTooSmall`].
    pub fn trunk_features(&self, image: &RgbImage) -> Result<FeatureMaps> {
        self.trunk_features_watched(image, &mut |_, _| {})
    }

    /// As [`DeepNcuts::trunk_features`], for those who show progress: `on_step` gets the layers done and all of them, after
    /// each on the processor.
    ///
    /// # Errors
    /// As [`DeepNcuts::trunk_features`].
    pub fn trunk_features_watched(
        &self,
        image: &RgbImage,
        on_step: &mut dyn FnMut(usize, usize),
    ) -> Result<FeatureMaps> {
        let planes = self.architecture.recipe.planes(image);
        self.trunk.infer_watched(planes, on_step)
    }

    /// A digest of the trunk and of what it looks at: features of two networks with the same one are the same.
    pub fn trunk_digest(&self) -> u64 {
        let input = format!("{:?}", self.architecture.recipe);
        let values = self.trunk.parameters.values();
        self.trunk.chain.digest(&values, &input)
    }

    /// F of an image, the input of normalised cuts. Nothing is copied between trunk and head.
    ///
    /// # Errors
    /// [`Error::ImageTooSmall`].
    pub fn grid_features(&self, image: &RgbImage) -> Result<GridFeatures> {
        let input = DeviceMaps::Host(self.architecture.recipe.planes(image));
        let mut maps = self.trunk.infer_between(input)?;
        if let Some(head) = &self.head {
            maps = head.infer_between(maps)?;
        }
        Ok(FeatureMaps::from_planes(maps.into_planes()?).grid_features())
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::architecture::CutArchitecture;
    use crate::device::Device;
    use crate::head::HeadLayout;
    use crate::network::TrunkWeights;
    use crate::trainable_network::TrainableNetwork as _;
    use crate::trunk::TrunkKind;

    #[test]
    fn each_layer_is_reported() {
        let architecture = CutArchitecture::new(TrunkKind::Lite0, None);
        let network = DeepNcuts::new(architecture, &TrunkWeights::Random, 1).unwrap();
        let image = RgbImage::new(40, 32);
        let mut steps = Vec::new();
        let mut watch = |done, total| steps.push((done, total));
        network.trunk_features_watched(&image, &mut watch).unwrap();
        let all = steps.len();
        let expected: Vec<_> = (1..=all).map(|done| (done, all)).collect();
        assert!(all > 10 && steps == expected, "{steps:?}");
    }

    #[test]
    fn an_image_goes_to_the_device_and_its_features_come_back() {
        let architecture = CutArchitecture::new(TrunkKind::Lite0, Some(HeadLayout::default()));
        let mut network = DeepNcuts::new(architecture, &TrunkWeights::Random, 1).unwrap();
        let device = Device::tensors_on_cpu();
        network.set_device(&device);
        let image = RgbImage::from_fn(40, 32, |x, y| image::Rgb([(5 * x + 7 * y) as u8; 3]));
        let maps = network.trunk_features(&image).unwrap();
        let by_the_host = network.head_features(&maps).unwrap().features;
        // Parameters went with the first call.
        device.take_transfers();
        let found = network.grid_features(&image).unwrap().features;
        assert_eq!(found, by_the_host);
        let numbers = 3 * 40 * 32 + found.nrows() * found.ncols();
        assert_eq!(device.take_transfers().unwrap().bytes, 4 * numbers as u64);
    }
}
