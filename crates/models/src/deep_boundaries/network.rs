//! The network itself: trunk and head, new ones, their architecture.

use std::sync::Arc;

use super::standards::Standards;
use crate::boundary_architecture::{BoundaryArchitecture, reduction_name};
use crate::device::Device;
use crate::error::Result;
use crate::network::{Network, TrunkWeights};
use crate::parameters::Parameters;
use crate::trainable_network::TrainableNetwork as _;
use crate::weights::WeightsFile;

/// The logit that the untrained head gives a position: few lie on boundaries.
const RARE: f32 = -2.5;

/// A convolutional network that draws boundaries.
///
/// ```text
/// image → trunk → levels at strides 2, 4, 8, 16, each channel standardised → head → z at stride 2
/// x_l = relu(1×1 of level l),   y_L = x_L,   y_l = relu(3×3 of [x_l, up(y_{l+1})]),   z = 3×3 of y_0
/// p = sigmoid of the mean of up(z) and the mirrored up(z) of the mirror image
/// ```
///
/// # Shapes
/// Levels: C_l × H_l × W_l, the finest first; z: 1 × H_0 × W_0; p: as the image.
///
/// # Cost
/// The usual head on Lite0 has 68,737 numbers and takes some 0.4 of the trunk's operations.
///
/// # Source
/// The levels of a trunk joined for boundaries: Xie and Tu, "Holistically-nested edge detection", ICCV 2015; merged upward:
/// Ronneberger, Fischer, Brox, "U-Net", MICCAI 2015.
///
/// # Example
/// ```
/// use models::{BoundaryArchitecture, DeepBoundaries, TrunkKind, TrunkWeights};
///
/// # fn main() -> Result<(), models::Error> {
/// let architecture = BoundaryArchitecture::new(TrunkKind::Lite0);
/// // TrunkWeights::File(path) for learned ones, DeepBoundaries::load(path) for a trained network.
/// let network = DeepBoundaries::new(architecture, &TrunkWeights::Random, 1)?;
/// let photograph = image::RgbImage::from_fn(48, 32, |x, _| image::Rgb([if x < 24 { 30 } else { 200 }; 3]));
/// let boundaries = network.boundaries(&photograph, true)?;
/// assert_eq!(boundaries.probabilities().len(), 48 * 32);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct DeepBoundaries {
    pub(super) architecture: BoundaryArchitecture,
    pub(super) trunk: Network,
    pub(super) head: Network,
    /// Of each level, the finest first.
    pub(super) standards: Vec<Standards>,
}

impl DeepBoundaries {
    /// A network with a new head.
    ///
    /// # Errors
    /// An unknown layer or setting; a missing or misshapen tensor of the trunk's file, by name.
    pub fn new(
        architecture: BoundaryArchitecture,
        weights: &TrunkWeights<'_>,
        seed: u64,
    ) -> Result<Self> {
        architecture.check()?;
        let trunk = Self::new_trunk(&architecture, weights, seed)?;
        let channels = level_channels(&architecture, &trunk)?;
        let (chain, layers) = architecture.head_chain(&channels)?;
        // Independent seeds.
        let mut parameters = Parameters::random(layers, seed ^ 0x5EED);
        if let Some(bias) = parameters.tensors_mut().last_mut() {
            *bias = bias.clone() + RARE;
        }
        Ok(Self {
            standards: channels.into_iter().map(Standards::none).collect(),
            head: Network { chain, parameters },
            architecture,
            trunk,
        })
    }

    /// A trunk of such a network.
    pub(super) fn new_trunk(
        architecture: &BoundaryArchitecture,
        weights: &TrunkWeights<'_>,
        seed: u64,
    ) -> Result<Network> {
        let (chain, layers) = architecture.trunk_chain()?;
        let parameters = match weights {
            TrunkWeights::Random => Parameters::random(layers, seed),
            TrunkWeights::File(path) => Parameters::from_source(layers, &WeightsFile::open(path)?)?,
        };
        Ok(Network { chain, parameters })
    }

    /// The architecture of this network.
    pub fn architecture(&self) -> &BoundaryArchitecture {
        &self.architecture
    }

    /// The same network, its trunk and head on `device`.
    pub fn on_device(mut self, device: &Device) -> Self {
        self.set_device(device);
        self
    }

    /// Weights and biases in trunk and head.
    pub fn parameter_count(&self) -> (usize, usize) {
        (self.trunk.parameters.count(), self.head.parameters.count())
    }

    /// Channels of each level, the finest first.
    pub fn level_channels(&self) -> Vec<usize> {
        self.standards
            .iter()
            .map(|level| level.mean.len())
            .collect()
    }

    /// The head's parameters for levels that were not standardised: the standards go into the first convolutions.
    pub(super) fn folded_head(&self) -> Arc<Vec<Vec<f32>>> {
        let mut values = self.head.parameters.values().to_vec();
        for (place, layer) in self.head.parameters.layers().iter().enumerate() {
            let level =
                (0..self.standards.len()).find(|level| reduction_name(*level) == layer.name);
            if let Some(level) = level
                && let [weight, bias] = &mut values[2 * place..2 * place + 2]
            {
                self.standards[level].fold(weight, bias);
            }
        }
        Arc::new(values)
    }
}

/// Channels of each level, the finest first.
pub(super) fn level_channels(
    architecture: &BoundaryArchitecture,
    trunk: &Network,
) -> Result<Vec<usize>> {
    // Sizes of an image that any trunk takes; channels do not depend on it.
    let sizes = trunk.chain.sizes((3, 256, 256))?;
    let levels = &sizes[sizes.len() - architecture.levels.len()..];
    Ok(levels.iter().map(|size| size.0).collect())
}
