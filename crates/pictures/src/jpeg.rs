//! How much of a JPEG is there: its entropy-coded data read to the end, without a pixel being computed.

mod bits;
mod blocks;
mod frame;
mod scan;
mod standard_tables;

use self::frame::{Frame, Tables};

pub use standard_tables::with_tables;

/// Scans of one picture that are read: encoders write about ten.
const MOST_SCANS: usize = 100;

/// What a JPEG's data says of itself.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Coverage {
    /// The share of the picture's coefficients that is missing or comes after an error, from 0 to 1.
    pub missing: f64,
    /// Bytes of image data that no block took, not counting padding: a sign of damage that the codes did not show.
    pub left_over: usize,
    /// The place of a segment that breaks off, or else the end of the file.
    pub end: usize,
}

/// Reads all scans of a JPEG; none where it is of a kind that is not read (lossless, arithmetic, 12 bits), or has no
/// whole header.
///
/// ```text
/// missing = 1 − Σ_c (blocks of c / blocks) · Σ_k covered(c, k) / 64
/// ```
///
/// `covered(c, k)` is the share of component c's blocks whose coefficient k was read without error. A coefficient whose
/// last bits are missing counts half. After an error the rest of the scan is missing, or of the restart interval
/// where there are any.
///
/// # Conventions
/// The picture ends with its last block: what follows, an end marker or none, is not looked at. Previews lie in segments
/// that are passed over, further pictures behind the first one's end.
///
/// # Cost
/// About the time that decoding takes for the entropy coding; for progressive pictures eight bytes a block.
///
/// # Source
/// ITU-T T.81 (1992), annexes B, F and G.
pub fn coverage(bytes: &[u8]) -> Option<Coverage> {
    let mut tables = Tables::default();
    let mut frame: Option<Frame> = None;
    let (mut at, mut scans, mut left_over) = (2, 0, 0);
    let mut end = bytes.len();
    while let Some((kind, after)) = next_marker(bytes, at) {
        at = after;
        match kind {
            marker::END => break,
            // Another picture, behind one without an end.
            marker::START if frame.is_some() => break,
            // Without a length: TEM, restarts, a start.
            0x01 | 0xD0..=0xD8 => continue,
            _ => {}
        }
        let Some(segment) = segment(bytes, at) else {
            end = at - 2;
            break;
        };
        at += 2 + segment.len();
        match kind {
            marker::HUFFMAN_TABLES => tables.read_huffman(segment),
            marker::QUANTISATION_TABLES => tables.read_quantisation(segment),
            marker::RESTART_INTERVAL if segment.len() >= 2 => {
                tables.restart_interval = usize::from(u16::from_be_bytes([segment[0], segment[1]]));
            }
            marker::BASELINE | marker::EXTENDED | marker::PROGRESSIVE if frame.is_none() => {
                frame = Some(Frame::read(segment, kind == marker::PROGRESSIVE)?);
            }
            0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF => return None,
            marker::SCAN if scans < MOST_SCANS => {
                let frame = frame.as_mut()?;
                scans += 1;
                let Some(read) = scan::read(frame, &tables, segment, bytes, at) else {
                    break;
                };
                at = read.end;
                // Behind the last block there may be anything; a marker of the picture says that this was image data.
                if let Some((marker::END | marker::SCAN | marker::HUFFMAN_TABLES, _)) =
                    next_marker(bytes, at)
                {
                    left_over = left_over.max(read.left_over);
                }
                if frame.is_whole() && !frame.progressive {
                    break;
                }
            }
            _ => {}
        }
    }
    frame.map(|frame| Coverage {
        missing: frame.missing(),
        left_over,
        end,
    })
}

/// Bytes that decoders of a progressive picture keep until its last scan: two a coefficient; 0 for other pictures.
pub fn kept_coefficients(bytes: &[u8]) -> u64 {
    let mut frames = segments_of_header(bytes).filter(|(kind, _)| *kind == marker::PROGRESSIVE);
    let coefficients = frames.next().and_then(|(_, frame)| Frame::size(frame));
    coefficients.map_or(0, |coefficients| 2 * coefficients)
}

/// A kind of JPEG that is not read, by its frame.
pub fn unread_kind(bytes: &[u8]) -> Option<&'static str> {
    segments_of_header(bytes).find_map(|(kind, frame)| match kind {
        0xC3 | 0xC7 => Some("lossless"),
        0xF7 => Some("lossless (JPEG-LS)"),
        0xC9..=0xCB | 0xCD..=0xCF => Some("arithmetically coded"),
        marker::BASELINE | marker::EXTENDED | marker::PROGRESSIVE => {
            (frame.first() > Some(&8)).then_some("of more than 8 bits")
        }
        _ => None,
    })
}

