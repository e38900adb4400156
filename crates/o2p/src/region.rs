//! A free-form region of a feature map.

use crate::error::{Error, Result};

/// How much of each position belongs to a region.
///
/// # Shapes
/// n positions, in the order of the features' rows: row-major over the grid.
///
/// # Conventions
/// Weights are finite and ≥ 0, one at least above 0: 1 where a position lies inside, 0 where outside, between them the
/// part of its cell that the region covers. Positions of weight 0 take no part, forward or back.
///
/// # Errors
/// [`EmptyRegion`](Error::EmptyRegion), [`RegionWeight`](Error::RegionWeight),
/// [`RegionPosition`](Error::RegionPosition), [`BitmapShape`](Error::BitmapShape), [`GridSize`](Error::GridSize); and
/// [`Error::Rule`] with `Overflow` when the sum of the weights leaves the range of f64.
///
/// # Example
/// ```
/// # fn main() -> Result<(), o2p::Error> {
/// use o2p::Region;
///
/// // Five of 4 × 2 pixels, seen by a grid of 2 × 1 cells.
/// let bitmap = [true, true, false, true, true, true, false, false];
/// let region = Region::from_mask(&bitmap, 4, 2, 2, 1)?;
/// assert_eq!((region.positions(), region.weights()), (&[0, 1][..], &[1.0, 0.25][..]));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Region {
    length: usize,
    /// Positions of weight above 0, increasing.
    positions: Vec<usize>,
    weights: Vec<f64>,
    total: f64,
}

impl Region {
    /// All n positions, each of weight 1.
    ///
    /// # Errors
    /// [`EmptyRegion`](Error::EmptyRegion) for n = 0.
    pub fn all(n: usize) -> Result<Self> {
        Self::collect(n, (0..n).map(|position| (position, 1.0)))
    }

    /// These of n positions, in any order, each of weight 1; one that is given twice counts once.
    ///
    /// # Errors
    /// [`RegionPosition`](Error::RegionPosition), [`EmptyRegion`](Error::EmptyRegion).
    pub fn from_positions(n: usize, positions: &[usize]) -> Result<Self> {
        if let Some(&position) = positions.iter().find(|&&position| position >= n) {
            return Err(Error::RegionPosition {
                position,
                positions: n,
            });
        }
        let mut positions = positions.to_vec();
        positions.sort_unstable();
        positions.dedup();
        Self::collect(n, positions.into_iter().map(|position| (position, 1.0)))
    }

    /// A weight for each position.
    ///
    /// # Errors
    /// [`RegionWeight`](Error::RegionWeight), [`EmptyRegion`](Error::EmptyRegion); `Overflow`.
    pub fn from_weights(weights: &[f64]) -> Result<Self> {
        let unsound = |weight: &f64| !weight.is_finite() || *weight < 0.0;
        if let Some(position) = weights.iter().position(unsound) {
            return Err(Error::RegionWeight {
                position,
                value: weights[position],
            });
        }
        Self::collect(weights.len(), weights.iter().copied().enumerate())
    }

    /// The part of each cell of a grid that a bitmap of the image covers.
    ///
    /// # Conventions
    /// The bitmap is row-major. The cells are equal and fill the image; where a cell's border runs through a pixel,
    /// the pixel counts with its area on either side. The grid may be finer than the bitmap.
    ///
    /// # Errors
    /// [`BitmapShape`](Error::BitmapShape), [`GridSize`](Error::GridSize), [`EmptyRegion`](Error::EmptyRegion).
    ///
    /// # Cost
    /// A visit to each pixel, four at most at the corners of cells; grids finer than the bitmap: to each cell.
    pub fn from_mask(
        mask: &[bool],
        width: usize,
        height: usize,
        grid_width: usize,
        grid_height: usize,
    ) -> Result<Self> {
        if width.checked_mul(height) != Some(mask.len()) || mask.is_empty() {
            return Err(Error::BitmapShape {
                width,
                height,
                found: mask.len(),
            });
        }
        let cells = grid_width
            .checked_mul(grid_height)
            .filter(|&cells| cells > 0)
            .ok_or(Error::GridSize {
                grid_width,
                grid_height,
            })?;
        let columns = overlaps(width, grid_width);
        let mut covered = Vec::with_capacity(cells);
        for row in overlaps(height, grid_height) {
            for column in &columns {
                let mut area = 0.0;
                for &(y, high) in &row {
                    for &(x, wide) in column {
                        if mask[y * width + x] {
                            area += high * wide;
                        }
                    }
                }
                // Sums of whole numbers: a full cell is covered by exactly 1.
                covered.push(area / (width as f64 * height as f64));
            }
        }
        Self::from_weights(&covered)
    }

    /// Positions of the feature map, n.
    pub fn length(&self) -> usize {
        self.length
    }

    /// The positions that take part, increasing.
    pub fn positions(&self) -> &[usize] {
        &self.positions
    }

    /// The weights of the positions, all above 0.
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// The sum of the weights, Σ w.
    pub fn total(&self) -> f64 {
        self.total
    }

