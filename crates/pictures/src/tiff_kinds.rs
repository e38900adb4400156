//! Kinds of TIFF that are not read, by their names.

use crate::tiff_tags::TiffTags;

/// Kinds of compression that the decoder does not know, or was built without.
const COMPRESSIONS: [(u32, &str); 27] = [
    (2, "modified Huffman (CCITT RLE)"),
    (3, "Group 3 fax"),
    (6, "old-style JPEG"),
    (9, "JBIG"),
    (10, "JBIG"),
    (32_766, "NeXT"),
    (32_771, "CCITT RLE"),
    (32_809, "ThunderScan"),
    (32_908, "Pixar film"),
    (32_909, "Pixar log"),
    (33_003, "JPEG 2000"),
    (33_005, "JPEG 2000"),
    (34_661, "JBIG"),
    (34_676, "SGI log"),
    (34_677, "SGI log"),
    (34_712, "JPEG 2000"),
    (34_887, "LERC"),
    (34_892, "lossy JPEG of DNG"),
    (34_925, "LZMA"),
    (34_926, "Zstandard"),
    (34_927, "WebP"),
    (34_933, "PNG"),
    (34_934, "JPEG XR"),
    (50_000, "Zstandard"),
    (50_001, "WebP"),
    (50_002, "JPEG XL"),
    (52_546, "JPEG XL"),
];

const FAX_4: u32 = 4;

/// Colours that are not read.
const COLOURS: [(u32, &str); 6] = [
    (4, "a mask of transparency"),
    (8, "CIELab colours"),
    (9, "ICCLab colours"),
    (10, "ITULab colours"),
    (32_844, "LogL greys"),
    (32_845, "LogLuv colours"),
];

const ADVICE: &str = "convert it to PNG first";

/// What a TIFF holds that is not read, and what to do; none where its tags name nothing of the kind.
pub fn unread_kind(tags: &TiffTags) -> Option<String> {
    let compression = tags.compression.unwrap_or(1);
    let named = COMPRESSIONS
        .iter()
        .find(|(number, _)| *number == compression);
    let found = match named {
        Some((_, name)) => format!("{name} compression"),
        None if matches!(compression, 1 | 5 | 7 | 8 | FAX_4 | 32_773 | 32_946) => String::new(),
        None => format!("compression number {compression}"),
    };
    if !found.is_empty() {
        return Some(format!(
            "{found}: {ADVICE}, or store it with LZW or Deflate"
        ));
    }
    let photometric = tags.photometric.map(|(kind, _)| kind);
    if let Some((_, name)) = COLOURS.iter().find(|(kind, _)| Some(*kind) == photometric) {
        return Some(format!("{name}: {ADVICE}"));
    }
    if let Some(kind) = photometric.filter(|kind| !matches!(kind, 0..=3 | 5 | 6)) {
        return Some(format!(
            "colours of kind {kind}, which are not known: {ADVICE}"
        ));
    }
    // The decoder would take the bits of whole numbers for floating point.
    let bits = tags.bits.unwrap_or(1);
    (bits > 16 && tags.sample_format.unwrap_or(1) != 3).then(|| unread_samples(tags))
}

/// Samples that are not read, and what to do.
pub fn unread_samples(tags: &TiffTags) -> String {
    let samples = match tags.samples.unwrap_or(1) {
        1 => "1 sample a pixel".to_owned(),
        samples => format!("{samples} samples a pixel"),
    };
    let format = match tags.sample_format.unwrap_or(1) {
        1 => "whole numbers",
        2 => "whole numbers with a sign",
        3 => "floating point",
        5 | 6 => "complex numbers",
        _ => "of no stated kind",
    };
    let bits = tags.bits.unwrap_or(1);
    format!("{samples}, {bits} bits each, {format}: {ADVICE}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_read_has_a_name() {
        let of = |compression, photometric, bits, sample_format| {
            unread_kind(&TiffTags {
                compression: Some(compression),
                photometric: Some((photometric, 0)),
                bits: Some(bits),
                sample_format,
                samples: Some(3),
                ..TiffTags::default()
            })
        };
        for (compression, name) in [
            (3, "Group 3 fax compression"),
            (50_000, "Zstandard compression"),
            (34_925, "LZMA compression"),
            (50_002, "JPEG XL compression"),
            (4711, "compression number 4711"),
        ] {
            let expected =
                format!("{name}: convert it to PNG first, or store it with LZW or Deflate");
            assert_eq!(of(compression, 2, 8, None), Some(expected));
        }
        let lab = "CIELab colours: convert it to PNG first";
        assert_eq!(of(5, 8, 8, None).as_deref(), Some(lab));
        let unknown = "colours of kind 99, which are not known: convert it to PNG first";
        assert_eq!(of(1, 99, 8, None).as_deref(), Some(unknown));
        let long = "3 samples a pixel, 32 bits each, whole numbers: convert it to PNG first";
        assert_eq!(of(1, 2, 32, None).as_deref(), Some(long));
        for compression in [1, 4, 5, 7, 8, 32_773, 32_946] {
            assert_eq!(of(compression, 2, 8, None), None, "{compression}");
        }
        assert_eq!(of(1, 2, 32, Some(3)), None);
    }
}
