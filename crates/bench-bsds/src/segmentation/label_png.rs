//! A label map from a PNG file.

use std::fs::File;
use std::io::{BufRead, BufReader, Seek};
use std::path::Path;

use png::{BitDepth, Decoder, Transformations};
use segmentation::LabelMap;

use crate::error::{Error, Result};

const EXPECTED: &str = "a PNG label map: grey or palette of any depth, or 8-bit colour";

/// The label map in a PNG file.
///
/// A pixel's id is its stored value: the grey level, the palette index (not its colour), or the bytes of a colour read
/// as one number, red first. So any picture with one value a segment is a label map.
///
/// # Errors
/// [`Error::Io`]; [`Error::LabelPng`] for a file that does not decode, and for 16-bit colour, which has more values
/// than ids, and for more pixels than 256 MiB of ids.
pub fn read_label_png(path: &Path) -> Result<LabelMap> {
    let file = File::open(path).map_err(|source| Error::Io {
        path: path.to_owned(),
        source,
    })?;
    decode_label_png(path, BufReader::new(file))
}

/// As [`read_label_png`], out of a file's bytes; `path` names it in errors.
///
/// # Errors
/// As [`read_label_png`].
///
/// # Cost
/// The bytes of the pixels, and four more for each, each at most 256 MiB: memory is the limit, not the size of the file,
/// as a label map of a few segments packs a thousand bytes into one.
pub fn decode_label_png(path: &Path, bytes: impl BufRead + Seek) -> Result<LabelMap> {
    let refuse = |found: String| Error::LabelPng {
        path: path.to_owned(),
        expected: EXPECTED,
        found,
    };
    let mut decoder = Decoder::new(bytes);
    decoder.set_transformations(Transformations::IDENTITY);
    let mut reader = decoder
        .read_info()
        .map_err(|error| refuse(error.to_string()))?;
    let Some(size) = reader.output_buffer_size() else {
        return Err(refuse("a picture larger than memory".to_owned()));
    };
    let info = reader.info();
    let (width, height) = (info.width as usize, info.height as usize);
    let (color, depth) = (info.color_type, info.bit_depth);
    // An id takes four bytes, however few bits its pixel has.
    let claimed = width.saturating_mul(height).saturating_mul(4).max(size);
    if claimed > MOST_BYTES {
        let found =
            format!("{width} × {height} pixels, {claimed} bytes of ids: more than {MOST_BYTES}");
        return Err(refuse(found));
    }
    let mut bytes = vec![0; size];
    reader
        .next_frame(&mut bytes)
        .map_err(|error| refuse(error.to_string()))?;
    let bits = color.samples() * depth as usize;
    if bits > 32 {
        return Err(refuse(format!("{color:?} of {} bits", depth as u8)));
    }
    let line = (width * bits).div_ceil(8);
    let ids = match depth {
        BitDepth::Eight | BitDepth::Sixteen => bytes.chunks_exact(bits / 8).map(number).collect(),
        // Below a byte pixels are packed, the first in the highest bits, and each line begins with a new byte.
        _ => bytes
            .chunks_exact(line)
            .flat_map(|row| (0..width).map(move |x| packed(row, x, bits)))
            .collect(),
    };
    Ok(LabelMap::new(width, height, ids)?)
}

/// The most bytes of pixels, and of ids, that are read.
const MOST_BYTES: usize = 256 << 20;

/// Bytes as one number, the first the highest.
fn number(bytes: &[u8]) -> u32 {
    bytes
        .iter()
        .fold(0, |high, byte| high << 8 | u32::from(*byte))
}

fn packed(row: &[u8], x: usize, bits: usize) -> u32 {
    let first_bit = x * bits;
    let shift = 8 - bits - first_bit % 8;
    u32::from(row[first_bit / 8] >> shift) & ((1 << bits) - 1)
}

#[cfg(test)]
mod tests {
    use png::ColorType;
    use test_support::refused;

    use super::*;

    fn write(
        color: ColorType,
        depth: BitDepth,
        width: u32,
        height: u32,
        bytes: &[u8],
    ) -> tempfile::NamedTempFile {
        let file = tempfile::Builder::new().suffix(".png").tempfile().unwrap();
        let mut encoder = png::Encoder::new(file.reopen().unwrap(), width, height);
        encoder.set_color(color);
        encoder.set_depth(depth);
        if color == ColorType::Indexed {
            // One colour for all: the index is the id.
            encoder.set_palette([9; 48].to_vec());
        }
        encoder
            .write_header()
            .unwrap()
            .write_image_data(bytes)
            .unwrap();
        file
    }

    fn ids(color: ColorType, depth: BitDepth, width: u32, height: u32, bytes: &[u8]) -> Vec<u32> {
        read_label_png(write(color, depth, width, height, bytes).path())
            .unwrap()
            .ids()
            .to_vec()
    }

    #[test]
    fn an_id_is_the_stored_value() {
        use BitDepth::{Eight, Four, One, Sixteen, Two};
        assert_eq!(
            ids(ColorType::Grayscale, Eight, 2, 2, &[0, 1, 255, 7]),
            [0, 1, 255, 7]
        );
        assert_eq!(
            ids(ColorType::Grayscale, Sixteen, 2, 1, &[1, 2, 255, 255]),
            [258, 65535]
        );
        assert_eq!(
            ids(ColorType::Indexed, Eight, 3, 1, &[5, 15, 5]),
            [5, 15, 5]
        );
        // Three pixels of four bits, two of them in the first byte; every line starts with a new byte.
        assert_eq!(
            ids(ColorType::Indexed, Four, 3, 2, &[0x12, 0x30, 0x45, 0x60]),
            [1, 2, 3, 4, 5, 6]
        );
        assert_eq!(
            ids(
                ColorType::Grayscale,
                Two,
                5,
                1,
                &[0b00_01_10_11, 0b10_00_00_00]
            ),
            [0, 1, 2, 3, 2]
        );
        assert_eq!(
            ids(ColorType::Grayscale, One, 3, 1, &[0b1010_0000]),
            [1, 0, 1]
        );
        assert_eq!(
            ids(ColorType::Rgb, Eight, 2, 1, &[1, 2, 3, 0, 0, 4]),
            [0x01_02_03, 4]
        );
        assert_eq!(
            ids(ColorType::Rgba, Eight, 1, 1, &[255, 0, 0, 255]),
            [0xff00_00ff]
        );
        assert_eq!(
            ids(ColorType::GrayscaleAlpha, Sixteen, 1, 1, &[0, 1, 0, 2]),
            [0x0001_0002]
        );
    }

    #[test]
    fn refuses_what_has_more_values_than_ids_and_what_is_no_png() {
        let wide = write(ColorType::Rgb, BitDepth::Sixteen, 1, 1, &[0; 6]);
        assert!(
            read_label_png(wide.path())
                .unwrap_err()
                .to_string()
                .ends_with("found Rgb of 16 bits")
        );
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "no picture").unwrap();
        refused! {
            read_label_png(file.path()) => Error::LabelPng { .. },
            read_label_png(Path::new("no such folder/1.png")) => Error::Io { .. },
        }
    }

    #[test]
    fn refuses_a_file_cut_short() {
        let whole =
            std::fs::read(write(ColorType::Grayscale, BitDepth::Eight, 8, 8, &[3; 64]).path())
                .unwrap();
        let file = tempfile::NamedTempFile::new().unwrap();
        for length in [0, 8, 20, 33, 40] {
            std::fs::write(file.path(), &whole[..length]).unwrap();
            assert!(
                read_label_png(file.path()).is_err(),
                "{length} of {} bytes",
                whole.len()
            );
        }
    }
}
