//! Which kind of file it is, by its first bytes, and what to do with the kinds that are not read.

use image::ImageFormat;

use crate::tiff_tags::TiffTags;

/// The kind of a picture that is read; in an error, what was found instead, and what to do.
pub fn file_kind(bytes: &[u8]) -> Result<ImageFormat, String> {
    if bytes.is_empty() {
        return Err("an empty file".to_owned());
    }
    let format = match image::guess_format(bytes) {
        Ok(format @ (ImageFormat::Jpeg | ImageFormat::Png | ImageFormat::WebP)) => Some(format),
        Ok(format @ (ImageFormat::Bmp | ImageFormat::Gif)) => Some(format),
        Ok(ImageFormat::Tiff) => Some(ImageFormat::Tiff),
        // The large kind of TIFF.
        _ if bytes.starts_with(b"II+\0") || bytes.starts_with(b"MM\0+") => Some(ImageFormat::Tiff),
        _ => None,
    };
    match format {
        Some(ImageFormat::Png) if bytes.get(12..16) == Some(b"CgBI") => Err(APPLES_PNG.to_owned()),
        Some(ImageFormat::Tiff) if TiffTags::read(bytes).raw => Err(convert(RAW)),
        Some(format) if reads(format) => Ok(format),
        Some(format) => Err(convert(name(format))),
        None => Err(other(bytes)),
    }
}

/// The name of a kind that is read.
pub fn name(format: ImageFormat) -> &'static str {
    match format {
        ImageFormat::Jpeg => "JPEG",
        ImageFormat::Png => "PNG",
        ImageFormat::WebP => "WebP",
        ImageFormat::Tiff => "TIFF",
        ImageFormat::Bmp => "BMP",
        _ => "GIF",
    }
}

/// Whether the decoder is built in.
fn reads(format: ImageFormat) -> bool {
    let always = matches!(
        format,
        ImageFormat::Jpeg | ImageFormat::Png | ImageFormat::WebP
    );
    always || cfg!(feature = "more-formats")
}

const APPLES_PNG: &str = "a PNG that Xcode optimised for iPhones (a CgBI chunk): restore it with \
    `xcrun -sdk iphoneos pngcrush -revert-iphone-optimizations IN.png OUT.png`, or export it as PNG on a Mac";

const RAW: &str = "raw data of a camera";

/// What to do with a picture of another kind.
fn convert(kind: &str) -> String {
    let article = if kind.starts_with(RAW) {
        ""
    } else if kind.starts_with(['A', 'E', 'I', 'O', 'S']) {
        "an "
    } else {
        "a "
    };
    let advice = match kind {
        RAW => "develop it to a JPEG, PNG or TIFF first",
        "SVG" | "PDF" | "EPS" => "draw it to a PNG first",
        "HEIC" => {
            "export it as JPEG first; telephones also store JPEGs when set to “most compatible”"
        }
        _ => "convert it to PNG or JPEG first",
    };
    let noun = if kind.starts_with(RAW) { "" } else { " file" };
    format!("{article}{kind}{noun}: {advice}")
}

/// Other files, by their first bytes.
const OTHERS: [(&[u8], &str); 22] = [
    (b"\xFF\x0A", "JPEG XL"),
    (b"\0\0\0\x0CJXL ", "JPEG XL"),
    (b"\0\0\0\x0CjP  ", "JPEG 2000"),
    (b"\xFF\x4F\xFF\x51", "JPEG 2000"),
    (b"8BPS", "Photoshop"),
    (b"%PDF", "PDF"),
    (b"%!PS", "EPS"),
    (b"<svg", "SVG"),
    (b"qoif", "QOI"),
    (b"\x76\x2F\x31\x01", "OpenEXR"),
    (b"#?RADIANCE", "Radiance"),
    (b"\0\0\x01\0", "ICO"),
    (b"P1", "PBM"),
    (b"P2", "PGM"),
    (b"P3", "PPM"),
    (b"P4", "PBM"),
    (b"P5", "PGM"),
    (b"P6", "PPM"),
    (b"FUJIFILMCCD-RAW", RAW),
    (b"IIU\0", RAW),
    (b"IIRO", RAW),
    (b"FOVb", RAW),
];

