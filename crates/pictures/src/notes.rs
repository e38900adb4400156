//! What a reader found that its user should know.

use std::fmt;

/// Something about a picture that was read all the same.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Note {
    /// A colour profile that cannot be used; the colours are taken as sRGB.
    ProfileIgnored {
        /// What is wrong with it.
        reason: String,
    },
    /// Samples of 16 bits that fill fewer, and were scaled by what they fill.
    Stretched {
        /// The bits that they fill.
        bits: u32,
    },
    /// A damaged file that was read because the reader is lenient.
    Damaged {
        /// The share that is missing or broken, from 0 to 1.
        missing: f64,
    },
    /// Image data that belongs to no part of the picture: it may be damaged.
    LeftOver {
        /// How many bytes.
        bytes: usize,
    },
    /// The first picture of a file of several, which the others may be larger than.
    FirstOfSeveral,
    /// A picture turned as its XMP data say, since its Exif data say nothing: some viewers show it as it is stored.
    TurnedByXmp,
    /// A picture made smaller, so that what follows fits into the memory budget.
    Reduced {
        /// Width and height in the file, upright.
        from: (u32, u32),
        /// Width and height now.
        to: (u32, u32),
    },
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ProfileIgnored { reason } => write!(
                f,
                "the colour profile is ignored ({reason}); the colours are taken as sRGB"
            ),
            Self::Stretched { bits } => write!(
                f,
                "the 16-bit samples fill {bits} bits; they are scaled from that range"
            ),
            Self::Damaged { missing } => write!(
                f,
                "{} of the picture is missing or broken; the rest is used",
                percent(*missing)
            ),
            Self::LeftOver { bytes } => write!(
                f,
                "{bytes} bytes of image data are left over; the picture may be damaged"
            ),
            Self::FirstOfSeveral => {
                f.write_str("the file holds several pictures; the first is read")
            }
            Self::TurnedByXmp => f.write_str(
                "turned as its XMP data say; it has no Exif orientation, and browsers show it as it is stored",
            ),
            Self::Reduced { from, to } => write!(
                f,
                "{} × {} pixels are brought to {} × {}, as the memory budget allows (`--max-memory`)",
                from.0, from.1, to.0, to.1
            ),
        }
    }
}

/// A share in percent, at least a tenth and less than all unless it is all.
pub fn percent(share: f64) -> String {
    if share >= 1.0 {
        return "100 %".to_owned();
    }
    format!("{:.1} %", (100.0 * share).clamp(0.1, 99.9))
}
