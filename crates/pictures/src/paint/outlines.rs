//! Outlines of segments on their photograph.

use image::RgbImage;
use rayon::prelude::*;
use segmentation::LabelMap;

use crate::error::{Error, Result};

/// The line itself.
const LINE: [f32; 3] = [255.0, 250.0, 225.0];
/// The colour around a line, so that it shows on a white wall too.
const CASING: [f32; 3] = [12.0, 12.0, 24.0];
/// How much of the casing covers the photograph.
const CASING_SHARE: f32 = 0.72;

/// The photograph with the outlines of its segments: a light line in a dark casing.
///
/// The line is 2 pixels wide (a pixel on either side of the border), and wider in proportion on
/// photographs of more than 1,500 pixels a side.
///
/// # Errors
/// [`Error::SizeMismatch`].
///
/// # Example
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let labels = segmentation::LabelMap::new(8, 1, vec![0, 0, 0, 0, 1, 1, 1, 1])?;
/// let grey = image::RgbImage::from_pixel(8, 1, image::Rgb([90; 3]));
/// let picture = pictures::paint_outlines(&grey, &labels)?;
/// assert_eq!(picture.get_pixel(0, 0).0, [90; 3]);
/// assert!(picture.get_pixel(3, 0).0[0] > 200);
/// # Ok(())
/// # }
/// ```
pub fn paint_outlines(image: &RgbImage, labels: &LabelMap) -> Result<RgbImage> {
    let size = (image.width() as usize, image.height() as usize);
    let found = (labels.width(), labels.height());
    if size != found {
        return Err(Error::SizeMismatch {
            expected: size,
            found,
        });
    }
    // What a strip needs beside its own rows is little.
    Ok(painted(image, labels, (1 << 20) / size.0 + 1))
}

/// Paints strips of so many rows side by side. Nothing of a line reaches farther than its width.
fn painted(image: &RgbImage, labels: &LabelMap, rows: usize) -> RgbImage {
    let (width, height) = (labels.width(), labels.height());
    let wider = width.max(height) / 1500;
    let reach = wider + wider / 2 + 3;
    let mut picture = image.clone();
    let strips = picture.par_chunks_mut(3 * width * rows);
    strips.enumerate().for_each(|(strip, pixels)| {
        let begin = strip * rows;
        let first = begin.saturating_sub(reach);
        let end = (begin + pixels.len() / (3 * width) + reach).min(height);
        let mut line = Cover::of_borders(width, &labels.ids()[first * width..end * width]);
        line.widen(wider);
        let mut casing = line.clone();
        casing.widen(1 + wider / 2);
        line.soften();
        casing.soften();
        let before = (begin - first) * width;
        for (place, pixel) in pixels.as_chunks_mut::<3>().0.iter_mut().enumerate() {
            let place = before + place;
            let (line, casing) = (line.share(place), CASING_SHARE * casing.share(place));
            if casing > 0.0 {
                *pixel = std::array::from_fn(|c| {
                    let below = f32::from(pixel[c]);
                    let cased = below + casing * (CASING[c] - below);
                    (cased + line * (LINE[c] - cased)).round() as u8
                });
            }
        }
    });
    picture
}

/// How much of every pixel something covers, 255 for all of it.
#[derive(Clone, Debug)]
struct Cover {
    width: usize,
    values: Vec<u8>,
}

impl Cover {
    /// Pixels that share an edge with another segment.
    fn of_borders(width: usize, ids: &[u32]) -> Self {
        let mut values = vec![0; ids.len()];
        let mut rows = values.chunks_exact_mut(width).zip(ids.chunks_exact(width));
        let mut above: Option<(&mut [u8], &[u32])> = None;
        for (row, ids) in rows.by_ref() {
            for x in 1..width {
                let differs = if ids[x - 1] == ids[x] { 0 } else { 255 };
                row[x - 1] |= differs;
                row[x] |= differs;
            }
            if let Some((above, ids_above)) = above {
                for (((here, there), id), other) in
                    row.iter_mut().zip(above).zip(ids).zip(ids_above)
                {
                    let differs = if id == other { 0 } else { 255 };
                    *here |= differs;
                    *there |= differs;
                }
            }
            above = Some((row, ids));
        }
        Self { width, values }
    }

    /// Covers everything within so many pixels, across or along.
    fn widen(&mut self, pixels: usize) {
        for _ in 0..pixels {
            self.by_threes(|a, b, c| a.max(b).max(c));
        }
    }

