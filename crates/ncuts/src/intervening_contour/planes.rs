//! A photograph as planes of numbers.

use crate::error::{Error, Result};

/// Channels of a photograph, each row by row: lightness and two opponent colours, say.
///
/// # Units
/// Those of the caller; the edges' σ of [`InterveningContourOptions`](crate::InterveningContourOptions) has the same.
#[derive(Clone, Debug, PartialEq)]
pub struct Planes {
    width: usize,
    height: usize,
    channels: Vec<Vec<f32>>,
}

impl Planes {
    /// Takes channels of `width × height` numbers.
    ///
    /// # Errors
    /// [`Error::PlaneShape`] for sides or a channel count of zero, and a channel of another length;
    /// [`Error::PlaneNotFinite`].
    pub fn new(width: usize, height: usize, channels: Vec<Vec<f32>>) -> Result<Self> {
        let pixels = width.checked_mul(height).filter(|pixels| *pixels > 0);
        let wrong = channels.iter().find(|plane| Some(plane.len()) != pixels);
        if channels.is_empty() || wrong.is_some() {
            return Err(Error::PlaneShape {
                width,
                height,
                channels: channels.len(),
                found: wrong.map_or(0, Vec::len),
            });
        }
        for (channel, plane) in channels.iter().enumerate() {
            if let Some(pixel) = plane.iter().position(|value| !value.is_finite()) {
                return Err(Error::PlaneNotFinite { channel, pixel });
            }
        }
        Ok(Self {
            width,
            height,
            channels,
        })
    }

    /// Pixels in a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Rows.
    pub fn height(&self) -> usize {
        self.height
    }

    /// The channels, each row by row.
    pub fn channels(&self) -> &[Vec<f32>] {
        &self.channels
    }

    /// Means over cells of `step × step` pixels; those at the right and bottom may be smaller.
    pub(super) fn reduced(&self, step: usize) -> Self {
        let (width, height) = (self.width.div_ceil(step), self.height.div_ceil(step));
        let mean = |plane: &Vec<f32>| {
            let mut sums = vec![0.0_f64; width * height];
            let mut counts = vec![0.0_f64; width * height];
            for (pixel, value) in plane.iter().enumerate() {
                let (x, y) = (pixel % self.width, pixel / self.width);
                let cell = y / step * width + x / step;
                sums[cell] += f64::from(*value);
                counts[cell] += 1.0;
            }
            let means = sums.iter().zip(&counts);
            means.map(|(sum, count)| (sum / count) as f32).collect()
        };
        Self {
            width,
            height,
            channels: self.channels.iter().map(mean).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_means_and_the_last_may_be_smaller() {
        let planes = Planes::new(3, 2, vec![vec![1.0, 3.0, 7.0, 5.0, 7.0, 9.0]]).unwrap();
        let reduced = planes.reduced(2);
        assert_eq!((reduced.width(), reduced.height()), (2, 1));
        assert_eq!(reduced.channels()[0], [4.0, 8.0]);
        assert_eq!(planes.reduced(1), planes);
    }

    #[test]
    fn refuses_what_is_no_picture() {
        for (width, height, channels) in [
            (2, 2, vec![]),
            (0, 2, vec![vec![]]),
            (2, 1, vec![vec![0.0; 2], vec![0.0; 3]]),
        ] {
            let refused = Planes::new(width, height, channels);
            assert!(matches!(refused, Err(Error::PlaneShape { .. })));
        }
        assert!(matches!(
            Planes::new(2, 1, vec![vec![0.0; 2], vec![0.0, f32::NAN]]),
            Err(Error::PlaneNotFinite {
                channel: 1,
                pixel: 1
            })
        ));
    }
}
