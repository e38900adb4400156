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
/// than ids; [`Error::Picture`] for more pixels than memory is to be taken for.
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
/// The bytes of the pixels, and four more for each: together at most the default of [`pictures::MemoryBudget`].
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
    let needed = size as u64 + 4 * u64::from(info.width) * u64::from(info.height);
    let what = format!("{width} × {height} pixels");
    pictures::MemoryBudget::default().check(&path.display().to_string(), &what, needed)?;
    let mut bytes = vec![0; size];
    reader
        .next_frame(&mut bytes)
        .map_err(|error| refuse(format!("a broken one of {what}: {error}")))?;
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
    fn a_few_segments_on_many_pixels_are_a_small_file_and_a_label_map() {
        let (width, height) = (4000, 2666);
        let bytes: Vec<u8> = (0..width * height)
            .map(|place| (place % width / 500) as u8)
            .collect();
        let file = write(ColorType::Grayscale, BitDepth::Eight, width, height, &bytes);
        // A thousandth of its ids: a map and its file have no ratio that is right.
        assert!(file.as_file().metadata().unwrap().len() < 42_656);
        let map = read_label_png(file.path()).unwrap();
        assert_eq!(
            (map.width(), map.height(), map.at(3999, 2665)),
            (4000, 2666, 7)
        );
    }

    #[test]
    fn more_ids_than_memory_is_to_be_taken_for_are_refused_by_the_header() {
        let file = write(ColorType::Grayscale, BitDepth::One, 8, 1, &[0]);
        let mut bytes = std::fs::read(file.path()).unwrap();
        for at in [16, 20] {
            bytes[at..at + 4].copy_from_slice(&60_000_u32.to_be_bytes());
        }
        let crc = !bytes[12..29].iter().fold(u32::MAX, |crc, byte| {
            (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
                (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg())
            })
        });
        bytes[29..33].copy_from_slice(&crc.to_be_bytes());
        let error = decode_label_png(Path::new("a.png"), std::io::Cursor::new(bytes)).unwrap_err();
        assert!(
            matches!(error, Error::Picture(pictures::Error::Memory { .. })),
            "{error}"
        );
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
