//! A region's pixels, row by row.

use hotcoco::Rle;

use super::image_records::MAX_PIXELS;
use crate::error::{Error, Result, Size};

/// A bitmap: `true` where a pixel belongs to the region.
///
/// # Conventions
/// Row by row: pixel (x, y) is `bits[y · width + x]`. COCO's own run lengths go down the columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mask {
    width: u32,
    height: u32,
    bits: Vec<bool>,
}

impl Mask {
    /// A bitmap out of its pixels, row by row.
    ///
    /// # Errors
    /// [`Error::Shape`] for no pixels, more than [`MAX_PIXELS`], or a number of bits that is not width × height.
    pub fn new(width: u32, height: u32, bits: Vec<bool>) -> Result<Self> {
        let pixels = u64::from(width) * u64::from(height);
        let refused = |expected: String, found: String| Err(Error::Shape { expected, found });
        if pixels == 0 || pixels > MAX_PIXELS {
            let found = Size { width, height }.to_string();
            return refused(format!("1 to {MAX_PIXELS} pixels"), found);
        }
        if bits.len() as u64 != pixels {
            return refused(format!("{width} × {height} bits"), bits.len().to_string());
        }
        Ok(Self {
            width,
            height,
            bits,
        })
    }

    /// The runs, turned from columns to rows. Runs beyond the last pixel are cut, pixels without a run are outside.
    pub(crate) fn from_runs(runs: &Rle) -> Self {
        let (width, height) = (runs.w as usize, runs.h as usize);
        let mut bits = vec![false; width * height];
        let mut start = 0;
        for (index, &count) in runs.counts.iter().enumerate() {
            let end = (start + count as usize).min(bits.len());
            if index % 2 == 1 {
                for at in start..end {
                    bits[at % height * width + at / height] = true;
                }
            }
            start = end;
        }
        Self {
            width: runs.w,
            height: runs.h,
            bits,
        }
    }

    /// Width and height.
    pub fn size(&self) -> Size {
        Size {
            width: self.width,
            height: self.height,
        }
    }

    /// Pixels in a row.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Rows.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// All pixels, row by row.
    pub fn bits(&self) -> &[bool] {
        &self.bits
    }

    /// All pixels, row by row, given away.
    pub fn into_bits(self) -> Vec<bool> {
        self.bits
    }

    /// Whether pixel (x, y) belongs to the region.
    ///
    /// # Panics
    /// Outside the bitmap.
    pub fn contains(&self, x: u32, y: u32) -> bool {
        assert!(
            x < self.width && y < self.height,
            "expected a pixel within {}, found ({x}, {y})",
            self.size()
        );
        self.bits[y as usize * self.width as usize + x as usize]
    }

    /// The number of pixels in the region.
    pub fn area(&self) -> usize {
        self.bits.iter().filter(|bit| **bit).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use test_support::refused;

    fn runs(w: u32, h: u32, counts: &[u32]) -> Rle {
        Rle {
            h,
            w,
            counts: counts.to_vec(),
        }
    }

    #[test]
    fn runs_go_down_the_columns() {
        // 3 wide, 2 high: the lower pixel of the first column, the whole second one.
        let mask = Mask::from_runs(&runs(3, 2, &[1, 3, 2]));
        assert_eq!(mask.bits(), [false, true, false, true, true, false]);
        assert_eq!((mask.width(), mask.height(), mask.area()), (3, 2, 3));
        assert!(mask.contains(0, 1) && !mask.contains(2, 1));
        assert_eq!(mask.into_bits().len(), 6);
    }

    #[test]
    fn runs_too_long_or_too_short_stay_within_the_bitmap() {
        assert_eq!(Mask::from_runs(&runs(2, 2, &[3, 9, 9])).area(), 1);
        assert_eq!(Mask::from_runs(&runs(2, 2, &[])).area(), 0);
        assert_eq!(Mask::from_runs(&runs(2, 2, &[0, u32::MAX])).area(), 4);
    }

    #[test]
    fn bits_make_a_bitmap_where_there_are_as_many() {
        let bits = vec![true, false, false, true];
        assert_eq!(Mask::new(2, 2, bits.clone()).unwrap().bits(), bits);
        refused! {
            Mask::new(2, 3, bits.clone()) => Error::Shape { .. },
            Mask::new(0, 4, Vec::new()) => Error::Shape { .. },
            Mask::new(u32::MAX, u32::MAX, bits.clone()) => Error::Shape { .. },
        }
    }

    #[test]
    #[should_panic(expected = "expected a pixel within 2 × 2, found (0, 2)")]
    fn a_pixel_outside_is_our_own_mistake() {
        Mask::from_runs(&runs(2, 2, &[4])).contains(0, 2);
    }
}
