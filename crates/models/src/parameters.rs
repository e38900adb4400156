//! The parameters of a network, as tensors of dfdx.

use std::sync::{Arc, OnceLock};

use dfdx::prelude::{Cpu, HasShape, Shape, Tensor, TensorFromVec};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use crate::device::Device;
use crate::error::{Error, Result};
use crate::trunk::NamedLayer;

/// One parameter, flat, in the order its layer reads it.
pub type ParameterTensor = Tensor<(usize,), f32, Cpu>;

/// Contiguous copy; `as_vec` walks strides, which our tensors do not have.
pub(crate) fn contents_of<S: Shape, T>(tensor: &Tensor<S, f32, Cpu, T>) -> Vec<f32> {
    let mut copy = vec![0.0; tensor.shape().num_elements()];
    tensor.copy_into(&mut copy);
    copy
}

/// Kernels and biases of a chain's layers: kernel of layer i at 2i, its bias at 2i + 1.
#[derive(Clone, Debug)]
pub struct Parameters {
    layers: Vec<NamedLayer>,
    tensors: Vec<ParameterTensor>,
    /// The tensors' contents, until they are stepped: a copy costs as much as a small map's whole forward pass.
    values: OnceLock<Arc<Vec<Vec<f32>>>>,
    /// Where chains with these parameters run.
    device: Device,
}

/// Upper bound on the weights of a layer above a trunk: 2 GiB of them.
const MOST_WEIGHTS: usize = 1 << 29;

/// Upper bound on the channels of a layer that a file describes.
pub(crate) const WIDEST: usize = 1 << 15;

/// Refuses layers of more weights than any network here has, before memory is taken for them.
///
/// # Errors
/// [`Error::Setting`].
pub(crate) fn check_weight_count(layers: &[NamedLayer]) -> Result<()> {
    for layer in layers {
        let shape = layer.weight_shape();
        let count = shape
            .iter()
            .try_fold(1_usize, |n, side| n.checked_mul(*side));
        if count.is_none_or(|count| count > MOST_WEIGHTS) {
            return Err(Error::Setting {
                name: "layer",
                expected: "at most 2^29 numbers",
                found: format!("{} of {shape:?}", layer.name),
            });
        }
    }
    Ok(())
}

impl Parameters {
    /// Parameters from flat vectors, kernel and bias of each layer in turn.
    ///
    /// # Panics
    /// When there are not two vectors a layer.
    pub fn from_values(layers: Vec<NamedLayer>, values: Vec<Vec<f32>>) -> Self {
        assert_eq!(
            values.len(),
            2 * layers.len(),
            "a kernel and a bias a layer"
        );
        let device = Cpu::default();
        let tensors = values
            .into_iter()
            .map(|values| {
                let len = values.len();
                device.tensor_from_vec(values, (len,))
            })
            .collect();
        Self {
            layers,
            tensors,
            values: OnceLock::new(),
            device: Device::default(),
        }
    }

    /// Random kernels, zero biases.
    ///
    /// # Conventions
    /// Kernels are uniform in ±√(6 / fan-in): variance 2 / fan-in, which preserves the magnitude of activations
    /// through ReLUs (He, Zhang, Ren, Sun, 2015).
    pub fn random(layers: Vec<NamedLayer>, seed: u64) -> Self {
        let mut random = Pcg64Mcg::seed_from_u64(seed);
        let mut values = Vec::new();
        for layer in &layers {
            let [out, fan_channels, kernel, _] = layer.weight_shape();
            let fan_in = (fan_channels * kernel * kernel) as f32;
            let bound = (6.0 / fan_in).sqrt();
            let count = out * fan_channels * kernel * kernel;
            let torch: Vec<f32> = (0..count)
                .map(|_| random.random_range(-bound..bound))
                .collect();
            values.push(layer.weight_from_torch(&torch));
            values.push(vec![0.0; out]);
        }
        Self::from_values(layers, values)
    }

    /// The layers, in order.
    pub fn layers(&self) -> &[NamedLayer] {
        &self.layers
    }

    /// How many weights and biases in all.
    pub fn count(&self) -> usize {
        self.tensors.iter().map(|tensor| tensor.shape().0).sum()
    }

    /// All weights and biases, as chains read them.
    pub fn values(&self) -> Arc<Vec<Vec<f32>>> {
        let read = || Arc::new(self.tensors.iter().map(contents_of).collect());
        Arc::clone(self.values.get_or_init(read))
    }

    /// Where chains with these parameters run.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Sets where chains with these parameters run from now on.
    pub fn set_device(&mut self, device: &Device) {
        self.device = device.clone();
    }

