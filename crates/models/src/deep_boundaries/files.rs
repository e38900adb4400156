//! The network in files: whole, or its head alone.

use std::path::Path;

use super::network::{DeepBoundaries, level_channels};
use super::standards::Standards;
use crate::boundary_architecture::BoundaryArchitecture;
use crate::deep_ncuts::DeepNcuts;
use crate::error::{Error, Result};
use crate::network::{Network, TrunkWeights};
use crate::parameters::Parameters;
use crate::trainable_network::{TrainableNetwork, described};
use crate::weights::{NetworkKind, Precision, TensorOut, TensorSource as _, WeightsFile};

impl DeepBoundaries {
    /// A network that [`DeepBoundaries::save`] wrote.
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
    /// As [`DeepBoundaries::load`].
    pub fn from_bytes(origin: &str, bytes: Vec<u8>) -> Result<Self> {
        Self::from_file(&WeightsFile::from_bytes(origin.to_owned(), bytes)?)
    }

    fn from_file(file: &WeightsFile) -> Result<Self> {
        Self::from_described(file, &file.description(NetworkKind::Boundaries)?)
    }

    /// A network out of the bytes of a file that [`DeepBoundaries::save_head`] wrote, on a trunk of another file; `origin`
    /// names the bytes in errors.
    ///
    /// # Errors
    /// As [`DeepBoundaries::load`], of either file.
    pub fn from_head_bytes(origin: &str, bytes: Vec<u8>, trunk: &TrunkWeights<'_>) -> Result<Self> {
        let head = WeightsFile::from_bytes(origin.to_owned(), bytes)?;
        let description = head.description(NetworkKind::Boundaries)?;
        let architecture = BoundaryArchitecture::from_metadata(head.origin(), &description)?;
        let trunk = Self::new_trunk(&architecture, trunk, 0)?;
        Self::assembled(architecture, trunk, &head)
    }

    /// The same on the trunk of a network that cuts: one trunk for both.
    ///
    /// # Errors
    /// As [`DeepBoundaries::load`]; [`Error::NotANetwork`] for a head on another trunk or on other layers of it.
    pub fn from_head_bytes_on(origin: &str, bytes: Vec<u8>, network: &DeepNcuts) -> Result<Self> {
        let head = WeightsFile::from_bytes(origin.to_owned(), bytes)?;
        let description = head.description(NetworkKind::Boundaries)?;
        let architecture = BoundaryArchitecture::from_metadata(head.origin(), &description)?;
        let (chain, layers) = architecture.trunk_chain()?;
        let (own, parameters) = (network.architecture(), &network.trunk.parameters);
        let pixels = own.recipe == architecture.recipe;
        if !pixels || parameters.layers() != layers {
            return Err(Error::NotANetwork {
                origin: head.origin().to_owned(),
                found: format!("a head on other layers than these of {}", own.trunk.name()),
            });
        }
        let parameters = parameters.clone();
        Self::assembled(architecture, Network { chain, parameters }, &head)
    }

    /// A trunk and the head of a file.
    fn assembled(
        architecture: BoundaryArchitecture,
        trunk: Network,
        file: &WeightsFile,
    ) -> Result<Self> {
        let channels = level_channels(&architecture, &trunk)?;
        let (chain, layers) = architecture.head_chain(&channels)?;
        let parameters = Parameters::from_source(layers, file)?;
        let standards = channels.iter().enumerate().map(|(level, channels)| {
            Ok(Standards {
                mean: file.tensor(&mean_name(level), &[*channels])?,
                inverse: file.tensor(&inverse_name(level), &[*channels])?,
            })
        });
        Ok(Self {
            standards: standards.collect::<Result<_>>()?,
            head: Network { chain, parameters },
            architecture,
            trunk,
        })
    }

    /// The bytes of the file that [`DeepBoundaries::save_head`] writes.
    ///
    /// # Errors
    /// [`Error::NotANetwork`](crate::Error::NotANetwork).
    pub fn head_file(&self, precision: Precision) -> Result<Vec<u8>> {
        self.new_layers_file(precision)
    }

    /// Writes the head and the standards, whole or not at all: all that a training has learned.
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

fn mean_name(level: usize) -> String {
    format!("boundary.mean.{level}")
}

fn inverse_name(level: usize) -> String {
    format!("boundary.inverse_deviation.{level}")
}

impl TrainableNetwork for DeepBoundaries {
    fn description(&self) -> Result<String> {
        described(&self.architecture)
    }

