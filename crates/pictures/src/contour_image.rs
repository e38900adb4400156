//! A tree of contours as a grey picture.

use image::{GrayImage, Luma};
use ncuts::ContourTree;

/// An ultrametric contour map, [`ContourTree::contours`] in 255 steps: white where every segmentation sees a border.
///
/// # Example
/// ```
/// use ncuts::{ContourTree, LabelMap, MinArea};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let maps = [LabelMap::new(4, 1, vec![0, 0, 0, 1])?, LabelMap::new(4, 1, vec![0, 1, 1, 2])?];
/// let tree = ContourTree::new(&[&maps[0], &maps[1]], MinArea::Pixels(1))?;
/// assert_eq!(pictures::contour_image(&tree).into_raw(), [128, 0, 255, 0]);
/// # Ok(())
/// # }
/// ```
pub fn contour_image(tree: &ContourTree) -> GrayImage {
    let (width, heights) = (tree.pieces().width(), tree.contours());
    GrayImage::from_fn(width as u32, tree.pieces().height() as u32, |x, y| {
        let height = heights[y as usize * width + x as usize];
        Luma([(255.0 * height).round() as u8])
    })
}
