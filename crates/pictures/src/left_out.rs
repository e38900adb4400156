//! Masks of pixels to leave out of a photograph.

use std::collections::VecDeque;
use std::path::Path;

use image::RgbImage;
use segmentation::PixelMask;

use crate::error::{Error, Result};
use crate::picture_file::PictureFile;

/// The mask in a picture: white pixels are kept, black ones left out.
///
/// # Conventions
/// A pixel is kept where its grey level times its opacity is at least half of white.
///
/// # Errors
/// Those of [`PictureFile`]; [`Error::Mask`] where no pixel is kept.
pub fn read_mask(path: &Path) -> Result<PixelMask> {
    let picture = PictureFile::open(path)?.decode()?.into_luma_alpha16();
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let level = |[grey, opacity]: [u16; 2]| u32::from(grey) * u32::from(opacity) / 65_535;
    let levels: Vec<u32> = picture.pixels().map(|pixel| level(pixel.0)).collect();
    let kept = levels.iter().map(|level| *level >= 32_768).collect();
    PixelMask::new(width, height, kept).map_err(|error| match error {
        segmentation::Error::NothingKept { .. } => {
            let brightest = levels.into_iter().max().unwrap_or(0);
            Error::Mask {
                origin: path.display().to_string(),
                percent: 100.0 * f64::from(brightest) / 65_535.0,
            }
        }
        other => other.into(),
    })
}

/// Gives every pixel that a mask leaves out the colour of a nearest kept one: what it showed is gone, and no edge lies
/// along the mask.
///
/// # Conventions
/// Distances are steps across or down. Of pixels as near, the first in the order of rows is taken.
///
/// # Errors
/// [`Error::SizeMismatch`].
///
/// # Example
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut image = image::RgbImage::from_raw(3, 1, vec![10, 10, 10, 99, 0, 99, 20, 20, 20]).unwrap();
/// let mask = segmentation::PixelMask::new(3, 1, vec![true, false, true])?;
/// pictures::fill_left_out(&mut image, &mask)?;
/// assert_eq!(image.get_pixel(1, 0).0, [10; 3]);
/// # Ok(())
/// # }
/// ```
pub fn fill_left_out(image: &mut RgbImage, mask: &PixelMask) -> Result<()> {
    let (width, height) = (image.width() as usize, image.height() as usize);
    if (width, height) != (mask.width(), mask.height()) {
        return Err(Error::SizeMismatch {
            expected: (width, height),
            found: (mask.width(), mask.height()),
        });
    }
    let mut reached = mask.kept().to_vec();
    let around = |place: usize| {
        let x = place % width;
        [
            (x > 0).then(|| place - 1),
            (x + 1 < width).then(|| place + 1),
            place.checked_sub(width),
            Some(place + width).filter(|below| *below < width * height),
        ]
        .into_iter()
        .flatten()
    };
    let mut queue: VecDeque<usize> = (0..reached.len())
        .filter(|place| reached[*place] && around(*place).any(|beside| !reached[beside]))
        .collect();
    let bytes: &mut [u8] = image;
    while let Some(place) = queue.pop_front() {
        for beside in around(place) {
            if !reached[beside] {
                reached[beside] = true;
                bytes.copy_within(3 * place..3 * place + 3, 3 * beside);
                queue.push_back(beside);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{GrayImage, Luma, LumaA, Rgb};

    #[test]
    fn white_is_kept_black_and_transparent_are_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mask.png");
        let grey = GrayImage::from_raw(4, 1, vec![255, 128, 127, 0]).unwrap();
        grey.save(&path).unwrap();
        assert_eq!(read_mask(&path).unwrap().kept(), [true, true, false, false]);
        let picture =
            image::GrayAlphaImage::from_fn(2, 1, |x, _| LumaA([255, if x == 0 { 255 } else { 0 }]));
        picture.save(&path).unwrap();
        assert_eq!(read_mask(&path).unwrap().kept(), [true, false]);
    }

    #[test]
    fn a_mask_of_zeros_and_ones_is_refused_with_its_brightest_level() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mask.png");
        GrayImage::from_pixel(3, 2, Luma([1])).save(&path).unwrap();
        let refused = read_mask(&path).unwrap_err().to_string();
        for part in ["mask.png", "white", "0.4 %"] {
            assert!(refused.contains(part), "{part}: {refused}");
        }
    }

    #[test]
    fn what_was_left_out_is_gone() {
        let kept: Vec<bool> = (0..20).map(|place| place % 5 != 2 && place != 3).collect();
        let mask = PixelMask::new(5, 4, kept.clone()).unwrap();
        let filled = |hidden: u8| {
            let mut image = RgbImage::from_fn(5, 4, |x, y| {
                let place = (5 * y + x) as usize;
                Rgb(if kept[place] {
                    [place as u8; 3]
                } else {
                    [hidden; 3]
                })
            });
            fill_left_out(&mut image, &mask).unwrap();
            image
        };
        assert_eq!(filled(77), filled(200));
        // The second row: its own neighbours at the left come first.
        assert_eq!(filled(77).get_pixel(2, 1).0, [6; 3]);
        let small = PixelMask::new(2, 1, vec![true; 2]).unwrap();
        assert!(fill_left_out(&mut RgbImage::new(5, 4), &small).is_err());
    }
}
