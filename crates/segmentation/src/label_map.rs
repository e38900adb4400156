//! A segmentation of an image: one segment id per pixel.

use crate::error::{Error, Result};

/// An image of segment ids.
///
/// ```
/// # fn main() -> Result<(), segmentation::Error> {
/// let map = segmentation::LabelMap::new(3, 2, vec![1, 1, 2, 1, 2, 2])?;
/// assert_eq!(map.at(2, 0), 2);
/// # Ok(())
/// # }
/// ```
///
/// # Conventions
/// Row-major, `y` downwards; ids are arbitrary `u32`, every id its own segment (0 too).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelMap {
    width: usize,
    height: usize,
    ids: Vec<u32>,
}

impl LabelMap {
    /// A label map of `width × height` pixels from row-major `ids`.
    ///
    /// # Errors
    /// [`Error::LabelMapShape`] when a side is zero or `ids.len() != width · height`.
    pub fn new(width: usize, height: usize, ids: Vec<u32>) -> Result<Self> {
        if width == 0 || height == 0 || ids.len() != width * height {
            return Err(Error::LabelMapShape {
                width,
                height,
                found: ids.len(),
            });
        }
        Ok(Self { width, height, ids })
    }

    /// Pixels in a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Rows.
    pub fn height(&self) -> usize {
        self.height
    }

    /// All ids, row-major.
    pub fn ids(&self) -> &[u32] {
        &self.ids
    }

    /// The id at column `x`, row `y`.
    ///
    /// # Panics
    /// When the pixel lies outside.
    pub fn at(&self, x: usize, y: usize) -> u32 {
        assert!(
            x < self.width && y < self.height,
            "pixel outside the label map"
        );
        self.ids[y * self.width + x]
    }

    /// The same segments with ids 0, 1, … in the order of first appearance, and their number.
    pub fn compacted(&self) -> (Self, usize) {
        let mut order = std::collections::HashMap::new();
        // Ids come in runs.
        let mut last = None;
        let ids = self
            .ids
            .iter()
            .map(|id| match last {
                Some((known, new)) if known == *id => new,
                _ => {
                    let next = order.len() as u32;
                    let new = *order.entry(*id).or_insert(next);
                    last = Some((*id, new));
                    new
                }
            })
            .collect();
        let map = Self { ids, ..*self };
        (map, order.len())
    }

    /// A map of the same size with other ids.
    pub(crate) fn with_ids(&self, ids: Vec<u32>) -> Self {
        assert_eq!(ids.len(), self.ids.len(), "one id a pixel");
        Self { ids, ..*self }
    }

    /// The map mirrored left to right.
    pub fn flipped(&self) -> Self {
        let ids = self
            .ids
            .chunks_exact(self.width)
            .flat_map(|row| row.iter().rev().copied())
            .collect();
        Self { ids, ..*self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compacts_in_order_of_appearance() {
        let map = LabelMap::new(2, 2, vec![7, 3, 3, 9]).unwrap();
        let (compact, n) = map.compacted();
        assert_eq!((compact.ids(), n), (&[0, 1, 1, 2][..], 3));
    }

    #[test]
    fn flips_rows() {
        let map = LabelMap::new(3, 2, vec![1, 2, 3, 4, 5, 6]).unwrap();
        assert_eq!(map.flipped().ids(), &[3, 2, 1, 6, 5, 4]);
        assert_eq!(map.flipped().flipped(), map);
    }

    #[test]
    fn refuses_a_wrong_number_of_ids() {
        assert!(matches!(
            LabelMap::new(2, 2, vec![0; 3]),
            Err(Error::LabelMapShape {
                width: 2,
                height: 2,
                found: 3
            })
        ));
    }
}
