//! A region cut out of its photograph, with its mask in the same square.

use image::imageops::{self, FilterType};
use image::{GrayImage, Luma, Rgb, RgbImage};

use super::view::View;
use crate::dataset::Mask;
use crate::error::Size;

/// Where in the square the photograph lies; the rest is padding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Columns of padding at the left.
    pub x: u32,
    /// Rows of padding above.
    pub y: u32,
    /// Columns of photograph.
    pub width: u32,
    /// Rows of photograph.
    pub height: u32,
}

/// The input of a network for a region.
#[derive(Clone, Debug, PartialEq)]
pub struct RegionCrop {
    /// side × side pixels.
    pub image: RgbImage,
    /// The free-form region on them, row by row, at least one pixel.
    pub mask: Vec<bool>,
    /// Where the photograph lies in the square.
    pub frame: Frame,
}

/// The crop along one axis: pixels of the photograph, and the columns or rows of the square that they fill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct AxisCrop {
    from: u32,
    count: u32,
    to: u32,
    filled: u32,
}

impl AxisCrop {
    /// The part of `[start, start + length]` that lies on the photograph, at least one pixel of it.
    fn new(start: f64, length: f64, pixels: u32, side: u32, scale: f64) -> Self {
        let (begin, end) = cover(start, start + length, pixels);
        let margin = (f64::from(side) - length * scale) / 2.0;
        let place = |pixel: u32| (f64::from(pixel) - start) * scale + margin;
        let (to, last) = cover(place(begin), place(end), side);
        Self {
            from: begin,
            count: end - begin,
            to,
            filled: last - to,
        }
    }

    /// The column or row of the square nearest to a pixel of the photograph.
    fn nearest(&self, pixel: u32) -> u32 {
        let middle = f64::from(pixel) + 0.5 - f64::from(self.from);
        let place = middle * f64::from(self.filled) / f64::from(self.count);
        // A negative number becomes 0.
        self.to + (place as u32).min(self.filled - 1)
    }
}

/// `[start, end]` in whole pixels of `0..pixels`, never empty.
fn cover(start: f64, end: f64, pixels: u32) -> (u32, u32) {
    // Casts saturate: positions outside go to the border.
    let begin = (start.round() as u32).min(pixels - 1);
    (begin, (end.round() as u32).clamp(begin + 1, pixels))
}

/// The window around the box, scaled so that its larger side fills the square, on `padding`.
pub(super) fn cut(
    photograph: &RgbImage,
    mask: &Mask,
    bbox: [f64; 4],
    context: f64,
    view: &View,
    side: u32,
    padding: [u8; 3],
) -> RegionCrop {
    let [left, top, width, height] = bbox;
    let margin = (context - 1.0) * width.max(height);
    let window_width = ((width + margin) / view.zoom).max(1.0);
    let window_height = ((height + margin) / view.zoom).max(1.0);
    let window_left = left + (0.5 + view.shift[0]) * width - window_width / 2.0;
    let window_top = top + (0.5 + view.shift[1]) * height - window_height / 2.0;
    let scale = f64::from(side) / window_width.max(window_height);

    let (pixels, rows) = photograph.dimensions();
    let across = AxisCrop::new(window_left, window_width, pixels, side, scale);
    let down = AxisCrop::new(window_top, window_height, rows, side, scale);

    let seen =
        imageops::crop_imm(photograph, across.from, down.from, across.count, down.count).to_image();
    let seen = imageops::resize(&seen, across.filled, down.filled, FilterType::Triangle);
    let mut square = RgbImage::from_pixel(side, side, Rgb(padding));
    imageops::replace(&mut square, &seen, across.to.into(), down.to.into());

    let mut bits = region(mask, &across, &down, side);
    let mut frame = Frame {
        x: across.to,
        y: down.to,
        width: across.filled,
        height: down.filled,
    };
    if view.flipped {
        imageops::flip_horizontal_in_place(&mut square);
        bits.chunks_exact_mut(side as usize)
            .for_each(<[bool]>::reverse);
        frame.x = side - frame.x - frame.width;
    }
    RegionCrop {
        image: square,
        mask: bits,
        frame,
    }
}

