//! From the samples of a file to what a viewer shows: sRGB, composited, eight bits.

use image::{DynamicImage, RgbImage};

use crate::colour_profile::{Ink, Profile, ToSrgb, Transform};
use crate::notes::Note;
use crate::sample_range::{significant_bits, stretch};

/// What a file says of its samples.
#[derive(Default)]
pub struct Meaning {
    pub profile: Option<Profile>,
    pub significant_bits: Option<u32>,
    /// Colours are stored times opacity.
    pub premultiplied: bool,
    /// The fourth channel is no opacity.
    pub alpha_is_none: bool,
}

/// Pixels as a viewer shows them, and where nothing shows.
pub struct Shown {
    pub pixels: RgbImage,
    /// A byte a pixel, 1 where it is transparent; none where no pixel is.
    pub transparent: Option<Vec<u8>>,
}

/// A picture as a viewer shows it.
///
/// ```text
/// samples → scaled from the bits they fill → sRGB by the profile → c · α + white · (1 − α) → eight bits
/// ```
///
/// # Conventions
/// White is the ground of paper and pages, and the one on which most pictures with transparent parts are made to be seen.
/// Composited in sRGB's own numbers, as browsers do. A pixel of opacity below 1/32 is transparent: on white it differs
/// from white by less than 8 of 255 levels, whatever its colour.
pub fn show(image: DynamicImage, meaning: &Meaning, notes: &mut Vec<Note>) -> Shown {
    let size = (image.width(), image.height());
    let (ink, alpha) = match image.color() {
        image::ColorType::L8 | image::ColorType::L16 => (Ink::Grey, false),
        image::ColorType::La8 | image::ColorType::La16 => (Ink::Grey, true),
        colour => (Ink::Rgb, colour.has_alpha()),
    };
    let to_srgb = transform(meaning, ink, notes);
    let layout = Layout {
        colours: if ink == Ink::Grey { 1 } else { 3 },
        alpha,
        ground: !meaning.alpha_is_none,
        premultiplied: meaning.premultiplied,
    };
    let width = size.0 as usize;
    let (pixels, transparent) = match image {
        DynamicImage::ImageRgb8(image) => match &to_srgb {
            None => (image.into_raw(), None),
            Some(to_srgb) => (in_place(image.into_raw(), width, &to_srgb.of_bytes), None),
        },
        DynamicImage::ImageLuma8(image) => rows(image.into_raw(), width, layout, to_srgb.as_ref()),
        DynamicImage::ImageLumaA8(image) => rows(image.into_raw(), width, layout, to_srgb.as_ref()),
        DynamicImage::ImageRgba8(image) => rows(image.into_raw(), width, layout, to_srgb.as_ref()),
        DynamicImage::ImageLuma16(image) => words(
            image.into_raw(),
            width,
            layout,
            meaning,
            to_srgb.as_ref(),
            notes,
        ),
        DynamicImage::ImageLumaA16(image) => words(
            image.into_raw(),
            width,
            layout,
            meaning,
            to_srgb.as_ref(),
            notes,
        ),
        DynamicImage::ImageRgb16(image) => words(
            image.into_raw(),
            width,
            layout,
            meaning,
            to_srgb.as_ref(),
            notes,
        ),
        DynamicImage::ImageRgba16(image) => words(
            image.into_raw(),
            width,
            layout,
            meaning,
            to_srgb.as_ref(),
            notes,
        ),
        // Floating point, from 0 to 1.
        other if alpha => rows(
            other.into_rgba16().into_raw(),
            width,
            layout,
            to_srgb.as_ref(),
        ),
        other => rows(
            other.into_rgb16().into_raw(),
            width,
            layout,
            to_srgb.as_ref(),
        ),
    };
    Shown {
        pixels: picture(size, pixels),
        transparent,
    }
}

/// Inks as a viewer shows them: cyan, magenta, yellow and black, 255 for all of it.
pub fn show_inks(inks: &[u8], size: (u32, u32), to_srgb: &ToSrgb) -> RgbImage {
    let width = size.0 as usize;
    let mut pixels = vec![0; inks.len() / 4 * 3];
    let rows = pixels.chunks_exact_mut(3 * width);
    for (from, to) in inks.chunks_exact(4 * width).zip(rows) {
        apply(&to_srgb.of_bytes, from, to);
    }
    picture(size, pixels)
}

fn picture((width, height): (u32, u32), pixels: Vec<u8>) -> RgbImage {
    RgbImage::from_raw(width, height, pixels).expect("three bytes a pixel")
}

/// The transform of the picture's profile; a profile that cannot be used is noted.
fn transform(meaning: &Meaning, ink: Ink, notes: &mut Vec<Note>) -> Option<ToSrgb> {
    match meaning.profile.as_ref()?.to_srgb(ink) {
        Ok(found) => found,
        Err(reason) => {
            notes.push(Note::ProfileIgnored { reason });
            None
        }
    }
}

/// What each pixel is made of.
#[derive(Clone, Copy)]
struct Layout {
    colours: usize,
    alpha: bool,
    /// Whether the ground shines through.
    ground: bool,
    premultiplied: bool,
}

/// Samples of a depth.
trait Sample: Copy + Default + Into<u64> + PartialEq {
    const MOST: u64;
    fn of(value: u64) -> Self;
    fn byte(self) -> u8;
    fn transform(to_srgb: &ToSrgb) -> Option<&Transform<Self>>;
}