    fn from_described(file: &WeightsFile, description: &str) -> Result<Self> {
        let architecture = BoundaryArchitecture::from_metadata(file.origin(), description)?;
        let (chain, layers) = architecture.trunk_chain()?;
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
        vec![&self.head]
    }

    fn new_layers_mut(&mut self) -> Vec<&mut Network> {
        vec![&mut self.head]
    }

    fn measured(&self) -> Vec<TensorOut> {
        let tensor = |name: String, values: &[f32]| TensorOut {
            name,
            shape: vec![values.len()],
            values: values.to_vec(),
        };
        let levels = self.standards.iter().enumerate();
        let pairs = levels.flat_map(|(level, standards)| {
            [
                tensor(mean_name(level), &standards.mean),
                tensor(inverse_name(level), &standards.inverse),
            ]
        });
        pairs.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CutArchitecture;
    use crate::trunk::TrunkKind;
    use image::RgbImage;
    use test_support::refused;

    fn network() -> DeepBoundaries {
        let architecture = BoundaryArchitecture::new(TrunkKind::Lite0);
        let mut network = DeepBoundaries::new(architecture, &TrunkWeights::Random, 1).unwrap();
        network.standards[2].mean[3] = 0.5;
        network
    }

    fn image() -> RgbImage {
        RgbImage::from_fn(40, 32, |x, y| image::Rgb([(5 * x + 7 * y) as u8; 3]))
    }

    #[test]
    fn whole_and_in_two_files_it_comes_back() {
        let network = network();
        let folder = tempfile::tempdir().unwrap();
        let (whole, head) = (folder.path().join("a"), folder.path().join("b"));
        network.save(&whole, Precision::Single).unwrap();
        network.save_head(&head, Precision::Half).unwrap();
        let expected = network.boundaries(&image(), true).unwrap();
        let back = DeepBoundaries::load(&whole).unwrap();
        assert_eq!(back.boundaries(&image(), true).unwrap(), expected);
        assert_eq!(back.standards, network.standards);

        let bytes = std::fs::read(&head).unwrap();
        assert!(bytes.len() < 200_000, "{}", bytes.len());
        let trunk = TrunkWeights::File(&whole);
        let joined = DeepBoundaries::from_head_bytes("head", bytes, &trunk).unwrap();
        let found = joined.boundaries(&image(), true).unwrap();
        let pairs = found.probabilities().iter().zip(expected.probabilities());
        let apart = pairs.fold(0.0_f32, |most, (a, b)| most.max((a - b).abs()));
        // Half precision: eleven bits.
        assert!(apart > 0.0 && apart < 1e-2, "{apart}");
    }

    #[test]
    fn a_head_goes_onto_the_trunk_of_a_network_that_cuts() {
        let network = network();
        let cuts = |kind| {
            let architecture = CutArchitecture::new(kind, None);
            DeepNcuts::new(architecture, &TrunkWeights::Random, 1).unwrap()
        };
        let bytes = network.head_file(Precision::Single).unwrap();
        let on = |cuts: &DeepNcuts| DeepBoundaries::from_head_bytes_on("a", bytes.clone(), cuts);
        // Of the same seed.
        let joined = on(&cuts(TrunkKind::Lite0)).unwrap();
        let expected = network.boundaries(&image(), true).unwrap();
        assert_eq!(joined.boundaries(&image(), true).unwrap(), expected);
        refused! {
            on(&cuts(TrunkKind::Vgg16)) => Error::NotANetwork { found, .. } if found.contains("of vgg16"),
        }
    }

    #[test]
    fn files_of_other_networks_and_damaged_ones_are_refused() {
        let bytes = |of: &dyn Fn(&Path)| {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("network");
            of(&path);
            std::fs::read(path).unwrap()
        };
        let own = bytes(&|path| network().save(path, Precision::Single).unwrap());
        let cuts = CutArchitecture::new(TrunkKind::Lite0, None);
        let cuts = DeepNcuts::new(cuts, &TrunkWeights::Random, 1).unwrap();
        let others = bytes(&|path| cuts.save(path, Precision::Single).unwrap());
        let mut damaged = own.clone();
        let last = damaged.len() - 1;
        damaged[last] ^= 1;
        refused! {
            DeepBoundaries::from_bytes("a", others) => Error::NotANetwork { found, .. } if found.contains("cuts photographs"),
            DeepNcuts::from_bytes("a", own) => Error::NotANetwork { found, .. } if found.contains("draws boundaries"),
            DeepBoundaries::from_bytes("a", damaged) => Error::Damaged { .. },
        }
    }
}