/// A file that is no picture of the kinds above.
fn other(bytes: &[u8]) -> String {
    if bytes.get(4..8) == Some(b"ftyp") {
        return iso_media(bytes);
    }
    if let Some((_, kind)) = OTHERS.iter().find(|(first, _)| bytes.starts_with(first)) {
        return convert(kind);
    }
    if bytes.get(128..132) == Some(b"DICM") {
        return convert("DICOM");
    }
    let start = String::from_utf8_lossy(&bytes[..bytes.len().min(1024)]).to_ascii_lowercase();
    let text = start.trim_start_matches(['\u{feff}', ' ', '\n', '\r', '\t']);
    if text.starts_with("version https://git-lfs") {
        return "a Git LFS pointer: fetch the file itself with `git lfs pull`".to_owned();
    }
    if text.starts_with("<!doctype html") || text.starts_with("<html") {
        return "an HTML page: the download went wrong, get the picture itself".to_owned();
    }
    if text.starts_with('<') && text.contains("<svg") {
        return convert("SVG");
    }
    if text.starts_with("pk\u{3}\u{4}") || text.starts_with("\u{1f}") {
        return "an archive: unpack it first".to_owned();
    }
    "another file".to_owned()
}

/// HEIC, AVIF and films share a container; its brands say which.
fn iso_media(bytes: &[u8]) -> String {
    let length = u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) as usize;
    let brands = &bytes[8..bytes.len().min(length.clamp(12, 128))];
    let has = |names: &[&[u8]]| brands.chunks_exact(4).any(|brand| names.contains(&brand));
    if has(&[b"avif", b"avis"]) {
        convert("AVIF")
    } else if has(&[
        b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1",
    ]) {
        convert("HEIC")
    } else if has(&[b"crx "]) {
        convert(RAW)
    } else {
        "a film: take a picture out of it first".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_kinds_are_named_with_what_to_do() {
        let heic = b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic";
        let avif = b"\0\0\0\x1Cftypmif1\0\0\0\0mif1avifmiaf";
        let film = b"\0\0\0\x18ftypisom\0\0\0\0isommp42";
        let mut dicom = vec![0; 128];
        dicom.extend(b"DICM");
        let cases: [(&[u8], &str); 25] = [
            (
                b"\x89PNG\r\n\x1a\n\0\0\0\x04CgBI\x50\0\x20\x02",
                "a PNG that Xcode optimised for iPhones (a CgBI chunk): restore it with `xcrun",
            ),
            (b"", "an empty file"),
            (b"plain words", "another file"),
            (heic, "a HEIC file: export it as JPEG first"),
            (avif, "an AVIF file: convert it to PNG or JPEG first"),
            (film, "a film"),
            (b"\xFF\x0A rest", "a JPEG XL file: convert"),
            (b"\0\0\0\x0CJXL \x0D\x0A\x87\x0A", "a JPEG XL file"),
            (b"%PDF-1.7", "a PDF file: draw it to a PNG first"),
            (
                b"\n<?xml version='1.0'?>\n<svg xmlns=''>",
                "an SVG file: draw",
            ),
            (b"<svg/>", "an SVG file"),
            (b"<!DOCTYPE html><p>", "an HTML page"),
            (
                b"version https://git-lfs.github.com/spec/v1\n",
                "a Git LFS pointer",
            ),
            (b"P6 3 2 255\n", "a PPM file"),
            (b"8BPS\0\x01", "a Photoshop file"),
            (b"\0\0\0\x0CjP  \x0D\x0A\x87\x0A", "a JPEG 2000 file"),
            (
                b"%!PS-Adobe-3.0 EPSF",
                "an EPS file: draw it to a PNG first",
            ),
            (b"qoif\0\0\0\x01", "a QOI file: convert"),
            (b"\x76\x2F\x31\x01", "an OpenEXR file"),
            (b"#?RADIANCE\n", "a Radiance file"),
            (b"\0\0\x01\0\x01\0", "an ICO file"),
            (&dicom, "a DICOM file"),
            (b"PK\x03\x04", "an archive: unpack it first"),
            (b"FUJIFILMCCD-RAW 0201", "raw data of a camera: develop"),
            (
                b"\0\0\0\x18ftypcrx \0\0\0\x01crx isom",
                "raw data of a camera",
            ),
        ];
        for (bytes, expected) in cases {
            let found = file_kind(bytes).unwrap_err();
            assert!(found.starts_with(expected), "{found}");
        }
    }

    #[test]
    fn every_beginning_of_a_file_gets_an_answer() {
        let container = b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic";
        for end in 0..container.len() {
            assert!(file_kind(&container[..end]).is_err());
        }
        assert!(file_kind(b"\xFF\xFF\xFF\xFFftyp").is_err());
    }
}
