//! A photograph as a viewer shows it.

use image::metadata::Orientation;
use image::{DynamicImage, GrayImage, RgbImage};

use crate::notes::Note;
use crate::transparency::Transparency;

/// Pixels as a viewer shows them: upright, in sRGB, transparent parts on white; and what was found on the way.
#[derive(Clone, Debug, PartialEq)]
pub struct Photograph {
    /// Three bytes a pixel.
    pub pixels: RgbImage,
    /// Where nothing shows; none where every pixel does.
    pub transparency: Option<Transparency>,
    /// Width and height in the file, upright: larger than those of the pixels where they were reduced.
    pub file_size: (u32, u32),
    /// What its user should know.
    pub notes: Vec<Note>,
}

/// Means of squares of pixels, in place: at the right and lower border of what is left of them.
///
/// # Units
/// `side` is that of a square, in pixels; the picture's sides become ⌈side / `side`⌉.
pub fn reduce(image: RgbImage, side: usize) -> RgbImage {
    let (width, height) = (image.width() as usize, image.height() as usize);
    let (columns, rows) = (width.div_ceil(side), height.div_ceil(side));
    let mut bytes = image.into_raw();
    let mut sums = vec![0_u32; 3 * columns];
    for row in 0..rows {
        sums.fill(0);
        let lines = row * side..height.min((row + 1) * side);
        for line in lines.clone() {
            let pixels = &bytes[3 * width * line..3 * width * (line + 1)];
            for (sums, square) in sums
                .as_chunks_mut::<3>()
                .0
                .iter_mut()
                .zip(pixels.chunks(3 * side))
            {
                for pixel in square.as_chunks::<3>().0 {
                    for (sum, value) in sums.iter_mut().zip(pixel) {
                        *sum += u32::from(*value);
                    }
                }
            }
        }
        // A row of means ends before the lines it is made of do.
        let means = &mut bytes[3 * columns * row..3 * columns * (row + 1)];
        for (column, (means, sums)) in means
            .as_chunks_mut::<3>()
            .0
            .iter_mut()
            .zip(sums.as_chunks::<3>().0)
            .enumerate()
        {
            let count = (lines.len() * (width - column * side).min(side)) as u32;
            *means = sums.map(|sum| ((sum + count / 2) / count) as u8);
        }
    }
    bytes.truncate(3 * columns * rows);
    bytes.shrink_to_fit();
    RgbImage::from_raw(columns as u32, rows as u32, bytes).expect("three bytes a pixel")
}

/// A photograph upright, out of its pixels as the file has them.
pub fn upright(image: RgbImage, orientation: Orientation) -> RgbImage {
    let mut image = DynamicImage::ImageRgb8(image);
    image.apply_orientation(orientation);
    image.into_rgb8()
}

/// As [`upright`], the mask of transparent pixels.
pub fn upright_mask(mask: GrayImage, orientation: Orientation) -> Transparency {
    let mut mask = DynamicImage::ImageLuma8(mask);
    mask.apply_orientation(orientation);
    Transparency::new(mask.into_luma8())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn squares_become_their_means() {
        let image = RgbImage::from_fn(5, 3, |x, y| image::Rgb([(10 * x) as u8, (20 * y) as u8, 7]));
        let reduced = reduce(image.clone(), 2);
        assert_eq!(reduced.dimensions(), (3, 2));
        assert_eq!(reduced.get_pixel(0, 0).0, [5, 10, 7]);
        assert_eq!(reduced.get_pixel(1, 0).0, [25, 10, 7]);
        // Half a square, and a quarter.
        assert_eq!(reduced.get_pixel(2, 0).0, [40, 10, 7]);
        assert_eq!(reduced.get_pixel(2, 1).0, [40, 40, 7]);
        assert_eq!(reduce(image.clone(), 1), image);
        assert_eq!(reduce(image, 8).dimensions(), (1, 1));
    }
}
