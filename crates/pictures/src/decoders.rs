//! The decoders of each kind of picture: headers, samples, and what is there of a broken one.

mod jpeg_decoder;
#[cfg(feature = "more-formats")]
mod tiff_decoder;

use std::io::Cursor;

use image::codecs::png::PngDecoder;
use image::codecs::webp::WebPDecoder;
use image::{ColorType, DynamicImage, ImageBuffer, ImageDecoder, ImageError, ImageFormat, Limits};

pub use self::jpeg_decoder::Inks;
use self::jpeg_decoder::JpegFile;
#[cfg(feature = "more-formats")]
use self::tiff_decoder::TiffFile;
use crate::decoder_words::plain;
use crate::gif_frame::GifFrame;
use crate::jpeg::coverage;
use crate::memory_budget::MemoryBudget;
use crate::orientation::Turn;
use crate::png_chunks::PngChunks;
use crate::tiff_kinds::{unread_kind, unread_samples};
use crate::tiff_tags::TiffTags;
#[cfg(feature = "more-formats")]
use crate::tiff_tags::with_longer_parts;

/// Bytes that the chunks of a PNG beside its pixels, such as its profile, may inflate to.
const MOST_CHUNKS: u64 = 64 << 20;

/// Bytes that one byte of deflated data inflates to, at most.
const INFLATED: usize = 1032;

/// What a file says before its pixels.
pub struct Header {
    /// Columns and rows as they are stored.
    pub width: u32,
    pub height: u32,
    /// The samples as they are decoded.
    pub colour: ColorType,
    /// Bytes of the samples.
    pub bytes: u64,
    /// Bytes that the decoder keeps beside them.
    pub scratch: u64,
    pub turn: Turn,
    /// The ICC profile, or why it cannot be read.
    pub profile: Option<Result<Vec<u8>, String>>,
    pub chunks: PngChunks,
    pub tags: TiffTags,
    /// Cyan, magenta, yellow and black, where they can be had.
    pub inks: Option<Inks>,
}

/// Reads the header.
pub fn read_header(
    bytes: &[u8],
    format: ImageFormat,
    memory: MemoryBudget,
) -> Result<Header, String> {
    if format == ImageFormat::Jpeg {
        return JpegFile::open(bytes)?.header(bytes);
    }
    let tags = if format == ImageFormat::Tiff {
        TiffTags::read(bytes)
    } else {
        TiffTags::default()
    };
    if format == ImageFormat::Tiff {
        if let Some(found) = unread_kind(&tags) {
            return Err(found);
        }
        if tags.cut_planar_tiles {
            return Err("tiles of separate planes: convert it to PNG first".to_owned());
        }
    }
    #[cfg(feature = "more-formats")]
    if format == ImageFormat::Tiff
        && decoder(bytes, format, memory).is_err()
        && let Some(tiff) = TiffFile::open(bytes, memory)
    {
        return Ok(tiff_header(&tiff, bytes));
    }
    let mut decoder = decoder(bytes, format, memory)?;
    let (width, height) = decoder.dimensions();
    let pixels = u64::from(width) * u64::from(height);
    let samples = decoder.total_bytes();
    let frame = match format {
        ImageFormat::Gif => GifFrame::read(bytes),
        _ => None,
    };
    if let Some(frame) = frame {
        frame.check((width, height))?;
    }
    let chunks = if format == ImageFormat::Png {
        PngChunks::read(bytes)
    } else {
        PngChunks::default()
    };
    let of_tags = profile_of(&tags, bytes);
    let profile = match decoder.icc_profile() {
        _ if of_tags.is_some() => of_tags,
        Ok(Some(profile)) => Some(Ok(profile)),
        Ok(None) if chunks.has_profile => Some(Err("it cannot be read".to_owned())),
        Ok(None) => None,
        Err(error) => Some(Err(plain(&error.to_string()))),
    };
    let turn = Turn::read(bytes, format);
    Ok(Header {
        width,
        height,
        colour: decoder.color_type(),
        bytes: samples,
        scratch: match format {
            // Four bytes a pixel before the alpha is dropped, or planes of brightness and colour.
            ImageFormat::WebP => 4 * pixels,
            // Of LZW there may be a second copy of the file.
            ImageFormat::Tiff => samples.saturating_add(bytes.len() as u64),
            ImageFormat::Gif => samples.max(frame.map_or(0, |frame| 4 * frame.pixels())),
            _ => 0,
        },
        turn,
        profile,
        chunks,
        tags,
        inks: None,
    })
}