/// Whether there is a part of a colour profile, of use or not.
pub fn has_profile(bytes: &[u8]) -> bool {
    let is_part = |segment: &[u8]| segment.starts_with(b"ICC_PROFILE\0");
    segments_of_header(bytes).any(|(kind, segment)| kind == marker::PROFILE && is_part(segment))
}

/// The contents of the application's first segments (APP1: Exif, XMP) that begin with these bytes, without these.
pub fn app_segments<'a>(bytes: &'a [u8], prefix: &[u8]) -> impl Iterator<Item = &'a [u8]> {
    segments_of_header(bytes).filter_map(move |(kind, segment)| {
        let is_app = kind == marker::EXIF;
        is_app.then(|| segment.strip_prefix(prefix)).flatten()
    })
}

/// Markers and their segments before the first scan.
fn segments_of_header(bytes: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    let mut at = 2;
    std::iter::from_fn(move || {
        let (kind, after) = next_marker(bytes, at)?;
        let segment = segment(bytes, after)?;
        at = after + 2 + segment.len();
        (!matches!(kind, marker::SCAN | marker::END)).then_some((kind, segment))
    })
}

/// The second byte of a marker.
mod marker {
    pub const BASELINE: u8 = 0xC0;
    pub const EXTENDED: u8 = 0xC1;
    pub const PROGRESSIVE: u8 = 0xC2;
    pub const HUFFMAN_TABLES: u8 = 0xC4;
    pub const START: u8 = 0xD8;
    pub const END: u8 = 0xD9;
    pub const SCAN: u8 = 0xDA;
    pub const QUANTISATION_TABLES: u8 = 0xDB;
    pub const RESTART_INTERVAL: u8 = 0xDD;
    pub const EXIF: u8 = 0xE1;
    pub const PROFILE: u8 = 0xE2;
}

/// The next marker at or after a place, and the place behind it.
fn next_marker(bytes: &[u8], mut at: usize) -> Option<(u8, usize)> {
    loop {
        at += bytes.get(at..)?.iter().position(|byte| *byte == 0xFF)?;
        match bytes.get(at + 1)? {
            0 => at += 2,
            0xFF => at += 1,
            kind => return Some((*kind, at + 2)),
        }
    }
}

