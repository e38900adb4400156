//! TIFFs that `image` does not decode: palettes, JPEG's colours, two and four bits of grey, grey in floating point, grey with
//! opacity.
//!
//! The crate `tiff` unpacks their samples. It has no palettes: their indices are read as if they were greys.

use std::borrow::Cow;
use std::io::Cursor;

use image::{ColorType, DynamicImage, GrayImage, ImageBuffer, RgbImage};
use tiff::decoder::{Decoder, DecodingResult, Limits};
use tiff::tags::Tag;

use super::jpeg_decoder::rgb;
use crate::decoder_words::plain;
use crate::memory_budget::MemoryBudget;
use crate::tiff_tags::TiffTags;

const BLACK_IS_ZERO: u16 = 1;
const PALETTE: u32 = 3;

/// What the samples are.
#[derive(Clone, Debug, PartialEq)]
enum Samples {
    /// Indices of this many bits, and their colours.
    Palette(u8, Vec<[u8; 3]>),
    /// Brightness and two differences of colour, as JPEG has them.
    Ycbcr,
    /// Greys of two or four bits.
    Grey(u8),
    /// Greys from 0 to 1.
    Float,
    /// Greys of 8 or 16 bits, each with an opacity or another number.
    GreyAlpha(u8),
}

/// Such a TIFF, its pixels not yet read.
pub struct TiffFile<'a> {
    decoder: Decoder<Cursor<Cow<'a, [u8]>>>,
    samples: Samples,
    pub width: u32,
    pub height: u32,
}

impl<'a> TiffFile<'a> {
    /// Reads the header; none for kinds that are not read here either.
    pub fn open(bytes: &'a [u8], memory: MemoryBudget) -> Option<Self> {
        let tags = TiffTags::read(bytes);
        let (kind, place) = tags.photometric?;
        let mut bytes = Cow::Borrowed(bytes);
        if kind == PALETTE {
            let little = bytes.starts_with(b"II");
            let grey = match little {
                true => BLACK_IS_ZERO.to_le_bytes(),
                false => BLACK_IS_ZERO.to_be_bytes(),
            };
            bytes
                .to_mut()
                .get_mut(place..place + 2)?
                .copy_from_slice(&grey);
        }
        let most = usize::try_from(memory.bytes()).unwrap_or(usize::MAX);
        let mut limits = Limits::default();
        limits.decoding_buffer_size = most;
        limits.intermediate_buffer_size = most;
        let mut decoder = Decoder::new(Cursor::new(bytes)).ok()?.with_limits(limits);
        let (width, height) = decoder.dimensions().ok()?;
        let samples = Samples::of(&mut decoder, kind == PALETTE)?;
        Some(Self {
            decoder,
            samples,
            width,
            height,
        })
    }

    /// As the pixels are decoded.
    pub fn colour(&self) -> ColorType {
        match self.samples {
            Samples::Palette(..) | Samples::Ycbcr => ColorType::Rgb8,
            Samples::Grey(_) => ColorType::L8,
            Samples::Float => ColorType::L16,
            Samples::GreyAlpha(8) => ColorType::La8,
            Samples::GreyAlpha(_) => ColorType::La16,
        }
    }

    /// Bytes of the samples as the file has them, unpacked.
    pub fn unpacked(&self) -> u64 {
        let pixels = u64::from(self.width) * u64::from(self.height);
        match self.samples {
            Samples::Palette(..) | Samples::Grey(_) => pixels,
            Samples::Ycbcr => 3 * pixels,
            Samples::Float => 4 * pixels,
            Samples::GreyAlpha(bits) => u64::from(bits / 4) * pixels,
        }
    }

    /// The pixels.
    pub fn decode(mut self) -> Result<DynamicImage, String> {
        let (width, height) = (self.width, self.height);
        let read = self
            .decoder
            .read_image()
            .map_err(|error| plain(&error.to_string()))?;
        let short = || "fewer samples than pixels".to_owned();
        match (&self.samples, read) {
            (Samples::Palette(bits, colours), DecodingResult::U8(bytes)) => {
                let indices = unpacked(&bytes, *bits, width);
                // As in other readers, an index without a colour is black.
                let colour = |index: u8| colours.get(usize::from(index)).copied();
                let pixels = indices.flat_map(|index| colour(index).unwrap_or_default());
                let picture = RgbImage::from_raw(width, height, pixels.collect());
                picture.map(DynamicImage::ImageRgb8).ok_or_else(short)
            }
            (Samples::Ycbcr, DecodingResult::U8(mut bytes)) => {
                bytes
                    .as_chunks_mut::<3>()
                    .0
                    .iter_mut()
                    .for_each(|pixel| *pixel = rgb(*pixel));
                let picture = RgbImage::from_raw(width, height, bytes);
                picture.map(DynamicImage::ImageRgb8).ok_or_else(short)
            }
            (Samples::Grey(bits), DecodingResult::U8(bytes)) => {
                let step = 255 / ((1_u16 << bits) - 1) as u8;
                let greys = unpacked(&bytes, *bits, width).map(|grey| grey * step);
                let picture = GrayImage::from_raw(width, height, greys.collect());
                picture.map(DynamicImage::ImageLuma8).ok_or_else(short)
            }
            (Samples::Float, DecodingResult::F32(greys)) => {
                let outside = |grey: &&f32| !(-1e-3..=1.001).contains(*grey);
                if let Some(grey) = greys.iter().find(outside) {
                    return Err(format!(
                        "expected numbers from 0 to 1, found {grey}: scale them to 16 bits first"
                    ));
                }
                let words = greys.iter().map(|grey| (grey * 65_535.0).round() as u16);
                let picture = ImageBuffer::from_raw(width, height, words.collect());
                picture.map(DynamicImage::ImageLuma16).ok_or_else(short)
            }
            (Samples::GreyAlpha(8), DecodingResult::U8(pairs)) => {
                let picture = ImageBuffer::from_raw(width, height, pairs);
                picture.map(DynamicImage::ImageLumaA8).ok_or_else(short)
            }
            (Samples::GreyAlpha(_), DecodingResult::U16(pairs)) => {
                let picture = ImageBuffer::from_raw(width, height, pairs);
                picture.map(DynamicImage::ImageLumaA16).ok_or_else(short)
            }
            _ => Err("samples of a kind that is not read".to_owned()),
        }
    }
}

