//! PNG files, in strips that are filtered and deflated side by side.
//!
//! ```text
//!   rows ─▶ strips ─▶ each: Up filter ─▶ deflate, to a whole byte ─▶ IDAT, IDAT, …
//! ```
//!
//! Deflated data may be put together at whole bytes, and checksums add up, so a reader sees one stream.

use std::io::{self, Write};

use flate2::{Compress, Compression, Crc, FlushCompress, Status};
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder as _};
use rayon::prelude::*;

use crate::error::{Error, Result};

/// How much time is spent on the size of PNG files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PngSize {
    /// As fast as can be, on all cores.
    #[default]
    Fast,
    /// As small as can be, several times as slow.
    Small,
}

/// Bytes of a strip before it is deflated: each loses a window of 32 KiB.
const STRIP: usize = 1 << 20;

/// Writes a picture of `width × height` pixels, whose samples are bytes, or pairs of them in the order of this machine.
///
/// # Errors
/// Those of the writer; [`Error::Picture`] for kinds of pixels that PNG does not have.
pub fn write_png(
    out: &mut impl Write,
    bytes: &[u8],
    (width, height): (u32, u32),
    colour: ExtendedColorType,
    size: PngSize,
) -> Result<()> {
    let known = match colour {
        ExtendedColorType::L8 => Some((8, 0)),
        ExtendedColorType::L16 => Some((16, 0)),
        ExtendedColorType::Rgb8 => Some((8, 2)),
        _ => None,
    };
    let known = known.filter(|_| size == PngSize::Fast && width > 0 && height > 0);
    let Some((bits, kind)) = known else {
        let encoder =
            PngEncoder::new_with_quality(out, CompressionType::Best, FilterType::Adaptive);
        return Ok(encoder.write_image(bytes, width, height, colour)?);
    };
    let mut header = [width.to_be_bytes(), height.to_be_bytes()].concat();
    header.extend([bits, kind, 0, 0, 0]);
    let row = bytes.len() / height as usize;
    let rows = (STRIP / row).clamp(1, height as usize);
    let deflated = |(strip, samples): (usize, &[u8])| {
        let begin = strip * rows * row;
        let above = begin.checked_sub(row).map(|above| &bytes[above..begin]);
        let filtered = filtered(samples, above, row, bits == 16);
        let is_last = begin + samples.len() == bytes.len();
        (
            adler(&filtered),
            filtered.len(),
            deflate(&filtered, is_last),
        )
    };
    let mut written = || -> io::Result<()> {
        out.write_all(b"\x89PNG\r\n\x1a\n")?;
        chunk(out, b"IHDR", &header)?;
        // A window of 32 KiB, the fastest kind of compression.
        chunk(out, b"IDAT", &[0x78, 0x01])?;
        let mut sum = 1;
        // As many strips at a time as keep every core at work: not all of them lie in memory.
        let together = 4 * rayon::current_num_threads() * rows * row;
        for (group, samples) in bytes.chunks(together).enumerate() {
            let before = group * (together / (rows * row));
            let strips: Vec<_> = samples
                .par_chunks(rows * row)
                .enumerate()
                .map(|(strip, samples)| deflated((before + strip, samples)))
                .collect();
            for (strip, length, data) in strips {
                sum = joined(sum, strip, length);
                chunk(out, b"IDAT", &data?)?;
            }
        }
        chunk(out, b"IDAT", &sum.to_be_bytes())?;
        chunk(out, b"IEND", &[])
    };
    written().map_err(|error| Error::Picture(error.into()))
}

/// A length, a name, the data and their checksum.
fn chunk(out: &mut impl Write, name: &[u8; 4], data: &[u8]) -> io::Result<()> {
    let mut crc = Crc::new();
    crc.update(name);
    crc.update(data);
    out.write_all(&(data.len() as u32).to_be_bytes())?;
    out.write_all(name)?;
    out.write_all(data)?;
    out.write_all(&crc.sum().to_be_bytes())
}

