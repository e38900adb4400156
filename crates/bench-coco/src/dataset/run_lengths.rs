//! A region as run lengths, and what they say without a bitmap.

use hotcoco::{Rle, mask};

use super::image_records::MAX_PIXELS;
use super::mask::Mask;
use super::shape::{Refusal, Shape};
use crate::error::{Error, Result, Size};

/// Runs of pixels outside and inside a region, by turns, down the columns of its image.
///
/// # Conventions
/// Outside first, so that a region with the first pixel begins with a run of 0. The letters are those of COCO, as
/// `pycocotools.mask` writes and reads them.
///
/// # Example
/// ```
/// use bench_coco::{Mask, Points, RunLengths, Shape, Size};
///
/// # fn main() -> Result<(), bench_coco::Error> {
/// let square = Shape::Polygons {
///     points: Points::new(&[1.0, 1.0, 3.0, 1.0, 3.0, 3.0, 1.0, 3.0]),
///     ends: Box::new([8]),
/// };
/// let runs = RunLengths::of_shape(&square, Size { width: 4, height: 4 })?;
/// assert_eq!((runs.area(), runs.bbox()), (4, [1.0, 1.0, 2.0, 2.0]));
/// assert_eq!(RunLengths::of_mask(&runs.mask()).text(), runs.text());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct RunLengths(Rle);

impl RunLengths {
    /// The runs of a shape on an image of `size`, by COCO's own rasterisation.
    ///
    /// # Errors
    /// [`Error::Shape`] where the shape does not fit the image, and for an image without pixels or with more than
    /// [`MAX_PIXELS`].
    pub fn of_shape(shape: &Shape, size: Size) -> Result<Self> {
        let refused = |(expected, found): Refusal| Error::Shape { expected, found };
        let pixels = u64::from(size.width) * u64::from(size.height);
        if pixels == 0 || pixels > MAX_PIXELS {
            let expected = format!("an image of 1 to {MAX_PIXELS} pixels");
            return Err(refused((expected, size.to_string())));
        }
        shape.runs(size).map(Self).map_err(refused)
    }

    /// The runs of a bitmap.
    pub fn of_mask(mask: &Mask) -> Self {
        let (width, height) = (mask.width(), mask.height());
        let (mut counts, mut inside, mut run) = (Vec::new(), false, 0);
        for x in 0..width as usize {
            for y in 0..height as usize {
                if mask.bits()[y * width as usize + x] != inside {
                    counts.push(std::mem::take(&mut run));
                    inside = !inside;
                }
                run += 1;
            }
        }
        counts.push(run);
        Self(Rle {
            h: height,
            w: width,
            counts,
        })
    }

    /// Width and height of the image.
    pub fn size(&self) -> Size {
        Size {
            width: self.0.w,
            height: self.0.h,
        }
    }

    /// How many pixels each run has, outside first.
    pub fn counts(&self) -> &[u32] {
        &self.0.counts
    }

    /// The runs in COCO's letters, five bits a letter.
    pub fn text(&self) -> String {
        mask::rle_to_string(&self.0)
    }

    /// The bitmap.
    pub fn mask(&self) -> Mask {
        Mask::from_runs(&self.0)
    }

    /// The number of pixels inside.
    pub fn area(&self) -> u64 {
        mask::area(&self.0)
    }

    /// Left, top, width and height of the pixels inside; zeros where there are none.
    pub fn bbox(&self) -> [f64; 4] {
        mask::to_bbox(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::Points;
    use test_support::refused;

    const SIZE: Size = Size {
        width: 3,
        height: 2,
    };

    fn runs(counts: &[u32]) -> Shape {
        Shape::Runs {
            size: SIZE,
            counts: counts.into(),
        }
    }

    #[test]
    fn runs_bitmaps_and_letters_are_one_region() {
        for counts in [
            vec![1, 3, 2],
            vec![0, 6],
            vec![6],
            vec![0, 1, 4, 1],
            vec![5, 1],
        ] {
            let region = RunLengths::of_shape(&runs(&counts), SIZE).unwrap();
            assert_eq!((region.counts(), region.size()), (&counts[..], SIZE));
            let mask = region.mask();
            assert_eq!(RunLengths::of_mask(&mask), region);
            assert_eq!(region.area() as usize, mask.area());
            let compressed = Shape::Compressed {
                size: SIZE,
                text: region.text().into(),
            };
            assert_eq!(RunLengths::of_shape(&compressed, SIZE).unwrap(), region);
        }
        // The lower pixel of the first column, the second column: by hand.
        let region = RunLengths::of_shape(&runs(&[1, 3, 2]), SIZE).unwrap();
        assert_eq!(
            (region.text().as_str(), region.area(), region.bbox()),
            ("132", 3, [0.0, 0.0, 2.0, 2.0])
        );
        let nothing = RunLengths::of_shape(&runs(&[6]), SIZE).unwrap();
        assert_eq!((nothing.area(), nothing.bbox()), (0, [0.0; 4]));
    }

    #[test]
    fn shapes_that_do_not_fit_are_refused() {
        let line = Shape::Polygons {
            points: Points::new(&[0.0, 0.0, 1.0, 1.0]),
            ends: Box::new([4]),
        };
        let none = Size {
            width: 0,
            height: 5,
        };
        let other = Size {
            width: 2,
            height: 3,
        };
        refused! {
            RunLengths::of_shape(&line, SIZE) => Error::Shape { .. },
            RunLengths::of_shape(&runs(&[7]), SIZE) => Error::Shape { .. },
            RunLengths::of_shape(&runs(&[6]), other) => Error::Shape { .. },
            RunLengths::of_shape(&line, none) => Error::Shape { .. },
        }
    }
}