/// The mask by the filter of the picture: in where at least half of the filter's weight is in.
fn region(mask: &Mask, across: &AxisCrop, down: &AxisCrop, side: u32) -> Vec<bool> {
    let seen = GrayImage::from_fn(across.count, down.count, |x, y| {
        Luma([255 * u8::from(mask.contains(across.from + x, down.from + y))])
    });
    let seen = imageops::resize(&seen, across.filled, down.filled, FilterType::Triangle);
    let mut bits = vec![false; side as usize * side as usize];
    let at = |x: u32, y: u32| y as usize * side as usize + x as usize;
    let (mut area, mut brightest) = (0, (0, 0, 0));
    for (x, y, Luma([share])) in seen.enumerate_pixels() {
        let inside = *share >= 128;
        bits[at(across.to + x, down.to + y)] = inside;
        area += usize::from(inside);
        if *share > brightest.0 {
            brightest = (*share, across.to + x, down.to + y);
        }
    }
    // A region too thin for the square, or shifted out of it, keeps one pixel.
    if area == 0 {
        if brightest.0 > 0 {
            bits[at(brightest.1, brightest.2)] = true;
        } else if let Some((x, y)) = nearest_pixel(mask, across, down) {
            bits[at(across.nearest(x), down.nearest(y))] = true;
        }
    }
    bits
}

/// The region's pixel nearest to the middle of the crop.
fn nearest_pixel(mask: &Mask, across: &AxisCrop, down: &AxisCrop) -> Option<(u32, u32)> {
    let Size { width, .. } = mask.size();
    let middle = |crop: &AxisCrop| 2 * i64::from(crop.from) + i64::from(crop.count);
    let (middle_x, middle_y) = (middle(across), middle(down));
    let inside = mask.bits().iter().enumerate().filter(|(_, bit)| **bit);
    inside
        .map(|(index, _)| {
            let index = index as u64;
            let width = u64::from(width);
            ((index % width) as u32, (index / width) as u32)
        })
        .min_by_key(|(x, y)| {
            let dx = 2 * i64::from(*x) + 1 - middle_x;
            let dy = 2 * i64::from(*y) + 1 - middle_y;
            dx * dx + dy * dy
        })
}

#[cfg(test)]
mod tests {
    use hotcoco::mask;

    use super::*;

    const PADDING: [u8; 3] = [1, 2, 3];

    /// A photograph that is white where the mask is, black elsewhere.
    fn rectangle(width: u32, height: u32, bbox: [f64; 4]) -> (RgbImage, Mask) {
        let mask = Mask::from_runs(&mask::fr_bbox(&bbox, height, width).unwrap());
        let photograph = RgbImage::from_fn(width, height, |x, y| {
            Rgb([255 * u8::from(mask.contains(x, y)); 3])
        });
        (photograph, mask)
    }

    fn seen(width: u32, height: u32, bbox: [f64; 4], context: f64, view: View) -> RegionCrop {
        let (photograph, mask) = rectangle(width, height, bbox);
        cut(&photograph, &mask, bbox, context, &view, 8, PADDING)
    }

    /// Rows of `#` inside, `.` photograph, blank padding.
    fn picture(crop: &RegionCrop) -> Vec<String> {
        let side = crop.image.width() as usize;
        let pixels: Vec<_> = crop.image.pixels().collect();
        let letter = |at: usize| match (crop.mask[at], pixels[at].0 == PADDING) {
            (true, true) => 'X',
            (true, false) => '#',
            (false, false) => '.',
            (false, true) => ' ',
        };
        (0..side)
            .map(|y| (0..side).map(|x| letter(y * side + x)).collect())
            .collect()
    }

    #[test]
    fn a_box_with_its_margin_by_hand() {
        // 4 × 2 pixels and 4 more each way for context: the window is 8 × 6, a row of padding above and below.
        let crop = seen(20, 20, [6.0, 8.0, 4.0, 2.0], 2.0, View::plain());
        let frame = Frame {
            x: 0,
            y: 1,
            width: 8,
            height: 6,
        };
        assert_eq!(crop.frame, frame);
        let expected = [
            "        ", "........", "........", "..####..", "..####..", "........", "........",
            "        ",
        ];
        assert_eq!(picture(&crop), expected);
    }