    /// Keeps the positions with a weight.
    fn collect(n: usize, weighted: impl Iterator<Item = (usize, f64)>) -> Result<Self> {
        let (positions, weights): (Vec<_>, Vec<_>) =
            weighted.filter(|&(_, weight)| weight > 0.0).unzip();
        if positions.is_empty() {
            return Err(Error::EmptyRegion { positions: n });
        }
        let total: f64 = weights.iter().sum();
        if !total.is_finite() {
            return Err(matbackprop_core::Error::Overflow { op: "region" }.into());
        }
        Ok(Self {
            length: n,
            positions,
            weights,
            total,
        })
    }
}

/// The pixels of each of equal cells along an axis, with the length inside the cell in units of a pixel / `cells`:
/// a cell is `pixels` long, a pixel `cells`.
fn overlaps(pixels: usize, cells: usize) -> Vec<Vec<(usize, f64)>> {
    let (length, pixel_length) = (pixels as u128, cells as u128);
    (0..cells as u128)
        .map(|cell| {
            let (start, end) = (cell * length, (cell + 1) * length);
            (start / pixel_length..end.div_ceil(pixel_length))
                .map(|pixel| {
                    let low = start.max(pixel * pixel_length);
                    let high = end.min((pixel + 1) * pixel_length);
                    (pixel as usize, (high - low) as f64)
                })
                .collect()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use test_support::refused;

    use super::*;

    #[test]
    fn weights_by_hand() {
        let region = Region::from_weights(&[0.0, 0.5, -0.0, 2.0]).unwrap();
        assert_eq!(region.positions(), &[1, 3]);
        assert_eq!(region.weights(), &[0.5, 2.0]);
        assert_eq!((region.length(), region.total()), (4, 2.5));
        let listed = Region::from_positions(4, &[3, 0, 3]).unwrap();
        assert_eq!(listed, Region::from_weights(&[1.0, 0.0, 0.0, 1.0]).unwrap());
        assert_eq!(
            Region::all(2).unwrap(),
            Region::from_weights(&[1.0, 1.0]).unwrap()
        );
    }

    #[test]
    fn borders_inside_a_pixel_share_its_area() {
        // Three pixels in two cells: the middle one lies half in each.
        let region = Region::from_mask(&[false, true, true], 3, 1, 2, 1).unwrap();
        assert_eq!(region.weights(), &[1.0 / 3.0, 1.0]);
        // A grid finer than the bitmap.
        let fine = Region::from_mask(&[true, false, false, true], 2, 2, 4, 4).unwrap();
        assert_eq!(fine.positions(), &[0, 1, 4, 5, 10, 11, 14, 15]);
        assert!(fine.weights().iter().all(|&weight| weight == 1.0));
    }

    #[test]
    fn coverage_keeps_the_area() {
        for (width, height, grid_width, grid_height) in
            [(227, 181, 13, 13), (5, 7, 3, 2), (3, 2, 5, 7), (1, 1, 1, 1)]
        {
            let mask: Vec<bool> = (0..width * height).map(|i| i % 7 < 3).collect();
            let region = Region::from_mask(&mask, width, height, grid_width, grid_height).unwrap();
            let inside = mask.iter().filter(|&&inside| inside).count() as f64;
            let expected = inside / (width * height) as f64 * (grid_width * grid_height) as f64;
            // Rounding of at most 169 sums of numbers up to one.
            assert!((region.total() - expected).abs() < 1e-12 * expected);
            let full = Region::from_mask(&vec![true; width * height], width, height, 3, 2).unwrap();
            assert_eq!(full, Region::all(6).unwrap());
        }
    }

    #[test]
    fn refuses_what_is_no_region() {
        refused! {
            Region::all(0) => Error::EmptyRegion { positions: 0 },
            Region::from_weights(&[0.0; 3]) => Error::EmptyRegion { positions: 3 },
        }
        for value in [-1e-300, f64::INFINITY, f64::NAN] {
            assert!(matches!(
                Region::from_weights(&[1.0, value]),
                Err(Error::RegionWeight { position: 1, .. })
            ));
        }
        let shape = Error::BitmapShape {
            width: 2,
            height: 2,
            found: 3,
        };
        refused! {
            Region::from_positions(3, &[1, 3])
                => Error::RegionPosition { position: 3, positions: 3 },
            Region::from_positions(3, &[]) => Error::EmptyRegion { positions: 3 },
        }
        assert_eq!(Region::from_mask(&[true; 3], 2, 2, 1, 1), Err(shape));
        assert!(Region::from_mask(&[], 0, 0, 1, 1).is_err());
        for (grid_width, grid_height) in [(0, 1), (1, 0), (usize::MAX, 2)] {
            assert_eq!(
                Region::from_mask(&[true], 1, 1, grid_width, grid_height),
                Err(Error::GridSize {
                    grid_width,
                    grid_height
                })
            );
        }
        refused! {
            Region::from_mask(&[false; 4], 2, 2, 1, 1) => Error::EmptyRegion { positions: 1 },
            Region::from_weights(&[1e308, 1e308])
                => Error::Rule(matbackprop_core::Error::Overflow { .. }),
        }
    }
}
