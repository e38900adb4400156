//! The network itself: trunk and head, new ones, their architecture.

use crate::architecture::CutArchitecture;
use crate::device::Device;
use crate::error::Result;
use crate::network::{Network, TrunkWeights};
use crate::parameters::Parameters;
use crate::trainable_network::TrainableNetwork as _;

/// A convolutional network whose features normalised cuts segment.
///
/// ```text
/// image → trunk → taps, scaled, brought to one grid → head (conv–ReLU pairs) → F ≥ 0 → W = F Fᵀ → cut
/// ```
///
/// # Shapes
/// F: n × d, a row a position of the first tap's grid, a column a channel.
#[derive(Clone, Debug)]
pub struct DeepNcuts {
    pub(crate) architecture: CutArchitecture,
    pub(crate) trunk: Network,
    pub(crate) head: Option<Network>,
}

impl DeepNcuts {
    /// A network with a new head.
    ///
    /// # Errors
    /// An unknown layer or setting; a missing or misshapen tensor of the trunk's file, by name.
    pub fn new(
        architecture: CutArchitecture,
        weights: &TrunkWeights<'_>,
        seed: u64,
    ) -> Result<Self> {
        let taps = architecture.trunk_taps();
        let trunk = Network::trunk(architecture.trunk, &taps, weights, seed)?;
        let head = Self::new_head(&architecture, trunk.channels(), seed)?;
        Ok(Self {
            architecture,
            trunk,
            head,
        })
    }

    /// The same trunk under a new head, untrained: the start of training.
    ///
    /// # Errors
    /// Those of the head's layout.
    pub fn with_new_head(&self, seed: u64) -> Result<Self> {
        let head = Self::new_head(&self.architecture, self.trunk.channels(), seed)?;
        Ok(Self {
            architecture: self.architecture.clone(),
            trunk: self.trunk.clone(),
            head,
        })
    }

    fn new_head(
        architecture: &CutArchitecture,
        channels: usize,
        seed: u64,
    ) -> Result<Option<Network>> {
        let Some(layout) = &architecture.head else {
            return Ok(None);
        };
        let (chain, layers) = layout.chain(channels)?;
        // Independent seeds.
        let parameters = Parameters::random(layers, seed ^ 0x5EED);
        Ok(Some(Network { chain, parameters }))
    }

    /// The architecture of this network.
    pub fn architecture(&self) -> &CutArchitecture {
        &self.architecture
    }

    /// The same network, its trunk and head on `device`.
    pub fn on_device(mut self, device: &Device) -> Self {
        self.set_device(device);
        self
    }

    /// Weights and biases in trunk and head.
    pub fn parameter_count(&self) -> (usize, usize) {
        let head = self.head.as_ref().map_or(0, |head| head.parameters.count());
        (self.trunk.parameters.count(), head)
    }

    /// Channels of the trunk's features, all taps together.
    pub fn trunk_channels(&self) -> usize {
        self.trunk.channels()
    }
}
