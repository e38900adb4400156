//! A network of cuts in files: whole, or its head alone.

use std::path::Path;

use crate::architecture::Architecture;
use crate::deep_ncuts::DeepNcuts;
use crate::error::Result;
use crate::network::{Network, TrunkWeights};
use crate::trainable_network::TrainableNetwork;
use crate::weights::{Precision, WeightsFile};

impl DeepNcuts {
    /// A network that [`DeepNcuts::save`] wrote.
    ///
    /// # Errors
    /// [`Error::File`](crate::Error::File), [`Error::NotSafetensors`](crate::Error::NotSafetensors), [`Error::NotANetwork`](crate::Error::NotANetwork), a tensor's by name.
    pub fn load(path: &Path) -> Result<Self> {
        Self::from_file(&WeightsFile::open(path)?)
    }

    /// A network out of a file's bytes; `origin` names it in errors.
    ///
    /// # Errors
    /// As [`DeepNcuts::load`].
    pub fn from_bytes(origin: &str, bytes: Vec<u8>) -> Result<Self> {
        Self::from_file(&WeightsFile::from_bytes(origin.to_owned(), bytes)?)
    }

    pub(crate) fn from_file(file: &WeightsFile) -> Result<Self> {
        Self::from_described(file, &file.metadata("matbackprop").unwrap_or_default())
    }

    /// A network out of the bytes of a file that [`DeepNcuts::save_head`] wrote, on a trunk that was published by
    /// others; `origin` names the bytes in errors.
    ///
    /// # Errors
    /// As [`DeepNcuts::load`], of either file.
    pub fn from_head_bytes(origin: &str, bytes: Vec<u8>, trunk: &TrunkWeights<'_>) -> Result<Self> {
        let head = WeightsFile::from_bytes(origin.to_owned(), bytes)?;
        let description = head.metadata("matbackprop").unwrap_or_default();
        let architecture = Architecture::from_metadata(head.origin(), &description)?;
        let taps = architecture.trunk_taps();
        let trunk = Network::trunk(architecture.trunk, &taps, trunk, 0)?;
        Self::assembled(architecture, trunk, &head)
    }

    /// A trunk and the head of a file.
    pub(crate) fn assembled(
        architecture: Architecture,
        trunk: Network,
        file: &WeightsFile,
    ) -> Result<Self> {
        let head = match &architecture.head {
            None => None,
            Some(layout) => {
                let (chain, layers) = layout.chain(trunk.channels())?;
                let parameters = crate::Parameters::from_source(layers, file)?;
                Some(Network { chain, parameters })
            }
        };
        Ok(Self {
            architecture,
            trunk,
            head,
        })
    }

    /// Writes the head alone, whole or not at all: all that a training on a frozen trunk has learned.
    ///
    /// # Errors
    /// [`Error::File`](crate::Error::File).
    pub fn save_head(&self, path: &Path, precision: Precision) -> Result<()> {
        self.write_new_layers(path, precision)
    }

    /// Writes the network, whole or not at all.
    ///
    /// # Errors
    /// [`Error::File`](crate::Error::File).
    pub fn save(&self, path: &Path, precision: Precision) -> Result<()> {
        self.write(path, precision)
    }
}
