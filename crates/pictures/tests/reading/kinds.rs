//! Kinds of file, turned pictures, and the smallest ones.

use image::{ImageFormat, Rgb, RgbImage};
use pictures::{Note, PictureFile};

use crate::{drawn, read, stored, with_entry};

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
    let turn = [0x12, 1, 3, 0, 1, 0, 0, 0, 6, 0, 0, 0];
    let bytes = with_entry(&stored(image, ImageFormat::Tiff), turn);
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

#[test]
fn tiles_of_lzw_that_the_edge_cuts_are_whole() {
    let found = read(drawn("tiles_of_lzw.tif")).pixels;
    assert_eq!(found.dimensions(), (45, 32));
    for (x, y, found) in found.enumerate_pixels() {
        let expected = [5 * x, 12 * y, x * y].map(|value| (value % 256) as u8);
        assert_eq!(found.0, expected, "{x}, {y}");
    }
}

#[test]
fn tiles_of_lzw_that_break_off_are_broken() {
    // The last tile ends with the file.
    let whole = drawn("tiles_of_lzw.tif");
    for missing in 6..40 {
        let cut = &whole[..whole.len() - missing];
        let file = PictureFile::from_bytes("a.tif", cut).unwrap();
        let error = file.photograph().err().map(|error| error.to_string());
        assert!(
            error.is_some_and(|error| error.contains("data that end too early")),
            "{missing}"
        );
    }
}

#[test]
fn a_large_tiff_of_a_palette_has_its_colours() {
    let found = read(drawn("large_palette.tif")).pixels;
    assert_eq!(found.dimensions(), (45, 32));
    for (x, y, found) in found.enumerate_pixels() {
        let index = (7 * x + 11 * y) % 256;
        let expected = [index, 255 - index, 37 * index % 256].map(|value| value as u8);
        assert_eq!(found.0, expected, "{x}, {y}");
    }
}

#[test]
fn kinds_of_tiff_that_are_not_read_are_named_in_a_sentence() {
    let image = RgbImage::from_pixel(6, 4, Rgb([9, 80, 70]));
    // One number of bits for all samples.
    let bits = [2, 1, 3, 0, 1, 0, 0, 0, 8, 0, 0, 0];
    let tiff = with_entry(&stored(image, ImageFormat::Tiff), bits);
    // A tag, its value as a short number, and the words.
    for (tag, value, words) in [
        (
            259_u16,
            50_000_u16,
            "(Zstandard compression: convert it to PNG first, or store it with LZW or Deflate)",
        ),
        (259, 34_925, "(LZMA compression: convert it"),
        (259, 3, "(Group 3 fax compression: convert it"),
        (259, 50_002, "(JPEG XL compression: convert it"),
        (259, 4711, "(compression number 4711: convert it"),
        (262, 8, "(CIELab colours: convert it to PNG first)"),
        (
            277,
            65_535,
            "(65535 samples a pixel, 8 bits each, whole numbers: convert it to PNG first)",
        ),
    ] {
        let [low, high] = tag.to_le_bytes();
        let [first, second] = value.to_le_bytes();
        let entry = [low, high, 3, 0, 1, 0, 0, 0, first, second, 0, 0];
        let refused = PictureFile::from_bytes("a.tif", with_entry(&tiff, entry));
        let error = refused.err().unwrap().to_string();
        assert!(error.contains(words) && error.len() < 200, "{error}");
    }
}

#[test]
fn a_gif_is_as_large_as_its_first_picture_where_its_screen_is_not() {
    let image = RgbImage::from_pixel(60, 40, Rgb([255, 255, 255]));
    let mut bytes = stored(image.clone(), ImageFormat::Gif);
    for screen in [[0, 0], [5, 5]] {
        let [width, height] = screen.map(u16::to_le_bytes);
        bytes[6..10].copy_from_slice(&[width, height].concat());
        assert_eq!(read(bytes.clone()).pixels, image, "{screen:?}");
    }
}

#[test]
fn what_decoders_say_is_one_sentence() {
    let png = stored(RgbImage::new(6, 4), ImageFormat::Png);
    let mut other = png.clone();
    other[12..16].copy_from_slice(b"IHXR");
    let jpeg = stored(RgbImage::new(16, 16), ImageFormat::Jpeg);
    for bytes in [&other[..], &png[..30], &jpeg[..40], &jpeg[..200]] {
        let error = PictureFile::from_bytes("a", bytes)
            .err()
            .unwrap()
            .to_string();
        assert_eq!(
            error.matches('(').count(),
            error.matches(')').count(),
            "{error}"
        );
        assert!(
            !error.contains(['{', '\n', '"']) && !error.contains("Format error"),
            "{error}"
        );
    }
}
