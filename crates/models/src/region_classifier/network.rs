//! The network itself: trunk, reduction and classifier, new ones, their architecture.

use crate::device::Device;
use crate::error::{Error, Result};
use crate::feature_maps::FeatureMaps;
use crate::network::{Network, TrunkWeights};
use crate::parameters::{Parameters, check_weight_count};
use crate::region_architecture::{RegionArchitecture, RegionFeatures};
use crate::trainable_network::TrainableNetwork as _;
use crate::trunk::{Chain, NamedLayer};
use crate::weights::WeightsFile;

/// A network that classifies a free-form region.
///
/// ```text
/// crop → trunk → taps on one grid → (reduction) → F, n × d → pooling → z → (z − μ) s → classifier → p
/// ```
///
/// # Conventions
/// μ, the mean of z, and s = 1 / (its deviation), one number for all, are measured on training regions before the
/// first step and kept: the logarithm's outputs are far from zero. Taps are scaled to RMS one in the same way.
#[derive(Clone, Debug)]
pub struct RegionClassifier {
    pub(super) architecture: RegionArchitecture,
    pub(super) trunk: Option<Network>,
    pub(super) reduction: Option<Network>,
    pub(super) classifier: Network,
    /// μ.
    pub(super) centre: Vec<f32>,
    /// s.
    pub(super) spread: f32,
}

/// Which part a seed is for.
#[derive(Clone, Copy)]
pub(super) enum Part {
    Trunk = 0,
    Reduction = 0x2ED0,
    Classifier = 0x5EED,
}

impl RegionClassifier {
    /// A network whose layers above the trunk are new.
    ///
    /// # Errors
    /// An unknown layer or setting; a missing or misshapen tensor of the trunk's file, by name.
    pub fn new(
        architecture: RegionArchitecture,
        weights: &TrunkWeights<'_>,
        seed: u64,
    ) -> Result<Self> {
        Self::build(architecture, |part, layers| match (part, weights) {
            (Part::Trunk, TrunkWeights::File(path)) => {
                Parameters::from_source(layers, &WeightsFile::open(path)?)
            }
            // Independent seeds.
            (part, _) => Ok(Parameters::random(layers, seed ^ part as u64)),
        })
    }

    /// The same network, all its layers on `device`.
    pub fn on_device(mut self, device: &Device) -> Self {
        self.set_device(device);
        self
    }

    /// A network of this architecture; `parameters` gives each part the numbers of its layers.
    pub(super) fn build(
        architecture: RegionArchitecture,
        parameters: impl Fn(Part, Vec<NamedLayer>) -> Result<Parameters>,
    ) -> Result<Self> {
        architecture.check()?;
        let network = |part, (chain, layers): (Chain, Vec<_>)| -> Result<Network> {
            check_weight_count(&layers)?;
            let parameters = parameters(part, layers)?;
            Ok(Network { chain, parameters })
        };
        let side = architecture.side as usize;
        let (trunk, channels, positions) = match &architecture.features {
            RegionFeatures::Trunk { kind, taps, .. } => {
                let taps: Vec<_> = taps
                    .iter()
                    .map(|tap| (tap.layer.clone(), tap.scale))
                    .collect();
                let trunk = network(Part::Trunk, kind.chain(&taps)?)?;
                let [columns, rows] = trunk.chain.output_axes((3, side, side))?;
                let channels = trunk.channels();
                (Some(trunk), channels, columns.positions * rows.positions)
            }
            RegionFeatures::Given { channels } => (None, *channels, 1),
        };
        let reduction = architecture
            .reduction_chain(channels)
            .map(|chain| network(Part::Reduction, chain))
            .transpose()?;
        let channels = architecture.reduction.unwrap_or(channels);
        let outputs = architecture.pooling.outputs(channels, positions);
        let layers = architecture
            .classifier
            .chain(outputs, architecture.classes.len())?;
        Ok(Self {
            trunk,
            reduction,
            classifier: network(Part::Classifier, layers)?,
            centre: vec![0.0; outputs],
            spread: 1.0,
            architecture,
        })
    }

    /// Its architecture.
    pub fn architecture(&self) -> &RegionArchitecture {
        &self.architecture
    }

    /// Numbers in the trunk and above it.
    pub fn parameter_count(&self) -> (usize, usize) {
        let count = |parts: Vec<&Network>| parts.iter().map(|part| part.parameters.count()).sum();
        (count(self.trunk.iter().collect()), count(self.new_layers()))
    }

    /// Takes the scales of the trunk's taps.
    pub(super) fn set_tap_scales(&mut self, scales: &[f32]) {
        if let RegionFeatures::Trunk { taps, .. } = &mut self.architecture.features {
            for (tap, scale) in taps.iter_mut().zip(scales) {
                tap.scale = *scale;
            }
        }
        if let Some(trunk) = &mut self.trunk {
            for (tap, scale) in trunk.chain.taps.iter_mut().zip(scales) {
                tap.scale = *scale;
            }
        }
    }

    /// Refuses descriptors of another length than the network's.
    pub(super) fn check_channels(&self, maps: &FeatureMaps) -> Result<()> {
        match &self.architecture.features {
            RegionFeatures::Given { channels } if *channels != maps.channels() => {
                Err(Error::Setting {
                    name: "descriptors",
                    expected: "as many numbers as the network takes",
                    found: format!("{} for {channels}", maps.channels()),
                })
            }
            _ => Ok(()),
        }
    }
}
