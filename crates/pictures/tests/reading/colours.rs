//! Profiles in every kind of file, chunks of a PNG, inks, and the range of samples.

use image::codecs::{jpeg::JpegEncoder, png::PngEncoder, tiff::TiffEncoder, webp::WebPEncoder};
use image::{DynamicImage, GrayImage, ImageBuffer, ImageEncoder, ImageFormat, Luma, Rgb, RgbImage};
use moxcms::ColorProfile;
use pictures::{Note, PictureFile};

use crate::{drawn, read, sample, stored, with_chunks, with_segment};

/// One colour with a profile, in a kind of file.
fn profiled(kind: &str, image: &DynamicImage, profile: &[u8]) -> Vec<u8> {
    fn write(mut encoder: impl ImageEncoder, image: &DynamicImage, profile: &[u8]) {
        encoder.set_icc_profile(profile.to_vec()).unwrap();
        image.write_with_encoder(encoder).unwrap();
    }
    let mut bytes = Vec::new();
    match kind {
        "jpeg" => write(
            JpegEncoder::new_with_quality(&mut bytes, 100),
            image,
            profile,
        ),
        "png" => write(PngEncoder::new(&mut bytes), image, profile),
        "webp" => write(WebPEncoder::new_lossless(&mut bytes), image, profile),
        _ => {
            let mut cursor = std::io::Cursor::new(Vec::new());
            write(TiffEncoder::new(&mut cursor), image, profile);
            bytes = cursor.into_inner();
        }
    }
    bytes
}

const KINDS: [&str; 4] = ["jpeg", "png", "webp", "tiff"];

fn near(found: [u8; 3], expected: [u8; 3], tolerance: u8) -> bool {
    found
        .iter()
        .zip(expected)
        .all(|(a, b)| a.abs_diff(b) <= tolerance)
}

#[test]
fn profiles_are_applied_in_every_kind_of_file() {
    // Values of these colours in sRGB, from the primaries and curves by hand in double precision.
    let cases = [
        (
            ColorProfile::new_adobe_rgb(),
            [200, 100, 100],
            [226, 99, 100],
        ),
        (
            ColorProfile::new_display_p3(),
            [200, 100, 100],
            [216, 96, 97],
        ),
        (ColorProfile::new_srgb(), [200, 100, 100], [200, 100, 100]),
    ];
    for (profile, colour, expected) in cases {
        let profile = profile.encode().unwrap();
        for kind in KINDS {
            let image = RgbImage::from_pixel(20, 9, Rgb(colour)).into();
            let found = read(profiled(kind, &image, &profile));
            let pixel = found.pixels.get_pixel(7, 5).0;
            assert!(
                near(pixel, expected, 3),
                "{kind}: {pixel:?}, expected {expected:?}"
            );
            assert_eq!(found.notes, []);
        }
    }
}

#[test]
fn the_sample_photographs_are_as_they_were_stored() {
    // Two of them have a profile, which is sRGB.
    let profiled = |bytes: &[u8]| bytes.windows(11).any(|part| part == b"ICC_PROFILE");
    let mut profiles = 0;
    for name in [
        "astronaut",
        "camera",
        "chelsea",
        "china",
        "coffee",
        "flower",
        "grace_hopper",
        "grass",
        "raccoon",
        "rocket",
    ] {
        let bytes = sample(name);
        profiles += usize::from(profiled(&bytes));
        let stored = image::load_from_memory(&bytes).unwrap().into_rgb8();
        let found = read(bytes);
        assert!(found.pixels == stored, "{name}");
        assert!(
            found.notes.is_empty() && found.transparency.is_none(),
            "{name}"
        );
    }
    assert_eq!(profiles, 2);
}

