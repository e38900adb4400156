//! A dataset of a few small pictures, laid out as BSDS500 is.

use std::fs;
use std::path::Path;

use image::{Rgb, RgbImage};

pub const WIDTH: usize = 64;
pub const HEIGHT: usize = 48;

/// Two pictures of three fields each, with one annotation, in the train and val splits.
pub fn write(root: &Path) {
    for (split, ids) in [("train", ["11", "12"]), ("val", ["21", "22"])] {
        let (images, truth) = (
            root.join("images").join(split),
            root.join("groundTruth").join(split),
        );
        fs::create_dir_all(&images).unwrap();
        fs::create_dir_all(&truth).unwrap();
        for (seed, id) in ids.iter().enumerate() {
            picture(seed)
                .save(images.join(format!("{id}.jpg")))
                .unwrap();
            fs::write(truth.join(format!("{id}.mat")), ground_truth(seed)).unwrap();
        }
    }
}

/// The segment of a pixel: 1, 2 or 3.
pub fn segment(seed: usize, x: usize, y: usize) -> u16 {
    let middle = WIDTH / 2 + 6 * seed;
    if x < middle {
        1
    } else {
        2 + u16::from(y >= HEIGHT / 2)
    }
}

fn picture(seed: usize) -> RgbImage {
    RgbImage::from_fn(WIDTH as u32, HEIGHT as u32, |x, y| {
        let grain = ((x * 7 + y * 11) % 9) as u8;
        match segment(seed, x as usize, y as usize) {
            1 => Rgb([200 - grain, 50, 40]),
            2 => Rgb([30, 190, 60 + grain]),
            _ => Rgb([40, 60 + grain, 210]),
        }
    })
}

/// A MATLAB level 5 file: groundTruth{1}.Segmentation, uint16.
fn ground_truth(seed: usize) -> Vec<u8> {
    annotator(&[("Segmentation", segmentation(seed))])
}

fn segmentation(seed: usize) -> Vec<u8> {
    let ids: Vec<u8> = (0..WIDTH)
        .flat_map(|x| (0..HEIGHT).map(move |y| (x, y)))
        .flat_map(|(x, y)| segment(seed, x, y).to_le_bytes())
        .collect();
    matrix(11, &[HEIGHT, WIDTH], "", &element(4, &ids))
}

/// The same with `Boundaries` of one and of two annotators: 1 and 2 at the left side of segments 2 and 3.
pub fn averaged(seed: usize) -> Vec<u8> {
    let numbers = (0..WIDTH).flat_map(|x| (0..HEIGHT).map(move |y| (x, y)));
    let numbers: Vec<u8> = numbers
        .map(|(x, y)| match x > 0 && segment(seed, x - 1, y) == 1 {
            true => segment(seed, x, y) as u8 - 1,
            false => 0,
        })
        .collect();
    annotator(&[
        ("Segmentation", segmentation(seed)),
        (
            "Boundaries",
            matrix(9, &[HEIGHT, WIDTH], "", &element(2, &numbers)),
        ),
    ])
}

/// A file with one annotator of these fields.
fn annotator(fields: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let names: Vec<u8> = fields
        .iter()
        .flat_map(|(name, _)| padded_name(name))
        .collect();
    let values: Vec<u8> = fields.iter().flat_map(|(_, value)| value.clone()).collect();
    let fields = [
        element(5, &32_i32.to_le_bytes()),
        element(1, &names),
        values,
    ];
    let annotator = matrix(2, &[1, 1], "", &fields.concat());
    let cell = matrix(1, &[1, 1], "groundTruth", &annotator);
    let mut file = vec![b' '; 124];
    file.extend(0x0100_u16.to_le_bytes());
    file.extend(b"IM");
    file.extend(cell);
    file
}

fn padded_name(name: &str) -> Vec<u8> {
    let mut bytes = name.as_bytes().to_vec();
    bytes.resize(32, 0);
    bytes
}

/// Type, length, bytes, and zeros up to a multiple of eight.
fn element(kind: u32, bytes: &[u8]) -> Vec<u8> {
    let mut out = kind.to_le_bytes().to_vec();
    out.extend((bytes.len() as u32).to_le_bytes());
    out.extend(bytes);
    out.resize(out.len().next_multiple_of(8), 0);
    out
}

/// An array of a class with its size and name.
fn matrix(class: u32, sides: &[usize], name: &str, content: &[u8]) -> Vec<u8> {
    let flags = [class.to_le_bytes(), [0; 4]].concat();
    let sides: Vec<u8> = sides
        .iter()
        .flat_map(|side| (*side as i32).to_le_bytes())
        .collect();
    let parts = [
        element(6, &flags),
        element(5, &sides),
        element(1, name.as_bytes()),
        content.to_vec(),
    ];
    element(14, &parts.concat())
}