impl Sample for u8 {
    const MOST: u64 = 255;
    fn of(value: u64) -> Self {
        value as Self
    }
    fn byte(self) -> u8 {
        self
    }
    fn transform(to_srgb: &ToSrgb) -> Option<&Transform<Self>> {
        Some(&to_srgb.of_bytes)
    }
}

impl Sample for u16 {
    const MOST: u64 = 65_535;
    fn of(value: u64) -> Self {
        value as Self
    }
    fn byte(self) -> u8 {
        ((u32::from(self) + 128) / 257) as u8
    }
    fn transform(to_srgb: &ToSrgb) -> Option<&Transform<Self>> {
        to_srgb.of_words.as_ref()
    }
}

/// Samples of 16 bits, scaled from the bits that they fill.
fn words(
    mut samples: Vec<u16>,
    width: usize,
    layout: Layout,
    meaning: &Meaning,
    to_srgb: Option<&ToSrgb>,
    notes: &mut Vec<Note>,
) -> (Vec<u8>, Option<Vec<u8>>) {
    let channels = layout.colours + usize::from(layout.alpha);
    let colours = samples
        .chunks_exact(channels)
        .flat_map(|pixel| &pixel[..layout.colours]);
    let largest = colours.copied().max().unwrap_or(0);
    if let Some(bits) = significant_bits(largest, meaning.significant_bits) {
        let alphas = samples
            .chunks_exact(channels)
            .filter_map(|pixel| pixel.get(layout.colours));
        let opaque = alphas.copied().max().unwrap_or(0);
        if u32::from(opaque) < 1 << bits {
            stretch(&mut samples, bits);
        } else {
            // An opacity of all 16 bits beside colours of fewer.
            for pixel in samples.chunks_exact_mut(channels) {
                stretch(&mut pixel[..layout.colours], bits);
            }
        }
        notes.push(Note::Stretched { bits });
    }
    rows(samples, width, layout, to_srgb)
}

/// Row after row to sRGB, and onto the ground.
fn rows<T: Sample>(
    samples: Vec<T>,
    width: usize,
    layout: Layout,
    to_srgb: Option<&ToSrgb>,
) -> (Vec<u8>, Option<Vec<u8>>) {
    let channels = layout.colours + usize::from(layout.alpha);
    let count = samples.len() / channels;
    let to_srgb = to_srgb.and_then(|to_srgb| Some((T::transform(to_srgb)?, to_srgb.channels)));
    let wanted = to_srgb.map_or(3, |(_, wanted)| wanted);
    let mut pixels = Vec::with_capacity(3 * count);
    let mut transparent: Option<Vec<u8>> = None;
    let mut colours = vec![T::default(); wanted * width];
    let mut shown = vec![T::default(); 3 * width];
    for (number, row) in samples.chunks_exact(channels * width).enumerate() {
        for (pixel, colour) in row
            .chunks_exact(channels)
            .zip(colours.chunks_exact_mut(wanted))
        {
            for (c, colour) in colour.iter_mut().enumerate() {
                *colour = pixel[c.min(layout.colours - 1)];
                if layout.premultiplied && layout.alpha {
                    *colour = divided(*colour, pixel[layout.colours]);
                }
            }
        }
        match to_srgb {
            Some((transform, _)) => apply(transform, &colours, &mut shown),
            None => shown.copy_from_slice(&colours),
        }
        if !layout.alpha || !layout.ground {
            pixels.extend(shown.iter().map(|sample| sample.byte()));
            continue;
        }
        for (x, (colour, pixel)) in shown
            .as_chunks::<3>()
            .0
            .iter()
            .zip(row.chunks_exact(channels))
            .enumerate()
        {
            let alpha = pixel[layout.colours];
            pixels.extend(colour.map(|sample| on_white(sample, alpha).byte()));
            if 32 * alpha.into() < T::MOST {
                let transparent = transparent.get_or_insert_with(|| vec![0; count]);
                transparent[number * width + x] = 1;
            }
        }
    }
    (pixels, transparent)
}

/// A colour before it was multiplied by its opacity.
fn divided<T: Sample>(colour: T, alpha: T) -> T {
    match alpha.into() {
        0 => T::default(),
        alpha => T::of(((colour.into() * T::MOST + alpha / 2) / alpha).min(T::MOST)),
    }
}

fn on_white<T: Sample>(colour: T, alpha: T) -> T {
    let (colour, alpha) = (colour.into(), alpha.into());
    T::of((colour * alpha + T::MOST * (T::MOST - alpha) + T::MOST / 2) / T::MOST)
}

/// Bytes of colour, each row transformed where it lies.
fn in_place(mut pixels: Vec<u8>, width: usize, transform: &Transform<u8>) -> Vec<u8> {
    let mut row = vec![0; 3 * width];
    for pixels in pixels.chunks_exact_mut(3 * width) {
        row.copy_from_slice(pixels);
        apply(transform, &row, pixels);
    }
    pixels
}

/// Transforms a row, of which both sides have the same number of pixels.
fn apply<T: Copy + Default>(transform: &Transform<T>, from: &[T], to: &mut [T]) {
    transform.transform(from, to).expect("rows of one length");
}
