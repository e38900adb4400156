//! From an image to the levels of its features, and where their columns and rows lie.

use image::RgbImage;
use segmentation::GridAxis;

use super::network::DeepBoundaries;
use super::standards::StandardSums;
use crate::device::DeviceMaps;
use crate::error::{Error, Result};
use crate::feature_maps::FeatureMaps;

impl DeepBoundaries {
    /// The trunk's features at each level, standardised, the finest first.
    ///
    /// # Errors
    /// [`Error::ImageTooSmall`].
    pub fn level_features(&self, image: &RgbImage) -> Result<Vec<FeatureMaps>> {
        let mut levels = self.raw_levels(image)?;
        for (maps, standards) in levels.iter_mut().zip(&self.standards) {
            standards.apply(maps);
        }
        Ok(levels)
    }

    fn raw_levels(&self, image: &RgbImage) -> Result<Vec<FeatureMaps>> {
        let levels = self.device_levels(image)?.into_iter();
        let maps = levels.map(|maps| Ok(FeatureMaps::from_planes(maps.into_planes()?)));
        maps.collect()
    }

    /// The trunk's features where its device left them, not standardised.
    pub(super) fn device_levels(&self, image: &RgbImage) -> Result<Vec<DeviceMaps>> {
        let planes = self.architecture.recipe.planes(image);
        let parameters = &self.trunk.parameters;
        let (device, values) = (parameters.device(), parameters.values());
        device.forward_values(&self.trunk.chain, planes, &values, &self.level_values())
    }

    /// The places of the levels among the values of the trunk's chain.
    fn level_values(&self) -> Vec<usize> {
        let steps = self.trunk.chain.len();
        (steps + 1 - self.architecture.levels.len()..=steps).collect()
    }

    /// Where the columns and rows of each level lie in an image of `height × width`, the finest first.
    ///
    /// # Errors
    /// [`Error::ImageTooSmall`].
    pub fn level_axes(&self, height: usize, width: usize) -> Result<Vec<[GridAxis; 2]>> {
        let axes = self.trunk.chain.value_axes((3, height, width))?;
        let levels = self.level_values().into_iter();
        Ok(levels.map(|value| axes[value]).collect())
    }

    /// A digest of the trunk, of what it looks at and of the standards: level features of two networks with the same one
    /// are the same.
    pub fn trunk_digest(&self) -> u64 {
        let bits = |values: &[f32]| -> Vec<u32> { values.iter().map(|v| v.to_bits()).collect() };
        let standards = self.standards.iter();
        let standards: Vec<_> = standards
            .map(|level| (bits(&level.mean), bits(&level.inverse)))
            .collect();
        let input = format!("{:?} {standards:?}", self.architecture.recipe);
        let values = self.trunk.parameters.values();
        self.trunk.chain.digest(&values, &input)
    }

    /// Measures mean and deviation of each channel over the given images.
    ///
    /// # Errors
    /// The first image's that cannot be read; [`Error::Setting`] where there is none.
    pub fn calibrate<E: From<Error>>(
        &mut self,
        images: impl Iterator<Item = Result<RgbImage, E>>,
    ) -> Result<(), E> {
        let mut sums = vec![StandardSums::default(); self.standards.len()];
        for image in images {
            let levels = self.raw_levels(&image?)?;
            sums.iter_mut()
                .zip(&levels)
                .for_each(|(sums, maps)| sums.add(maps));
        }
        let standards = sums.iter().map(StandardSums::standards);
        let standards = standards.collect::<Option<Vec<_>>>();
        self.standards = standards.ok_or_else(|| Error::Setting {
            name: "calibration",
            expected: "at least one image",
            found: "none".to_owned(),
        })?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boundary_architecture::BoundaryArchitecture;
    use crate::device::Device;
    use crate::network::TrunkWeights;
    use crate::trunk::TrunkKind;

    #[test]
    fn levels_are_the_trunks_taps_standardised_on_every_device() {
        let architecture = BoundaryArchitecture::new(TrunkKind::Lite0);
        let mut network = DeepBoundaries::new(architecture, &TrunkWeights::Random, 1).unwrap();
        let image = RgbImage::from_fn(40, 32, |x, y| image::Rgb([(5 * x + 7 * y) as u8; 3]));
        let before = network.trunk_digest();
        network
            .calibrate([Ok::<_, Error>(image.clone())].into_iter())
            .unwrap();
        assert_ne!(network.trunk_digest(), before);
        let levels = network.level_features(&image).unwrap();
        let axes = network.level_axes(32, 40).unwrap();
        assert_eq!(levels.len(), 4);
        for (maps, [columns, rows]) in levels.iter().zip(&axes) {
            assert_eq!(
                (maps.width(), maps.height()),
                (columns.positions, rows.positions)
            );
            let plane = maps.width() * maps.height();
            for values in maps.values().chunks_exact(plane) {
                let mean = values.iter().sum::<f32>() / plane as f32;
                // Constant channels are 0 up to rounding, times a thousand.
                assert!(mean.abs() < 1e-2, "{mean}");
            }
        }
        let tap = [("block1".to_owned(), 1.0), ("block2".to_owned(), 1.0)];
        let (chain, _) = TrunkKind::Lite0.chain(&tap).unwrap();
        let planes = network.architecture.recipe.planes(&image);
        let values = network.trunk.parameters.values();
        let joined = chain
            .forward(planes, &values, crate::Mode::Inference)
            .unwrap();
        let mut expected = FeatureMaps::from_planes(joined);
        network.standards[1].apply(&mut expected);
        assert_eq!(levels[1], expected);

        let elsewhere = network.clone().on_device(&Device::tensors_on_cpu());
        for (ours, theirs) in levels.iter().zip(elsewhere.level_features(&image).unwrap()) {
            let pairs = ours.values().iter().zip(theirs.values());
            // Standardised by deviations of a random trunk: some channels hardly change.
            let apart = pairs.fold(0.0_f32, |most, (a, b)| most.max((a - b).abs()));
            assert!(apart < 1e-2, "{apart}");
        }
    }

    #[test]
    fn without_images_there_is_nothing_to_measure() {
        let architecture = BoundaryArchitecture::new(TrunkKind::Lite0);
        let mut network = DeepBoundaries::new(architecture, &TrunkWeights::Random, 1).unwrap();
        let none = std::iter::empty::<Result<RgbImage>>();
        assert!(matches!(
            network.calibrate(none),
            Err(Error::Setting { .. })
        ));
        let small = network.level_features(&RgbImage::new(0, 3)).unwrap_err();
        assert!(matches!(small, Error::ImageTooSmall { .. }), "{small}");
    }
}
