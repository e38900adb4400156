//! Description of a region classifier, as in recipes and in the metadata of its file.

use serde::{Deserialize, Serialize};

use crate::architecture::TapLayer;
use crate::error::{Error, Result};
use crate::image_input::InputRecipe;
use crate::parameters::WIDEST;
use crate::region_pooling::RegionPooling;
use crate::trunk::{
    Activation, Builder, Chain, Conv, Dropout, NamedLayer, Padding, Step, TrunkKind,
};

/// Where the features that are pooled come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum RegionFeatures {
    /// A convolutional network.
    Trunk {
        /// Which.
        kind: TrunkKind,
        /// How it wants its pixels.
        recipe: InputRecipe,
        /// Which of its layers are taken, the one that gives the grid first.
        taps: Vec<TapLayer>,
    },
    /// Descriptors that come with the examples, dense SIFT say.
    Given {
        /// Numbers a descriptor.
        channels: usize,
    },
}

impl RegionFeatures {
    /// A trunk's layers, not yet scaled.
    pub fn trunk(kind: TrunkKind, layers: &[String]) -> Self {
        Self::Trunk {
            kind,
            recipe: kind.recipe(),
            taps: layers.iter().map(TapLayer::unscaled).collect(),
        }
    }
}

/// Fully connected layers on a region's vector.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ClassifierLayout {
    /// Outputs of the hidden layers, each with ReLU; none for a linear classifier.
    pub hidden: Vec<usize>,
    /// Probability of a zero in the region's vector while training.
    pub input_dropout: f32,
    /// Probability of a zero after each hidden layer while training.
    pub dropout: f32,
}

impl ClassifierLayout {
    /// The chain on D × 1 × B vectors of a batch, layers named `classifier.0`, `classifier.1`, …
    ///
    /// # Errors
    /// [`Error::Setting`] for a layer without outputs, a rate outside [0, 1).
    pub(crate) fn chain(&self, inputs: usize, classes: usize) -> Result<(Chain, Vec<NamedLayer>)> {
        for rate in [self.input_dropout, self.dropout] {
            if !(0.0..1.0).contains(&rate) {
                return Err(Error::Setting {
                    name: "dropout",
                    expected: "a rate in [0, 1)",
                    found: rate.to_string(),
                });
            }
        }
        let outputs: Vec<usize> = self.hidden.iter().copied().chain([classes]).collect();
        if inputs == 0 || outputs.contains(&0) {
            return Err(Error::Setting {
                name: "classifier",
                expected: "layers of at least one number",
                found: format!("{inputs} inputs, then {outputs:?}"),
            });
        }
        let mut chain = Builder::new(inputs);
        for (index, &out) in outputs.iter().enumerate() {
            let rate = if index == 0 {
                self.input_dropout
            } else {
                self.dropout
            };
            if rate > 0.0 {
                chain.step(Step::Dropout(Dropout { rate, single: true }));
            }
            let last = index + 1 == outputs.len();
            let layer = pointwise(chain.channels(), out, !last);
            chain.conv_with(format!("classifier.{index}"), None, layer);
        }
        Ok(chain.finish_whole())
    }
}

/// Everything about a [`RegionClassifier`](crate::RegionClassifier) but its numbers.
///
/// | network | features | pooling | classifier |
/// |---|---|---|---|
/// | DeepO2P | trunk | second order | linear |
/// | DeepO2P-FC | trunk | second order | hidden layers |
/// | first order | trunk | average | hidden layers or linear |
/// | AlexNet | `pool5` | flatten | 4096, 4096 |
/// | SIFT-O2P | given | second order | linear |
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RegionArchitecture {
    /// Version of this description.
    pub format: u32,
    /// The features to pool.
    pub features: RegionFeatures,
    /// Side of the square that regions are cropped to, in pixels.
    pub side: u32,
    /// d′ of a learned linear map of the channels before pooling, where there is one.
    pub reduction: Option<usize>,
    /// Whether the free-form region is pooled; otherwise its box.
    pub masked: bool,
    /// The pooling.
    pub pooling: RegionPooling,
    /// The classifier after the pooling.
    pub classifier: ClassifierLayout,
    /// Names of the classes.
    pub classes: Vec<String>,
}

impl RegionArchitecture {
    /// The version this crate writes and reads.
    pub const FORMAT: u32 = 1;

