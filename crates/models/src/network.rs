//! A chain with its parameters.

use std::path::Path;

use crate::error::Result;
use crate::parameters::Parameters;
use crate::trunk::{Chain, TrunkKind};
use crate::weights::WeightsFile;

/// A chain of layers and the numbers in them.
#[derive(Clone, Debug)]
pub(crate) struct Network {
    pub(crate) chain: Chain,
    pub(crate) parameters: Parameters,
}

/// The weights that a trunk starts from.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum TrunkWeights<'a> {
    /// Random, from this seed.
    #[default]
    Random,
    /// A safetensors file under torchvision's names (Lite0: its PyTorch port's).
    File(&'a Path),
}

impl Network {
    /// A trunk up to its taps.
    ///
    /// # Errors
    /// An unknown layer; a file's missing or misshapen tensor, by name.
    pub(crate) fn trunk(
        kind: TrunkKind,
        taps: &[(String, f32)],
        weights: &TrunkWeights<'_>,
        seed: u64,
    ) -> Result<Self> {
        let (chain, layers) = kind.chain(taps)?;
        let parameters = match weights {
            TrunkWeights::Random => Parameters::random(layers, seed),
            TrunkWeights::File(path) => Parameters::from_source(layers, &WeightsFile::open(path)?)?,
        };
        Ok(Self { chain, parameters })
    }
}
