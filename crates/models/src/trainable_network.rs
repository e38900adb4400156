//! The interface of a network to the trainer and to files.

use std::path::Path;

use serde::Serialize;

use crate::device::{Device, Transfers};
use crate::error::{Error, Result};
use crate::network::Network;
use crate::parameters::ParameterTensor;
use crate::staged::write_atomically;
use crate::weights::{Precision, TensorOut, WeightsFile, write_safetensors};

/// A network in parts: a trunk that may be frozen, and layers that always learn.
///
/// Its description, its parts and, where there are any, its measured numbers make a file and a checkpoint; a network of
/// your own gives these and gets the rest.
///
/// # Conventions
/// Parts are listed from the input to the output, the trunk first; a parameter's place is counted through all of them,
/// kernel and bias of each layer in turn. Names of layers differ within a network.
pub trait TrainableNetwork: Clone + Sized {
    /// The architecture as text, of which [`TrainableNetwork::from_described`] makes the same network.
    ///
    /// # Errors
    /// [`Error::NotANetwork`] where it cannot be written.
    fn description(&self) -> Result<String>;

    /// A network with this architecture and a file's numbers.
    ///
    /// # Errors
    /// [`Error::NotANetwork`] for a description of another kind; those of tensors, by name.
    fn from_described(file: &WeightsFile, description: &str) -> Result<Self>;

    /// The trunk, where there is one.
    fn trunk(&self) -> Option<&Network> {
        None
    }

    /// The trunk, to be stepped.
    fn trunk_mut(&mut self) -> Option<&mut Network> {
        None
    }

    /// The parts above the trunk, from the input on.
    fn new_layers(&self) -> Vec<&Network>;

    /// The same parts, to be stepped.
    fn new_layers_mut(&mut self) -> Vec<&mut Network>;

    /// Numbers that are measured, not learned, and written to files with the others.
    fn measured(&self) -> Vec<TensorOut> {
        Vec::new()
    }

    /// All parts: the trunk first.
    fn parts(&self) -> Vec<&Network> {
        self.trunk().into_iter().chain(self.new_layers()).collect()
    }

    /// Runs all parts on `device` from now on.
    fn set_device(&mut self, device: &Device) {
        if let Some(trunk) = self.trunk_mut() {
            trunk.parameters.set_device(device);
        }
        for part in self.new_layers_mut() {
            part.parameters.set_device(device);
        }
    }

    /// Where the parts run.
    fn device(&self) -> Option<&Device> {
        let first = self.parts().into_iter().next();
        first.map(|part| part.parameters.device())
    }

    /// Transfers to the parts' device and back since the last call; `None` on the processor.
    fn take_transfers(&self) -> Option<Transfers> {
        self.device()?.take_transfers()
    }

    /// All tensors, in the order of [`TrainableNetwork::parts`].
    fn tensors(&self) -> Vec<&ParameterTensor> {
        let parts = self.parts().into_iter();
        parts.flat_map(|part| part.parameters.tensors()).collect()
    }

    /// All tensors under their names in files.
    fn tensors_out(&self) -> Vec<TensorOut> {
        let named = self.parts().into_iter();
        let named = named.flat_map(|part| part.parameters.named());
        let learned = named.map(|(name, shape, values)| TensorOut {
            name,
            shape,
            values,
        });
        learned.chain(self.measured()).collect()
    }

    /// Writes the parts above the trunk, under the whole network's description.
    ///
    /// # Errors
    /// [`Error::File`].
    fn write_new_layers(&self, path: &Path, precision: Precision) -> Result<()> {
        write_atomically(path, &self.new_layers_file(precision)?)
    }

    /// The bytes of that file.
    ///
    /// # Errors
    /// [`Error::NotANetwork`] for a description that cannot be written.
    fn new_layers_file(&self, precision: Precision) -> Result<Vec<u8>> {
        let trunk = self
            .trunk()
            .map_or(0, |trunk| trunk.parameters.named().len());
        let tensors = self.tensors_out().split_off(trunk);
        write_safetensors(&tensors, precision, Some(self.description()?))
    }

    /// Writes the network, whole or not at all.
    ///
    /// # Errors
    /// [`Error::File`].
    fn write(&self, path: &Path, precision: Precision) -> Result<()> {
        let bytes = write_safetensors(&self.tensors_out(), precision, Some(self.description()?))?;
        write_atomically(path, &bytes)
    }
}

/// An architecture as text.
pub(crate) fn described(architecture: &impl Serialize) -> Result<String> {
    serde_json::to_string(architecture).map_err(|error| Error::NotANetwork {
        origin: "network to be written".into(),
        found: error.to_string(),
    })
}
