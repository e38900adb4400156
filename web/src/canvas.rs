//! Numbers and segments as pixels of a canvas.

use image::RgbImage;
use pictures::{Transparency, at_full_size, paint_outlines, segment_colours};
use segmentation::LabelMap;

use crate::error::{Error, Result};

/// Pixels as a canvas takes them: red, green, blue, opacity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Canvas {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Four bytes a pixel, row-major.
    pub rgba: Vec<u8>,
}

/// How a segmentation is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Outlines on the photograph.
    Outlines,
    /// A colour a segment, the photograph shining through.
    Fill,
}

impl Style {
    /// By its name on the page.
    ///
    /// # Errors
    /// [`Error::Argument`].
    pub fn named(name: &str) -> Result<Self> {
        match name {
            "outlines" => Ok(Self::Outlines),
            "fill" => Ok(Self::Fill),
            other => Err(Error::Argument {
                name: "style",
                expected: "outlines or fill".to_owned(),
                found: other.to_owned(),
            }),
        }
    }
}

/// How much of a segment's colour covers the photograph.
const FILL_SHARE: f32 = 0.62;

/// The colours of likeness: from the least to the most, dark to light.
const HEAT: [(f32, [f32; 3]); 5] = [
    (0.0, [14.0, 10.0, 38.0]),
    (0.3, [84.0, 28.0, 110.0]),
    (0.6, [200.0, 62.0, 76.0]),
    (0.85, [250.0, 160.0, 62.0]),
    (1.0, [252.0, 250.0, 205.0]),
];

/// From below zero to above it, with paper between.
const SIGNED: [(f32, [f32; 3]); 5] = [
    (0.0, [12.0, 52.0, 110.0]),
    (0.25, [70.0, 140.0, 195.0]),
    (0.5, [246.0, 244.0, 238.0]),
    (0.75, [224.0, 130.0, 60.0]),
    (1.0, [120.0, 40.0, 10.0]),
];

impl Canvas {
    /// A photograph, opaque.
    pub fn of_photograph(image: &RgbImage) -> Self {
        let mut rgba = Vec::with_capacity(image.as_raw().len() / 3 * 4);
        for [red, green, blue] in image.as_raw().as_chunks().0 {
            rgba.extend_from_slice(&[*red, *green, *blue, 255]);
        }
        Self {
            width: image.width() as usize,
            height: image.height() as usize,
            rgba,
        }
    }

    /// Numbers as heat, `least` at its dark end and the largest at the other.
    pub fn of_heat(values: &[f64], width: usize, least: f64) -> Self {
        let largest = values.iter().copied().fold(least, f64::max);
        let range = (largest - least).max(f64::MIN_POSITIVE);
        Self::coloured(values, width, &HEAT, |value| (value - least) / range)
    }

    /// Numbers of either sign, the largest magnitude at one end.
    pub fn of_signed(values: &[f64], width: usize) -> Self {
        let largest = values
            .iter()
            .fold(f64::MIN_POSITIVE, |most, v| most.max(v.abs()));
        Self::coloured(values, width, &SIGNED, |value| 0.5 + 0.5 * value / largest)
    }

    fn coloured(
        values: &[f64],
        width: usize,
        anchors: &[(f32, [f32; 3])],
        place: impl Fn(f64) -> f64,
    ) -> Self {
        let rgba = values
            .iter()
            .flat_map(|value| {
                let [r, g, b] = between(anchors, place(*value) as f32);
                [r, g, b, 255]
            })
            .collect();
        Self {
            width,
            height: values.len() / width.max(1),
            rgba,
        }
    }

    /// A segmentation of `image`, found at its own size or a smaller one.
    ///
    /// # Errors
    /// Those of [`at_full_size`] and [`paint_outlines`].
    ///
    /// # Cost
    /// Of memory at most three copies of the picture.
    pub fn of_segments(image: &RgbImage, labels: &LabelMap, style: Style) -> Result<Self> {
        let full = |labels: &LabelMap| at_full_size(labels, image.dimensions());
        match style {
            Style::Outlines => {
                let painted = paint_outlines(image, &full(labels)?)?;
                Ok(Self::of_photograph(&painted))
            }
            Style::Fill => {
                let colours = segment_colours(labels);
                let (compacted, _) = labels.compacted();
                let labels = full(&compacted)?;
                let mut canvas = Self::of_photograph(image);
                for (pixel, id) in canvas.pixels_mut().zip(labels.ids()) {
                    for (value, colour) in pixel.iter_mut().zip(colours[*id as usize].0) {
                        let below = f32::from(*value);
                        *value = (below + FILL_SHARE * (f32::from(colour) - below)).round() as u8;
                    }
                }
                Ok(canvas)
            }
        }
    }

