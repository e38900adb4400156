//! Feature maps between trunk, head and seam.

use faer::Mat;

use crate::backend::Planes;
use crate::error::{Error, Result};
use crate::seam::features_from_maps;

/// Feature maps C × H × W, between trunk and head.
#[derive(Clone, Debug, PartialEq)]
pub struct FeatureMaps {
    pub(crate) channels: usize,
    pub(crate) height: usize,
    pub(crate) width: usize,
    pub(crate) values: Vec<f32>,
}

/// F, and the grid its rows stand for.
#[derive(Clone, Debug)]
pub struct GridFeatures {
    /// n × d, rows row-major over the grid.
    pub features: Mat<f64>,
    /// Rows of the grid.
    pub height: usize,
    /// Columns of the grid.
    pub width: usize,
}

impl FeatureMaps {
    /// Maps from C × H × W numbers, row-major.
    ///
    /// # Errors
    /// [`Error::Setting`] unless the numbers fill the maps.
    pub fn new(channels: usize, height: usize, width: usize, values: Vec<f32>) -> Result<Self> {
        let count = [channels, height, width]
            .into_iter()
            .try_fold(1_usize, usize::checked_mul);
        if values.is_empty() || count != Some(values.len()) {
            return Err(Error::Setting {
                name: "feature maps",
                expected: "channels x height x width numbers, at least one",
                found: format!("{} for {channels} x {height} x {width}", values.len()),
            });
        }
        Ok(Self {
            channels,
            height,
            width,
            values,
        })
    }

    /// The number of channels, C.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// The rows of a map, H.
    pub fn height(&self) -> usize {
        self.height
    }

    /// The columns of a map, W.
    pub fn width(&self) -> usize {
        self.width
    }

    /// C × H × W numbers, row-major.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    pub(crate) fn from_planes(planes: Planes) -> Self {
        let (channels, height, width) = (planes.channels(), planes.height(), planes.width());
        Self {
            channels,
            height,
            width,
            values: planes.into_contiguous(),
        }
    }

    /// The same as planes without a frame, for [`ForwardPass`](crate::ForwardPass).
    pub fn planes(&self) -> Planes {
        Planes::from_contiguous(self.channels, self.height, self.width, 0, &self.values)
    }

    /// Multiplies blocks of channels by a factor each.
    pub(crate) fn scale(&mut self, channels: &[usize], factors: &[f32]) {
        let plane = self.height * self.width;
        let mut rest = self.values.as_mut_slice();
        for (count, factor) in channels.iter().zip(factors) {
            let (own, others) = rest.split_at_mut(count * plane);
            own.iter_mut().for_each(|value| *value *= factor);
            rest = others;
        }
    }

    pub(crate) fn grid_features(&self) -> GridFeatures {
        GridFeatures {
            features: features_from_maps(&self.values, self.channels),
            height: self.height,
            width: self.width,
        }
    }
}
