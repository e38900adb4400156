//! A grey picture of finite numbers.

use crate::error::{Error, Result};

/// Grey values, row by row; finite, at least one.
#[derive(Clone, Debug, PartialEq)]
pub struct GrayPlane {
    width: usize,
    height: usize,
    values: Vec<f32>,
}

impl GrayPlane {
    /// A plane of values in any unit.
    ///
    /// # Errors
    /// `GrayPlaneSize` without pixels or where the numbers are not one a pixel, `GrayPlaneNotFinite` for the first
    /// value that is no number.
    pub fn new(width: usize, height: usize, values: Vec<f32>) -> Result<Self> {
        if values.is_empty() || width.checked_mul(height) != Some(values.len()) {
            let found = values.len();
            return Err(Error::GrayPlaneSize {
                width,
                height,
                found,
            });
        }
        if let Some(at) = values.iter().position(|value| !value.is_finite()) {
            return Err(Error::GrayPlaneNotFinite {
                x: at % width,
                y: at / width,
                value: values[at],
            });
        }
        Ok(Self {
            width,
            height,
            values,
        })
    }

    /// The luma of a picture, Y = 0.299 R + 0.587 G + 0.114 B, from 0 to 1.
    ///
    /// # Errors
    /// `GrayPlaneSize` for a picture without pixels.
    pub fn from_rgb(picture: &image::RgbImage) -> Result<Self> {
        let luma = |pixel: &image::Rgb<u8>| {
            let [r, g, b] = pixel.0.map(f32::from);
            (0.299 * r + 0.587 * g + 0.114 * b) / 255.0
        };
        let values = picture.pixels().map(luma).collect();
        Self::new(picture.width() as usize, picture.height() as usize, values)
    }

    /// Pixels in a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Rows.
    pub fn height(&self) -> usize {
        self.height
    }

    /// The values, row by row.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// The same picture with its largest magnitude at 1, so that no product of two of its values overflows.
    pub(super) fn scaled_to_one(&self) -> Self {
        let largest = self.values.iter().fold(0.0_f32, |m, v| m.max(v.abs()));
        let mut scaled = self.clone();
        if largest > 0.0 {
            // In f64: the reciprocal of a subnormal number is infinite in f32.
            let scale = 1.0 / f64::from(largest);
            for value in &mut scaled.values {
                *value = (f64::from(*value) * scale) as f32;
            }
        }
        scaled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn luma_of_black_white_and_red() {
        let picture =
            image::RgbImage::from_raw(3, 1, vec![0, 0, 0, 255, 255, 255, 255, 0, 0]).unwrap();
        let plane = GrayPlane::from_rgb(&picture).unwrap();
        for (found, expected) in plane.values().iter().zip([0.0, 1.0, 0.299]) {
            assert!((found - expected).abs() < 1e-6, "{found} {expected}");
        }
        assert_eq!((plane.width(), plane.height()), (3, 1));
    }

    #[test]
    fn refuses_what_is_no_picture() {
        for (width, height, length) in [
            (0, 0, 0),
            (0, 3, 0),
            (2, 2, 3),
            (2, 2, 5),
            (usize::MAX, 2, 2),
        ] {
            let error = GrayPlane::new(width, height, vec![0.0; length]).unwrap_err();
            assert!(
                matches!(error, Error::GrayPlaneSize { found, .. } if found == length),
                "{error}"
            );
        }
        for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let error = GrayPlane::new(2, 2, vec![0.0, 0.0, 0.0, value]).unwrap_err();
            assert!(
                matches!(error, Error::GrayPlaneNotFinite { x: 1, y: 1, .. }),
                "{error}"
            );
        }
    }

    #[test]
    fn scales_the_smallest_and_the_largest_numbers() {
        for largest in [f32::MAX, f32::from_bits(1), 3.0] {
            let plane = GrayPlane::new(2, 1, vec![-largest, 0.0]).unwrap();
            assert_eq!(plane.scaled_to_one().values(), [-1.0, 0.0]);
        }
        let black = GrayPlane::new(1, 1, vec![0.0]).unwrap();
        assert_eq!(black.scaled_to_one(), black);
    }
}