    /// Rounds stairs off: (1 2 1) / 4 along rows and columns, where full pixels stay full.
    fn soften(&mut self) {
        let full = self.values.clone();
        self.by_threes(|a, b, c| ((u16::from(a) + 2 * u16::from(b) + u16::from(c)) / 4) as u8);
        for (value, full) in self.values.iter_mut().zip(full) {
            // Pixels beside a line keep a tenth or so; pixels inside keep most.
            *value = if full > 0 {
                value.saturating_add(110)
            } else {
                *value / 2
            };
        }
    }

    /// A rule of three neighbours, along rows and then along columns; 0 beyond the picture. Whole rows at a time: the compiler
    /// makes wide instructions of them.
    fn by_threes(&mut self, rule: impl Fn(u8, u8, u8) -> u8) {
        let (width, nothing) = (self.width, vec![0; self.width]);
        let mut padded = vec![0; width + 2];
        for row in self.values.chunks_exact_mut(width) {
            padded[1..=width].copy_from_slice(row);
            let (before, after) = (&padded[..width], &padded[2..]);
            for (((value, a), b), c) in row.iter_mut().zip(before).zip(&padded[1..]).zip(after) {
                *value = rule(*a, *b, *c);
            }
        }
        let mut above = nothing.clone();
        let mut here = nothing.clone();
        let mut rows = self.values.chunks_exact_mut(width).peekable();
        while let Some(row) = rows.next() {
            here.copy_from_slice(row);
            let below = rows.peek().map_or(&nothing[..], |below| below);
            for (((value, a), b), c) in row.iter_mut().zip(&above).zip(&here).zip(below) {
                *value = rule(*a, *b, *c);
            }
            std::mem::swap(&mut above, &mut here);
        }
    }

    fn share(&self, place: usize) -> f32 {
        f32::from(self.values[place]) / 255.0
    }
}

#[cfg(test)]
mod tests {
    use image::Rgb;

    use super::*;

    fn halves(width: usize, height: usize) -> LabelMap {
        let ids = (0..width * height)
            .map(|place| u32::from(place % width >= width / 2))
            .collect();
        LabelMap::new(width, height, ids).unwrap()
    }

    fn plain(width: u32, height: u32, grey: u8) -> RgbImage {
        RgbImage::from_pixel(width, height, Rgb([grey; 3]))
    }

    #[test]
    fn the_line_shows_on_black_and_on_white() {
        for grey in [0, 128, 255] {
            let picture = paint_outlines(&plain(20, 5, grey), &halves(20, 5)).unwrap();
            let row: Vec<u8> = (0..20).map(|x| picture.get_pixel(x, 2).0[0]).collect();
            // Two light pixels, a dark one on either side, the photograph beyond.
            assert!(row[9] > 200 && row[10] > 200, "{row:?}");
            assert!(row[9] - row[8] > 100 && row[10] - row[11] > 100, "{row:?}");
            assert!(
                row[..6]
                    .iter()
                    .chain(&row[14..])
                    .all(|value| *value == grey),
                "{row:?}"
            );
        }
    }

    #[test]
    fn strips_join_without_a_seam() {
        // Borders in every direction, lines of the usual width and of three times that.
        for (width, height) in [(40, 60), (60, 3100)] {
            let ids = (0..width * height).map(|place| {
                let (x, y) = (place % width, place / width);
                (x * x + 3 * y) as u32 / 211
            });
            let labels = LabelMap::new(width, height, ids.collect()).unwrap();
            let image = plain(width as u32, height as u32, 70);
            let whole = painted(&image, &labels, height);
            for rows in [1, 7, 20] {
                assert!(painted(&image, &labels, rows) == whole, "{rows} rows");
            }
        }
    }

    #[test]
    fn one_segment_has_no_outline() {
        let image = plain(7, 3, 40);
        let labels = LabelMap::new(7, 3, vec![5; 21]).unwrap();
        assert_eq!(paint_outlines(&image, &labels).unwrap(), image);
        let pixel = LabelMap::new(1, 1, vec![5]).unwrap();
        assert_eq!(
            paint_outlines(&plain(1, 1, 9), &pixel).unwrap(),
            plain(1, 1, 9)
        );
    }

    #[test]
    fn lines_are_wider_on_large_photographs() {
        let light = |width: usize| {
            let picture = paint_outlines(&plain(width as u32, 2, 0), &halves(width, 2)).unwrap();
            picture
                .rows()
                .next()
                .unwrap()
                .filter(|pixel| pixel.0[0] > 150)
                .count()
        };
        assert_eq!((light(400), light(4500)), (2, 8));
    }

    #[test]
    fn refuses_another_size() {
        assert!(matches!(
            paint_outlines(&plain(4, 4, 0), &halves(4, 3)),
            Err(Error::SizeMismatch {
                expected: (4, 4),
                found: (4, 3)
            })
        ));
    }
}