    /// Refuses invalid values.
    ///
    /// # Errors
    /// [`Error::Setting`]; those of the pooling.
    pub fn check(&self) -> Result<()> {
        let widths = 1..=WIDEST;
        let given = match &self.features {
            RegionFeatures::Given { channels } => Some(*channels),
            RegionFeatures::Trunk { .. } => None,
        };
        let rules = [
            (
                "side",
                (1..=4096).contains(&self.side),
                "1 to 4096 pixels",
                self.side.to_string(),
            ),
            (
                "reduction",
                self.reduction
                    .is_none_or(|channels| widths.contains(&channels)),
                "1 to 32768 channels",
                format!("{:?}", self.reduction),
            ),
            (
                "features",
                given.is_none_or(|channels| widths.contains(&channels)),
                "1 to 32768 channels",
                format!("{given:?}"),
            ),
            (
                "hidden",
                self.classifier
                    .hidden
                    .iter()
                    .all(|width| widths.contains(width)),
                "layers of 1 to 32768 numbers",
                format!("{:?}", self.classifier.hidden),
            ),
            (
                "classes",
                self.classes.len() > 1,
                "at least two",
                self.classes.len().to_string(),
            ),
            (
                "format",
                self.format == Self::FORMAT,
                "1",
                self.format.to_string(),
            ),
        ];
        for (name, holds, expected, found) in rules {
            if !holds {
                return Err(Error::Setting {
                    name,
                    expected,
                    found,
                });
            }
        }
        self.pooling.check()
    }

    /// Whether the other is the same except for the scales of the taps, which are measured.
    pub fn is_like(&self, other: &Self) -> bool {
        self.difference(other).is_none()
    }

    /// The first part in which the other differs, as files name it, with its values here and there; the scales of the
    /// taps, which are measured, may differ.
    pub fn difference(&self, other: &Self) -> Option<(String, String, String)> {
        let parts = |architecture: &Self| {
            let mut architecture = architecture.clone();
            if let RegionFeatures::Trunk { taps, .. } = &mut architecture.features {
                taps.iter_mut().for_each(|tap| tap.scale = 1.0);
            }
            serde_json::to_value(architecture).unwrap_or_default()
        };
        let (here, there) = (parts(self), parts(other));
        let names = here.as_object()?.keys();
        let value = |parts: &serde_json::Value, name: &str| parts[name].to_string();
        let differs = |name: &&String| here[name.as_str()] != there[name.as_str()];
        let name = { names }.find(differs)?;
        Some((name.clone(), value(&here, name), value(&there, name)))
    }

    /// The learned map of the channels, a layer named `reduction`.
    pub(crate) fn reduction_chain(&self, channels: usize) -> Option<(Chain, Vec<NamedLayer>)> {
        self.reduction.map(|out| {
            let mut chain = Builder::new(channels);
            chain.conv_with("reduction".into(), None, pointwise(channels, out, false));
            chain.finish_whole()
        })
    }
}

/// A fully connected layer at every position.
fn pointwise(from: usize, to: usize, relu: bool) -> Conv {
    Conv {
        in_channels: from,
        out_channels: to,
        kernel: 1,
        stride: 1,
        padding: Padding::Symmetric(0),
        groups: 1,
        activation: if relu {
            Activation::Relu
        } else {
            Activation::Identity
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use test_support::refused;

    #[test]
    fn layers_by_hand() {
        let layout = ClassifierLayout {
            hidden: vec![5],
            input_dropout: 0.0,
            dropout: 0.5,
        };
        let (chain, layers) = layout.chain(7, 3).unwrap();
        assert_eq!(chain.sizes((7, 1, 4)).unwrap().last(), Some(&(3, 1, 4)));
        assert_eq!(chain.steps.len(), 3);
        assert_eq!(layers[1].name, "classifier.1");
        assert_eq!(layers[1].weight_shape(), [3, 5, 1, 1]);
    }

    #[test]
    fn unsound_layouts_are_refused() {
        let layout = ClassifierLayout::default();
        let dropping = |dropout| ClassifierLayout {
            dropout,
            ..layout.clone()
        };
        refused! {
            layout.chain(0, 2) => Error::Setting { name: "classifier", .. },
            layout.chain(2, 0) => Error::Setting { name: "classifier", .. },
            dropping(1.0).chain(2, 2) => Error::Setting { name: "dropout", .. },
            dropping(-0.5).chain(2, 2) => Error::Setting { name: "dropout", .. },
            dropping(f32::NAN).chain(2, 2) => Error::Setting { name: "dropout", .. },
        }
    }
}
