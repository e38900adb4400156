//! A tree of contours as a grey picture.

use image::{GrayImage, Luma};
use segmentation::SegmentationTree;

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
