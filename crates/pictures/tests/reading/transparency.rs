//! Transparent parts in every kind of file that has them.

use image::codecs::gif::GifEncoder;
use image::{
    DynamicImage, Frame, GrayAlphaImage, ImageBuffer, ImageFormat, LumaA, Rgb, Rgba, RgbaImage,
};
use pictures::Photograph;

use crate::{read, stored};

/// Noise, a part of it transparent, and a column that is half so.
fn noise() -> RgbaImage {
    RgbaImage::from_fn(12, 6, |x, y| {
        let alpha = match x {
            0..6 => 255,
            6 => 128,
            _ => 0,
        };
        Rgba([(x * 91 + y * 57) as u8, (x * 37 + y * 131) as u8, 40, alpha])
    })
}

fn columns(found: &Photograph) -> Vec<bool> {
    let transparency = found.transparency.as_ref().expect("transparent pixels");
    (0..found.pixels.width())
        .map(|x| transparency.at(x, 2))
        .collect()
}

#[test]
fn what_is_transparent_is_white_and_marked() {
    let image = DynamicImage::ImageRgba8(noise());
    let kinds = [
        ("png", stored(image.clone(), ImageFormat::Png)),
        ("png, 16 bits", stored(image.to_rgba16(), ImageFormat::Png)),
        ("webp", stored(image.clone(), ImageFormat::WebP)),
        ("tiff", stored(image.clone(), ImageFormat::Tiff)),
        (
            "tiff, 16 bits",
            stored(image.to_rgba16(), ImageFormat::Tiff),
        ),
        ("bmp", stored(image.clone(), ImageFormat::Bmp)),
    ];
    for (kind, bytes) in kinds {
        let found = read(bytes);
        assert_eq!(found.notes, [], "{kind}");
        let expected: Vec<bool> = (0..12).map(|x| x > 6).collect();
        assert_eq!(columns(&found), expected, "{kind}");
        for (x, y, pixel) in found.pixels.enumerate_pixels() {
            let [red, green, blue, alpha] = noise().get_pixel(x, y).0;
            let shown = [red, green, blue].map(|value| {
                let alpha = f64::from(alpha) / 255.0;
                (f64::from(value) * alpha + 255.0 * (1.0 - alpha)).round() as u8
            });
            let near = pixel.0.iter().zip(shown).all(|(a, b)| a.abs_diff(b) <= 1);
            assert!(near, "{kind}, {x}, {y}: {pixel:?}, expected {shown:?}");
        }
    }
}

#[test]
fn grey_with_alpha_and_palettes_with_transparent_colours() {
    let grey = GrayAlphaImage::from_fn(4, 4, |x, _| LumaA([90, if x < 2 { 255 } else { 0 }]));
    let words = ImageBuffer::from_fn(4, 4, |x, _| {
        LumaA([90_u16 * 257, if x < 2 { 65_535 } else { 0 }])
    });
    let mut files = vec![
        stored(grey, ImageFormat::Png),
        stored(words, ImageFormat::Png),
    ];
    // A palette, and one grey level or colour that is named as transparent.
    for (colour, samples, transparent) in [
        (
            png::ColorType::Indexed,
            [0, 0, 1, 1].repeat(4),
            &[255, 0][..],
        ),
        (png::ColorType::Grayscale, [90, 90, 7, 7].repeat(4), &[0, 7]),
        (
            png::ColorType::Rgb,
            [[90; 3], [90; 3], [1, 2, 3], [1, 2, 3]].concat().repeat(4),
            &[0, 1, 0, 2, 0, 3],
        ),
    ] {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, 4, 4);
        encoder.set_color(colour);
        if colour == png::ColorType::Indexed {
            encoder.set_palette([90, 90, 90, 12, 200, 33].as_slice());
        }
        encoder.set_trns(transparent);
        encoder
            .write_header()
            .unwrap()
            .write_image_data(&samples)
            .unwrap();
        files.push(bytes);
    }
    for bytes in files {
        let found = read(bytes);
        assert_eq!(columns(&found), [false, false, true, true]);
        let row: Vec<[u8; 3]> = (0..4).map(|x| found.pixels.get_pixel(x, 1).0).collect();
        assert_eq!(row, [[90; 3], [90; 3], [255; 3], [255; 3]]);
    }
}

