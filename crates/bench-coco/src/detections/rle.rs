//! Run lengths that fill an image, and the faults of an entry, before its file and place are known.

use hotcoco::mask::RleRef;
use hotcoco::{Image, Segmentation};

/// The expected content of an entry, and the content found.
pub(super) struct Fault {
    pub(super) expected: String,
    pub(super) found: String,
}

impl Fault {
    pub(super) fn new(expected: impl Into<String>, found: impl Into<String>) -> Self {
        Self {
            expected: expected.into(),
            found: found.into(),
        }
    }
}

/// Checks that run lengths are of an image's size, and fill it.
///
/// # Errors
/// A mask of another size, an invalid string, or one whose runs do not sum to the image.
pub(super) fn check(mask: RleRef<'_>, image: &Image) -> Result<(), Fault> {
    let (RleRef::Compressed { h, w, .. } | RleRef::Runs { h, w, .. }) = mask;
    if (h, w) != (image.height, image.width) {
        let expected = format!("a mask of {} × {} pixels", image.width, image.height);
        return Err(Fault::new(expected, format!("{w} × {h}")));
    }
    let pixels = u64::from(h) * u64::from(w);
    let fault = |found: String| Fault::new(format!("run lengths over {pixels} pixels"), found);
    let runs = mask.to_rle().map_err(|error| fault(error.to_string()))?;
    let total: u64 = runs.counts.iter().map(|run| u64::from(*run)).sum();
    // Fewer would pass for background: a string that was cut short.
    if total != pixels {
        return Err(fault(total.to_string()));
    }
    Ok(())
}

/// The kind of a segmentation, in words.
pub(super) fn named(mask: Option<&Segmentation>) -> &'static str {
    match mask {
        None => "none",
        Some(Segmentation::Polygon(_)) => "polygons",
        Some(Segmentation::UncompressedRle { .. }) => "uncompressed run lengths",
        Some(Segmentation::CompressedRle { .. }) => "compressed run lengths",
        Some(_) => "another form",
    }
}