#[test]
fn a_linear_profile_makes_colours_brighter_with_8_and_16_bits() {
    let mut linear = ColorProfile::new_srgb();
    let curve = moxcms::ToneReprCurve::Parametric(vec![1.0]);
    (linear.red_trc, linear.green_trc) = (Some(curve.clone()), Some(curve.clone()));
    linear.blue_trc = Some(curve);
    linear.cicp = None;
    let profile = linear.encode().unwrap();
    let bytes = RgbImage::from_pixel(5, 4, Rgb([55, 128, 0])).into();
    let words = ImageBuffer::from_pixel(5, 4, Rgb([55_u16 * 257, 65_535, 0])).into();
    for kind in ["png", "tiff"] {
        let pixel = read(profiled(kind, &bytes, &profile))
            .pixels
            .get_pixel(2, 2)
            .0;
        assert!(near(pixel, [128, 188, 0], 2), "{kind}: {pixel:?}");
        let pixel = read(profiled(kind, &words, &profile))
            .pixels
            .get_pixel(2, 2)
            .0;
        assert!(near(pixel, [128, 255, 0], 2), "{kind}, 16 bits: {pixel:?}");
    }
}

#[test]
fn grey_pictures_take_profiles_of_grey_and_of_colours() {
    let grey: DynamicImage = GrayImage::from_pixel(5, 4, Luma([55])).into();
    let linear = ColorProfile::new_gray_with_gamma(1.0).encode().unwrap();
    for kind in ["jpeg", "png", "tiff"] {
        let found = read(profiled(kind, &grey, &linear));
        let pixel = found.pixels.get_pixel(2, 2).0;
        assert!(
            near(pixel, [128; 3], 2) && found.notes.is_empty(),
            "{kind}: {pixel:?}"
        );
    }
    let adobe = ColorProfile::new_adobe_rgb().encode().unwrap();
    let pixel = read(profiled("png", &grey, &adobe))
        .pixels
        .get_pixel(2, 2)
        .0;
    assert!(near(pixel, [54; 3], 3), "{pixel:?}");
}

#[test]
fn profiles_that_cannot_be_used_are_noted_and_change_nothing() {
    let image: DynamicImage = RgbImage::from_pixel(20, 9, Rgb([200, 100, 100])).into();
    let adobe = ColorProfile::new_adobe_rgb().encode().unwrap();
    let grey = ColorProfile::new_gray_with_gamma(1.0).encode().unwrap();
    for profile in [&b"no profile at all"[..], &adobe[..adobe.len() / 2], &grey] {
        for kind in KINDS {
            let found = read(profiled(kind, &image, profile));
            let pixel = found.pixels.get_pixel(7, 5).0;
            assert!(near(pixel, [200, 100, 100], 1), "{kind}: {pixel:?}");
            assert!(
                matches!(found.notes[..], [Note::ProfileIgnored { .. }]),
                "{kind}: {:?}",
                found.notes
            );
        }
    }
    // The second of two parts of a profile is missing; its chunk is no zlib stream.
    let jpeg = stored(image.clone(), ImageFormat::Jpeg);
    let part = [b"ICC_PROFILE\0\x01\x02".as_slice(), &adobe].concat();
    let png = with_chunks(
        &stored(image, ImageFormat::Png),
        &[(b"iCCP", b"name\0\0broken")],
    );
    for bytes in [with_segment(&jpeg, 0xE2, &part), png] {
        let found = read(bytes);
        assert!(
            matches!(found.notes[..], [Note::ProfileIgnored { .. }]),
            "{:?}",
            found.notes
        );
    }
}

