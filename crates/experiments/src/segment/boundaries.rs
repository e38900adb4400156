//! Maps of boundaries beside the segments.

use std::path::Path;

use image::{GrayImage, Luma};
use models::{BoundaryProbabilities, DeepBoundaries};
use segmentation::PixelMask;

use crate::error::{Context as _, Result};
use crate::run_folder::finished_network;

/// The network that `train boundaries` left in a folder, or in a file.
///
/// # Errors
/// A training that has not ended; those of the file.
pub fn boundary_network(run_or_file: &Path) -> Result<DeepBoundaries> {
    let file = match run_or_file.is_dir() {
        true => finished_network(run_or_file, "train boundaries")?,
        false => run_or_file.to_path_buf(),
    };
    DeepBoundaries::load(&file).context("--boundary-network")
}

/// A map as a picture, of which a mask leaves pixels out: 8 bits, 255 is certain.
pub(super) fn boundary_picture(
    boundaries: &BoundaryProbabilities,
    mask: Option<&PixelMask>,
) -> GrayImage {
    let mut picture = boundaries.picture();
    if let Some(mask) = mask {
        let pixels = picture.pixels_mut().zip(mask.kept());
        for (pixel, _) in pixels.filter(|(_, kept)| !**kept) {
            *pixel = Luma([0]);
        }
    }
    picture
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::RgbImage;
    use models::{BoundaryArchitecture, TrunkKind, TrunkWeights};

    #[test]
    fn pixels_that_are_left_out_have_no_boundary() {
        let architecture = BoundaryArchitecture::new(TrunkKind::Lite0);
        let network = DeepBoundaries::new(architecture, &TrunkWeights::Random, 1).unwrap();
        let image = RgbImage::from_fn(24, 16, |x, _| image::Rgb([if x < 12 { 9 } else { 200 }; 3]));
        let kept = (0..24 * 16).map(|place| place % 24 < 12).collect();
        let mask = PixelMask::new(24, 16, kept).unwrap();
        let found = network.boundaries(&image, true).unwrap();
        let whole = boundary_picture(&found, None);
        let masked = boundary_picture(&found, Some(&mask));
        for (x, y, pixel) in masked.enumerate_pixels() {
            let expected = if x < 12 {
                whole.get_pixel(x, y).0[0]
            } else {
                0
            };
            assert_eq!(pixel.0[0], expected, "{x} {y}");
        }
        assert!(whole.pixels().all(|pixel| pixel.0[0] > 0));
    }

    #[test]
    fn a_run_that_has_not_ended_and_other_files_are_named() {
        let run = tempfile::tempdir().unwrap();
        std::fs::write(run.path().join("checkpoint.safetensors"), "").unwrap();
        let refused = boundary_network(run.path()).unwrap_err().to_string();
        assert!(refused.contains("`train boundaries --resume`"), "{refused}");
        let file = run.path().join("checkpoint.safetensors");
        let refused = boundary_network(&file).unwrap_err().to_string();
        assert!(refused.contains("--boundary-network"), "{refused}");
    }
}
