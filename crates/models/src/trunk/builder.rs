//! A chain written down layer by layer, each with the name that weight files give it.

use super::activation::Activation;
use super::chain::{Chain, Step, Tap};
use super::conv::Conv;
use super::depthwise::Depthwise;
use super::kernel_layer::KernelLayer;
use super::padding::Padding;
use crate::error::{Error, Result};

/// A layer with weights, and their names.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedLayer {
    /// `{name}.weight` and `{name}.bias` are its tensors.
    pub name: String,
    /// The batch normalisation that a file may hold instead of a bias, to be folded in.
    pub(crate) batch_norm: Option<String>,
    /// The layer.
    pub(crate) layer: KernelLayer,
}

impl NamedLayer {
    /// Shape of the kernel as torch has it: Co × Ci/groups × k × k.
    pub fn weight_shape(&self) -> [usize; 4] {
        match self.layer {
            KernelLayer::Conv(c) => [c.out_channels, c.in_channels / c.groups, c.kernel, c.kernel],
            KernelLayer::Depthwise(d) => [d.channels, 1, d.kernel, d.kernel],
        }
    }

    /// The kernel in the order the layer reads it, from torch's.
    pub(crate) fn weight_from_torch(&self, weight: &[f32]) -> Vec<f32> {
        match self.layer {
            KernelLayer::Conv(conv) => conv.weight_from_torch(weight),
            KernelLayer::Depthwise(_) => weight.to_vec(),
        }
    }

    /// The kernel in torch's order.
    pub(crate) fn weight_to_torch(&self, weight: &[f32]) -> Vec<f32> {
        match self.layer {
            KernelLayer::Conv(conv) => conv.weight_to_torch(weight),
            KernelLayer::Depthwise(_) => weight.to_vec(),
        }
    }
}

/// Writes a chain down.
#[derive(Clone, Debug, Default)]
pub(crate) struct Builder {
    steps: Vec<Step>,
    layers: Vec<NamedLayer>,
    names: Vec<(String, usize)>,
    channels: usize,
}

impl Builder {
    /// A chain whose input has `channels`.
    pub(crate) fn new(channels: usize) -> Self {
        Self {
            channels,
            ..Self::default()
        }
    }

    /// The value made last.
    pub(crate) fn value(&self) -> usize {
        self.steps.len()
    }

    /// Channels of the value made last.
    pub(crate) fn channels(&self) -> usize {
        self.channels
    }

    /// A dense convolution of `kernel` with stride 1 that keeps the size.
    pub(crate) fn conv(&mut self, name: String, out: usize, kernel: usize) -> &mut Self {
        self.conv_with(
            name,
            None,
            Conv {
                in_channels: self.channels,
                out_channels: out,
                kernel,
                stride: 1,
                padding: Padding::Symmetric(kernel / 2),
                groups: 1,
                activation: Activation::Relu,
            },
        )
    }

    /// Any convolution.
    pub(crate) fn conv_with(
        &mut self,
        name: String,
        batch_norm: Option<String>,
        layer: Conv,
    ) -> &mut Self {
        self.steps.push(Step::Conv {
            layer,
            weight: 2 * self.layers.len(),
        });
        self.layers.push(NamedLayer {
            name,
            batch_norm,
            layer: KernelLayer::Conv(layer),
        });
        self.channels = layer.out_channels;
        self
    }

    /// A depthwise convolution.
    pub(crate) fn depthwise(
        &mut self,
        name: String,
        batch_norm: Option<String>,
        layer: Depthwise,
    ) -> &mut Self {
        self.steps.push(Step::Depthwise {
            layer,
            weight: 2 * self.layers.len(),
        });
        self.layers.push(NamedLayer {
            name,
            batch_norm,
            layer: KernelLayer::Depthwise(layer),
        });
        self
    }

    /// Earlier values, brought to the first one's grid and joined, of so many channels together.
    pub(crate) fn join(&mut self, values: Vec<usize>, channels: usize) -> &mut Self {
        self.steps.push(Step::Join { values });
        self.channels = channels;
        self
    }

    /// Another input of the chain, of so many channels.
    pub(crate) fn input(&mut self, place: usize, channels: usize) -> &mut Self {
        self.steps.push(Step::Input { place });
        self.channels = channels;
        self
    }

    /// A step without weights.
    pub(crate) fn step(&mut self, step: Step) -> &mut Self {
        self.steps.push(step);
        self
    }

    /// Names the value made last.
    pub(crate) fn named(&mut self, name: impl Into<String>) -> &mut Self {
        self.names.push((name.into(), self.steps.len()));
        self
    }

    /// The whole chain; its one tap is the last value.
    pub(crate) fn finish_whole(self) -> (Chain, Vec<NamedLayer>) {
        let taps = vec![Tap {
            value: self.steps.len(),
            scale: 1.0,
        }];
        (
            Chain {
                steps: self.steps,
                taps,
            },
            self.layers,
        )
    }

    /// The chain up to the last of the named taps.
    ///
    /// # Errors
    /// [`Error::UnknownLayer`], [`Error::Setting`] where no tap is asked for.
    pub(crate) fn finish(
        mut self,
        trunk: &'static str,
        taps: &[(String, f32)],
    ) -> Result<(Chain, Vec<NamedLayer>)> {
        if taps.is_empty() {
            let found = "none".to_owned();
            return Err(Error::Setting {
                name: "taps",
                expected: "at least one layer",
                found,
            });
        }
        let find = |(name, scale): &(String, f32)| {
            let place = self.names.iter().find(|(known, _)| known == name);
            let known = || {
                self.names
                    .iter()
                    .map(|(name, _)| name.as_str())
                    .collect::<Vec<_>>()
            };
            let unknown = || Error::UnknownLayer {
                trunk,
                known: known().join(", "),
                found: name.clone(),
            };
            let (_, value) = place.ok_or_else(unknown)?;
            Ok(Tap {
                value: *value,
                scale: *scale,
            })
        };
        let taps = taps.iter().map(find).collect::<Result<Vec<_>>>()?;
        let last = taps.iter().map(|tap| tap.value).max().unwrap_or(0);
        self.steps.truncate(last);
        let weighted = self
            .steps
            .iter()
            .filter(|step| step.kernel_layer().is_some())
            .count();
        self.layers.truncate(weighted);
        Ok((
            Chain {
                steps: self.steps,
                taps,
            },
            self.layers,
        ))
    }
}