impl Samples {
    fn of(decoder: &mut Decoder<Cursor<Cow<'_, [u8]>>>, palette: bool) -> Option<Self> {
        use tiff::ColorType;
        let format = decoder.find_tag_unsigned_vec::<u16>(Tag::SampleFormat);
        // 1: whole numbers, the default; 3: floating point.
        let format = format.ok()?.and_then(|formats| formats.first().copied());
        match (decoder.colortype().ok()?, format.unwrap_or(1)) {
            (ColorType::Gray(bits @ (1 | 2 | 4 | 8)), 1) if palette => {
                let map = decoder.get_tag_u16_vec(Tag::ColorMap).ok()?;
                Some(Self::Palette(bits, colours(&map, bits)?))
            }
            (ColorType::YCbCr(8), 1) => Some(Self::Ycbcr),
            (ColorType::Gray(bits @ (2 | 4)), 1) => {
                let black = decoder.find_tag_unsigned::<u16>(Tag::PhotometricInterpretation);
                (black.ok()? == Some(BLACK_IS_ZERO)).then_some(Self::Grey(bits))
            }
            (ColorType::Gray(32), 3) => Some(Self::Float),
            (
                ColorType::Multiband {
                    bit_depth: bits @ (8 | 16),
                    num_samples: 2,
                },
                1,
            ) => {
                let black = decoder.find_tag_unsigned::<u16>(Tag::PhotometricInterpretation);
                let planes = decoder.find_tag_unsigned::<u16>(Tag::PlanarConfiguration);
                let together = planes.ok()?.is_none_or(|planes| planes == 1);
                let black = black.ok()? == Some(BLACK_IS_ZERO);
                (black && together).then_some(Self::GreyAlpha(bits))
            }
            _ => None,
        }
    }
}

/// The colours of a map: all reds, all greens, all blues. Some writers left words with bytes in them.
fn colours(map: &[u16], bits: u8) -> Option<Vec<[u8; 3]>> {
    let count = 1 << bits;
    if map.len() != 3 * count {
        return None;
    }
    let shift = if map.iter().any(|word| *word > 255) {
        8
    } else {
        0
    };
    let byte = |word: u16| (word >> shift) as u8;
    let colour = |index: usize| [0, 1, 2].map(|ink| byte(map[ink * count + index]));
    Some((0..count).map(colour).collect())
}

/// Samples of some bits each, high bits first; each row begins with a byte of its own.
fn unpacked(bytes: &[u8], bits: u8, width: u32) -> impl Iterator<Item = u8> {
    let width = width as usize;
    let (each, stride) = (
        usize::from(8 / bits),
        (width * usize::from(bits)).div_ceil(8),
    );
    let mask = ((1_u16 << bits) - 1) as u8;
    let rows = bytes.chunks_exact(stride.max(1));
    rows.flat_map(move |row| {
        (0..width).map(move |x| {
            let place = 8 - bits as usize * (x % each + 1);
            row[x / each] >> place & mask
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_begin_with_bytes_of_their_own() {
        let of = |bytes: &[u8], bits, width| unpacked(bytes, bits, width).collect::<Vec<_>>();
        assert_eq!(of(&[0b1011_0000, 0b0100_0000], 1, 3), [1, 0, 1, 0, 1, 0]);
        assert_eq!(of(&[0b11_10_01_00], 2, 4), [3, 2, 1, 0]);
        assert_eq!(of(&[0xAB, 0xC0], 4, 3), [10, 11, 12]);
        assert_eq!(of(&[7, 9], 8, 1), [7, 9]);
    }

    #[test]
    fn colours_lie_one_ink_after_the_other() {
        let words = [0, 0xFFFF, 0x8000, 0x0100, 0, 0xFF00];
        assert_eq!(colours(&words, 1).unwrap(), [[0, 128, 0], [255, 1, 255]]);
        // Bytes where words belong.
        assert_eq!(
            colours(&[0, 255, 1, 2, 3, 4], 1).unwrap(),
            [[0, 1, 3], [255, 2, 4]]
        );
        assert_eq!(colours(&words, 2), None);
    }

    #[test]
    fn colours_of_jpeg_are_those_of_its_standard() {
        assert_eq!(rgb([0, 128, 128]), [0; 3]);
        assert_eq!(rgb([255, 128, 128]), [255; 3]);
        assert_eq!(rgb([76, 85, 255]), [254, 0, 0]);
    }
}