    /// The pixels of an object alone, all others transparent; `object` has the id 0 within, at the size of `image`.
    pub fn of_object(image: &RgbImage, object: &LabelMap) -> Self {
        let mut canvas = Self::of_photograph(image);
        for (pixel, id) in canvas.pixels_mut().zip(object.ids()) {
            if *id != 0 {
                *pixel = [0; 4];
            }
        }
        canvas
    }

    /// Leaves nothing of the pixels of a photograph that do not show: what is drawn is as transparent as it is.
    ///
    /// # Panics
    /// When `transparency` is smaller.
    pub fn clear(&mut self, transparency: &Transparency) {
        let width = self.width;
        for (place, pixel) in self.pixels_mut().enumerate() {
            if transparency.at((place % width) as u32, (place / width) as u32) {
                *pixel = [0; 4];
            }
        }
    }

    fn pixels_mut(&mut self) -> impl Iterator<Item = &mut [u8; 4]> {
        self.rgba.as_chunks_mut().0.iter_mut()
    }
}

/// The colour at a place from 0 to 1, straight between anchors.
fn between(anchors: &[(f32, [f32; 3])], place: f32) -> [u8; 3] {
    let place = place.clamp(0.0, 1.0);
    let above = anchors
        .iter()
        .position(|(at, _)| *at >= place)
        .unwrap_or(anchors.len() - 1);
    let (end, to) = anchors[above];
    let (begin, from) = anchors[above.saturating_sub(1)];
    let share = if end > begin {
        (place - begin) / (end - begin)
    } else {
        1.0
    };
    std::array::from_fn(|c| (from[c] + share * (to[c] - from[c])).round() as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn halves() -> (RgbImage, LabelMap) {
        let image = RgbImage::from_pixel(8, 2, image::Rgb([100; 3]));
        let ids = (0..16).map(|place| u32::from(place % 8 >= 4)).collect();
        (image, LabelMap::new(8, 2, ids).unwrap())
    }

    #[test]
    fn an_object_is_kept_and_nothing_else() {
        let (image, labels) = halves();
        let found = Canvas::of_object(&image, &labels);
        assert_eq!(found.rgba[..4], [100, 100, 100, 255]);
        assert_eq!(found.rgba[4 * 7..4 * 8], [0; 4]);
    }

    #[test]
    fn segments_differ_in_colour() {
        let (image, labels) = halves();
        let found = Canvas::of_segments(&image, &labels, Style::Fill).unwrap();
        assert_ne!(found.rgba[..3], found.rgba[4 * 7..4 * 7 + 3]);
        let lines = Canvas::of_segments(&image, &labels, Style::Outlines).unwrap();
        assert_eq!((lines.width, lines.height), (8, 2));
        assert!(lines.rgba.chunks(4).all(|pixel| pixel[3] == 255));
    }

    #[test]
    fn ends_of_the_scales() {
        let heat = Canvas::of_heat(&[1.0, 5.0, 3.0, 1.0], 2, 1.0);
        assert_eq!((heat.width, heat.height), (2, 2));
        assert_eq!(heat.rgba[..3], [14, 10, 38]);
        assert_eq!(heat.rgba[4..7], [252, 250, 205]);
        let signed = Canvas::of_signed(&[-2.0, 0.0, 2.0], 3);
        assert_eq!(signed.rgba[4..7], [246, 244, 238]);
        // Nothing at all is drawn as nothing.
        assert_eq!(Canvas::of_heat(&[0.0], 1, 0.0).rgba[..3], [14, 10, 38]);
        assert_eq!(Canvas::of_signed(&[0.0], 1).rgba[..3], [246, 244, 238]);
    }
}
