//! The memory that a picture claims, checked against the size of its file.

use crate::error::{Error, Result};

/// Bytes of pixels that any file may claim.
const FREE: u64 = 16 << 20;
/// Beyond that, bytes of pixels for each byte of the file: deflate packs no more than 1,032 into one, and no photograph
/// comes near.
const A_BYTE: u64 = 1024;

/// Refuses a picture that claims more pixels than its file can hold, before memory is taken for them.
///
/// ```text
/// claimed ≤ max(16 MiB, 1024 · file)
/// ```
///
/// # Units
/// `claimed` and `file` in bytes, decoded and as they lie on disk.
///
/// # Errors
/// [`Error::Claim`].
///
/// ```
/// // 60,000 × 60,000 pixels of three bytes in a file of 4 kB, and the photograph of a telephone.
/// assert!(pictures::check_decoded_size("bomb.png", (60_000, 60_000), 10_800_000_000, 4_096).is_err());
/// assert!(pictures::check_decoded_size("beach.jpg", (4_000, 3_000), 36_000_000, 2_500_000).is_ok());
/// ```
pub fn check_decoded_size(
    origin: &str,
    (width, height): (u32, u32),
    claimed: u64,
    file: u64,
) -> Result<()> {
    let least = claimed.div_ceil(A_BYTE);
    if claimed <= FREE || least <= file {
        return Ok(());
    }
    Err(Error::Claim {
        origin: origin.to_owned(),
        width,
        height,
        least,
        file,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_pixels_than_a_file_can_hold_are_refused() {
        let checked = |claimed, file| check_decoded_size("a.png", (9, 7), claimed, file);
        assert!(checked(FREE, 0).is_ok());
        assert!(checked(FREE + 1, 16_385).is_ok());
        assert!(checked(u64::MAX, u64::MAX).is_ok());
        let error = checked(FREE + 1, 16_384).unwrap_err().to_string();
        let expected =
            "a.png: expected at least 16385 bytes of a file for 9 × 7 pixels, found 16384";
        assert_eq!(error, expected);
    }
}
