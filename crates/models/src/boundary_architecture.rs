//! Description of a network that draws boundaries, as in the metadata of its file.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::image_input::InputRecipe;
use crate::parameters::{WIDEST, check_weight_count};
use crate::trunk::{
    Activation, Builder, Chain, Conv, Dropout, NamedLayer, Padding, Step, TrunkKind,
};

/// Layers of the trunk that are looked at together, on the grid of the first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BoundaryLevel {
    /// Their names.
    pub layers: Vec<String>,
    /// Channels that a 1×1 convolution reduces them to.
    pub reduction: usize,
}

/// Everything about a [`DeepBoundaries`](crate::DeepBoundaries) except its numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BoundaryArchitecture {
    /// Version of this description.
    pub format: u32,
    /// The trunk.
    pub trunk: TrunkKind,
    /// How it wants its pixels.
    pub recipe: InputRecipe,
    /// The levels, the finest first.
    pub levels: Vec<BoundaryLevel>,
    /// Channels after each level but the coarsest has been merged with those coarser than it, the finest first.
    pub merges: Vec<usize>,
    /// Probability with which a channel of the coarsest level is dropped while training; 0 for none.
    pub dropout: f32,
}

impl BoundaryArchitecture {
    /// The version this crate writes and reads.
    pub const FORMAT: u32 = 1;

    /// The usual levels of a trunk, at strides 2, 4, 8 and 16 for Lite0.
    pub fn new(trunk: TrunkKind) -> Self {
        let groups: &[&[&str]] = match trunk {
            TrunkKind::Lite0 => &[
                &["stem", "block0"],
                &["block1", "block2"],
                &["block3", "block4"],
                &["block7", "block10", "expand11"],
            ],
            TrunkKind::Vgg16 => &[&["relu2_2"], &["relu3_3"], &["relu4_3"], &["relu5_3"]],
            TrunkKind::Alexnet(_) => &[&["relu1"], &["relu2"], &["relu4", "relu5"]],
        };
        let reductions = [16, 24, 32, 32];
        let level = |(layers, reduction): (&&[&str], usize)| BoundaryLevel {
            layers: layers.iter().map(|name| (*name).to_owned()).collect(),
            reduction,
        };
        Self {
            format: Self::FORMAT,
            trunk,
            recipe: trunk.recipe(),
            levels: groups.iter().zip(reductions).map(level).collect(),
            merges: reductions[..groups.len() - 1].to_vec(),
            dropout: 0.1,
        }
    }

    /// The description out of a file's metadata.
    ///
    /// # Errors
    /// [`Error::NotANetwork`].
    pub(crate) fn from_metadata(origin: &str, text: &str) -> Result<Self> {
        let refused = |found: String| Error::NotANetwork {
            origin: origin.to_owned(),
            found,
        };
        let architecture: Self =
            serde_json::from_str(text).map_err(|error| refused(error.to_string()))?;
        if architecture.format != Self::FORMAT {
            return Err(refused(format!("format {}", architecture.format)));
        }
        architecture
            .check()
            .map_err(|error| refused(error.to_string()))?;
        Ok(architecture)
    }

    /// Refuses settings outside their range.
    ///
    /// # Errors
    /// [`Error::Setting`].
    pub fn check(&self) -> Result<()> {
        let wide = |channels: usize| (1..=WIDEST).contains(&channels);
        let levels = self.levels.iter();
        let sound = levels
            .clone()
            .all(|level| wide(level.reduction) && !level.layers.is_empty());
        let recipe = self.recipe;
        let scales = recipe
            .scale
            .iter()
            .all(|scale| scale.is_finite() && *scale > 0.0);
        let means = recipe.mean.iter().all(|mean| mean.is_finite());
        let widths = levels.map(|level| level.reduction).collect::<Vec<_>>();
        let fits = self.merges.len() + 1 == self.levels.len();
        let rules = [
            (
                sound && !self.levels.is_empty(),
                "levels",
                "at least one, each of at least one layer and 1 to 32768 channels",
                format!("{widths:?}"),
            ),
            (
                fits && self.merges.iter().all(|width| wide(*width)),
                "merges",
                "1 to 32768 channels for each level but the coarsest",
                format!("{:?} for {} levels", self.merges, self.levels.len()),
            ),
            (
                (0.0..1.0).contains(&self.dropout),
                "dropout",
                "a rate in [0, 1)",
                self.dropout.to_string(),
            ),
            (
                scales && means,
                "recipe",
                "finite means and scales above 0",
                format!("{recipe:?}"),
            ),
        ];
        match rules.into_iter().find(|(holds, ..)| !holds) {
            None => Ok(()),
            Some((_, name, expected, found)) => Err(Error::Setting {
                name,
                expected,
                found,
            }),
        }
    }

