//! Recipes of region classifiers: TOML files, or the names of those that come with this program.

use anyhow::Result;
use bench_coco::RECIPES;
use models::{ClassifierLayout, RegionArchitecture, RegionFeatures, RegionPooling};
use serde::Deserialize;
use training::{RegionTraining, TrainConfig};

use crate::arguments::trunk_by_name;
use crate::failure::usage;
use crate::recipe_text::{not_a_recipe, recipe_text};

/// What a recipe says.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegionRecipe {
    model: Model,
    /// How regions are seen while training.
    #[serde(default)]
    pub regions: RegionTraining,
    /// How it is trained.
    pub training: TrainConfig,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Model {
    /// The recipe whose trained network is gone on from.
    start: Option<String>,
    trunk: Option<String>,
    #[serde(default)]
    taps: Vec<String>,
    #[serde(default)]
    from_scratch: bool,
    descriptors: Option<DescriptorName>,
    side: u32,
    reduction: Option<usize>,
    masked: bool,
    pooling: RegionPooling,
    #[serde(default)]
    hidden: Vec<usize>,
    #[serde(default)]
    input_dropout: f32,
    #[serde(default)]
    dropout: f32,
}

/// Descriptors instead of a trunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum DescriptorName {
    Sift,
}

impl RegionRecipe {
    /// The recipe of a file, or one that comes with this program.
    pub fn read(name_or_file: &str) -> Result<Self> {
        Self::decode(name_or_file, &recipe_text(name_or_file, &RECIPES)?)
    }

    /// What a text says; `origin` names it in errors.
    pub fn decode(origin: &str, text: &str) -> Result<Self> {
        toml::from_str(text).map_err(|error| not_a_recipe(origin, &error))
    }

    /// The network it describes.
    pub fn architecture(&self, classes: &[&str]) -> Result<RegionArchitecture> {
        let model = &self.model;
        let features = match (&model.trunk, model.descriptors) {
            (Some(trunk), None) => {
                let kind =
                    trunk_by_name(trunk).map_err(|error| usage(format!("trunk: {error}")))?;
                RegionFeatures::trunk(kind, &model.taps)
            }
            (None, Some(DescriptorName::Sift)) => RegionFeatures::Given {
                channels: bench_coco::SIFT_CHANNELS,
            },
            _ => {
                return Err(usage(
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
        self.model.trunk.is_some() && !self.model.from_scratch && self.model.start.is_none()
    }

    /// The recipe whose trained network it goes on from.
    pub fn start(&self) -> Option<&str> {
        self.model.start.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_recipe_that_comes_with_the_program_is_sound() {
        for (name, _) in RECIPES {
            let recipe = RegionRecipe::read(name).unwrap();
            recipe.training.check().unwrap();
            recipe.architecture(&["a", "b"]).unwrap().check().unwrap();
            if let Some(start) = recipe.start() {
                let before = RegionRecipe::read(start).unwrap();
                let [ours, theirs] =
                    [&recipe, &before].map(|r| r.architecture(&["a", "b"]).unwrap());
                assert_eq!(ours, theirs, "{name}");
            }
        }
    }

    #[test]
    fn what_a_recipe_cannot_say_is_told_with_its_place() {
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
            assert!(error.is::<crate::failure::Usage>(), "{error}");
            assert!(error.to_string().contains("at line "), "{error}");
        }
    }
}
