//! Files of which a part is missing or broken.

use image::{DynamicImage, ImageBuffer, ImageFormat, Luma, RgbImage};
use pictures::{Error, Note, Photograph, PictureFile, ReadOptions, Result};

use crate::{drawn, read, sample, stored};

fn strict(bytes: &[u8]) -> Result<Photograph> {
    PictureFile::from_bytes("a", bytes)?.photograph()
}

fn lenient(bytes: &[u8]) -> Result<Photograph> {
    let options = ReadOptions {
        lenient: true,
        ..ReadOptions::default()
    };
    PictureFile::from_bytes_with("a", bytes, options)?.photograph()
}

/// Refused with a share between two, and read all the same where asked, with the same share.
fn check_damaged(bytes: &[u8], shares: std::ops::Range<f64>) -> Photograph {
    let error = strict(bytes).unwrap_err();
    let Error::Damaged { missing, .. } = error else {
        panic!("expected damage, found {error}")
    };
    assert!(shares.contains(&missing), "{missing}");
    let found = lenient(bytes).unwrap();
    assert_eq!(found.notes, [Note::Damaged { missing }]);
    found
}

#[test]
fn half_a_photograph_with_and_without_an_end() {
    let bytes = sample("coffee");
    let half = bytes[..bytes.len() / 2].to_vec();
    let whole = read(bytes.clone()).pixels;
    for end in [&[][..], &[0xFF, 0xD9]] {
        let found = check_damaged(&[&half, end].concat(), 0.3..0.7).pixels;
        // What is there is there.
        assert_eq!(found.dimensions(), whole.dimensions());
        let pair = (found.get_pixel(9, 9).0, whole.get_pixel(9, 9).0);
        // Progressive: the last bits come last.
        assert!(
            (0..3).all(|c| pair.0[c].abs_diff(pair.1[c]) < 16),
            "{pair:?}"
        );
    }
    let error = strict(&half).unwrap_err().to_string();
    assert!(
        error.starts_with("a: expected a whole JPEG of 600 × 400 pixels, found "),
        "{error}"
    );
    assert!(
        error.contains(" % of it missing or broken; get the file again"),
        "{error}"
    );
}

#[test]
fn a_broken_middle_and_one_that_was_lost() {
    let bytes = sample("coffee");
    let middle = bytes.len() / 2;
    let mut zeros = bytes.clone();
    zeros[middle..middle + 4096].fill(0);
    let mut noise = bytes.clone();
    for (place, byte) in noise[middle..middle + 4096].iter_mut().enumerate() {
        *byte = (place * place % 253) as u8;
    }
    let lost = [&bytes[..middle], &bytes[middle + 4096..]].concat();
    for broken in [zeros, noise, lost] {
        check_damaged(&broken, 0.0001..0.7);
    }
}

#[test]
fn whole_photographs_with_odd_ends_are_whole() {
    for name in [
        "baseline",
        "progressive",
        "restarts",
        "progressive_restarts",
        "cmyk",
    ] {
        let bytes = drawn(&format!("{name}.jpg"));
        let whole = read(bytes.clone());
        let open = &bytes[..bytes.len() - 2];
        for behind in [
            &b""[..],
            b"\0\0\0\0\0\0\0\0",
            b"SEFT trailer",
            &drawn("restarts.jpg"),
        ] {
            for front in [&bytes[..], open] {
                let found = strict(&[front, behind].concat()).unwrap();
                assert!(found.pixels == whole.pixels, "{name}");
                assert_eq!(found.notes, [], "{name}");
            }
        }
    }
}

#[test]
fn progressive_photographs_cut_anywhere_are_refused_and_read_where_asked() {
    for name in ["progressive", "progressive_restarts"] {
        let bytes = drawn(&format!("{name}.jpg"));
        for part in 3..10 {
            let cut = &bytes[..bytes.len() * part / 10];
            check_damaged(cut, 0.001..1.0);
            check_damaged(&[cut, &[0xFF, 0xD9]].concat(), 0.001..1.0);
        }
    }
}

