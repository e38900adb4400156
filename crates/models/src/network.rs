//! A chain with its parameters.

use std::path::Path;

use crate::backend::Planes;
use crate::device::{DeviceMaps, GridMaps};
use crate::error::{Error, Result};
use crate::feature_maps::FeatureMaps;
use crate::parameters::{Parameters, check_weight_count};
use crate::trunk::{Builder, Chain, Conv, Mode, TrunkKind};
use crate::weights::WeightsFile;

/// A chain of layers and the numbers in them.
#[derive(Clone, Debug)]
pub struct Network {
    /// The layers.
    pub chain: Chain,
    /// Their kernels and biases.
    pub parameters: Parameters,
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
    /// Convolutions one after the other, each under the name of its tensors in files, with random kernels and zero biases:
    /// a part for a network of your own.
    ///
    /// # Errors
    /// [`Error::Setting`] for no layer, or one of more numbers than any network here has.
    pub fn convolutions(layers: &[(&str, Conv)], seed: u64) -> Result<Self> {
        let Some((_, first)) = layers.first() else {
            return Err(Error::Setting {
                name: "convolutions",
                expected: "at least one",
                found: "none".to_owned(),
            });
        };
        let mut chain = Builder::new(first.in_channels);
        for (name, layer) in layers {
            chain.conv_with((*name).to_owned(), None, *layer);
        }
        let (chain, layers) = chain.finish_whole();
        check_weight_count(&layers)?;
        let parameters = Parameters::random(layers, seed);
        Ok(Self { chain, parameters })
    }

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

    /// The chain's output; no backward pass follows.
    ///
    /// # Errors
    /// [`Error::ImageTooSmall`].
    pub(crate) fn infer(&self, input: Planes) -> Result<FeatureMaps> {
        self.infer_watched(input, &mut |_, _| {})
    }

    /// As [`Network::infer`]; `on_step` gets the steps done and all of them, on the processor.
    pub(crate) fn infer_watched(
        &self,
        input: Planes,
        on_step: &mut dyn FnMut(usize, usize),
    ) -> Result<FeatureMaps> {
        let total = self.chain.steps.len();
        let maps = self.run(DeviceMaps::Host(input), &mut |done| on_step(done, total))?;
        Ok(FeatureMaps::from_planes(maps.into_planes()?))
    }

    /// As [`Network::infer`], between other chains: the output stays on the device.
    ///
    /// # Errors
    /// As [`Network::infer`]; [`Error::Tape`] when the device refuses.
    pub(crate) fn infer_between(&self, input: DeviceMaps) -> Result<DeviceMaps> {
        self.run(input, &mut |_| {})
    }

    fn run(&self, input: DeviceMaps, on_step: &mut dyn FnMut(usize)) -> Result<DeviceMaps> {
        let values = self.parameters.values();
        let device = self.parameters.device();
        let inputs = GridMaps::alone(input);
        device.forward(&self.chain, inputs, &values, Mode::Inference, on_step)
    }

    /// Channels of each tap, in order.
    pub(crate) fn channels_of_taps(&self) -> Vec<usize> {
        // Sizes of an image that any trunk takes; channels do not depend on it.
        let sizes = self.chain.sizes((3, 256, 256)).unwrap_or_default();
        let taps = self.chain.taps.iter();
        taps.filter_map(|tap| sizes.get(tap.value))
            .map(|size| size.0)
            .collect()
    }

    /// Channels of the output, all taps together.
    pub(crate) fn channels(&self) -> usize {
        self.chain.output_channels()
    }

    /// 1 / RMS of each tap's part of the given output maps.
    ///
    /// # Errors
    /// Those of the maps; [`Error::Setting`] where there are none, or a tap is zero on all of them.
    pub(crate) fn tap_scales<E: From<Error>>(
        &self,
        outputs: impl Iterator<Item = Result<FeatureMaps, E>>,
    ) -> Result<Vec<f32>, E> {
        let channels = self.channels_of_taps();
        let mut energies = vec![(0.0_f64, 0_usize); channels.len()];
        for maps in outputs {
            let maps = maps?;
            let plane = maps.height * maps.width;
            let mut rest = maps.values.as_slice();
            for (count, (energy, numbers)) in channels.iter().zip(&mut energies) {
                let (own, others) = rest.split_at(count * plane);
                *energy += own.iter().map(|v| f64::from(v * v)).sum::<f64>();
                *numbers += own.len();
                rest = others;
            }
        }
        let scale = |(index, (energy, numbers)): (usize, (f64, usize))| {
            if numbers == 0 || energy <= 0.0 {
                return Err(Error::Setting {
                    name: "calibration",
                    expected: "features that are not all zero",
                    found: format!("tap {} on {numbers} numbers", index + 1),
                });
            }
            Ok((numbers as f64 / energy).sqrt() as f32)
        };
        let scales: Result<Vec<f32>> = energies.into_iter().enumerate().map(scale).collect();
        Ok(scales?)
    }
}
