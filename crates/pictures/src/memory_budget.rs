//! The memory that reading may take: one stated budget, whatever a file claims.

use std::fmt;
use std::str::FromStr;

use crate::byte_units::in_units;
use crate::error::{Error, Result};
use crate::system_memory;

/// Bytes that the pixels of one picture, and what is computed from them, may take.
///
/// # Conventions
/// What a file needs is known from its header, and compared before memory is taken. No ratio of sizes is looked at: a
/// slide of one colour in a few kilobytes is as honest as a photograph. The default, 1 GiB, reads the 200 megapixels of a
/// telephone. In text, `512M` and `2G` are mebibytes and gibibytes, and a number alone is bytes.
///
/// # Example
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let budget: pictures::MemoryBudget = "2G".parse()?;
/// assert_eq!(budget.bytes(), 2 << 30);
/// assert!(budget.check("slide.png", "4000 × 3000 pixels", 36_000_000).is_ok());
/// assert!(budget.check("bomb.png", "60000 × 60000 pixels", 10_800_000_000).is_err());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MemoryBudget {
    bytes: u64,
}

impl MemoryBudget {
    /// A budget of so many bytes.
    pub const fn of_bytes(bytes: u64) -> Self {
        Self { bytes }
    }

    /// The default, or a quarter of what the system lets this process have, if that is less: the rest is for the program, its
    /// threads and what is not counted. On Linux the limits of the address space and of the control group.
    pub fn of_system() -> Self {
        let quarter = system_memory::limit().map(|bytes| Self::of_bytes((bytes / 4).max(1)));
        quarter.map_or_else(Self::default, |quarter| quarter.min(Self::default()))
    }

    /// All that the system lets this process have, where it has such a limit: for work without an option of its own.
    pub fn of_limit() -> Option<Self> {
        system_memory::limit().map(Self::of_bytes)
    }

    /// Its bytes.
    pub const fn bytes(self) -> u64 {
        self.bytes
    }

    /// Compares what a file needs; `what` says for what, and `origin` names the file.
    ///
    /// # Errors
    /// [`Error::Memory`].
    pub fn check(self, origin: &str, what: &str, needed: u64) -> Result<()> {
        if needed <= self.bytes {
            return Ok(());
        }
        Err(Error::Memory {
            origin: origin.to_owned(),
            what: what.to_owned(),
            needed,
            most: self.bytes,
        })
    }
}

impl Default for MemoryBudget {
    fn default() -> Self {
        Self::of_bytes(1 << 30)
    }
}

/// In the largest unit of which it has at least one, rounded up to a tenth.
impl fmt::Display for MemoryBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&in_units(self.bytes))
    }
}

impl FromStr for MemoryBudget {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let refused = || format!("expected a size such as 512M or 2G, found `{text}`");
        let text = text.trim();
        let digits = text.find(|letter: char| !letter.is_ascii_digit() && letter != '.');
        let (number, unit) = text.split_at(digits.unwrap_or(text.len()));
        let unit = unit.trim().to_ascii_lowercase();
        let shift = match unit.trim_end_matches("ib").trim_end_matches('b') {
            "" => 0,
            "k" => 10,
            "m" => 20,
            "g" => 30,
            "t" => 40,
            _ => return Err(refused()),
        };
        let number: f64 = number.parse().map_err(|_| refused())?;
        let bytes = number * (1_u64 << shift) as f64;
        if !(1.0..9e18).contains(&bytes) {
            return Err(refused());
        }
        Ok(Self::of_bytes(bytes as u64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_in_text() {
        let read = |text: &str| text.parse::<MemoryBudget>().map(MemoryBudget::bytes);
        for (text, bytes) in [
            ("1024", 1024),
            ("64k", 64 << 10),
            ("512M", 512 << 20),
            ("512 MB", 512 << 20),
            ("1.5G", 3 << 29),
            ("2GiB", 2 << 30),
            ("1T", 1 << 40),
        ] {
            assert_eq!(read(text), Ok(bytes), "{text}");
        }
        for text in ["", "G", "-1", "1X", "0", "1e9", "99999999T"] {
            assert!(read(text).is_err(), "{text}");
        }
        for (bytes, text) in [
            (1, "1 bytes"),
            (1 << 30, "1 GiB"),
            ((3 << 29) - 1, "1.5 GiB"),
            (5 << 20, "5 MiB"),
        ] {
            assert_eq!(MemoryBudget::of_bytes(bytes).to_string(), text);
        }
    }

    #[test]
    fn more_than_the_budget_is_refused_with_both_sizes() {
        let budget = MemoryBudget::default();
        assert!(budget.check("a.png", "9 × 7 pixels", 1 << 30).is_ok());
        let error = budget
            .check("a.png", "9 × 7 pixels", (1 << 30) + 1)
            .unwrap_err();
        let expected = "a.png: expected at most 1 GiB of memory for 9 × 7 pixels, found 1.1 GiB; \
                        allow more (`--max-memory` of `segment`, or the system's limit), or make the picture smaller";
        assert_eq!(error.to_string(), expected);
        assert!(budget.check("a.png", "", u64::MAX).is_err());
    }
}
