//! Boundaries as pictures: of segments, of contour maps, of detectors.

use segmentation::LabelMap;

use super::thinning::thinned;
use crate::error::{Error, Result, Size};

/// The pixels on a boundary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BoundaryMap {
    size: Size,
    pixels: Vec<bool>,
}

impl BoundaryMap {
    /// A map of `width × height` pixels, row by row.
    ///
    /// # Errors
    /// [`Error::SizeMismatch`] for another number of pixels.
    pub fn new(width: usize, height: usize, pixels: Vec<bool>) -> Result<Self> {
        let size = Size { width, height };
        check(size, pixels.len(), "boundary map")?;
        Ok(Self { size, pixels })
    }

    /// The boundaries between the segments of a label map.
    ///
    /// ```text
    /// B(x, y) = 1 where (x, y), (x + 1, y), (x, y + 1), (x + 1, y + 1), as far as they lie in the map, are not all of
    ///           one segment
    /// ```
    ///
    /// So a boundary lies on the pixels above it and left of it, and is as wide as two where it runs askew. Thinned it
    /// is the field `Boundaries` of the human segmentations.
    ///
    /// # Source
    /// `seg2bdry(seg, 'imageSize')` of the benchmark published with Arbeláez, Maire, Fowlkes, Malik, TPAMI 33(5), 2011.
    pub fn between_segments(map: &LabelMap) -> Self {
        let (width, height) = (map.width(), map.height());
        let mut pixels = Vec::with_capacity(width * height);
        for y in 0..height {
            let below = (y + 1).min(height - 1);
            for x in 0..width {
                let right = (x + 1).min(width - 1);
                let segment = map.at(x, y);
                let differs = [(right, y), (x, below), (right, below)]
                    .iter()
                    .any(|(x, y)| map.at(*x, *y) != segment);
                pixels.push(differs);
            }
        }
        Self {
            size: Size { width, height },
            pixels,
        }
    }

    /// The same boundaries as lines of one pixel, as MATLAB's `bwmorph(map, 'thin', inf)` draws them.
    ///
    /// ```
    /// # fn main() -> bench_bsds::Result<()> {
    /// let thick = bench_bsds::BoundaryMap::new(3, 2, vec![true; 6])?;
    /// assert_eq!(thick.thinned().pixels(), [false, false, false, true, true, false]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Source
    /// Guo and Hall, Communications of the ACM 32(3), 1989: pixels are taken from two sides in turn,
    /// until none can go without tearing a line or shortening its end.
    pub fn thinned(&self) -> Self {
        Self {
            size: self.size,
            pixels: thinned(self.size, &self.pixels),
        }
    }

    /// Width and height.
    pub fn size(&self) -> Size {
        self.size
    }

    /// Whether each pixel is on a boundary, row by row.
    pub fn pixels(&self) -> &[bool] {
        &self.pixels
    }

    /// The number of pixels on a boundary.
    pub fn count(&self) -> usize {
        self.pixels.iter().filter(|set| **set).count()
    }
}

/// How strongly each pixel lies on a boundary.
#[derive(Clone, Debug, PartialEq)]
pub struct SoftBoundaryMap {
    pub(super) size: Size,
    pub(super) strengths: Vec<f64>,
}

impl SoftBoundaryMap {
    /// A map of `width × height` strengths, row by row.
    ///
    /// # Errors
    /// [`Error::SizeMismatch`] for another number of strengths.
    pub fn new(width: usize, height: usize, strengths: Vec<f64>) -> Result<Self> {
        let size = Size { width, height };
        check(size, strengths.len(), "soft boundary map")?;
        Ok(Self { size, strengths })
    }

    /// The pixels of at least the strength `threshold`. A strength that is not a number is below every threshold.
    pub fn at(&self, threshold: f64) -> BoundaryMap {
        BoundaryMap {
            size: self.size,
            pixels: self
                .strengths
                .iter()
                .map(|strength| *strength >= threshold)
                .collect(),
        }
    }

    /// Width and height.
    pub fn size(&self) -> Size {
        self.size
    }

    /// The strength of each pixel, row by row.
    pub fn strengths(&self) -> &[f64] {
        &self.strengths
    }
}

fn check(size: Size, found: usize, name: &str) -> Result<()> {
    if found == size.width * size.height {
        return Ok(());
    }
    Err(Error::SizeMismatch {
        name: name.to_owned(),
        expected: size,
        found: Size {
            width: found / size.height.max(1),
            height: size.height,
        },
    })
}

#[cfg(test)]
mod tests {
    use test_support::refused;

    use super::*;

    fn between(width: usize, ids: &[u32]) -> Vec<u8> {
        let map = LabelMap::new(width, ids.len() / width, ids.to_vec()).unwrap();
        let boundaries = BoundaryMap::between_segments(&map);
        boundaries
            .pixels()
            .iter()
            .map(|set| u8::from(*set))
            .collect()
    }

    #[test]
    fn a_boundary_lies_above_and_left() {
        assert_eq!(
            between(4, &[1, 1, 2, 2, 1, 1, 2, 2]),
            [0, 1, 0, 0, 0, 1, 0, 0]
        );
        assert_eq!(between(2, &[1, 1, 1, 1, 2, 2]), [0, 0, 1, 1, 0, 0]);
        // One pixel in the middle: above and left of it too, and across the corner.
        assert_eq!(
            between(3, &[1, 1, 1, 1, 2, 1, 1, 1, 1]),
            [1, 1, 0, 1, 1, 0, 0, 0, 0]
        );
        // The last row sees its right neighbour alone, the last column the one below.
        assert_eq!(between(2, &[1, 1, 1, 2]), [1, 1, 1, 0]);
        assert_eq!(between(1, &[7]), [0]);
        assert_eq!(between(3, &[0, 0, 9]), [0, 1, 0]);
    }

    #[test]
    fn a_threshold_is_reached_by_its_own_strength() {
        let soft = SoftBoundaryMap::new(4, 1, vec![0.25, 0.5, f64::NAN, 0.75]).unwrap();
        assert_eq!(soft.at(0.5).pixels(), [false, true, false, true]);
        assert_eq!(soft.at(0.5).count(), 2);
        assert_eq!(soft.at(0.0).count(), 3);
    }

    #[test]
    fn refuses_a_wrong_number_of_pixels() {
        let error = BoundaryMap::new(3, 2, vec![true; 5]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "boundary map: expected 3 × 2 pixels, found 2 × 2"
        );
        refused! { SoftBoundaryMap::new(0, 0, vec![1.0]) => Error::SizeMismatch { .. } }
    }
}