    #[test]
    fn outside_the_photograph_is_padding() {
        // A window of 4 × 4 about a box of 2 × 2 in the corner: one pixel of margin, half of it outside.
        let crop = seen(20, 20, [0.0, 0.0, 2.0, 2.0], 2.0, View::plain());
        let frame = Frame {
            x: 2,
            y: 2,
            width: 6,
            height: 6,
        };
        assert_eq!(crop.frame, frame);
        let expected = [
            "        ", "        ", "  ####..", "  ####..", "  ####..", "  ####..", "  ......",
            "  ......",
        ];
        assert_eq!(picture(&crop), expected);
    }

    #[test]
    fn shift_zoom_and_flip_go_their_way() {
        let bbox = [8.0, 8.0, 4.0, 4.0];
        let plain = View::plain();
        let right = View {
            shift: [0.5, 0.0],
            ..plain
        };
        let crop = seen(20, 20, bbox, 1.0, right);
        assert_eq!(picture(&crop), ["####...."; 8]);
        let mirrored = seen(
            20,
            20,
            bbox,
            1.0,
            View {
                flipped: true,
                ..right
            },
        );
        assert_eq!(picture(&mirrored), ["....####"; 8]);
        let down = View {
            shift: [0.0, 0.5],
            ..plain
        };
        assert_eq!(
            picture(&seen(20, 20, bbox, 1.0, down))[3..5],
            ["########", "........"]
        );
        let far = View { zoom: 0.5, ..plain };
        let crop = seen(20, 20, bbox, 1.0, far);
        assert_eq!(picture(&crop)[1..3], ["........", "..####.."]);
        let near = View { zoom: 2.0, ..plain };
        assert_eq!(picture(&seen(20, 20, bbox, 1.0, near)), ["########"; 8]);
        // The frame is mirrored too.
        let corner = seen(
            20,
            20,
            [0.0, 0.0, 2.0, 2.0],
            2.0,
            View {
                flipped: true,
                ..plain
            },
        );
        assert_eq!((corner.frame.x, corner.frame.y), (0, 2));
        assert_eq!(picture(&corner)[2], "..####  ");
    }

    #[test]
    fn picture_and_mask_agree_wherever_the_window_lies() {
        for seed in 0..200 {
            let k = f64::from(seed);
            let bbox = [k % 17.0, k % 13.0, 3.0 + k % 29.0, 3.0 + k % 23.0];
            let (photograph, mask) = rectangle(61, 47, bbox);
            let view = View::jittered(seed as u64);
            let crop = cut(&photograph, &mask, bbox, 1.2, &view, 32, PADDING);
            assert!(crop.mask.contains(&true));
            let Frame {
                x,
                y,
                width,
                height,
            } = crop.frame;
            assert!(x + width <= 32 && y + height <= 32);
            for (at, (px, py, pixel)) in crop.image.enumerate_pixels().enumerate() {
                let within = (x..x + width).contains(&px) && (y..y + height).contains(&py);
                assert_eq!(pixel.0 == PADDING, !within, "seed {seed}: {px} {py}");
                assert_eq!(crop.mask[at], within && pixel.0[0] >= 128);
            }
        }
    }

    #[test]
    fn a_region_that_would_vanish_keeps_its_nearest_pixel() {
        // One pixel of 400 × 400.
        let mut runs = vec![200 * 400 + 100, 1];
        runs.push(400 * 400 - runs[0] - 1);
        let mask = Mask::from_runs(&hotcoco::Rle {
            h: 400,
            w: 400,
            counts: runs,
        });
        let photograph = RgbImage::new(400, 400);
        let whole = [0.0, 0.0, 400.0, 400.0];
        let crop = cut(&photograph, &mask, whole, 1.0, &View::plain(), 8, PADDING);
        let only = |crop: &RegionCrop| {
            let inside: Vec<_> = (0..64).filter(|at| crop.mask[*at]).collect();
            assert_eq!(inside.len(), 1);
            (inside[0] % 8, inside[0] / 8)
        };
        assert_eq!(only(&crop), (4, 2));
        // A window beside the region: the border that is nearest.
        let beside = [300.0, 40.0, 80.0, 80.0];
        let crop = cut(&photograph, &mask, beside, 1.0, &View::plain(), 8, PADDING);
        assert_eq!(only(&crop), (0, 6));
        // A window beside the photograph still shows a pixel.
        let nowhere = [1e9, -1e9, 1e9, 0.0];
        let crop = cut(&photograph, &mask, nowhere, 1.2, &View::plain(), 8, PADDING);
        assert_eq!((crop.frame.width, crop.frame.height), (1, 1));
        only(&crop);
    }
}
