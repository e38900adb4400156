//! What is read of pictures as people have them: the colours that a viewer shows, transparent parts, damage, memory.
//!
//! Protects the pixels of every kind of file against the ones that were drawn into it.

mod colours;
mod damage;
mod field_cases;
mod kinds;
mod memory;
mod transparency;

use std::io::Cursor;

use image::{DynamicImage, ImageFormat};
use pictures::{Photograph, PictureFile};

/// The photograph in bytes that have to be one.
fn read(bytes: Vec<u8>) -> Photograph {
    PictureFile::from_bytes("a", bytes)
        .unwrap()
        .photograph()
        .unwrap()
}

fn stored(image: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.into().write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// A PNG with chunks put in before its pixels.
fn with_chunks(png: &[u8], chunks: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
    let mut bytes = png[..33].to_vec();
    for (kind, data) in chunks {
        bytes.extend((data.len() as u32).to_be_bytes());
        let content = [&kind[..], data].concat();
        bytes.extend(&content);
        bytes.extend(crc32(&content).to_be_bytes());
    }
    bytes.extend(&png[33..]);
    bytes
}

/// The checksum of a PNG's chunk.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg())
        })
    })
}

/// A JPEG with a segment put in behind its start.
fn with_segment(jpeg: &[u8], kind: u8, content: &[u8]) -> Vec<u8> {
    let length = ((content.len() + 2) as u16).to_be_bytes();
    [&jpeg[..2], &[0xFF, kind], &length, content, &jpeg[2..]].concat()
}

/// A picture that was drawn for these tests.
fn drawn(name: &str) -> Vec<u8> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/drawn");
    std::fs::read(format!("{folder}/{name}")).unwrap()
}

/// A photograph of the repository.
fn sample(name: &str) -> Vec<u8> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/samples");
    std::fs::read(format!("{folder}/{name}.jpg")).unwrap()
}