/// A segment's content, whose length stands at a place.
fn segment(bytes: &[u8], at: usize) -> Option<&[u8]> {
    let length = usize::from(u16::from_be_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]));
    bytes.get(at + 2..at + length.max(2))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A picture of 96 × 64 pixels, drawn for these tests.
    fn drawn(name: &str) -> Vec<u8> {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/drawn");
        std::fs::read(format!("{folder}/{name}.jpg")).unwrap()
    }

    fn missing(bytes: &[u8]) -> f64 {
        coverage(bytes).unwrap().missing
    }

    /// The place of the first entropy-coded byte.
    fn first_byte(bytes: &[u8]) -> usize {
        let mut at = 2;
        loop {
            let (kind, after) = next_marker(bytes, at).unwrap();
            at = after + 2 + segment(bytes, after).unwrap().len();
            if kind == marker::SCAN {
                return at;
            }
        }
    }

    const DRAWN: [&str; 5] = [
        "baseline",
        "progressive",
        "restarts",
        "progressive_restarts",
        "cmyk",
    ];

    #[test]
    fn whole_pictures_are_whole() {
        for name in DRAWN {
            let bytes = drawn(name);
            let whole = Coverage {
                missing: 0.0,
                left_over: 0,
                end: bytes.len(),
            };
            assert_eq!(coverage(&bytes), Some(whole), "{name}");
        }
        let samples = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/samples");
        let mut count = 0;
        for entry in std::fs::read_dir(samples).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|kind| kind == "jpg") {
                let found = coverage(&std::fs::read(&path).unwrap()).unwrap();
                assert_eq!(found.missing, 0.0, "{}", path.display());
                count += 1;
            }
        }
        assert_eq!(count, 10);
    }

    #[test]
    fn the_missing_share_falls_with_every_byte_that_is_there() {
        for name in DRAWN {
            let bytes = drawn(name);
            let begin = first_byte(&bytes);
            let mut last = 1.0;
            for end in begin..bytes.len() - 2 {
                let mut cut = bytes[..end].to_vec();
                let without = missing(&cut);
                assert!(
                    without <= last + 1e-12,
                    "{name}, {end}: {without} after {last}"
                );
                assert!(
                    without > 0.0,
                    "{name}: byte {end} is missing, and nothing said"
                );
                last = without;
                // An end marker adds no pixel.
                cut.extend([0xFF, 0xD9]);
                assert!((missing(&cut) - without).abs() < 1e-9, "{name}, {end}");
            }
            assert!(last < 0.1, "{name}: {last}");
            // Without its end marker it is whole.
            assert_eq!(missing(&bytes[..bytes.len() - 2]), 0.0, "{name}");
        }
    }

    #[test]
    fn half_the_bytes_of_a_baseline_picture_are_about_half_of_it() {
        let bytes = drawn("baseline");
        let begin = first_byte(&bytes);
        let half = missing(&bytes[..(begin + bytes.len()) / 2]);
        assert!((0.3..0.7).contains(&half), "{half}");
    }

    #[test]
    fn a_broken_middle_is_found() {
        for name in DRAWN {
            let bytes = drawn(name);
            let begin = first_byte(&bytes);
            let middle = (begin + bytes.len()) / 2;
            let mut zeros = bytes.clone();
            zeros[middle..middle + 200].fill(0);
            let mut noise = bytes.clone();
            for (place, byte) in noise[middle..middle + 200].iter_mut().enumerate() {
                *byte = (place * 167 % 251) as u8;
            }
            let shorter = [&bytes[..middle], &bytes[middle + 200..]].concat();
            for (what, broken) in [("zeros", zeros), ("noise", noise), ("shorter", shorter)] {
                let found = coverage(&broken).unwrap();
                assert!(
                    found.missing > 0.0 || found.left_over > 0,
                    "{name}, {what}: {found:?}"
                );
            }
        }
    }

    #[test]
    fn after_a_restart_the_picture_is_there_again() {
        let bytes = drawn("restarts");
        let restart = |number: u8| {
            let at = bytes
                .windows(2)
                .position(|pair| pair == [0xFF, 0xD0 + number]);
            at.unwrap()
        };
        // 24 units of 16 × 16 pixels, four between restarts.
        let mut broken = bytes.clone();
        broken[restart(1) + 2..restart(2)].fill(0xAB);
        assert!((0.01..=4.0 / 24.0).contains(&missing(&broken)));
        let gone = [&bytes[..restart(1)], &bytes[restart(2)..]].concat();
        assert!(
            (missing(&gone) - 4.0 / 24.0).abs() < 1e-9,
            "{}",
            missing(&gone)
        );
    }

    #[test]
    fn what_lies_before_and_behind_is_passed_over() {
        let bytes = drawn("baseline");
        let preview = drawn("restarts");
        // A preview in a segment of its own, as in Exif.
        let length = ((preview.len() + 2) as u16).to_be_bytes();
        let segment = [&[0xFF, 0xE1], length.as_slice(), &preview].concat();
        let with_preview = [&bytes[..2], &segment, &bytes[2..]].concat();
        assert_eq!(missing(&with_preview), 0.0);
        let cut = &with_preview[..with_preview.len() - 400];
        assert!(missing(cut) > 0.1);
        // Other pictures behind, whole or not; a telephone's trailer in place of the end marker.
        for name in DRAWN {
            let bytes = drawn(name);
            let open = &bytes[..bytes.len() - 2];
            for behind in [
                &preview[..],
                &preview[..900],
                b"SEFT\0\0 trailer \xFF\x12",
                b"\0\0\0\0",
            ] {
                for front in [&bytes[..], open] {
                    assert_eq!(missing(&[front, behind].concat()), 0.0, "{name}");
                }
                let cut = [&bytes[..bytes.len() - 300], b"\xFF\xD9", behind].concat();
                assert!(missing(&cut) > 0.0, "{name}");
            }
        }
    }

    #[test]
    fn image_data_that_is_left_over_is_counted() {
        let bytes = drawn("baseline");
        let (data, end) = bytes.split_at(bytes.len() - 2);
        let found = |between: &[u8]| coverage(&[data, between, end].concat()).unwrap().left_over;
        assert!(found(&data[data.len() - 100..]) > 50);
        assert_eq!(found(&[0; 100]), 0);
    }

    #[test]
    fn any_bytes_get_an_answer() {
        for name in DRAWN {
            let bytes = drawn(name);
            for at in 0..bytes.len() {
                let mut changed = bytes.clone();
                changed[at] ^= 1 << (at % 8);
                if let Some(found) = coverage(&changed) {
                    assert!((0.0..=1.0).contains(&found.missing), "{name}, {at}");
                }
            }
        }
        assert_eq!(coverage(b""), None);
        assert_eq!(coverage(b"\xFF\xD8\xFF\xD9"), None);
    }

    #[test]
    fn coefficients_are_kept_of_progressive_pictures_alone() {
        assert_eq!(kept_coefficients(&drawn("baseline")), 0);
        // 96 × 64 pixels of brightness, a quarter as many of two colours, two bytes each.
        assert_eq!(
            kept_coefficients(&drawn("progressive")),
            2 * 96 * 64 * 3 / 2
        );
        assert!(!has_profile(&drawn("baseline")));
    }
}