#[test]
fn chunks_of_a_png_describe_its_colours() {
    let png = stored(
        RgbImage::from_pixel(5, 4, Rgb([55, 128, 0])),
        ImageFormat::Png,
    );
    let pixel =
        |chunks: &[(&[u8; 4], &[u8])]| read(with_chunks(&png, chunks)).pixels.get_pixel(2, 2).0;
    let linear: &[u8] = &100_000_u32.to_be_bytes();
    assert!(near(pixel(&[(b"gAMA", linear)]), [128, 188, 0], 2));
    // sRGB says more than a gamma; 0.45455 is what encoders write for it.
    assert_eq!(pixel(&[(b"sRGB", &[0]), (b"gAMA", linear)]), [55, 128, 0]);
    assert_eq!(pixel(&[(b"gAMA", &45_455_u32.to_be_bytes())]), [55, 128, 0]);
    let white = [31_270_u32, 32_900];
    // Blue where red is.
    let swapped = [white, [15_000, 6_000], [30_000, 60_000], [64_000, 33_000]].concat();
    let swapped: Vec<u8> = swapped
        .iter()
        .flat_map(|value| value.to_be_bytes())
        .collect();
    let found = pixel(&[(b"cHRM", &swapped)]);
    assert!(near(found, [0, 128, 55], 2), "{found:?}");
    // Linear sRGB by number.
    assert!(near(pixel(&[(b"cICP", &[1, 8, 0, 1])]), [128, 188, 0], 2));
}

/// A profile for inks, in which red is 1 − cyan, green 1 − magenta, blue 1 − yellow, all times 1 − black: in Lab that
/// is said by a lattice of two steps a side.
fn ink_profile() -> Vec<u8> {
    // Lab of the eight corners of sRGB, rounded, as (red, green, blue) → L, a, b.
    const CORNERS: [[f64; 3]; 8] = [
        [0.0, 0.0, 0.0],
        [29.6, 68.3, -112.0],
        [87.8, -79.3, 81.0],
        [90.7, -50.7, -15.0],
        [54.3, 80.8, 69.9],
        [60.2, 93.5, -60.5],
        [97.6, -15.8, 93.4],
        [100.0, 0.0, 0.0],
    ];
    let mut lut = b"mft2\0\0\0\0\x04\x03\x02\0".to_vec();
    for value in [1_u32, 0, 0, 0, 1, 0, 0, 0, 1] {
        lut.extend((value << 16).to_be_bytes());
    }
    lut.extend([0, 2, 0, 2]);
    let straight = [0_u16, 65_535].map(u16::to_be_bytes).concat();
    (0..4).for_each(|_| lut.extend(&straight));
    for place in 0..16 {
        let [cyan, magenta, yellow, black] =
            [place >> 3 & 1, place >> 2 & 1, place >> 1 & 1, place & 1];
        let corner = if black == 1 {
            0
        } else {
            4 * (1 - cyan) + 2 * (1 - magenta) + 1 - yellow
        };
        let [l, a, b] = CORNERS[corner];
        // The encoding of version 2: 100 is 0xFF00, and 0 of a and b is 0x8000.
        let words = [l * 652.8, (a + 128.0) * 256.0, (b + 128.0) * 256.0];
        lut.extend(
            words
                .map(|word| word.round() as u16)
                .map(u16::to_be_bytes)
                .concat(),
        );
    }
    (0..3).for_each(|_| lut.extend(&straight));
    let mut white = b"XYZ \0\0\0\0".to_vec();
    white.extend(
        [0.9642, 1.0, 0.8249_f64]
            .map(|value| (value * 65_536.0) as u32)
            .map(u32::to_be_bytes)
            .concat(),
    );
    let mut header = vec![0; 128];
    header[8..12].copy_from_slice(&[2, 0x40, 0, 0]);
    header[12..24].copy_from_slice(b"prtrCMYKLab ");
    header[36..40].copy_from_slice(b"acsp");
    header[68..80].copy_from_slice(&[0, 0, 0xF6, 0xD6, 0, 1, 0, 0, 0, 0, 0xD3, 0x2D]);
    let tags = 128 + 4 + 2 * 12;
    let mut profile = header;
    profile.extend(2_u32.to_be_bytes());
    for (name, at, length) in [
        (b"A2B0", tags, lut.len()),
        (b"wtpt", tags + lut.len(), white.len()),
    ] {
        profile.extend(name);
        profile.extend([at as u32, length as u32].map(u32::to_be_bytes).concat());
    }
    profile.extend([lut, white].concat());
    let length = (profile.len() as u32).to_be_bytes();
    profile[..4].copy_from_slice(&length);
    profile
}

