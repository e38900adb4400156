//! The first picture of a GIF: its own size, which need not be that of the screen it lies on.

use std::borrow::Cow;

/// How many screens a first picture may be as large as, where it has more than a million pixels. Some writers leave the
/// screen small; none that we know writes a screen of a few pixels below a picture of millions.
const MOST_SCREENS: u64 = 16;
const MANY_PIXELS: u64 = 1 << 20;

/// Place, width and height of the first picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GifFrame {
    pub left: u16,
    pub top: u16,
    pub width: u16,
    pub height: u16,
}

impl GifFrame {
    /// Reads blocks up to the first picture; none where there is none.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let flags = *bytes.get(10)?;
        let colours = |flags: u8| match flags & 0x80 {
            0 => 0,
            _ => 3 << ((flags & 7) + 1),
        };
        let mut at = 13 + colours(flags);
        loop {
            match *bytes.get(at)? {
                // An extension: its kind, then blocks up to an empty one.
                0x21 => {
                    at += 2;
                    while *bytes.get(at)? != 0 {
                        at += 1 + usize::from(bytes[at]);
                    }
                    at += 1;
                }
                0x2C => {
                    let short = |at: usize| {
                        let two = *bytes.get(at..)?.first_chunk::<2>()?;
                        Some(u16::from_le_bytes(two))
                    };
                    return Some(Self {
                        left: short(at + 1)?,
                        top: short(at + 3)?,
                        width: short(at + 5)?,
                        height: short(at + 7)?,
                    });
                }
                _ => return None,
            }
        }
    }

    /// Its pixels.
    pub fn pixels(self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }

    /// Refuses a picture that no screen of this size can have: a few bytes would ask for gigabytes.
    pub fn check(self, screen: (u32, u32)) -> Result<(), String> {
        let shown = u64::from(screen.0) * u64::from(screen.1);
        if self.pixels() <= MANY_PIXELS || self.pixels() <= MOST_SCREENS * shown {
            return Ok(());
        }
        let (width, height) = screen;
        Err(format!(
            "its first picture has {} × {} pixels on a screen of {width} × {height}",
            self.width, self.height
        ))
    }
}

/// A GIF whose screen holds all of the first picture, as browsers show it: some writers leave the screen too small, or
/// without a pixel.
pub fn with_whole_screen(mut bytes: Cow<'_, [u8]>) -> Cow<'_, [u8]> {
    let screen = |at: usize| Some(u16::from_le_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]));
    let (Some(width), Some(height), Some(frame)) = (screen(6), screen(8), GifFrame::read(&bytes))
    else {
        return bytes;
    };
    let is_set = width > 0 && height > 0;
    if is_set && frame.check((u32::from(width), u32::from(height))).is_err() {
        return bytes;
    }
    let whole = [
        width.max(frame.left.saturating_add(frame.width)),
        height.max(frame.top.saturating_add(frame.height)),
    ];
    if whole != [width, height] {
        let sides = whole.map(u16::to_le_bytes).concat();
        bytes.to_mut()[6..10].copy_from_slice(&sides);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gif(screen: [u16; 2], flags: u8, blocks: &[&[u8]]) -> Vec<u8> {
        let [width, height] = screen.map(u16::to_le_bytes);
        let head = [b"GIF89a", &width[..], &height, &[flags, 0, 0]].concat();
        [head, blocks.concat()].concat()
    }

    fn descriptor(width: u16, height: u16) -> Vec<u8> {
        let [width, height] = [width, height].map(u16::to_le_bytes);
        [&[0x2C, 1, 0, 2, 0][..], &width, &height, &[0]].concat()
    }

    #[test]
    fn the_first_picture_lies_behind_colours_and_extensions() {
        let picture = descriptor(300, 200);
        let found = Some(GifFrame {
            left: 1,
            top: 2,
            width: 300,
            height: 200,
        });
        assert_eq!(GifFrame::read(&gif([4, 5], 0, &[&picture])), found);
        let comment = b"\x21\xFE\x03abc\x02de\x00";
        let control = b"\x21\xF9\x04\x01\x00\x00\x07\x00";
        let blocks: [&[u8]; 4] = [&[9; 3 << 2], comment, control, &picture];
        let whole = gif([4, 5], 0x81, &blocks);
        assert_eq!(GifFrame::read(&whole), found);
        for end in 0..whole.len() - 1 {
            assert_eq!(GifFrame::read(&whole[..end]), None, "{end}");
        }
    }

    #[test]
    fn a_picture_of_millions_on_a_screen_of_a_few_is_refused() {
        let frame = |width, height| GifFrame {
            left: 0,
            top: 0,
            width,
            height,
        };
        assert!(frame(1000, 1000).check((1, 1)).is_ok());
        assert!(frame(4000, 3000).check((1000, 800)).is_ok());
        let refused = frame(10_016, 52_942).check((4, 12_032)).unwrap_err();
        let expected = "its first picture has 10016 × 52942 pixels on a screen of 4 × 12032";
        assert_eq!(refused, expected);
    }

    #[test]
    fn a_screen_is_as_large_as_its_first_picture() {
        // At 1, 2.
        let picture = descriptor(30, 20);
        for (screen, expected) in [
            ([0, 0], [31, 22]),
            ([0, 100], [31, 100]),
            ([8, 8], [31, 22]),
            ([31, 22], [31, 22]),
            ([640, 480], [640, 480]),
        ] {
            let bytes = gif(screen, 0, &[&picture]);
            let found = with_whole_screen(Cow::Borrowed(&bytes));
            assert_eq!(*found, gif(expected, 0, &[&picture]), "{screen:?}");
        }
        // A few bytes that would ask for gigabytes stay as they are, and are refused.
        let huge = gif([4, 4], 0, &[&descriptor(60_000, 60_000)]);
        assert_eq!(*with_whole_screen(Cow::Borrowed(&huge)), huge);
        for end in 0..huge.len() {
            with_whole_screen(Cow::Borrowed(&huge[..end]));
        }
    }
}
