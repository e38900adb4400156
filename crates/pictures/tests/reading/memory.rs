//! Memory is the limit, and no ratio of sizes.

use std::io::Read;

use image::{GrayImage, ImageFormat, Luma, Rgb, RgbImage};
use pictures::{Error, MemoryBudget, Note, PictureFile, ReadOptions};

use crate::{stored, with_segment};

fn within(bytes: u64, to_come: Option<u64>) -> ReadOptions {
    ReadOptions {
        memory: MemoryBudget::of_bytes(bytes),
        lenient: false,
        bytes_to_come: to_come,
    }
}

#[test]
fn a_slide_in_a_few_kilobytes_is_read() {
    let slide = RgbImage::from_fn(4000, 3000, |x, _| Rgb([if x < 2000 { 250 } else { 20 }; 3]));
    let bytes = stored(slide, ImageFormat::WebP);
    assert!(bytes.len() < 5000, "{}", bytes.len());
    let found = PictureFile::from_bytes("slide.webp", bytes)
        .unwrap()
        .photograph()
        .unwrap();
    assert_eq!(found.pixels.dimensions(), (4000, 3000));
    assert_eq!(found.pixels.get_pixel(3999, 2999).0, [20; 3]);
}

#[test]
fn a_photograph_that_what_follows_has_no_room_for_is_halved() {
    let image = RgbImage::from_fn(101, 60, |x, _| Rgb([(2 * x) as u8, 40, 90]));
    for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::Bmp] {
        let bytes = stored(image.clone(), format);
        let read = |memory: u64| {
            let file = PictureFile::from_bytes_with("a", &bytes[..], within(memory, Some(18)));
            file.unwrap().photograph().unwrap()
        };
        let whole = read(18 * 101 * 60);
        assert_eq!(
            (whole.pixels.dimensions(), whole.notes),
            ((101, 60), vec![])
        );
        let half = read(18 * 101 * 60 - 1);
        assert_eq!(half.pixels.dimensions(), (51, 30));
        assert_eq!(half.file_size, (101, 60));
        let note = Note::Reduced {
            from: (101, 60),
            to: (51, 30),
        };
        assert_eq!(half.notes, [note]);
        // Means of 4 pixels; JPEG is a few levels off.
        let [red, green, blue] = half.pixels.get_pixel(20, 10).0;
        assert!(red.abs_diff(81) < 5 && green.abs_diff(40) < 5 && blue.abs_diff(90) < 5);
    }
    // Never for a reader that does not say what follows.
    let bytes = stored(image, ImageFormat::Png);
    let file = PictureFile::from_bytes_with("a", bytes, within(40_000, None)).unwrap();
    assert_eq!(file.photograph().unwrap().pixels.dimensions(), (101, 60));
}

#[test]
fn a_turned_photograph_is_made_smaller_before_it_is_turned() {
    let exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0";
    let image = RgbImage::from_fn(160, 80, |x, _| Rgb([if x < 80 { 255 } else { 0 }; 3]));
    let bytes = with_segment(&stored(image, ImageFormat::Jpeg), 0xE1, exif);
    let file = PictureFile::from_bytes_with("a", bytes.clone(), within(60_000, Some(18))).unwrap();
    assert_eq!(file.size(), (80, 160));
    let found = file.photograph().unwrap();
    assert_eq!(
        (found.pixels.dimensions(), found.file_size),
        ((40, 80), (80, 160))
    );
    assert!(found.pixels.get_pixel(20, 10).0[0] > 200 && found.pixels.get_pixel(20, 70).0[0] < 50);
    // At full size it would be there twice.
    let refused = PictureFile::from_bytes_with("a", bytes, within(60_000, None))
        .err()
        .unwrap();
    assert!(matches!(refused, Error::Memory { .. }), "{refused}");
}

#[test]
fn what_does_not_fit_is_refused_by_the_header_with_both_sizes() {
    let bytes = stored(
        GrayImage::from_pixel(2000, 1000, Luma([7])),
        ImageFormat::Png,
    );
    let refused = PictureFile::from_bytes_with("a", &bytes[..], within(1 << 20, None))
        .err()
        .unwrap();
    let expected = "a: expected at most 1 MiB of memory for 2000 × 1000 pixels, found 7.7 MiB; \
                    allow more (`--max-memory` of `segment`, or the system's limit), or make the picture smaller";
    assert_eq!(refused.to_string(), expected);
    assert!(PictureFile::from_bytes_with("a", &bytes[..], within(8 << 20, None)).is_ok());
}

/// As large as the largest pictures of telephones but one, in strips of 16 rows.
#[test]
fn a_photograph_of_108_megapixels_comes_out_at_half_its_size_within_a_gibibyte() {
    let (width, height) = (12_000, 9_000);
    let row: Vec<u8> = (0..width).flat_map(|x| [(x / 64) as u8, 90, 200]).collect();
    let image = RgbImage::from_raw(width, height, row.repeat(height as usize)).unwrap();
    let bytes = stored(image, ImageFormat::Jpeg);
    let options = within(1 << 30, Some(18));
    let file = PictureFile::from_bytes_with("telephone.jpg", bytes, options).unwrap();
    assert_eq!(file.size(), (width, height));
    let found = file.photograph().unwrap();
    assert_eq!(
        (found.pixels.dimensions(), found.file_size),
        ((6_000, 4_500), (width, height))
    );
    let [red, green, blue] = found.pixels.get_pixel(4_000, 2_000).0;
    assert!(red.abs_diff(125) < 4 && green.abs_diff(90) < 4 && blue.abs_diff(200) < 4);
    let note = Note::Reduced {
        from: (width, height),
        to: (6_000, 4_500),
    };
    assert_eq!(found.notes, [note]);
}

#[test]
fn what_goes_on_for_ever_is_refused_by_its_first_bytes_or_the_budget() {
    let endless = |first: &'static [u8]| first.chain(std::io::repeat(0));
    let read = |first| PictureFile::from_reader("pipe", endless(first), within(1 << 20, None));
    let error = read(b"").err().unwrap();
    assert!(matches!(error, Error::NotAPicture { .. }), "{error}");
    let error = read(b"\x89PNG\r\n\x1a\n").err().unwrap();
    assert!(
        matches!(error, Error::Memory { needed, .. } if needed == (1 << 20) + 1),
        "{error}"
    );
}

/// Found by fuzzing: 180 bytes that asked for two gigabytes.
#[test]
fn a_gif_whose_picture_is_larger_than_its_screen_is_measured_by_the_picture() {
    let image = RgbImage::from_pixel(60, 40, Rgb([200, 30, 40]));
    let mut bytes = stored(image, ImageFormat::Gif);
    let at = bytes
        .windows(10)
        .position(|ten| ten[0] == 0x2C && ten[5..9] == [60, 0, 40, 0]);
    let at = at.unwrap() + 5;
    bytes[at..at + 4].copy_from_slice(&[0x20, 0x27, 0xCE, 0xCE]);
    let error = PictureFile::from_bytes("bomb.gif", bytes)
        .err()
        .unwrap()
        .to_string();
    assert!(
        error.contains("its first picture has 10016 × 52942 pixels on a screen of 60 × 40"),
        "{error}"
    );
}
