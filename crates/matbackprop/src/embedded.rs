//! The network that comes with the binary.

use models::DeepNcuts;

/// The file of the default network: EfficientNet-Lite0 with a learned head, half precision.
pub const DEFAULT_NETWORK_BYTES: &[u8] = include_bytes!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../data/weights/ncuts_lite0_f16.safetensors"
));

/// The default network.
///
/// # Errors
/// Those of [`DeepNcuts::from_bytes`]; a test holds that there is none.
pub fn default_network() -> models::Result<DeepNcuts> {
    DeepNcuts::from_bytes("the embedded network", DEFAULT_NETWORK_BYTES.to_vec())
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
}
