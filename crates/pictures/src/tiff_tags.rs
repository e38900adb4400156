//! What the first directory of a TIFF says beside the pixels.

use crate::tiff_directory::Directory;

/// The facts of it that are used.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct TiffTags {
    /// A camera's raw data: what decodes as a TIFF is a preview.
    pub raw: bool,
    /// Colours are stored times alpha.
    pub premultiplied: bool,
    /// A channel beside the colours that is no opacity.
    pub extra_is_no_alpha: bool,
    /// The bits that the largest allowed sample fills.
    pub significant_bits: Option<u32>,
    /// Where the colour profile lies, and its length.
    pub profile: Option<(usize, usize)>,
    /// Where the XMP packet lies, and its length.
    pub xmp: Option<(usize, usize)>,
    /// Planes in tiles, the last of which are cut: the decoder cannot read these.
    pub cut_planar_tiles: bool,
    /// Further pictures lie behind the first.
    pub has_more: bool,
    /// As Exif counts it, from 1 to 8: 1 is upright.
    pub orientation: Option<u8>,
    /// What the samples are, and where that stands.
    pub photometric: Option<(u32, usize)>,
    /// How the samples are packed.
    pub compression: Option<u32>,
    /// Bits of the first sample.
    pub bits: Option<u32>,
    /// Samples of a pixel.
    pub samples: Option<u32>,
    /// What the bits of a sample mean: 1 for whole numbers, 3 for floating point.
    pub sample_format: Option<u32>,
}

const SUBFILE: u16 = 254;
const WIDTH: u16 = 256;
const HEIGHT: u16 = 257;
const BITS: u16 = 258;
const COMPRESSION: u16 = 259;
const PHOTOMETRIC: u16 = 262;
const MAKE: u16 = 271;
const ORIENTATION: u16 = 274;
const SAMPLES: u16 = 277;
const LARGEST_SAMPLE: u16 = 281;
const PLANES: u16 = 284;
const TILE_WIDTH: u16 = 322;
const TILE_HEIGHT: u16 = 323;
const SUB_DIRECTORIES: u16 = 330;
const EXTRA_SAMPLES: u16 = 338;
const SAMPLE_FORMAT: u16 = 339;
const XMP: u16 = 700;
const PROFILE: u16 = 34675;
const DNG_VERSION: u16 = 50706;

impl TiffTags {
    /// Reads them; what cannot be read is not there.
    pub fn read(bytes: &[u8]) -> Self {
        Directory::read(bytes).map_or_else(Self::default, |found| Self::of(&found, bytes))
    }

    fn of(directory: &Directory<'_>, bytes: &[u8]) -> Self {
        let find = |tag: u16| directory.find(tag);
        let value = |tag: u16| directory.value(tag);
        let preview = value(SUBFILE).is_some_and(|kind| kind & 1 == 1);
        // Colours of a filter mosaic, or linear raw.
        let mosaic = matches!(value(PHOTOMETRIC), Some(32803 | 34892));
        let camera = find(MAKE).is_some() && find(SUB_DIRECTORIES).is_some() && preview;
        let canon = bytes.get(8..10) == Some(b"CR");
        let cut = |side: u16, tile: u16| match (value(side), value(tile)) {
            (Some(side), Some(tile)) => side.checked_rem(tile) != Some(0),
            _ => false,
        };
        let cut = cut(WIDTH, TILE_WIDTH) || cut(HEIGHT, TILE_HEIGHT);
        let largest = value(LARGEST_SAMPLE).filter(|largest| (255..65535).contains(largest));
        let largest = largest.filter(|largest| (largest + 1).is_power_of_two());
        let bytes_of = |tag: u16| find(tag).map(|entry| (entry.place, entry.count));
        let turn = value(ORIENTATION).and_then(|turn| u8::try_from(turn).ok());
        let photometric = find(PHOTOMETRIC).map(|entry| entry.place);
        Self {
            raw: find(DNG_VERSION).is_some() || mosaic || camera || canon,
            premultiplied: value(EXTRA_SAMPLES) == Some(1),
            extra_is_no_alpha: value(EXTRA_SAMPLES) == Some(0),
            significant_bits: largest.map(u32::trailing_ones),
            profile: bytes_of(PROFILE),
            xmp: bytes_of(XMP),
            cut_planar_tiles: value(PLANES) == Some(2) && cut,
            has_more: directory.has_more,
            orientation: turn.filter(|turn| (1..=8).contains(turn)),
            photometric: value(PHOTOMETRIC).zip(photometric),
            compression: value(COMPRESSION),
            bits: value(BITS),
            samples: value(SAMPLES),
            sample_format: value(SAMPLE_FORMAT),
        }
    }
}

