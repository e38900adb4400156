//! What the chunks of a PNG before its pixels say about colours and depth.

/// The facts of them that are used.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PngChunks {
    /// Primaries and transfer characteristics by number (`cICP`).
    pub code_points: Option<(u8, u8)>,
    /// An ICC profile (`iCCP`), readable or not.
    pub has_profile: bool,
    /// Said to be sRGB (`sRGB`).
    pub srgb: bool,
    /// Gamma in 100,000ths (`gAMA`).
    pub gamma: Option<u32>,
    /// White, red, green and blue, x and y each, in 100,000ths (`cHRM`).
    pub chromaticities: Option<[u32; 8]>,
    /// The most bits that a colour's samples fill (`sBIT`).
    pub significant_bits: Option<u32>,
}

impl PngChunks {
    /// Reads them up to the first pixel; what cannot be read is not there.
    pub fn read(bytes: &[u8]) -> Self {
        let mut found = Self::default();
        let mut at = 8;
        let mut colour_type = 0;
        while let Some((length, kind)) = chunk_head(bytes, at) {
            let Some(data) = bytes.get(at + 8..).and_then(|rest| rest.get(..length)) else {
                break;
            };
            match kind {
                b"IHDR" => colour_type = data.get(9).copied().unwrap_or(0),
                b"IDAT" | b"IEND" => break,
                b"cICP" if data.len() >= 2 => found.code_points = Some((data[0], data[1])),
                b"iCCP" => found.has_profile = true,
                b"sRGB" => found.srgb = true,
                b"gAMA" => found.gamma = data.first_chunk().map(|four| u32::from_be_bytes(*four)),
                b"cHRM" if data.len() == 32 => {
                    let values = data.as_chunks::<4>().0;
                    found.chromaticities = Some(std::array::from_fn(|place| {
                        u32::from_be_bytes(values[place])
                    }));
                }
                b"sBIT" => {
                    // The last of two and of four is the opacity's.
                    let colours = if colour_type & 4 == 4 {
                        data.len().saturating_sub(1)
                    } else {
                        data.len()
                    };
                    let most = data.iter().take(colours).max();
                    found.significant_bits = most.map(|bits| u32::from(*bits));
                }
                _ => {}
            }
            at += 12 + length;
        }
        found
    }
}

/// Exif data (`eXIf`) and an XMP packet (`iTXt`, not compressed), before the pixels or behind them.
pub fn exif_and_xmp(bytes: &[u8]) -> (Option<&[u8]>, Option<&[u8]>) {
    // A keyword, two zeros for no compression, a language and a translation, both empty.
    const XMP: &[u8] = b"XML:com.adobe.xmp\0\0\0\0\0";
    let (mut exif, mut xmp) = (None, None);
    let mut at = 8;
    while let Some((length, kind)) = chunk_head(bytes, at) {
        let data = bytes.get(at + 8..).and_then(|rest| rest.get(..length));
        let Some(data) = data else { break };
        match kind {
            b"eXIf" => exif = exif.or(Some(data)),
            b"iTXt" => xmp = xmp.or(data.strip_prefix(XMP)),
            b"IEND" => break,
            _ => {}
        }
        at += 12 + length;
    }
    (exif, xmp)
}

/// Whether a PNG ends behind its pixels, without the chunk that says so.
pub fn ends_without_end(bytes: &[u8]) -> bool {
    let (mut at, mut pixels) = (8, false);
    while let Some((length, kind)) = chunk_head(bytes, at) {
        let whole = at.saturating_add(length).saturating_add(12) <= bytes.len();
        match kind {
            b"IEND" => return false,
            b"IDAT" if !whole => return false,
            b"IDAT" => pixels = true,
            _ if !whole => break,
            _ => {}
        }
        at += 12 + length;
    }
    pixels
}

/// Length and kind of the chunk at a place.
fn chunk_head(bytes: &[u8], at: usize) -> Option<(usize, &[u8; 4])> {
    let length = bytes.get(at..)?.first_chunk::<4>()?;
    let kind = bytes.get(at + 4..)?.first_chunk::<4>()?;
    Some((u32::from_be_bytes(*length) as usize, kind))
}
