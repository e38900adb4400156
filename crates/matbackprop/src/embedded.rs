//! The network that comes with the binary, and a head for a larger trunk that others publish.

use std::path::Path;

use models::{DeepBoundaries, DeepNcuts, TrunkWeights};

/// The file of the default network: EfficientNet-Lite0 with a learned head, half precision.
pub const DEFAULT_NETWORK_BYTES: &[u8] = include_bytes!("../weights/ncuts_lite0_f16.safetensors");

/// The default network.
///
/// # Errors
/// Those of [`DeepNcuts::from_bytes`]; a test holds that there is none.
pub fn default_network() -> models::Result<DeepNcuts> {
    DeepNcuts::from_bytes("the embedded network", DEFAULT_NETWORK_BYTES.to_vec())
}

/// The file of a head for VGG-16, which learned on its published weights: half precision, without the trunk's 29 MB.
const LARGE_HEAD_BYTES: &[u8] = include_bytes!("../weights/ncuts_vgg16_head_f16.safetensors");

/// The larger network: VGG-16 out of `trunk`, a file under torchvision's names with Caffe's numbers, under the head that
/// comes with this crate. `data/README.md` says where the numbers come from.
///
/// # Errors
/// Those of [`DeepNcuts::from_head_bytes`], of the trunk's file.
pub fn large_network(trunk: &Path) -> models::Result<DeepNcuts> {
    let bytes = LARGE_HEAD_BYTES.to_vec();
    DeepNcuts::from_head_bytes("the embedded head", bytes, &TrunkWeights::File(trunk))
}

/// The file of a head that draws boundaries on the default network's trunk: half precision, 0.14 MB.
const BOUNDARY_HEAD_BYTES: &[u8] =
    include_bytes!("../weights/boundaries_lite0_head_f16.safetensors");

/// The network that draws boundaries as people do, on the trunk of the default network.
///
/// # Errors
/// Those of [`DeepBoundaries::from_head_bytes_on`]; a test holds that there is none.
pub fn default_boundary_network() -> models::Result<DeepBoundaries> {
    let bytes = BOUNDARY_HEAD_BYTES.to_vec();
    DeepBoundaries::from_head_bytes_on("the embedded boundary head", bytes, &default_network()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use models::TrunkKind;

    #[test]
    fn is_a_small_network_with_a_head() {
        let network = default_network().unwrap();
        assert_eq!(network.architecture().trunk, TrunkKind::Lite0);
        assert!(network.parameter_count().1 > 0);
        assert!(
            DEFAULT_NETWORK_BYTES.len() <= 4 << 20,
            "{} bytes",
            DEFAULT_NETWORK_BYTES.len()
        );
    }

    #[test]
    fn boundaries_are_drawn_at_an_edge() {
        let network = default_boundary_network().unwrap();
        assert_eq!(network.parameter_count().1, 68_737);
        // A red square on grey.
        let image = image::RgbImage::from_fn(96, 96, |x, y| {
            let inside = (32..64).contains(&x) && (32..64).contains(&y);
            image::Rgb(if inside {
                [200, 30, 30]
            } else {
                [120, 125, 120]
            })
        });
        let drawn = network.boundaries(&image, true).unwrap();
        let at = |x: usize, y: usize| drawn.probabilities()[y * 96 + x];
        let edge = at(32, 48).max(at(31, 48));
        assert!(edge > 0.4 && at(48, 48) < 0.2 && at(8, 48) < 0.2, "{edge}");
    }
}