/// The header of a TIFF that `image` does not decode.
#[cfg(feature = "more-formats")]
fn tiff_header(tiff: &TiffFile<'_>, bytes: &[u8]) -> Header {
    let tags = TiffTags::read(bytes);
    let colour = tiff.colour();
    let pixels = u64::from(tiff.width) * u64::from(tiff.height);
    Header {
        width: tiff.width,
        height: tiff.height,
        colour,
        bytes: pixels * u64::from(colour.bytes_per_pixel()),
        // A palette's file is copied, and once more where it is of LZW.
        scratch: tiff.unpacked() + 2 * bytes.len() as u64,
        turn: Turn::read(bytes, ImageFormat::Tiff),
        profile: profile_of(&tags, bytes),
        chunks: PngChunks::default(),
        tags,
        inks: None,
    }
}

/// The ICC profile that a TIFF's tags name.
fn profile_of(tags: &TiffTags, bytes: &[u8]) -> Option<Result<Vec<u8>, String>> {
    let (at, length) = tags.profile?;
    let profile = bytes.get(at..at.saturating_add(length)).map(<[u8]>::to_vec);
    Some(profile.ok_or_else(|| "it is cut off".to_owned()))
}

/// The samples as the file has them.
pub fn decode(
    bytes: &[u8],
    format: ImageFormat,
    header: &Header,
    memory: MemoryBudget,
) -> Result<DynamicImage, String> {
    if format == ImageFormat::Jpeg {
        return decode_jpeg(bytes, header);
    }
    #[cfg(feature = "more-formats")]
    if format == ImageFormat::Tiff {
        return decode_tiff(bytes, memory).or_else(|found| match with_longer_parts(bytes) {
            Some(longer) => decode_tiff(&longer, memory).map_err(|_| found),
            None => Err(found),
        });
    }
    let image = DynamicImage::from_decoder(decoder(bytes, format, memory)?);
    image.map_err(|error| plain(&error.to_string()))
}

#[cfg(feature = "more-formats")]
fn decode_tiff(bytes: &[u8], memory: MemoryBudget) -> Result<DynamicImage, String> {
    let decoder = match decoder(bytes, ImageFormat::Tiff, memory) {
        Ok(decoder) => decoder,
        Err(found) => match TiffFile::open(bytes, memory) {
            Some(tiff) => return tiff.decode(),
            None => return Err(found),
        },
    };
    // Of the many kinds of TIFF some are read by halves: whole files among them.
    DynamicImage::from_decoder(decoder).map_err(|error| {
        let found = plain(&error.to_string());
        format!("{found}: if others open it, convert it to PNG first")
    })
}

/// What a decoder answers, a panic of it among the errors: one picture must not end the work on all others.
pub fn guarded<T>(decode: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    let answered = std::panic::catch_unwind(std::panic::AssertUnwindSafe(decode));
    answered.unwrap_or_else(|_| {
        Err("what its decoder is not made for: convert it to PNG first".to_owned())
    })
}

/// A JPEG; one that breaks off within a segment as if it ended before that.
fn decode_jpeg(bytes: &[u8], header: &Header) -> Result<DynamicImage, String> {
    let failed = match JpegFile::open(bytes)?.decode(header) {
        Ok(image) => return Ok(image),
        Err(found) => found,
    };
    match coverage(bytes).map(|found| found.end) {
        Some(end) if end < bytes.len() => {
            JpegFile::open(&[&bytes[..end], &[0xFF, 0xD9]].concat())?.decode(header)
        }
        _ => Err(failed),
    }
}

/// The inks of a JPEG, 255 for all of one.
pub fn decode_inks(bytes: &[u8], header: &Header, inks: Inks) -> Result<Vec<u8>, String> {
    JpegFile::open(bytes)?.decode_inks(header, inks)
}

