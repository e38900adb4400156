//! Pictures that their Exif or XMP data turn, wherever these lie and however they are written.

use image::metadata::Orientation;
use image::{ImageFormat, Rgb, RgbImage};
use pictures::{Note, Photograph, PictureFile, PictureHeader};

use crate::{chunk, read, stored, with_chunks, with_entry, with_segment};

/// White on the left, black on the right.
fn halves() -> RgbImage {
    RgbImage::from_fn(16, 8, |x, _| Rgb([if x < 8 { 250 } else { 0 }; 3]))
}

/// Exif data that ask for a quarter turn clockwise: kind 3 for a short number, 4 for a long one.
fn exif(kind: u8) -> Vec<u8> {
    let entry = [0x12, 1, kind, 0, 1, 0, 0, 0, 6, 0, 0, 0];
    [b"II*\0\x08\0\0\0\x01\0", &entry[..], &[0; 4]].concat()
}

const XMP: &[u8] = b"<x:xmpmeta><rdf:Description tiff:Orientation=\"6\"/></x:xmpmeta>";

/// A quarter turn clockwise brings the left to the top.
fn is_turned(found: &Photograph) -> bool {
    let [above, below] = [2, 13].map(|y| found.pixels.get_pixel(4, y).0[0]);
    found.pixels.dimensions() == (8, 16) && above > 200 && below < 50
}

fn png_behind(chunks: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
    let png = stored(halves(), ImageFormat::Png);
    let behind: Vec<u8> = chunks
        .iter()
        .flat_map(|(kind, data)| chunk(kind, data))
        .collect();
    let end = png.len() - 12;
    [&png[..end], &behind, &png[end..]].concat()
}

/// A WebP of the extended kind: what is added lies behind the pixels.
fn webp_with(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let plain = stored(halves(), ImageFormat::WebP);
    let flags = if kind == b"EXIF" { 8 } else { 4 };
    let head = [b"VP8X\x0A\0\0\0", &[flags, 0, 0, 0, 15, 0, 0, 7, 0, 0][..]].concat();
    let length = (data.len() as u32).to_le_bytes();
    let mut added = [&kind[..], &length, data].concat();
    added.resize(added.len().next_multiple_of(2), 0);
    let content = [b"WEBP", &head[..], &plain[12..], &added].concat();
    [b"RIFF", &(content.len() as u32).to_le_bytes()[..], &content].concat()
}

fn with_exif(jpeg: &[u8], exif: &[u8]) -> Vec<u8> {
    with_segment(jpeg, 0xE1, &[b"Exif\0\0", exif].concat())
}

#[test]
fn exif_turns_wherever_it_lies_and_however_its_number_is_written() {
    let png = stored(halves(), ImageFormat::Png);
    let jpeg = stored(halves(), ImageFormat::Jpeg);
    let tiff = stored(halves(), ImageFormat::Tiff);
    let folder = tempfile::tempdir().unwrap();
    for kind in [3, 4] {
        let exif = exif(kind);
        let named = [b"Exif\0\0", &exif[..]].concat();
        let entry = [0x12, 1, kind, 0, 1, 0, 0, 0, 6, 0, 0, 0];
        for (name, bytes) in [
            ("before.png", with_chunks(&png, &[(b"eXIf", &exif)])),
            ("behind.png", png_behind(&[(b"eXIf", &exif)])),
            ("named.png", png_behind(&[(b"eXIf", &named)])),
            ("a.jpg", with_exif(&jpeg, &exif)),
            // The first of two parts counts.
            (
                "two.jpg",
                with_exif(&with_exif(&jpeg, b"more of it"), &exif),
            ),
            ("a.webp", webp_with(b"EXIF", &exif)),
            ("named.webp", webp_with(b"EXIF", &named)),
            ("a.tif", with_entry(&tiff, entry)),
        ] {
            let path = folder.path().join(name);
            std::fs::write(&path, &bytes).unwrap();
            assert_eq!(
                PictureHeader::read(&path).unwrap().size(),
                (8, 16),
                "{name}"
            );
            let found = read(bytes);
            assert!(
                is_turned(&found) && found.notes.is_empty(),
                "{name}, {kind}"
            );
        }
    }
}

#[test]
fn a_long_png_with_exif_at_its_end_is_turned_by_its_header_too() {
    let noise = RgbImage::from_fn(700, 500, |x, y| {
        let number = (x * 7919 + y * 104_729).wrapping_mul(2_654_435_761);
        Rgb([number as u8, (number >> 8) as u8, (number >> 16) as u8])
    });
    let png = stored(noise, ImageFormat::Png);
    assert!(png.len() > 1 << 18);
    let end = png.len() - 12;
    let bytes = [&png[..end], &chunk(b"eXIf", &exif(3)), &png[end..]].concat();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("long.png");
    std::fs::write(&path, bytes).unwrap();
    let header = PictureHeader::read(&path).unwrap();
    assert_eq!((header.size(), header.is_turned()), ((500, 700), true));
}

#[test]
fn xmp_turns_where_exif_is_silent_and_a_note_says_so() {
    let jpeg = stored(halves(), ImageFormat::Jpeg);
    let packet = [b"http://ns.adobe.com/xap/1.0/\0", XMP].concat();
    let only_xmp = with_segment(&jpeg, 0xE1, &packet);
    let text = [b"XML:com.adobe.xmp\0\0\0\0\0", XMP].concat();
    for bytes in [
        only_xmp.clone(),
        png_behind(&[(b"iTXt", &text)]),
        webp_with(b"XMP ", XMP),
    ] {
        let found = read(bytes);
        assert!(is_turned(&found));
        assert_eq!(found.notes, [Note::TurnedByXmp]);
    }
    // Exif says that it is upright: it has the last word.
    let mut upright = exif(3);
    upright[18] = Orientation::NoTransforms.to_exif();
    let found = read(with_exif(&only_xmp, &upright));
    assert_eq!((found.pixels.dimensions(), found.notes), ((16, 8), vec![]));
    let stored = PictureFile::from_bytes("a", only_xmp).unwrap().as_stored();
    let found = stored.photograph().unwrap();
    assert_eq!((found.pixels.dimensions(), found.notes), ((16, 8), vec![]));
}