#[test]
fn inks_take_a_profile_for_inks() {
    let plain = read(drawn("cmyk.jpg"));
    assert_eq!(plain.notes, []);
    // The rectangle and the ground, as they were drawn.
    let [red, green, blue] = plain.pixels.get_pixel(72, 40).0;
    assert!(
        red > 200 && green > 180 && blue < 130,
        "{red} {green} {blue}"
    );
    let part = [b"ICC_PROFILE\0\x01\x01".as_slice(), &ink_profile()].concat();
    let found = read(with_segment(&drawn("cmyk.jpg"), 0xE2, &part));
    assert_eq!(found.notes, []);
    // The corners of this profile are those of sRGB: yellow stays yellow, and other numbers come out.
    let [red, green, blue] = found.pixels.get_pixel(72, 40).0;
    assert!(
        red > 190 && green > 170 && blue < 190,
        "{red} {green} {blue}"
    );
    assert!(found.pixels != plain.pixels);
    // A profile of colours is none for inks.
    let adobe = ColorProfile::new_adobe_rgb().encode().unwrap();
    let part = [b"ICC_PROFILE\0\x01\x01".as_slice(), &adobe].concat();
    let found = read(with_segment(&drawn("cmyk.jpg"), 0xE2, &part));
    assert!(
        matches!(found.notes[..], [Note::ProfileIgnored { .. }]),
        "{:?}",
        found.notes
    );
    assert!(found.pixels == plain.pixels);
}

#[test]
fn samples_of_fewer_bits_in_16_are_scaled_by_their_range() {
    for bits in [8_u32, 10, 12, 14] {
        let most = (1_u32 << bits) - 1;
        let ramp = |x: u32| (x * most / 15) as u16;
        let grey = ImageBuffer::from_fn(16, 4, |x, _| Luma([ramp(x)]));
        let colours = ImageBuffer::from_fn(16, 4, |x, _| Rgb([ramp(x), 0, ramp(15 - x)]));
        for format in [ImageFormat::Png, ImageFormat::Tiff] {
            let found = read(stored(grey.clone(), format));
            assert_eq!(found.notes, [Note::Stretched { bits }]);
            let values: Vec<u8> = (0..16).map(|x| found.pixels.get_pixel(x, 2).0[0]).collect();
            let expected = (0..16).map(|x| 17 * x);
            assert!(
                values.iter().zip(expected).all(|(a, b)| a.abs_diff(b) <= 1),
                "{bits}: {values:?}"
            );
            let found = read(stored(colours.clone(), format));
            assert_eq!(found.pixels.get_pixel(15, 0).0, [255, 0, 0]);
            // What is data stays as it is.
            let raw = PictureFile::from_bytes("a", stored(grey.clone(), format)).unwrap();
            assert_eq!(raw.decode().unwrap().into_luma16(), grey);
        }
    }
}

#[test]
fn the_bits_that_a_png_says_are_honoured() {
    let picture = |most: u16| {
        let grey = ImageBuffer::from_fn(16, 4, |x, _| Luma([most / 15 * x as u16]));
        stored(grey, ImageFormat::Png)
    };
    let brightest = |bytes: Vec<u8>| {
        let found = read(bytes);
        (found.pixels.get_pixel(15, 0).0[0], found.notes)
    };
    let said = |most: u16, bits: u8| with_chunks(&picture(most), &[(b"sBIT", &[bits])]);
    // 12 bits said, and 11 filled.
    assert_eq!(
        brightest(said(2010, 12)),
        (125, vec![Note::Stretched { bits: 12 }])
    );
    // Scaled already, or dark on purpose.
    assert_eq!(brightest(said(65_520, 12)), (255, vec![]));
    assert_eq!(brightest(said(4095, 16)), (16, vec![]));
    assert_eq!(brightest(picture(65_520)), (255, vec![]));
    assert_eq!(brightest(picture(0)), (0, vec![]));
}
