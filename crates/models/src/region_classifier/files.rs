//! The network in files, and the parts that training sees.

use std::path::Path;

use super::network::RegionClassifier;
use crate::error::{Error, Result};
use crate::network::Network;
use crate::parameters::Parameters;
use crate::region_architecture::RegionArchitecture;
use crate::trainable_network::{TrainableNetwork, described};
use crate::weights::{NetworkKind, Precision, TensorOut, TensorSource as _, WeightsFile};

/// Names of μ and s in files.
const CENTRE: &str = "standard.centre";
const SPREAD: &str = "standard.spread";

impl RegionClassifier {
    /// A network that [`RegionClassifier::save`] wrote.
    ///
    /// # Errors
    /// [`Error::File`], [`Error::NotSafetensors`], [`Error::NotANetwork`], a tensor's by name.
    pub fn load(path: &Path) -> Result<Self> {
        Self::from_file(&WeightsFile::open(path)?)
    }

    /// A network out of a file's bytes; `origin` names it in errors.
    ///
    /// # Errors
    /// As [`RegionClassifier::load`].
    pub fn from_bytes(origin: &str, bytes: Vec<u8>) -> Result<Self> {
        Self::from_file(&WeightsFile::from_bytes(origin.to_owned(), bytes)?)
    }

    fn from_file(file: &WeightsFile) -> Result<Self> {
        Self::from_described(file, &file.description(NetworkKind::Regions)?)
    }

    /// Writes the network, whole or not at all.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn save(&self, path: &Path, precision: Precision) -> Result<()> {
        self.write(path, precision)
    }
}

impl TrainableNetwork for RegionClassifier {
    fn description(&self) -> Result<String> {
        described(&self.architecture)
    }

    fn from_described(file: &WeightsFile, description: &str) -> Result<Self> {
        let refused = |found: String| Error::NotANetwork {
            origin: file.origin().to_owned(),
            found,
        };
        let architecture: RegionArchitecture =
            serde_json::from_str(description).map_err(|error| refused(error.to_string()))?;
        architecture
            .check()
            .map_err(|error| refused(error.to_string()))?;
        let mut network = Self::build(architecture, |_, layers| {
            Parameters::from_source(layers, file)
        })?;
        network.centre = file.tensor(CENTRE, &[network.centre.len()])?;
        network.spread = file.tensor(SPREAD, &[1])?[0];
        Ok(network)
    }

    fn trunk(&self) -> Option<&Network> {
        self.trunk.as_ref()
    }

    fn trunk_mut(&mut self) -> Option<&mut Network> {
        self.trunk.as_mut()
    }

    fn new_layers(&self) -> Vec<&Network> {
        self.reduction.iter().chain([&self.classifier]).collect()
    }

    fn new_layers_mut(&mut self) -> Vec<&mut Network> {
        let reduction = self.reduction.iter_mut();
        reduction.chain([&mut self.classifier]).collect()
    }

    fn measured(&self) -> Vec<TensorOut> {
        let tensor = |name: &str, values: Vec<f32>| TensorOut {
            name: name.to_owned(),
            shape: vec![values.len()],
            values,
        };
        vec![
            tensor(CENTRE, self.centre.clone()),
            tensor(SPREAD, vec![self.spread]),
        ]
    }
}
