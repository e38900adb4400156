//! Measurements of a [`RegionClassifier`] before its first step: scales of taps, and the size of z.

use super::input::RegionInput;
use super::network::RegionClassifier;
use crate::error::{Error, Result};

impl RegionClassifier {
    /// Measures taps' scales, μ and s on regions that `inputs` reads through the whole trunk, its taps unscaled.
    ///
    /// ```text
    /// scale of a tap = 1 / RMS,   μ = mean z,   s = 1 / √(mean over numbers and regions of (z − μ)²)
    /// ```
    ///
    /// # Errors
    /// Those of `inputs`, of the pooling, and [`Error::Setting`] where a tap is zero on all regions, or descriptors do not
    /// fit.
    pub fn calibrate<E: From<Error>>(
        &mut self,
        inputs: impl FnOnce(&Self) -> std::result::Result<Vec<RegionInput>, E>,
    ) -> std::result::Result<(), E> {
        if let Some(trunk) = &mut self.trunk {
            trunk.chain.taps.iter_mut().for_each(|tap| tap.scale = 1.0);
        }
        let inputs = inputs(self)?;
        Ok(self.calibrate_on(inputs)?)
    }

    fn calibrate_on(&mut self, mut inputs: Vec<RegionInput>) -> Result<()> {
        for input in &inputs {
            self.check_channels(&input.maps)?;
        }
        if let Some(trunk) = &self.trunk {
            let maps = inputs
                .iter()
                .map(|input| Ok::<_, Error>(input.maps.clone()));
            let scales = trunk.tap_scales(maps)?;
            let channels = trunk.channels_of_taps();
            self.set_tap_scales(&scales);
            for input in &mut inputs {
                input.maps.scale(&channels, &scales);
            }
        }
        let pooled = inputs.iter().map(|input| Ok(self.pooled(input)?.1));
        let vectors = pooled.collect::<Result<Vec<Vec<f64>>>>()?;
        let share = 1.0 / vectors.len() as f64;
        let length = self.centre.len();
        let mean: Vec<f64> = (0..length)
            .map(|place| vectors.iter().map(|z| z[place]).sum::<f64>() * share)
            .collect();
        let squares = vectors
            .iter()
            .flat_map(|z| z.iter().zip(&mean))
            .map(|(z, mean)| (z - mean).powi(2));
        let variance = squares.sum::<f64>() * share / length as f64;
        self.centre = mean.into_iter().map(|mean| mean as f32).collect();
        self.spread = if variance > 0.0 {
            (1.0 / variance.sqrt()) as f32
        } else {
            1.0
        };
        Ok(())
    }
}
