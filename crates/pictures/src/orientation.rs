//! Which way up a picture is: what its Exif data say, or its XMP data where these are silent.

use image::ImageFormat;
use image::metadata::Orientation;

use crate::jpeg::app_segments;
use crate::png_chunks::exif_and_xmp;
use crate::tiff_tags::TiffTags;

/// How a picture is turned upright.
///
/// # Conventions
/// As Pillow, Windows and macOS do, and browsers do not, an orientation in XMP counts where Exif has none of 1 to 8. Of
/// several Exif parts the first counts. Their values may be of any whole kind, and `Exif\0\0` may lead them anywhere.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Turn {
    pub orientation: Orientation,
    /// Exif says nothing, and XMP asks for a turn.
    pub by_xmp: bool,
}

impl Turn {
    /// Of a whole file.
    pub fn read(bytes: &[u8], format: ImageFormat) -> Self {
        match format {
            ImageFormat::Jpeg => {
                let segment = |prefix: &[u8]| app_segments(bytes, prefix).next();
                let exif = segment(b"Exif\0").map(|exif| exif.get(1..).unwrap_or_default());
                Self::of(exif, segment(b"http://ns.adobe.com/xap/1.0/\0"))
            }
            ImageFormat::Png => {
                let (exif, xmp) = exif_and_xmp(bytes);
                Self::of(exif, xmp)
            }
            ImageFormat::WebP => Self::of(webp_chunk(bytes, b"EXIF"), webp_chunk(bytes, b"XMP ")),
            ImageFormat::Tiff => {
                let xmp = TiffTags::read(bytes).xmp;
                let xmp = xmp.and_then(|(at, length)| bytes.get(at..at.checked_add(length)?));
                Self::of(Some(bytes), xmp)
            }
            _ => Self::of(None, None),
        }
    }

    fn of(exif: Option<&[u8]>, xmp: Option<&[u8]>) -> Self {
        let of_exif = exif.and_then(of_exif);
        let of_xmp = || xmp.and_then(of_xmp);
        let orientation = of_exif.or_else(of_xmp).unwrap_or(Orientation::NoTransforms);
        Self {
            orientation,
            by_xmp: of_exif.is_none() && orientation != Orientation::NoTransforms,
        }
    }
}

/// The orientation of Exif data: a TIFF without pixels.
fn of_exif(mut exif: &[u8]) -> Option<Orientation> {
    while let Some(rest) = exif.strip_prefix(b"Exif\0\0") {
        exif = rest;
    }
    Orientation::from_exif(TiffTags::read(exif).orientation?)
}

/// `tiff:Orientation="6"`, or `<tiff:Orientation>6</tiff:Orientation>`.
fn of_xmp(xmp: &[u8]) -> Option<Orientation> {
    const NAME: &[u8] = b"tiff:Orientation";
    let at = xmp.windows(NAME.len()).position(|text| text == NAME)?;
    let value = xmp[at + NAME.len()..].iter();
    let mut value = value.skip_while(|byte| matches!(byte, b' ' | b'=' | b'"' | b'\'' | b'>'));
    let digit = value.next()?.checked_sub(b'0')?;
    let ends = !value.next()?.is_ascii_digit();
    Orientation::from_exif(digit).filter(|_| ends)
}

/// The content of a chunk of a WebP.
fn webp_chunk<'a>(bytes: &'a [u8], kind: &[u8; 4]) -> Option<&'a [u8]> {
    let mut at = 12;
    loop {
        let head = bytes.get(at..)?.first_chunk::<8>()?;
        let length = u32::from_le_bytes([head[4], head[5], head[6], head[7]]) as usize;
        if head.starts_with(kind) {
            return bytes.get(at + 8..)?.get(..length);
        }
        // Chunks begin at even places.
        at = at.checked_add(8 + length + length % 2)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Exif data of one entry.
    fn exif(start: &[u8; 4], kind: u16, value: [u8; 4]) -> Vec<u8> {
        let little = start[0] == b'I';
        let short = |number: u16| match little {
            true => number.to_le_bytes(),
            false => number.to_be_bytes(),
        };
        let long = |number: u32| match little {
            true => number.to_le_bytes(),
            false => number.to_be_bytes(),
        };
        let entry = [&short(0x0112)[..], &short(kind), &long(1), &value].concat();
        [&start[..], &long(8), &short(1), &entry, &[0; 4]].concat()
    }

    #[test]
    fn orientations_of_every_whole_kind_and_order_of_bytes() {
        let of = |start, kind, value| of_exif(&exif(start, kind, value));
        let quarter = Some(Orientation::Rotate90);
        assert_eq!(of(b"II*\0", 3, [6, 0, 0, 0]), quarter);
        assert_eq!(of(b"MM\0*", 3, [0, 6, 0, 0]), quarter);
        // As long numbers, as bytes, with a sign.
        assert_eq!(of(b"II*\0", 4, [6, 0, 0, 0]), quarter);
        assert_eq!(of(b"MM\0*", 4, [0, 0, 0, 6]), quarter);
        assert_eq!(of(b"MM\0*", 1, [6, 0, 0, 0]), quarter);
        assert_eq!(of(b"MM\0*", 8, [0, 6, 0, 0]), quarter);
        // 42 in the other order than the letters say.
        assert_eq!(of(b"MM*\0", 3, [0, 6, 0, 0]), quarter);
        assert_eq!(of(b"II\0*", 3, [6, 0, 0, 0]), quarter);
        // Led by its name once or twice.
        let named = [b"Exif\0\0Exif\0\0", &exif(b"II*\0", 3, [6, 0, 0, 0])[..]].concat();
        assert_eq!(of_exif(&named), quarter);
        assert_eq!(of_exif(&named[6..]), quarter);
        // No orientation: 0, 9, and 262, whose low byte is 6.
        assert_eq!(of(b"II*\0", 3, [0, 0, 0, 0]), None);
        assert_eq!(of(b"II*\0", 3, [9, 0, 0, 0]), None);
        assert_eq!(of(b"II*\0", 3, [6, 1, 0, 0]), None);
    }

    #[test]
    fn xmp_counts_where_exif_is_silent() {
        let attribute = b"<rdf:Description tiff:Orientation=\"6\"/>";
        let element = b"<tiff:Orientation>6</tiff:Orientation>";
        let silent = exif(b"II*\0", 3, [0; 4]);
        for xmp in [&attribute[..], element, b"tiff:Orientation = '6'"] {
            let turn = Turn::of(Some(&silent), Some(xmp));
            assert_eq!(turn.orientation, Orientation::Rotate90);
            assert!(turn.by_xmp);
        }
        let upright = Turn {
            orientation: Orientation::NoTransforms,
            by_xmp: false,
        };
        // Exif says that it is upright.
        let said = exif(b"II*\0", 3, [1, 0, 0, 0]);
        assert_eq!(Turn::of(Some(&said), Some(attribute)), upright);
        for xmp in [
            &b"tiff:Orientation=\"1\""[..],
            b"tiff:Orientation=\"60\"",
            b"",
        ] {
            assert_eq!(Turn::of(None, Some(xmp)), upright);
        }
    }

    #[test]
    fn chunks_of_a_webp_begin_at_even_places() {
        let bytes = b"RIFF\0\0\0\0WEBPVP8L\x03\0\0\0abc\0EXIF\x02\0\0\0hi";
        assert_eq!(webp_chunk(bytes, b"EXIF"), Some(&b"hi"[..]));
        assert_eq!(webp_chunk(bytes, b"XMP "), None);
        assert_eq!(webp_chunk(&bytes[..bytes.len() - 1], b"EXIF"), None);
    }
}
