//! Recipes of region classifiers: TOML files, or the names of those that come with this crate.

use models::{ClassifierLayout, InputRecipe, RegionArchitecture, RegionFeatures, RegionPooling};
use serde::Deserialize;
use training::{RegionTraining, TrainConfig};

use super::built_in::COCO_RECIPES;
use super::text::{not_a_recipe, recipe_text};
use super::words::trunk_by_name;
use crate::error::{Error, Result};

/// The contents of a recipe.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegionRecipe {
    /// Its network.
    pub model: RegionModel,
    /// How regions are seen while training.
    #[serde(default)]
    pub regions: RegionTraining,
    /// How it is trained.
    pub training: TrainConfig,
}

/// A classifier of regions, in the words of a recipe.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RegionModel {
    /// The recipe whose trained network is initialised from.
    #[serde(alias = "start")]
    pub init_from: Option<String>,
    /// The name of the trunk, where there is one.
    pub trunk: Option<String>,
    /// Layers whose features are pooled.
    #[serde(default, alias = "taps")]
    pub layers: Vec<String>,
    /// How the weights want their pixels; the trunk's usual way if nothing is said.
    #[serde(skip)]
    pub input_recipe: Option<InputRecipe>,
    /// Whether the trunk starts from random weights.
    #[serde(default)]
    pub from_scratch: bool,
    descriptors: Option<DescriptorName>,
    /// Side of a crop in pixels.
    pub side: u32,
    /// Channels that features are reduced to before they are pooled.
    pub reduction: Option<usize>,
    /// Whether the free-form region is pooled, and not its box.
    pub masked: bool,
    /// How features become one vector.
    pub pooling: RegionPooling,
    /// Widths of the classifier's layers before the last.
    #[serde(default)]
    pub hidden: Vec<usize>,
    /// Probability of a zero before the classifier.
    #[serde(default)]
    pub input_dropout: f32,
    /// Probability of a zero between the classifier's layers.
    #[serde(default)]
    pub dropout: f32,
}

/// Descriptors instead of a trunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum DescriptorName {
    Sift,
}

impl RegionRecipe {
    /// The recipe of a file, or one that comes with this crate.
    ///
    /// # Errors
    /// [`Error::Setting`] for no recipe; those of the file.
    pub fn read(name_or_file: &str) -> Result<Self> {
        Self::decode(name_or_file, &recipe_text(name_or_file, &COCO_RECIPES)?)
    }

    /// Parses a text; `origin` names it in errors.
    ///
    /// # Errors
    /// [`Error::Setting`].
    pub fn decode(origin: &str, text: &str) -> Result<Self> {
        toml::from_str(text).map_err(|error| not_a_recipe(origin, &error))
    }

    /// The network it describes.
    ///
    /// # Errors
    /// [`Error::Setting`] for an unknown trunk, or both or neither of trunk and descriptors.
    pub fn architecture(&self, classes: &[&str]) -> Result<RegionArchitecture> {
        let model = &self.model;
        let features = match (&model.trunk, model.descriptors) {
            (Some(trunk), None) => {
                let kind = trunk_by_name(trunk)
                    .map_err(|error| Error::setting(format!("trunk: {error}")))?;
                let mut features = RegionFeatures::trunk(kind, &model.layers);
                if let (RegionFeatures::Trunk { recipe, .. }, Some(input)) =
                    (&mut features, model.input_recipe)
                {
                    *recipe = input;
                }
                features
            }
            (None, Some(DescriptorName::Sift)) => RegionFeatures::Given {
                channels: bench_coco::SIFT_CHANNELS,
            },
            _ => {
                return Err(Error::setting(
                    "recipe: expected either `trunk` or `descriptors`, found both or neither",
                ));
            }
        };
        Ok(RegionArchitecture {
            format: RegionArchitecture::FORMAT,
            features,
            side: model.side,
            reduction: model.reduction,
            masked: model.masked,
            pooling: model.pooling,
            classifier: ClassifierLayout {
                hidden: model.hidden.clone(),
                input_dropout: model.input_dropout,
                dropout: model.dropout,
            },
            classes: classes.iter().map(|&name| name.to_owned()).collect(),
        })
    }

    /// Whether its trunk starts from a file's weights.
    pub fn wants_weights(&self) -> bool {
        self.model.trunk.is_some() && !self.model.from_scratch && self.model.init_from.is_none()
    }

    /// The recipe whose trained network it is initialised from.
    pub fn init_from(&self) -> Option<&str> {
        self.model.init_from.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_recipe_that_comes_with_the_program_is_sound() {
        for name in COCO_RECIPES.names() {
            let recipe = RegionRecipe::read(name).unwrap();
            recipe.training.check().unwrap();
            recipe.architecture(&["a", "b"]).unwrap().check().unwrap();
            if let Some(start) = recipe.init_from() {
                let before = RegionRecipe::read(start).unwrap();
                let [ours, theirs] =
                    [&recipe, &before].map(|r| r.architecture(&["a", "b"]).unwrap());
                assert_eq!(ours, theirs, "{name}");
            }
        }
    }

    #[test]
    fn invalid_recipes_are_refused_with_the_line() {
        assert!(
            RegionRecipe::read("no-such-recipe")
                .unwrap_err()
                .to_string()
                .contains("sift-o2p")
        );
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("recipe.toml");
        for text in ["[model]\nside = 3", "[model]\nsides = 3", "\u{0}"] {
            std::fs::write(&path, text).unwrap();
            let error = RegionRecipe::read(&path.display().to_string()).unwrap_err();
            assert!(error.is_setting(), "{error}");
            assert!(error.to_string().contains("at line "), "{error}");
        }
    }
}