#[test]
fn image_data_that_is_left_over_is_noted() {
    let bytes = drawn("baseline.jpg");
    let (data, end) = bytes.split_at(bytes.len() - 2);
    let found = strict(&[data, &data[data.len() - 200..], end].concat()).unwrap();
    assert!(
        matches!(found.notes[..], [Note::LeftOver { bytes: 100.. }]),
        "{:?}",
        found.notes
    );
}

#[test]
fn rows_of_a_broken_png_are_counted() {
    let image = RgbImage::from_fn(64, 50, |x, y| {
        image::Rgb([(x * y % 250) as u8 + 5, 9, (x * 7 + y * 31) as u8])
    });
    let grey = ImageBuffer::from_fn(64, 50, |x, y| Luma([(x * 941 + y * 577 + 1) as u16]));
    for image in [DynamicImage::from(image), grey.into()] {
        let bytes = stored(image.clone(), ImageFormat::Png);
        let half = bytes.len() / 2;
        let found = check_damaged(&bytes[..half], 0.2..0.8);
        let whole = image.into_rgb8();
        assert_eq!(found.pixels.get_pixel(5, 3), whole.get_pixel(5, 3));
        assert_eq!(found.pixels.get_pixel(5, 49).0, [0; 3]);
        // A byte that a checksum does not expect.
        let mut wrong = bytes.clone();
        wrong[half] ^= 0x55;
        let error = strict(&wrong).unwrap_err();
        assert!(
            matches!(error, Error::Damaged { .. } | Error::Broken { .. }),
            "{error}"
        );
        // All pixels, and no end.
        let end = bytes.len() - 12;
        assert!(strict(&bytes[..end]).is_ok());
    }
}

#[test]
fn other_kinds_that_break_off_say_so() {
    let image = RgbImage::from_fn(64, 50, |x, y| {
        image::Rgb([(x * y) as u8, 9, (x * 7 + y * 31) as u8])
    });
    for format in [
        ImageFormat::WebP,
        ImageFormat::Tiff,
        ImageFormat::Bmp,
        ImageFormat::Gif,
    ] {
        let bytes = stored(image.clone(), format);
        for end in [bytes.len() / 10, bytes.len() / 2] {
            let error = strict(&bytes[..end]).unwrap_err();
            assert!(
                matches!(error, Error::NotAPicture { .. } | Error::Broken { .. }),
                "{format:?}: {error}"
            );
        }
    }
}

#[test]
fn no_change_of_a_byte_is_a_panic() {
    let image = RgbImage::from_fn(24, 17, |x, y| {
        image::Rgb([(x * y) as u8, 9, (x * 7 + y * 31) as u8])
    });
    let formats = [
        ImageFormat::Png,
        ImageFormat::Jpeg,
        ImageFormat::WebP,
        ImageFormat::Tiff,
        ImageFormat::Bmp,
        ImageFormat::Gif,
    ];
    for format in formats {
        let bytes = stored(image.clone(), format);
        for at in 0..bytes.len().min(600) {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << (at % 8);
            let _ = lenient(&changed);
        }
    }
}

#[test]
fn a_photograph_without_tables_has_those_of_the_standard() {
    let whole = drawn("baseline.jpg");
    let mut bare = whole[..2].to_vec();
    let mut at = 2;
    while whole[at + 1] != 0xDA {
        let end = at + 2 + usize::from(u16::from_be_bytes([whole[at + 2], whole[at + 3]]));
        if whole[at + 1] != 0xC4 {
            bare.extend(&whole[at..end]);
        }
        at = end;
    }
    bare.extend(&whole[at..]);
    assert!(bare.len() < whole.len() - 400);
    assert!(read(bare).pixels == read(whole).pixels);
}

#[test]
fn kinds_of_jpeg_that_are_not_read_are_named() {
    let whole = drawn("baseline.jpg");
    let frame = whole
        .windows(2)
        .position(|two| two == [0xFF, 0xC0])
        .unwrap();
    for (kind, bits, expected) in [
        (0xC3, 8, "one that is lossless: convert it to PNG first"),
        (0xF7, 8, "one that is lossless (JPEG-LS): convert"),
        (0xC9, 8, "one that is arithmetically coded: convert"),
        (0xC1, 12, "one that is of more than 8 bits: convert"),
    ] {
        let mut other = whole.clone();
        (other[frame + 1], other[frame + 4]) = (kind, bits);
        let error = strict(&other).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}
