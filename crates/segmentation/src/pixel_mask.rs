//! Pixels that are segmented, and pixels that are left out.

use crate::components::connected_components;
use crate::error::{Error, Result};
use crate::label_map::LabelMap;

/// Which pixels of an image are kept; the others belong to no segment.
///
/// # Example
/// ```
/// # fn main() -> Result<(), segmentation::Error> {
/// let mask = segmentation::PixelMask::new(2, 1, vec![true, false])?;
/// assert_eq!((mask.kept_pixels(), mask.parts()), (1, 1));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PixelMask {
    width: usize,
    height: usize,
    kept: Vec<bool>,
}

impl PixelMask {
    /// `kept` holds the pixels row by row: true for those that are segmented.
    ///
    /// # Errors
    /// [`Error::LabelMapShape`] where a side is zero or `kept` holds another number of pixels; [`Error::NothingKept`]
    /// where all are left out.
    pub fn new(width: usize, height: usize, kept: Vec<bool>) -> Result<Self> {
        if width == 0 || height == 0 || width.checked_mul(height) != Some(kept.len()) {
            return Err(Error::LabelMapShape {
                width,
                height,
                found: kept.len(),
            });
        }
        if !kept.contains(&true) {
            return Err(Error::NothingKept { width, height });
        }
        Ok(Self {
            width,
            height,
            kept,
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

    /// Of each pixel, row by row, whether it is kept.
    pub fn kept(&self) -> &[bool] {
        &self.kept
    }

    /// How many pixels are kept: at least one.
    pub fn kept_pixels(&self) -> usize {
        self.kept.iter().filter(|kept| **kept).count()
    }

    /// How many parts of kept pixels there are that do not touch, of four neighbours.
    pub fn parts(&self) -> usize {
        let ids = self.kept.iter().map(|kept| u32::from(*kept)).collect();
        let map = LabelMap::new(self.width, self.height, ids).expect("one id a pixel");
        let (pieces, count) = connected_components(&map);
        let mut is_kept = vec![false; count];
        for (piece, kept) in pieces.ids().iter().zip(&self.kept) {
            is_kept[*piece as usize] = *kept;
        }
        is_kept.iter().filter(|kept| **kept).count()
    }

    /// The mask at a smaller size: a pixel is kept where any of those that it stands for is.
    ///
    /// Pixel x of the large side W stands at ⌊(2x + 1) w / 2W⌋ of the small side w, as labels are brought back to full
    /// size: so every kept pixel gets a label.
    ///
    /// # Errors
    /// [`Error::LabelMapShape`] for a side of zero, or one longer than the mask's.
    pub fn at_smaller_size(&self, width: usize, height: usize) -> Result<Self> {
        if width == 0 || height == 0 || width > self.width || height > self.height {
            return Err(Error::LabelMapShape {
                width,
                height,
                found: self.kept.len(),
            });
        }
        let place = |i: usize, full: usize, small: usize| (2 * i + 1) * small / (2 * full);
        let mut kept = vec![false; width * height];
        for (y, row) in self.kept.chunks_exact(self.width).enumerate() {
            let line = place(y, self.height, height) * width;
            for (x, own) in row.iter().enumerate() {
                kept[line + place(x, self.width, width)] |= *own;
            }
        }
        Self::new(width, height, kept)
    }

    /// A label map of segments 0, 1, …, in which the pixels that are left out have the id `segments`.
    ///
    /// # Errors
    /// [`Error::LabelMapShape`] for a label map of another size.
    pub fn cut_out(&self, labels: &LabelMap, segments: usize) -> Result<LabelMap> {
        self.check_size(labels.width(), labels.height(), labels.ids().len())?;
        let pairs = labels.ids().iter().zip(&self.kept);
        let ids = pairs.map(|(id, kept)| if *kept { *id } else { segments as u32 });
        Ok(labels.with_ids(ids.collect()))
    }

    /// The size is this one.
    pub(crate) fn check_size(&self, width: usize, height: usize, found: usize) -> Result<()> {
        if (width, height) == (self.width, self.height) {
            return Ok(());
        }
        Err(Error::LabelMapShape {
            width: self.width,
            height: self.height,
            found,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use test_support::refused;

    fn mask(width: usize, marks: &str) -> PixelMask {
        let kept: Vec<bool> = marks.chars().map(|mark| mark == '#').collect();
        PixelMask::new(width, kept.len() / width, kept).unwrap()
    }

    #[test]
    fn parts_touch_along_sides_only() {
        let two = mask(3, "#.##..");
        assert_eq!((two.kept_pixels(), two.parts()), (3, 2));
        assert_eq!(mask(2, "#..#").parts(), 2);
    }

    #[test]
    fn a_smaller_mask_keeps_what_any_pixel_keeps() {
        let large = mask(5, "#......... .....".replace(' ', "").as_str());
        let small = large.at_smaller_size(2, 2).unwrap();
        assert_eq!(small.kept(), [true, false, false, false]);
        // Pixels 0 and 1 of five stand at 0 of two, the others at 1.
        let row = mask(5, "..#..").at_smaller_size(2, 1).unwrap();
        assert_eq!(row.kept(), [false, true]);
    }

    #[test]
    fn left_out_pixels_get_the_id_after_the_last() {
        let labels = LabelMap::new(3, 1, vec![0, 1, 1]).unwrap();
        let found = mask(3, "##.").cut_out(&labels, 2).unwrap();
        assert_eq!(found.ids(), [0, 1, 2]);
    }

    #[test]
    fn invalid_masks_are_refused() {
        let labels = LabelMap::new(2, 1, vec![0, 1]).unwrap();
        refused! {
            PixelMask::new(2, 1, vec![true]) => Error::LabelMapShape { found: 1, .. },
            PixelMask::new(0, 1, vec![]) => Error::LabelMapShape { .. },
            PixelMask::new(2, 1, vec![false; 2]) => Error::NothingKept { width: 2, height: 1 },
            mask(3, "##.").cut_out(&labels, 2) => Error::LabelMapShape { width: 3, .. },
            mask(3, "##.").at_smaller_size(4, 1) => Error::LabelMapShape { .. },
        }
    }
}