    /// The tensors, kernel and bias of each layer in turn.
    pub fn tensors(&self) -> &[ParameterTensor] {
        &self.tensors
    }

    /// The tensors, to be stepped.
    pub fn tensors_mut(&mut self) -> &mut [ParameterTensor] {
        self.values.take();
        &mut self.tensors
    }

    /// All tensors under their names in files, kernels in torch's order.
    pub fn named(&self) -> Vec<(String, Vec<usize>, Vec<f32>)> {
        let mut named = Vec::new();
        for (layer, pair) in self.layers.iter().zip(self.tensors.chunks_exact(2)) {
            let shape = layer.weight_shape();
            let weight = layer.weight_to_torch(&contents_of(&pair[0]));
            named.push((format!("{}.weight", layer.name), shape.to_vec(), weight));
            named.push((
                format!("{}.bias", layer.name),
                vec![shape[0]],
                contents_of(&pair[1]),
            ));
        }
        named
    }

    /// Parameters whose tensors `source` gives by name and shape.
    ///
    /// A layer with a batch normalisation whose bias the source lacks is folded: with γ, β, μ, σ²
    /// of the normalisation, w′ = w γ / √(σ² + ε) and b′ = β − μ γ / √(σ² + ε), ε = 1e-3.
    ///
    /// # Errors
    /// Those of `source`: a missing or misshapen tensor, by name.
    pub fn from_source(
        layers: Vec<NamedLayer>,
        source: &impl crate::weights::TensorSource,
    ) -> Result<Self> {
        let mut values = Vec::new();
        for layer in &layers {
            let shape = layer.weight_shape();
            let mut weight = source.tensor(&format!("{}.weight", layer.name), &shape)?;
            let bias_name = format!("{}.bias", layer.name);
            let bias = match &layer.batch_norm {
                Some(norm) if !source.contains(&bias_name) => {
                    fold(norm, shape[0], source, &mut weight)?
                }
                _ => source.tensor(&bias_name, &[shape[0]])?,
            };
            values.push(layer.weight_from_torch(&weight));
            values.push(bias);
        }
        Ok(Self::from_values(layers, values))
    }

    /// Index of the first step's layer with this name, for freezing the layers before it.
    ///
    /// # Errors
    /// [`Error::UnknownLayer`], naming those there are.
    pub fn layer_index(&self, name: &str) -> Result<usize> {
        let place = self.layers.iter().position(|layer| layer.name == name);
        let known = || {
            self.layers
                .iter()
                .map(|layer| layer.name.as_str())
                .collect::<Vec<_>>()
        };
        place.ok_or_else(|| Error::UnknownLayer {
            trunk: "of this network",
            known: known().join(", "),
            found: name.to_owned(),
        })
    }

    /// Whether tensor `index` is a bias.
    pub fn is_bias(index: usize) -> bool {
        !index.is_multiple_of(2)
    }
}

/// Scales `weight` and gives the bias that stands for the normalisation.
fn fold(
    norm: &str,
    channels: usize,
    source: &impl crate::weights::TensorSource,
    weight: &mut [f32],
) -> Result<Vec<f32>> {
    /// TensorFlow's, which the weights were trained with.
    const EPSILON: f32 = 1e-3;

    let read = |part: &str| source.tensor(&format!("{norm}.{part}"), &[channels]);
    let (gamma, beta) = (read("weight")?, read("bias")?);
    let (mean, variance) = (read("running_mean")?, read("running_var")?);
    let per_channel = weight.len() / channels;
    let mut bias = Vec::with_capacity(channels);
    for (c, weights) in weight.chunks_exact_mut(per_channel).enumerate() {
        let factor = gamma[c] / (variance[c] + EPSILON).sqrt();
        weights.iter_mut().for_each(|w| *w *= factor);
        bias.push(beta[c] - mean[c] * factor);
    }
    Ok(bias)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TrunkKind;

    #[test]
    fn values_are_copied_again_after_a_step() {
        let taps = [("stem".to_owned(), 1.0)];
        let (_, layers) = TrunkKind::Lite0.chain(&taps).unwrap();
        let mut parameters = Parameters::random(layers, 1);
        let before = parameters.values();
        assert!(Arc::ptr_eq(&before, &parameters.values()));
        let kernel = &mut parameters.tensors_mut()[0];
        *kernel = kernel.clone() + 1.0;
        let after = parameters.values();
        assert_eq!(after[0][0], before[0][0] + 1.0);
        assert_eq!(after[1], before[1]);
    }
}
