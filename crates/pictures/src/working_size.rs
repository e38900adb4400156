//! The size a photograph is segmented at, and the way back for its labels.

use image::RgbImage;
use image::imageops::{FilterType, resize};
use segmentation::LabelMap;

use crate::error::Result;

/// The photograph at its working size, where that is another: the longer side at most `longest`, 0 for any.
///
/// # Conventions
/// Of a strip, 8 to 1 or longer, the shorter side keeps 128 pixels, or all it has, as far as that makes no more pixels than
/// `longest`²: a network sees nothing in a line of one pixel.
pub fn at_working_size(image: &RgbImage, longest: u32) -> Option<RgbImage> {
    let (width, height) = image.dimensions();
    let longer = width.max(height);
    if longest == 0 || longer <= longest {
        return None;
    }
    let shorter = width.min(height);
    let mut factor = f64::from(longest) / f64::from(longer);
    if longer / STRIP >= shorter {
        let by_area = f64::from(longest) / (f64::from(width) * f64::from(height)).sqrt();
        factor = factor.max(by_area.min(SHORTEST / f64::from(shorter)));
    }
    if factor >= 1.0 {
        return None;
    }
    let scaled = |side: u32| {
        let exact = f64::from(side) * factor;
        (exact.round() as u32).max(1)
    };
    Some(resize(
        image,
        scaled(width),
        scaled(height),
        FilterType::Triangle,
    ))
}

/// A strip is so much longer than it is wide.
const STRIP: u32 = 8;
/// Pixels that the shorter side of a strip keeps.
const SHORTEST: f64 = 128.0;

/// The label map at the photograph's size: every pixel takes the nearest label.
///
/// # Errors
/// [`Error::Labels`](crate::Error::Labels) for a size of no pixels.
pub fn at_full_size(labels: &LabelMap, (width, height): (u32, u32)) -> Result<LabelMap> {
    let (width, height) = (width as usize, height as usize);
    if (labels.width(), labels.height()) == (width, height) {
        return Ok(labels.clone());
    }
    // The centre of a pixel, in pixels of the label map.
    let place = |i: usize, full: usize, small: usize| (2 * i + 1) * small / (2 * full);
    let columns: Vec<usize> = (0..width)
        .map(|x| place(x, width, labels.width()))
        .collect();
    let mut ids = Vec::with_capacity(width * height);
    for y in 0..height {
        let begin = place(y, height, labels.height()) * labels.width();
        let row = &labels.ids()[begin..begin + labels.width()];
        ids.extend(columns.iter().map(|x| row[*x]));
    }
    Ok(LabelMap::new(width, height, ids)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longer_side_is_bounded() {
        let working = |width, height, longest| {
            let image = RgbImage::new(width, height);
            at_working_size(&image, longest).map(|image| image.dimensions())
        };
        assert_eq!(working(100, 40, 50), Some((50, 20)));
        assert_eq!(working(40, 100, 50), Some((20, 50)));
        assert_eq!(working(3000, 1, 50), Some((2739, 1)));
        assert_eq!(working(30_000, 30, 1024), None);
        assert_eq!(working(30, 60_000, 1024), Some((23, 45_795)));
        assert_eq!(working(4096, 512, 1024), Some((1024, 128)));
        assert_eq!((working(50, 50, 50), working(100, 40, 0)), (None, None));
    }

    #[test]
    fn labels_come_back_at_full_size() {
        let labels = LabelMap::new(2, 1, vec![4, 9]).unwrap();
        let full = at_full_size(&labels, (5, 2)).unwrap();
        assert_eq!(full.ids(), [4, 4, 9, 9, 9, 4, 4, 9, 9, 9]);
        assert_eq!(at_full_size(&labels, (2, 1)).unwrap(), labels);
    }
}