    /// The trunk's chain: a value for each level at its end, the finest first.
    ///
    /// # Errors
    /// [`Error::UnknownLayer`].
    pub(crate) fn trunk_chain(&self) -> Result<(Chain, Vec<NamedLayer>)> {
        let names = self.levels.iter().flat_map(|level| &level.layers);
        let taps: Vec<(String, f32)> = names.map(|name| (name.clone(), 1.0)).collect();
        let (chain, layers) = self.trunk.chain(&taps)?;
        let groups: Vec<usize> = self.levels.iter().map(|level| level.layers.len()).collect();
        Ok((chain.with_joined(&groups), layers))
    }

    /// The head's chain on levels of so many channels, the finest first. Its inputs are the levels, the coarsest first.
    ///
    /// ```text
    /// x_l = relu(1×1 of level l)                 l from the finest, 0, to the coarsest, L
    /// y_L = x_L,   y_l = relu(3×3 of [x_l, y_{l+1} on the grid of x_l]),   z = 3×3 of y_0
    /// ```
    ///
    /// # Errors
    /// [`Error::Setting`] for more than 2²⁹ numbers.
    pub(crate) fn head_chain(&self, channels: &[usize]) -> Result<(Chain, Vec<NamedLayer>)> {
        let coarsest = self.levels.len() - 1;
        let mut chain = Builder::new(channels[coarsest]);
        let reduction = |level: usize| self.levels[level].reduction;
        chain.conv(reduction_name(coarsest), reduction(coarsest), 1);
        if self.dropout > 0.0 {
            chain.step(Step::Dropout(Dropout {
                rate: self.dropout,
                single: false,
            }));
        }
        for level in (0..coarsest).rev() {
            let (coarser, width) = (chain.value(), chain.channels());
            chain.input(coarsest - level, channels[level]);
            chain.conv(reduction_name(level), reduction(level), 1);
            let own = chain.value();
            chain.join(vec![own, coarser], reduction(level) + width);
            chain.conv(format!("boundary.merge.{level}"), self.merges[level], 3);
        }
        let output = Conv {
            in_channels: chain.channels(),
            out_channels: 1,
            kernel: 3,
            stride: 1,
            padding: Padding::Symmetric(1),
            groups: 1,
            activation: Activation::Identity,
        };
        chain.conv_with("boundary.output".to_owned(), None, output);
        let (chain, layers) = chain.finish_whole();
        check_weight_count(&layers)?;
        Ok((chain, layers))
    }
}

/// The name of the layer that reduces a level.
pub(crate) fn reduction_name(level: usize) -> String {
    format!("boundary.reduce.{level}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parameters::Parameters;
    use test_support::refused;

    #[test]
    fn the_usual_head_has_as_many_numbers_as_the_study() {
        let architecture = BoundaryArchitecture::new(TrunkKind::Lite0);
        let (chain, _) = architecture.trunk_chain().unwrap();
        let sizes = chain.sizes((3, 321, 481)).unwrap();
        let levels = &sizes[sizes.len() - 4..];
        let expected = [(48, 161, 241), (48, 81, 121), (80, 41, 61), (864, 21, 31)];
        assert_eq!(levels, expected);
        let (_, layers) = architecture.head_chain(&[48, 48, 80, 864]).unwrap();
        assert_eq!(Parameters::random(layers, 1).count(), 68_737);
    }

    #[test]
    fn every_trunk_has_usual_levels() {
        use crate::AlexnetLayout::{Original, Torchvision};
        let kinds = [
            TrunkKind::Vgg16,
            TrunkKind::Lite0,
            TrunkKind::Alexnet(Torchvision),
            TrunkKind::Alexnet(Original),
        ];
        for kind in kinds {
            let architecture = BoundaryArchitecture::new(kind);
            architecture.check().unwrap();
            architecture.trunk_chain().unwrap();
        }
    }

    #[test]
    fn another_format_and_impossible_numbers_are_refused() {
        let usual = BoundaryArchitecture::new(TrunkKind::Lite0);
        let read = |change: fn(&mut BoundaryArchitecture)| {
            let mut changed = usual.clone();
            change(&mut changed);
            let text = serde_json::to_string(&changed).unwrap();
            BoundaryArchitecture::from_metadata("file", &text)
        };
        assert_eq!(read(|_| ()).unwrap(), usual);
        refused! {
            read(|a| a.format = 2) => Error::NotANetwork { found, .. } if found == "format 2",
            read(|a| a.levels.clear()) => Error::NotANetwork { found, .. } if found.starts_with("levels"),
            read(|a| a.levels[1].layers.clear()) => Error::NotANetwork { .. },
            read(|a| a.levels[1].reduction = 0) => Error::NotANetwork { .. },
            read(|a| a.merges[0] = 0) => Error::NotANetwork { found, .. } if found.starts_with("merges"),
            read(|a| a.merges.clear()) => Error::NotANetwork { .. },
            read(|a| a.dropout = 1.0) => Error::NotANetwork { found, .. } if found.starts_with("dropout"),
            read(|a| a.recipe.scale[0] = 0.0) => Error::NotANetwork { found, .. } if found.starts_with("recipe"),
            BoundaryArchitecture::from_metadata("file", "{") => Error::NotANetwork { .. },
        }
    }
}