/// Rows less the rows above them, each after the number of its filter; samples of 16 bits with the high byte first.
fn filtered(samples: &[u8], above: Option<&[u8]>, row: usize, wide: bool) -> Vec<u8> {
    let zeros = vec![0; row];
    let mut above = above.unwrap_or(&zeros);
    let mut filtered = Vec::with_capacity(samples.len() + samples.len() / row);
    for line in samples.chunks_exact(row) {
        filtered.push(2);
        let begin = filtered.len();
        let less = line
            .iter()
            .zip(above)
            .map(|(own, above)| own.wrapping_sub(*above));
        filtered.extend(less);
        if wide && cfg!(target_endian = "little") {
            let (pairs, _) = filtered[begin..].as_chunks_mut::<2>();
            pairs.iter_mut().for_each(|pair| pair.swap(0, 1));
        }
        above = line;
    }
    filtered
}

/// Deflated data without a header, up to a whole byte, or to the end of the stream.
fn deflate(bytes: &[u8], is_last: bool) -> io::Result<Vec<u8>> {
    let flush = match is_last {
        true => FlushCompress::Finish,
        false => FlushCompress::Sync,
    };
    let mut compress = Compress::new(Compression::fast(), false);
    let mut out = Vec::with_capacity(bytes.len() / 2 + 1024);
    loop {
        let rest = &bytes[compress.total_in() as usize..];
        let status = compress.compress_vec(rest, &mut out, flush)?;
        let has_room = out.len() < out.capacity();
        let is_read = compress.total_in() as usize == bytes.len();
        if status == Status::StreamEnd || (!is_last && is_read && has_room) {
            return Ok(out);
        }
        out.reserve(bytes.len() / 4 + 1024);
    }
}

/// The prime of Adler's checksum.
const PRIME: u32 = 65_521;

/// Adler's checksum.
fn adler(bytes: &[u8]) -> u32 {
    let (mut a, mut b) = (1_u32, 0_u32);
    // As many bytes as 32 bits hold the sums of.
    for part in bytes.chunks(5552) {
        for byte in part {
            a += u32::from(*byte);
            b += a;
        }
        (a, b) = (a % PRIME, b % PRIME);
    }
    b << 16 | a
}

/// The checksum of two texts, of which the second has so many bytes, from theirs.
fn joined(first: u32, second: u32, length: usize) -> u32 {
    let half = |sum: u32| (u64::from(sum & 0xFFFF), u64::from(sum >> 16));
    let ((a, b), (c, d), prime) = (half(first), half(second), u64::from(PRIME));
    let low = (a + c + prime - 1) % prime;
    let length = length as u64 % prime;
    let high = (b + d + length * (a + prime - 1)) % prime;
    (high << 16 | low) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_by_hand_and_joined() {
        assert_eq!(adler(b"Wikipedia"), 0x11E6_0398);
        let text: Vec<u8> = (0..70_000_u32)
            .map(|i| (i.wrapping_mul(i) >> 3) as u8)
            .collect();
        for cut in [0, 1, 5552, 69_999] {
            let (first, second) = text.split_at(cut);
            assert_eq!(
                joined(adler(first), adler(second), second.len()),
                adler(&text)
            );
        }
    }

    #[test]
    fn readers_see_what_was_written() {
        let noise = |i: usize| ((i * 2_654_435_761) >> 7) as u8;
        // Of several groups of strips, of one, a row, a column, a pixel.
        for (width, height) in [(1500, 9000), (40, 30), (700, 1), (1, 300), (1, 1)] {
            for (colour, samples) in [
                (ExtendedColorType::Rgb8, 3),
                (ExtendedColorType::L8, 1),
                (ExtendedColorType::L16, 2),
            ] {
                let count = (width * height) as usize * samples;
                let bytes: Vec<u8> = (0..count)
                    .map(|i| if i / 997 % 3 == 0 { 7 } else { noise(i) })
                    .collect();
                let mut file = Vec::new();
                write_png(&mut file, &bytes, (width, height), colour, PngSize::Fast).unwrap();
                let read = image::load_from_memory(&file).unwrap();
                assert_eq!((read.width(), read.height()), (width, height));
                assert!(read.as_bytes() == bytes, "{width} × {height}, {colour:?}");
            }
        }
    }

    #[test]
    fn small_files_are_smaller_and_the_same_picture() {
        let bytes: Vec<u8> = (0..3 * 200 * 100).map(|i| (i / 3 % 200) as u8).collect();
        let of = |size| {
            let mut file = Vec::new();
            write_png(&mut file, &bytes, (200, 100), ExtendedColorType::Rgb8, size).unwrap();
            assert!(image::load_from_memory(&file).unwrap().as_bytes() == bytes);
            file.len()
        };
        assert!(of(PngSize::Small) <= of(PngSize::Fast));
    }
}
