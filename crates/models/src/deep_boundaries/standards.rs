//! Mean and deviation of each channel of a level over the training images.

use crate::feature_maps::FeatureMaps;

/// The smallest variance that is divided by.
const LEAST_VARIANCE: f64 = 1e-6;

/// How the channels of a level are standardised.
///
/// ```text
/// x′_c = (x_c − m_c) v_c                          v = 1 / deviation
/// w x′ + b = w′ x + b′,   w′_oc = w_oc v_c,   b′_o = b_o − Σ_c w′_oc m_c
/// ```
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Standards {
    /// m
    pub(crate) mean: Vec<f32>,
    /// v
    pub(crate) inverse: Vec<f32>,
}

impl Standards {
    /// Those that leave `channels` as they are.
    pub(crate) fn none(channels: usize) -> Self {
        Self {
            mean: vec![0.0; channels],
            inverse: vec![1.0; channels],
        }
    }

    /// x′ in place of x.
    pub(crate) fn apply(&self, maps: &mut FeatureMaps) {
        let plane = maps.height * maps.width;
        let planes = maps.values.chunks_exact_mut(plane);
        for (values, (mean, inverse)) in planes.zip(self.mean.iter().zip(&self.inverse)) {
            values
                .iter_mut()
                .for_each(|value| *value = (*value - mean) * inverse);
        }
    }

    /// w′ and b′ in place of w and b: of a 1×1 convolution, its weights output by output.
    pub(crate) fn fold(&self, weight: &mut [f32], bias: &mut [f32]) {
        let rows = weight.chunks_exact_mut(self.mean.len());
        for (row, bias) in rows.zip(bias) {
            let mut moved = 0.0_f64;
            for (weight, (mean, inverse)) in row.iter_mut().zip(self.mean.iter().zip(&self.inverse))
            {
                *weight *= inverse;
                moved += f64::from(*weight) * f64::from(*mean);
            }
            *bias = (f64::from(*bias) - moved) as f32;
        }
    }
}

/// Sums over the features of several images, for the standards of a level.
#[derive(Clone, Debug, Default)]
pub(crate) struct StandardSums {
    /// Σ x, Σ x² of each channel.
    sums: Vec<[f64; 2]>,
    positions: f64,
}

impl StandardSums {
    /// Takes in the features of one image.
    pub(crate) fn add(&mut self, maps: &FeatureMaps) {
        self.sums.resize(maps.channels, [0.0; 2]);
        let plane = maps.height * maps.width;
        for ([sum, squares], values) in self.sums.iter_mut().zip(maps.values.chunks_exact(plane)) {
            for value in values {
                let value = f64::from(*value);
                *sum += value;
                *squares += value * value;
            }
        }
        self.positions += plane as f64;
    }

    /// The standards; `None` where no image was taken in.
    pub(crate) fn standards(&self) -> Option<Standards> {
        if self.positions == 0.0 {
            return None;
        }
        let pairs = self.sums.iter().map(|[sum, squares]| {
            let mean = sum / self.positions;
            let variance = squares / self.positions - mean * mean;
            let inverse = 1.0 / variance.max(LEAST_VARIANCE).sqrt();
            (mean as f32, inverse as f32)
        });
        let (mean, inverse) = pairs.unzip();
        Some(Standards { mean, inverse })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_channels_by_hand() {
        let maps = |values: &[f32]| FeatureMaps::new(2, 1, 2, values.to_vec()).unwrap();
        let mut sums = StandardSums::default();
        assert!(sums.standards().is_none());
        sums.add(&maps(&[1.0, 3.0, 5.0, 5.0]));
        sums.add(&maps(&[1.0, 3.0, 5.0, 5.0]));
        let standards = sums.standards().unwrap();
        // A channel that never changes is divided by no less than a thousandth.
        assert_eq!((standards.mean[0], standards.inverse[0]), (2.0, 1.0));
        assert_eq!(standards.mean[1], 5.0);
        assert!((standards.inverse[1] - 1e3).abs() < 1e-2);
        let mut found = maps(&[1.0, 4.0, 5.0, 5.0]);
        standards.apply(&mut found);
        assert_eq!(found.values(), [-1.0, 2.0, 0.0, 0.0]);
    }

    #[test]
    fn folded_weights_give_the_same_sums() {
        let standards = Standards {
            mean: vec![2.0, -1.0],
            inverse: vec![0.5, 4.0],
        };
        let (mut weight, mut bias) = (vec![1.0, 2.0, -3.0, 0.5], vec![0.25, 1.0]);
        let sums = |weight: &[f32], bias: &[f32], x: [f32; 2]| -> Vec<f32> {
            let rows = weight.chunks_exact(2).zip(bias);
            rows.map(|(w, b)| w[0] * x[0] + w[1] * x[1] + b).collect()
        };
        let expected = sums(&weight, &bias, [(7.0 - 2.0) * 0.5, (3.0 + 1.0) * 4.0]);
        standards.fold(&mut weight, &mut bias);
        assert_eq!(sums(&weight, &bias, [7.0, 3.0]), expected);
    }
}
