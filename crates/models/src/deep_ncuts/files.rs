//! The network in files: whole, or its head alone.

use std::path::Path;

use super::network::DeepNcuts;
use crate::architecture::CutArchitecture;
use crate::error::{Error, Result};
use crate::network::{Network, TrunkWeights};
use crate::parameters::Parameters;
use crate::trainable_network::{TrainableNetwork, described};
use crate::weights::{NetworkKind, Precision, WeightsFile};

impl DeepNcuts {
    /// A network that [`DeepNcuts::save`] wrote.
    ///
    /// # Errors
    /// [`Error::File`](crate::Error::File), [`Error::NotSafetensors`](crate::Error::NotSafetensors),
    /// [`Error::NotANetwork`](crate::Error::NotANetwork); those of a tensor name it.
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
        Self::from_described(file, &file.description(NetworkKind::Cuts)?)
    }

    /// A network out of the bytes of a file that [`DeepNcuts::save_head`] wrote, on a trunk that was published by
    /// others; `origin` names the bytes in errors.
    ///
    /// # Errors
    /// As [`DeepNcuts::load`], of either file.
    pub fn from_head_bytes(origin: &str, bytes: Vec<u8>, trunk: &TrunkWeights<'_>) -> Result<Self> {
        let head = WeightsFile::from_bytes(origin.to_owned(), bytes)?;
        let description = head.description(NetworkKind::Cuts)?;
        let architecture = CutArchitecture::from_metadata(head.origin(), &description)?;
        let taps = architecture.trunk_taps();
        let trunk = Network::trunk(architecture.trunk, &taps, trunk, 0)?;
        Self::assembled(architecture, trunk, &head)
    }

    /// A trunk and the head of a file.
    pub(crate) fn assembled(
        architecture: CutArchitecture,
        trunk: Network,
        file: &WeightsFile,
    ) -> Result<Self> {
        let head = match &architecture.head {
            None => None,
            Some(layout) => {
                let (chain, layers) = layout.chain(trunk.channels())?;
                let parameters = Parameters::from_source(layers, file)?;
                Some(Network { chain, parameters })
            }
        };
        Ok(Self {
            architecture,
            trunk,
            head,
        })
    }

    /// This network's trunk under the head of a file that [`DeepNcuts::save_head`] wrote; `origin` names the bytes in
    /// errors.
    ///
    /// # Errors
    /// As [`DeepNcuts::load`]; [`Error::NotANetwork`](crate::Error::NotANetwork) for a head on another trunk or on other
    /// layers of it.
    pub fn with_head_of(&self, origin: &str, bytes: Vec<u8>) -> Result<Self> {
        let file = WeightsFile::from_bytes(origin.to_owned(), bytes)?;
        let description = file.description(NetworkKind::Cuts)?;
        let architecture = CutArchitecture::from_metadata(file.origin(), &description)?;
        let own = &self.architecture;
        let fits = |other: &CutArchitecture| {
            (other.trunk, &other.recipe, &other.taps) == (own.trunk, &own.recipe, &own.taps)
        };
        if !fits(&architecture) {
            return Err(Error::NotANetwork {
                origin: file.origin().to_owned(),
                found: format!("a head on other layers than these of {}", own.trunk.name()),
            });
        }
        Self::assembled(architecture, self.trunk.clone(), &file)
    }

    /// The bytes of the file that [`DeepNcuts::save_head`] writes.
    ///
    /// # Errors
    /// [`Error::NotANetwork`](crate::Error::NotANetwork).
    pub fn head_file(&self, precision: Precision) -> Result<Vec<u8>> {
        self.new_layers_file(precision)
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

impl TrainableNetwork for DeepNcuts {
    fn description(&self) -> Result<String> {
        described(&self.architecture)
    }

    fn from_described(file: &WeightsFile, description: &str) -> Result<Self> {
        let architecture = CutArchitecture::from_metadata(file.origin(), description)?;
        let taps = architecture.trunk_taps();
        let (chain, layers) = architecture.trunk.chain(&taps)?;
        let parameters = Parameters::from_source(layers, file)?;
        Self::assembled(architecture, Network { chain, parameters }, file)
    }

    fn trunk(&self) -> Option<&Network> {
        Some(&self.trunk)
    }

    fn trunk_mut(&mut self) -> Option<&mut Network> {
        Some(&mut self.trunk)
    }

    fn new_layers(&self) -> Vec<&Network> {
        self.head.iter().collect()
    }

    fn new_layers_mut(&mut self) -> Vec<&mut Network> {
        self.head.iter_mut().collect()
    }
}