/// A copy of a TIFF of LZW whose parts are said to be a few bytes longer than they are; none for others.
///
/// The decoder takes a part for cut off if its last bytes are read ahead before its last row is asked for: so it does
/// with tiles, most of all with those that the right edge cuts. An end code, or a code that is none, stops it all the same.
#[cfg(feature = "more-formats")]
pub fn with_longer_parts(bytes: &[u8]) -> Option<Vec<u8>> {
    const LZW: u32 = 5;
    const BYTES_OF_STRIPS: u16 = 279;
    const BYTES_OF_TILES: u16 = 325;
    // Bytes that the decoder reads ahead.
    const MORE: usize = 8;
    let directory = Directory::read(bytes)?;
    if directory.value(COMPRESSION) != Some(LZW) {
        return None;
    }
    let mut copy = [bytes, &[0xFF; MORE]].concat();
    let parts = [BYTES_OF_TILES, BYTES_OF_STRIPS];
    let parts = parts.map(|tag| directory.add(tag, MORE as u64, &mut copy));
    parts.iter().any(Option::is_some).then_some(copy)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A TIFF of one directory: tag, kind, value.
    fn tiff(little: bool, entries: &[(u16, u16, u32)]) -> Vec<u8> {
        let short = |value: u16| {
            if little {
                value.to_le_bytes()
            } else {
                value.to_be_bytes()
            }
        };
        let long = |value: u32| {
            if little {
                value.to_le_bytes()
            } else {
                value.to_be_bytes()
            }
        };
        let mut bytes = if little {
            b"II*\0".to_vec()
        } else {
            b"MM\0*".to_vec()
        };
        bytes.extend(long(8));
        bytes.extend(short(entries.len() as u16));
        for (tag, kind, value) in entries {
            bytes.extend([short(*tag), short(*kind)].concat());
            bytes.extend(long(1));
            match kind {
                3 => bytes.extend([short(*value as u16), [0; 2]].concat()),
                _ => bytes.extend(long(*value)),
            }
        }
        bytes
    }

    #[test]
    fn tags_in_either_order_of_bytes() {
        for little in [true, false] {
            let read = |entries: &[(u16, u16, u32)]| TiffTags::read(&tiff(little, entries));
            let plain = TiffTags {
                photometric: Some((2, 18)),
                ..TiffTags::default()
            };
            assert_eq!(read(&[(262, 3, 2)]), plain);
            assert_eq!(read(&[(274, 3, 6)]).orientation, Some(6));
            assert_eq!(read(&[(274, 4, 6)]).orientation, Some(6));
            assert_eq!(read(&[(274, 4, 262)]).orientation, None);
            assert!(read(&[(338, 3, 1)]).premultiplied);
            assert!(read(&[(338, 3, 0)]).extra_is_no_alpha);
            assert_eq!(read(&[(281, 3, 4095)]).significant_bits, Some(12));
            assert_eq!(read(&[(281, 3, 4000)]).significant_bits, None);
            assert!(read(&[(50706, 1, 1)]).raw && read(&[(262, 3, 32803)]).raw);
            assert!(read(&[(254, 4, 1), (271, 2, 0), (330, 4, 0)]).raw);
            // A page with a preview behind it is a picture.
            assert!(!read(&[(254, 4, 0), (271, 2, 0), (330, 4, 0)]).raw);
        }
    }

    #[test]
    fn a_directory_that_breaks_off_has_the_entries_before() {
        let whole = tiff(true, &[(338, 3, 1), (50706, 1, 1)]);
        for end in 0..whole.len() {
            assert!(!TiffTags::read(&whole[..end]).raw);
        }
        assert!(TiffTags::read(&whole[..24]).premultiplied);
    }
}
