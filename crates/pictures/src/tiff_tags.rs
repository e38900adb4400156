//! What the first directory of a TIFF says beside the pixels.

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
    /// Planes in tiles, the last of which are cut: the decoder cannot read these.
    pub cut_planar_tiles: bool,
    /// Further pictures lie behind the first.
    pub has_more: bool,
    /// As Exif counts it: 1 is upright.
    pub orientation: u8,
    /// What the samples are, and where that stands.
    pub photometric: Option<(u32, usize)>,
}

const SUBFILE: u16 = 254;
const WIDTH: u16 = 256;
const HEIGHT: u16 = 257;
const PHOTOMETRIC: u16 = 262;
const MAKE: u16 = 271;
const ORIENTATION: u16 = 274;
const LARGEST_SAMPLE: u16 = 281;
const PLANES: u16 = 284;
const TILE_WIDTH: u16 = 322;
const TILE_HEIGHT: u16 = 323;
const SUB_DIRECTORIES: u16 = 330;
const EXTRA_SAMPLES: u16 = 338;
const PROFILE: u16 = 34675;
const DNG_VERSION: u16 = 50706;

/// A tag, how many values it has, the first or, where they do not fit, their place; and where that stands.
type Entry = (u16, usize, u32, usize);

impl TiffTags {
    /// Reads them; what cannot be read is not there.
    pub fn read(bytes: &[u8]) -> Self {
        Self::entries(bytes).map_or_else(Self::default, |(entries, has_more)| Self {
            has_more,
            ..Self::of(&entries, bytes)
        })
    }

    fn of(entries: &[Entry], bytes: &[u8]) -> Self {
        let find = |tag: u16| entries.iter().find(|(found, ..)| *found == tag);
        let value = |tag: u16| find(tag).map(|(_, _, value, _)| *value);
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
        Self {
            raw: find(DNG_VERSION).is_some() || mosaic || camera || canon,
            premultiplied: value(EXTRA_SAMPLES) == Some(1),
            extra_is_no_alpha: value(EXTRA_SAMPLES) == Some(0),
            significant_bits: largest.map(u32::trailing_ones),
            profile: find(PROFILE).map(|(_, length, at, _)| (*at as usize, *length)),
            cut_planar_tiles: value(PLANES) == Some(2) && cut,
            has_more: false,
            orientation: value(ORIENTATION).map_or(1, |turn| turn as u8),
            photometric: find(PHOTOMETRIC).map(|(_, _, kind, at)| (*kind, *at)),
        }
    }

    /// Tags and first values of the first directory, of the classic kind of TIFF, and whether another follows.
    fn entries(bytes: &[u8]) -> Option<(Vec<Entry>, bool)> {
        let little = match bytes.get(..4)? {
            b"II*\0" => true,
            b"MM\0*" => false,
            _ => return None,
        };
        let short = |at: usize| {
            let two = [*bytes.get(at)?, *bytes.get(at + 1)?];
            Some(if little {
                u16::from_le_bytes(two)
            } else {
                u16::from_be_bytes(two)
            })
        };
        let long = |at: usize| {
            let four = *bytes.get(at..)?.first_chunk::<4>()?;
            Some(if little {
                u32::from_le_bytes(four)
            } else {
                u32::from_be_bytes(four)
            })
        };
        let directory = long(4)? as usize;
        let count = usize::from(short(directory)?);
        let entry = |place: usize| {
            let at = directory + 2 + 12 * place;
            // Kind 3 are short numbers: two of them fit into the entry, more lie elsewhere.
            let (kind, values) = (short(at + 2)?, long(at + 4)?);
            let value = match (kind, values) {
                (3, 1 | 2) => u32::from(short(at + 8)?),
                (3, _) => u32::from(short(long(at + 8)? as usize).unwrap_or(0)),
                _ => long(at + 8)?,
            };
            Some((short(at)?, values as usize, value, at + 8))
        };
        // What a file that breaks off there says is no directory.
        let next = long(directory + 2 + 12 * count).unwrap_or(0) as usize;
        let has_more = next != 0 && next < bytes.len();
        Some(((0..count).map_while(entry).collect(), has_more))
    }
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
                orientation: 1,
                photometric: Some((2, 18)),
                ..TiffTags::default()
            };
            assert_eq!(read(&[(262, 3, 2)]), plain);
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