#[test]
fn the_first_picture_of_an_animation_with_its_transparent_part() {
    let mut bytes = Vec::new();
    let mut encoder = GifEncoder::new(&mut bytes);
    for red in [200, 10] {
        let image = RgbaImage::from_fn(4, 4, |x, _| {
            Rgba([red, 90, 40, if x < 2 { 255 } else { 0 }])
        });
        encoder.encode_frame(Frame::new(image)).unwrap();
    }
    drop(encoder);
    let found = read(bytes);
    assert_eq!(columns(&found), [false, false, true, true]);
    assert!(found.pixels.get_pixel(0, 0).0[0].abs_diff(200) < 8);
}

#[test]
fn opaque_pictures_are_as_they_are_without_alpha() {
    let image = RgbaImage::from_fn(12, 6, |x, y| Rgba([(x * 9) as u8, (y * 7) as u8, 40, 255]));
    let plain = DynamicImage::ImageRgba8(image.clone()).into_rgb8();
    for format in [ImageFormat::Png, ImageFormat::WebP, ImageFormat::Tiff] {
        let found = read(stored(image.clone(), format));
        assert_eq!((found.pixels, found.transparency), (plain.clone(), None));
    }
    // What differs from white by less than 8 levels is transparent; a little more is not.
    let faint = |alpha| RgbaImage::from_pixel(3, 3, Rgba([0, 0, 0, alpha]));
    assert!(
        read(stored(faint(7), ImageFormat::Png))
            .transparency
            .is_some()
    );
    let found = read(stored(faint(8), ImageFormat::Png));
    assert_eq!(
        (found.pixels.get_pixel(0, 0).0, found.transparency),
        ([247; 3], None)
    );
}

#[test]
fn colours_that_were_multiplied_by_their_opacity() {
    // A TIFF whose extra channel is said to be such an opacity: tag 338 with the value 1, appended to its directory.
    let mut bytes = b"II*\0\x08\0\0\0".to_vec();
    let samples = [100_u8, 50, 0, 128, 0, 0, 0, 0];
    let entries: [(u16, u16, u32, u32); 10] = [
        (256, 3, 1, 2),
        (257, 3, 1, 1),
        (258, 3, 4, 134),
        (259, 3, 1, 1),
        (262, 3, 1, 2),
        (273, 4, 1, 142),
        (277, 3, 1, 4),
        (278, 3, 1, 1),
        (279, 4, 1, 8),
        (338, 3, 1, 1),
    ];
    bytes.extend((entries.len() as u16).to_le_bytes());
    for (tag, kind, count, value) in entries {
        bytes.extend([tag.to_le_bytes(), kind.to_le_bytes()].concat());
        bytes.extend([count.to_le_bytes(), value.to_le_bytes()].concat());
    }
    bytes.extend([0; 4]);
    assert_eq!(bytes.len(), 134);
    bytes.extend([8_u16; 4].map(u16::to_le_bytes).concat());
    bytes.extend(samples);
    let found = read(bytes.clone());
    // 100 is 199 at half opacity: 100 and half of white.
    assert_eq!(found.pixels.get_pixel(0, 0), &Rgb([227, 177, 127]));
    assert_eq!(found.pixels.get_pixel(1, 0), &Rgb([255; 3]));
    // The same numbers beside a channel that is no opacity.
    let at = bytes
        .windows(4)
        .position(|four| four == [82, 1, 3, 0])
        .unwrap();
    bytes[at + 8] = 0;
    let found = read(bytes);
    assert_eq!(
        (found.pixels.get_pixel(0, 0), found.transparency),
        (&Rgb([100, 50, 0]), None)
    );
}
