//! What is read of pictures as people have them: the colours that a viewer shows, transparent parts, damage, memory.
//!
//! Protects the pixels of every kind of file against the ones that were drawn into it.

mod colours;
mod damage;
mod field_cases;
mod kinds;
mod memory;
mod transparency;
mod turned;

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
    bytes.extend(chunks.iter().flat_map(|(kind, data)| chunk(kind, data)));
    bytes.extend(&png[33..]);
    bytes
}

/// A chunk of a PNG.
fn chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let content = [&kind[..], data].concat();
    let (length, sum) = (data.len() as u32, crc32(&content));
    [&length.to_be_bytes()[..], &content, &sum.to_be_bytes()].concat()
}

/// A TIFF as `image` writes it, whose directory gets an entry more, or another in place of one. It moves behind all else.
fn with_entry(tiff: &[u8], entry: [u8; 12]) -> Vec<u8> {
    let directory = u32::from_le_bytes(*tiff[4..].first_chunk().unwrap()) as usize;
    let count = usize::from(tiff[directory]);
    let entries = &tiff[directory + 2..directory + 2 + 12 * count];
    let mut entries: Vec<[u8; 12]> = entries.as_chunks().0.to_vec();
    entries.retain(|found| found[..2] != entry[..2]);
    entries.push(entry);
    entries.sort_by_key(|entry| u16::from_le_bytes([entry[0], entry[1]]));
    let mut bytes = tiff.to_vec();
    let at = (bytes.len() as u32).to_le_bytes();
    bytes[4..8].copy_from_slice(&at);
    bytes.extend((entries.len() as u16).to_le_bytes());
    bytes.extend(entries.concat());
    bytes.extend([0; 4]);
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
