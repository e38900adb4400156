//! JPEGs, straight from a file's bytes.

use image::{ColorType, DynamicImage, ImageBuffer, ImageFormat};
use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;

use super::Header;
use crate::decoder_words::plain;
use crate::jpeg::{has_profile, kept_coefficients, unread_kind};
use crate::orientation::Turn;
use crate::png_chunks::PngChunks;
use crate::tiff_tags::TiffTags;

/// How a JPEG holds cyan, magenta, yellow and black. Adobe's programs store the paper that shows, 255 minus the ink.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inks {
    /// As they are.
    Cmyk,
    /// The first three as brightness and colour.
    Ycck,
}

/// A JPEG whose header has been read.
pub struct JpegFile<'a> {
    decoder: JpegDecoder<ZCursor<&'a [u8]>>,
    colours: ColorSpace,
}

impl<'a> JpegFile<'a> {
    pub fn open(bytes: &'a [u8]) -> Result<Self, String> {
        if let Some(kind) = unread_kind(bytes) {
            return Err(format!("one that is {kind}: convert it to PNG first"));
        }
        let options = DecoderOptions::default()
            .set_strict_mode(false)
            .set_max_width(usize::MAX)
            .set_max_height(usize::MAX);
        let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
        decoder
            .decode_headers()
            .map_err(|error| plain(&error.to_string()))?;
        let colours = decoder.input_colorspace().ok_or("no frame")?;
        Ok(Self { decoder, colours })
    }

    pub fn header(self, bytes: &[u8]) -> Result<Header, String> {
        let (width, height) = self.decoder.dimensions().ok_or("no frame")?;
        let (width, height) = (width as u32, height as u32);
        let pixels = u64::from(width) * u64::from(height);
        let inks = match self.colours {
            ColorSpace::CMYK => Some(Inks::Cmyk),
            ColorSpace::YCCK => Some(Inks::Ycck),
            _ => None,
        };
        let profile = match self.decoder.icc_profile() {
            Some(profile) => Some(Ok(profile)),
            None => has_profile(bytes).then(|| Err("parts of it are missing".to_owned())),
        };
        let colour = match self.colours {
            ColorSpace::Luma => ColorType::L8,
            _ => ColorType::Rgb8,
        };
        Ok(Header {
            width,
            height,
            colour,
            bytes: pixels * u64::from(colour.bytes_per_pixel())
                + if inks.is_some() { 4 * pixels } else { 0 },
            scratch: kept_coefficients(bytes),
            turn: Turn::read(bytes, ImageFormat::Jpeg),
            profile,
            chunks: PngChunks::default(),
            tags: TiffTags::default(),
            inks,
        })
    }

    pub fn decode(mut self, header: &Header) -> Result<DynamicImage, String> {
        let (width, height) = (header.width, header.height);
        let channels = usize::from(header.colour.channel_count());
        let out = if channels == 1 {
            ColorSpace::Luma
        } else {
            ColorSpace::RGB
        };
        let pixels = self.samples(header, out, channels)?;
        let image = if channels == 1 {
            ImageBuffer::from_raw(width, height, pixels).map(DynamicImage::ImageLuma8)
        } else {
            ImageBuffer::from_raw(width, height, pixels).map(DynamicImage::ImageRgb8)
        };
        image.ok_or_else(|| "fewer pixels than its header says".to_owned())
    }

    pub fn decode_inks(mut self, header: &Header, inks: Inks) -> Result<Vec<u8>, String> {
        let mut samples = self.samples(header, self.colours, 4)?;
        for pixel in samples.as_chunks_mut::<4>().0 {
            let [a, b, c, black] = *pixel;
            let [cyan, magenta, yellow] = match inks {
                Inks::Cmyk => [255 - a, 255 - b, 255 - c],
                // The colour that these say is the ink itself.
                Inks::Ycck => rgb([a, b, c]),
            };
            *pixel = [cyan, magenta, yellow, 255 - black];
        }
        Ok(samples)
    }

    fn samples(
        &mut self,
        header: &Header,
        out: ColorSpace,
        channels: usize,
    ) -> Result<Vec<u8>, String> {
        let options = self.decoder.options().jpeg_set_out_colorspace(out);
        self.decoder.set_options(options);
        let mut samples = vec![0; header.width as usize * header.height as usize * channels];
        self.decoder
            .decode_into(&mut samples)
            .map_err(|error| plain(&error.to_string()))?;
        Ok(samples)
    }
}

/// Red, green and blue of brightness and two colour differences: JFIF's equations.
pub(super) fn rgb([y, blue, red]: [u8; 3]) -> [u8; 3] {
    let (y, blue, red) = (
        f32::from(y),
        f32::from(blue) - 128.0,
        f32::from(red) - 128.0,
    );
    let values = [
        y + 1.402 * red,
        y - 0.344_136 * blue - 0.714_136 * red,
        y + 1.772 * blue,
    ];
    values.map(|value| value.round().clamp(0.0, 255.0) as u8)
}
