//! A label map as a 16-bit picture.

use image::{ImageBuffer, Luma};
use segmentation::LabelMap;

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