fn decoder(
    bytes: &[u8],
    format: ImageFormat,
    memory: MemoryBudget,
) -> Result<Box<dyn ImageDecoder + '_>, String> {
    let cursor = Cursor::new(bytes);
    let failed = |error: ImageError| match error {
        ImageError::Unsupported(_) if format == ImageFormat::Tiff => {
            unread_samples(&TiffTags::read(bytes))
        }
        ImageError::Unsupported(error) => {
            let found = plain(&error.to_string());
            format!("{found}: convert it to PNG first")
        }
        ImageError::Limits(_) => {
            let advice = "allow more (`--max-memory`), or make it smaller";
            format!("more pixels than memory is allowed for: {advice}")
        }
        error => plain(&error.to_string()),
    };
    Ok(match format {
        ImageFormat::WebP => Box::new(WebPDecoder::new(cursor).map_err(failed)?),
        #[cfg(feature = "more-formats")]
        ImageFormat::Tiff => {
            let mut decoder = image::codecs::tiff::TiffDecoder::new(cursor).map_err(failed)?;
            let mut limits = Limits::no_limits();
            limits.max_alloc = Some(memory.bytes());
            decoder.set_limits(limits).map_err(failed)?;
            Box::new(decoder)
        }
        #[cfg(feature = "more-formats")]
        ImageFormat::Bmp => Box::new(image::codecs::bmp::BmpDecoder::new(cursor).map_err(failed)?),
        #[cfg(feature = "more-formats")]
        ImageFormat::Gif => Box::new(image::codecs::gif::GifDecoder::new(cursor).map_err(failed)?),
        _ => {
            let mut limits = Limits::no_limits();
            limits.max_alloc = Some(memory.bytes().min(MOST_CHUNKS));
            Box::new(PngDecoder::with_limits(cursor, limits).map_err(failed)?)
        }
    })
}

/// The rows of a broken PNG before the damage, and the share of those that are missing; none where no row is there.
///
/// Rows that are zero to the last sample at the end count as missing; without such rows, the share is 0.
pub fn partial(bytes: &[u8], header: &Header) -> Option<(DynamicImage, f64)> {
    let decoder = decoder(bytes, ImageFormat::Png, MemoryBudget::of_bytes(u64::MAX)).ok()?;
    let mut samples = vec![0; usize::try_from(header.bytes).ok()?];
    decoder.read_image_boxed(&mut samples).err()?;
    let row = samples.len() / header.height as usize;
    // Bits of samples were spread to bytes, eight at most; where the file cannot have reached, nobody looks.
    let most = bytes.len().saturating_mul(8 * INFLATED).min(samples.len());
    let reached = &samples[..most];
    let zeros = reached.iter().rev().take_while(|byte| **byte == 0);
    let rows = (most - zeros.count()).div_ceil(row);
    if rows == 0 {
        return None;
    }
    let missing = 1.0 - rows as f64 / f64::from(header.height);
    Some((picture(samples, header)?, missing))
}

/// A picture out of the bytes of a PNG's samples, words with their high byte first.
fn picture(samples: Vec<u8>, header: &Header) -> Option<DynamicImage> {
    let (width, height) = (header.width, header.height);
    let words = |bytes: &[u8]| -> Vec<u16> {
        let pairs = bytes.as_chunks::<2>().0.iter();
        pairs.map(|pair| u16::from_be_bytes(*pair)).collect()
    };
    Some(match header.colour {
        ColorType::L8 => DynamicImage::ImageLuma8(ImageBuffer::from_raw(width, height, samples)?),
        ColorType::La8 => DynamicImage::ImageLumaA8(ImageBuffer::from_raw(width, height, samples)?),
        ColorType::Rgb8 => DynamicImage::ImageRgb8(ImageBuffer::from_raw(width, height, samples)?),
        ColorType::Rgba8 => {
            DynamicImage::ImageRgba8(ImageBuffer::from_raw(width, height, samples)?)
        }
        ColorType::L16 => {
            DynamicImage::ImageLuma16(ImageBuffer::from_raw(width, height, words(&samples))?)
        }
        ColorType::La16 => {
            DynamicImage::ImageLumaA16(ImageBuffer::from_raw(width, height, words(&samples))?)
        }
        ColorType::Rgb16 => {
            DynamicImage::ImageRgb16(ImageBuffer::from_raw(width, height, words(&samples))?)
        }
        ColorType::Rgba16 => {
            DynamicImage::ImageRgba16(ImageBuffer::from_raw(width, height, words(&samples))?)
        }
        _ => return None,
    })
}
