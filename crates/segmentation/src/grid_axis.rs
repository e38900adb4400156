//! Where the positions of a feature grid lie in the image.

use std::ops::Range;

use crate::error::{Error, Result};

/// One side of a feature grid over one side of an image: position i lies at pixel `offset + stride · i`.
///
/// Strided convolutions sample at points of their own: TensorFlow's `SAME` padding on an odd side puts the first and the
/// last position on the first and the last pixel, a pool of 2 puts them between pixels. A trunk that knows its points
/// gains a few pixels of accuracy at every border.
///
/// # Units
/// Pixels, counted between pixel centres: 0 is the centre of the first.
///
/// # Example
/// ```
/// // Four cells of two pixels: each lies between its pixels.
/// let spread = segmentation::GridAxis::spread(4, 8);
/// assert_eq!((spread.offset, spread.stride), (0.5, 2.0));
/// assert_eq!(spread.coordinate(2), 0.75);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GridAxis {
    /// Positions of the grid along this side.
    pub positions: usize,
    /// Pixels from one position to the next.
    pub stride: f64,
    /// Pixel at which the first position lies.
    pub offset: f64,
}

impl GridAxis {
    /// Equal cells over the whole side, a position in the middle of each.
    pub fn spread(positions: usize, pixels: usize) -> Self {
        let stride = pixels as f64 / positions.max(1) as f64;
        Self {
            positions,
            stride,
            offset: 0.5 * (stride - 1.0),
        }
    }

    /// Where pixel `pixel` lies on the grid: (pixel − offset) / stride, held between the first and the last position.
    pub fn coordinate(&self, pixel: usize) -> f64 {
        let last = self.positions.saturating_sub(1) as f64;
        ((pixel as f64 - self.offset) / self.stride).clamp(0.0, last)
    }

    /// The pixels nearest to each position, of a side of `pixels`; at least one each.
    pub fn cells(&self, pixels: usize) -> Vec<Range<usize>> {
        let border = |i: usize| {
            let middle = self.offset + self.stride * (i as f64 - 0.5);
            (middle.ceil().max(0.0) as usize).min(pixels)
        };
        let start = |i: usize| {
            if i == 0 {
                0
            } else {
                border(i).min(pixels.saturating_sub(1))
            }
        };
        let end = |i: usize| {
            if i + 1 == self.positions {
                pixels
            } else {
                border(i + 1)
            }
        };
        (0..self.positions)
            .map(|i| start(i)..end(i).max(start(i) + 1).min(pixels))
            .collect()
    }

    /// There are positions, in order, at a place.
    ///
    /// # Errors
    /// [`Error::GridAxis`].
    pub fn check(&self) -> Result<()> {
        let sound = self.positions > 0
            && self.stride.is_finite()
            && self.stride > 0.0
            && self.offset.is_finite();
        if sound {
            return Ok(());
        }
        Err(Error::GridAxis {
            stride: self.stride,
            offset: self.offset,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn corners_on_corners() {
        // TensorFlow's SAME on 321 pixels: 41 positions, the last on the last pixel.
        let axis = GridAxis {
            positions: 41,
            stride: 8.0,
            offset: 0.0,
        };
        assert_eq!(
            (axis.coordinate(0), axis.coordinate(4), axis.coordinate(320)),
            (0.0, 0.5, 40.0)
        );
        let cells = axis.cells(321);
        assert_eq!(
            (cells[0].clone(), cells[1].clone(), cells[40].clone()),
            (0..4, 4..12, 316..321)
        );
    }

    #[test]
    fn cells_cover_a_side_once() {
        for (positions, pixels) in [(1, 1), (3, 10), (7, 7), (41, 321)] {
            let cells = GridAxis::spread(positions, pixels).cells(pixels);
            let covered: Vec<usize> = cells.iter().flat_map(Clone::clone).collect();
            assert_eq!(covered, (0..pixels).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_position_outside_still_has_a_pixel() {
        let axis = GridAxis {
            positions: 3,
            stride: 8.0,
            offset: 3.5,
        };
        assert_eq!(axis.cells(9), [0..8, 8..9, 8..9]);
    }
}
