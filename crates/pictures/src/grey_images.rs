//! Segmentations as grey pictures, for programs: a label map with 16 bits, a tree of contours with 8.

use image::{GrayImage, ImageBuffer, Luma};
use segmentation::{LabelMap, SegmentationTree};

use crate::error::{Error, Result};

/// Ids 0, 1, … in the order of first appearance, as grey levels.
///
/// # Errors
/// [`Error::TooManySegments`] for more than 65,535 segments.
///
/// # Example
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let labels = segmentation::LabelMap::new(3, 1, vec![70_000, 5, 70_000])?;
/// assert_eq!(pictures::label_image(&labels)?.into_raw(), [0, 1, 0]);
/// # Ok(())
/// # }
/// ```
pub fn label_image(labels: &LabelMap) -> Result<ImageBuffer<Luma<u16>, Vec<u16>>> {
    let (compacted, segments) = labels.compacted();
    if segments > usize::from(u16::MAX) {
        return Err(Error::TooManySegments { segments });
    }
    let width = compacted.width();
    Ok(ImageBuffer::from_fn(
        width as u32,
        compacted.height() as u32,
        |x, y| Luma([compacted.ids()[y as usize * width + x as usize] as u16]),
    ))
}

/// An ultrametric contour map, [`SegmentationTree::contours`] in 255 steps: white for the strongest border there can be.
///
/// # Example
/// ```
/// use segmentation::{MergeWeights, MinArea, SegmentationTree, SuperpixelGraph};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let pieces = SuperpixelGraph::of_photograph(&[0, 0, 0, 40, 40, 40, 255, 255, 255], 3, 1, 3)?;
/// let tree = SegmentationTree::new(&pieces, &MergeWeights::default(), MinArea::Pixels(1))?;
/// let grey = pictures::contour_image(&tree).into_raw();
/// assert!(0 < grey[0] && grey[0] < grey[1] && grey[2] == 0);
/// # Ok(())
/// # }
/// ```
pub fn contour_image(tree: &SegmentationTree) -> GrayImage {
    let (width, heights) = (tree.pieces().width(), tree.contours());
    GrayImage::from_fn(width as u32, tree.pieces().height() as u32, |x, y| {
        let height = heights[y as usize * width + x as usize];
        Luma([(255.0 * height).round() as u8])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_as_many_segments_as_it_says() {
        let strip = |length: usize| LabelMap::new(length, 1, (0..length as u32).collect()).unwrap();
        let most = label_image(&strip(65_535)).unwrap();
        assert_eq!(most.get_pixel(65_534, 0).0, [65_534]);
        assert!(matches!(
            label_image(&strip(65_536)),
            Err(Error::TooManySegments { segments: 65_536 })
        ));
    }
}
