//! Kinds of file, turned pictures, and the smallest ones.

use image::{ImageFormat, Rgb, RgbImage};
use pictures::{Note, PictureFile};

use crate::{drawn, read, stored};

#[test]
fn kinds_without_loss_give_their_pixels_back() {
    let image = RgbImage::from_fn(13, 7, |x, y| {
        Rgb([(x * 19) as u8, (y * 31) as u8, (x * y) as u8])
    });
    for format in [
        ImageFormat::Png,
        ImageFormat::WebP,
        ImageFormat::Tiff,
        ImageFormat::Bmp,
    ] {
        let found = read(stored(image.clone(), format));
        assert!(
            found.pixels == image && found.transparency.is_none(),
            "{format:?}"
        );
        assert_eq!((found.file_size, found.notes), ((13, 7), vec![]));
    }
}

#[test]
fn lines_of_a_single_pixel() {
    for (width, height) in [(1, 1), (1, 37), (37, 1)] {
        let image = RgbImage::from_fn(width, height, |x, y| Rgb([(6 * (x + y)) as u8, 80, 90]));
        for format in [
            ImageFormat::Png,
            ImageFormat::Jpeg,
            ImageFormat::WebP,
            ImageFormat::Tiff,
            ImageFormat::Bmp,
            ImageFormat::Gif,
        ] {
            let bytes = stored(image.clone(), format);
            let file = PictureFile::from_bytes("a", bytes).unwrap();
            assert_eq!(file.size(), (width, height), "{format:?}");
            assert_eq!(
                file.photograph().unwrap().pixels.dimensions(),
                (width, height),
                "{format:?}"
            );
        }
    }
}

#[test]
fn the_tag_of_a_tiff_turns_it() {
    let image = RgbImage::from_fn(6, 4, |x, _| Rgb([if x < 3 { 250 } else { 0 }; 3]));
    let mut bytes = stored(image, ImageFormat::Tiff);
    // The directory gets an entry more: orientation, a quarter turn. It moves behind all else.
    let long = |at: usize| {
        u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]) as usize
    };
    let directory = long(4);
    let count = usize::from(bytes[directory]);
    let mut entries: Vec<Vec<u8>> = bytes[directory + 2..directory + 2 + 12 * count]
        .chunks(12)
        .map(<[u8]>::to_vec)
        .collect();
    entries.push([&[0x12, 1, 3, 0, 1, 0, 0, 0, 6][..], &[0; 3]].concat());
    entries.sort_by_key(|entry| u16::from_le_bytes([entry[0], entry[1]]));
    let at = (bytes.len() as u32).to_le_bytes();
    bytes[4..8].copy_from_slice(&at);
    bytes.extend((entries.len() as u16).to_le_bytes());
    bytes.extend(entries.concat());
    bytes.extend([0; 4]);
    let found = read(bytes).pixels;
    assert_eq!(found.dimensions(), (4, 6));
    // A quarter turn clockwise brings the left to the top.
    assert_eq!(
        (found.get_pixel(2, 1).0, found.get_pixel(2, 4).0),
        ([250; 3], [0; 3])
    );
}

#[test]
fn tiffs_of_palettes_and_few_bits_and_floats() {
    let tiff = |name: &str| {
        let found = read(drawn(&format!("{name}.tif")));
        assert_eq!(found.pixels.dimensions(), (13, 9), "{name}");
        found.pixels
    };
    let expect = |name: &str, colour: &dyn Fn(u32, u32) -> [u32; 3]| {
        for (x, y, found) in tiff(name).enumerate_pixels() {
            let expected = colour(x, y).map(|value| (value % 256) as u8);
            assert_eq!(found.0, expected, "{name}: {x}, {y}");
        }
    };
    expect("palette", &|x, y| {
        let index = x + 13 * y;
        [2 * index, 255 - index, 37 * index]
    });
    let index = |x: u32, y: u32| (x + 2 * y) % 16;
    expect("palette_of_four_bits", &|x, y| {
        let index = index(x, y);
        [17 * index, 255 - 17 * index, 51 * index]
    });
    expect("grey_of_four_bits", &|x, y| [17 * index(x, y); 3]);
    let grey = |x: u32, y: u32| f64::from(x) / 24.0 + f64::from(y) / 16.0;
    for (x, y, found) in tiff("grey_of_floats").enumerate_pixels() {
        let apart = f64::from(found.0[0]) - 255.0 * grey(x, y);
        assert!(apart.abs() <= 0.51, "{x}, {y}: {found:?}");
    }
}

#[test]
fn a_jpeg_inside_a_tiff_has_its_colours() {
    let found = read(drawn("jpeg_inside.tif")).pixels;
    assert_eq!(found.dimensions(), (56, 40));
    for (x, y, found) in found.enumerate_pixels() {
        let drawn = [40 + 3 * x, 200 - 4 * y, 60 + x + 2 * y];
        let apart = |ink: usize| (i64::from(found.0[ink]) - i64::from(drawn[ink])).abs();
        assert!((0..3).all(|ink| apart(ink) <= 8), "{x}, {y}: {found:?}");
    }
}

#[test]
fn floats_beyond_one_are_refused_with_what_to_do() {
    let mut bytes = drawn("grey_of_floats.tif");
    let one = bytes
        .windows(4)
        .rposition(|four| four == 1.0_f32.to_le_bytes());
    let one = one.unwrap();
    bytes[one..one + 4].copy_from_slice(&4095.0_f32.to_le_bytes());
    let file = PictureFile::from_bytes("a.tif", bytes).unwrap();
    let error = file.photograph().unwrap_err().to_string();
    let expected = "expected numbers from 0 to 1, found 4095: scale them to 16 bits first";
    assert!(error.contains(expected), "{error}");
}

#[test]
fn planes_in_cut_tiles_are_refused_and_no_panic() {
    let refused = PictureFile::from_bytes("a.tif", drawn("planar_tiles.tif"));
    let error = refused.err().unwrap().to_string();
    assert!(
        error.contains("tiles of separate planes: convert it to PNG first"),
        "{error}"
    );
}

#[test]
fn the_first_page_of_several_is_read_and_said_to_be() {
    let found = read(drawn("two_pages.tif"));
    assert_eq!(found.pixels.dimensions(), (40, 24));
    assert_eq!(found.notes, [Note::FirstOfSeveral]);
}

#[test]
fn a_tiff_of_grey_with_opacity_lies_on_white() {
    let found = read(drawn("grey_with_opacity.tif"));
    for (x, y, pixel) in found.pixels.enumerate_pixels() {
        let expected = if x < 7 { (19 * x) as u8 } else { 255 };
        assert_eq!(pixel.0, [expected; 3], "{x}, {y}");
    }
    assert!(found.transparency.is_some());
}
