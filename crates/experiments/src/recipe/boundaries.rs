//! Recipes of networks that draw boundaries: TOML files, or the names of those that come with this crate.

use models::{BoundaryArchitecture, BoundaryLevel};
use serde::Deserialize;
use training::{TrainConfig, TrunkTraining};

use super::built_in::BOUNDARY_RECIPES;
use super::text::{not_a_recipe, recipe_text};
use super::words::{input_recipe_by_name, trunk_by_name};
use crate::error::{Error, Result};

/// A network that draws boundaries, and how it is trained.
#[derive(Clone, Debug, PartialEq)]
pub struct BoundaryPlan {
    /// The network.
    pub architecture: BoundaryArchitecture,
    /// The steps.
    pub training: TrainConfig,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    model: ModelText,
    training: TrainConfig,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct ModelText {
    trunk: String,
    input_recipe: Option<String>,
    levels: Option<Vec<BoundaryLevel>>,
    merges: Option<Vec<usize>>,
    dropout: Option<f32>,
}

impl BoundaryPlan {
    /// The recipe of a file, or one that comes with this crate.
    ///
    /// # Errors
    /// [`Error::Setting`] for no recipe; those of the file.
    pub fn read(name_or_file: &str) -> Result<Self> {
        let text = recipe_text(name_or_file, &BOUNDARY_RECIPES)?;
        Self::decode(name_or_file, &text)
    }

    /// Parses a text; `origin` names it in errors.
    ///
    /// # Errors
    /// [`Error::Setting`].
    pub fn decode(origin: &str, text: &str) -> Result<Self> {
        let refused = |words: String| Error::setting(format!("{origin}: {words}"));
        let text: Text = toml::from_str(text).map_err(|error| not_a_recipe(origin, &error))?;
        let plan = Self::from_text(text).map_err(refused)?;
        plan.check().map_err(|error| refused(error.to_string()))?;
        Ok(plan)
    }

    fn from_text(text: Text) -> Result<Self, String> {
        let model = text.model;
        let mut architecture = BoundaryArchitecture::new(trunk_by_name(&model.trunk)?);
        if let Some(name) = &model.input_recipe {
            architecture.recipe = input_recipe_by_name(name)?;
        }
        if let Some(levels) = model.levels {
            architecture.levels = levels;
        }
        if let Some(merges) = model.merges {
            architecture.merges = merges;
        }
        architecture.dropout = model.dropout.unwrap_or(architecture.dropout);
        Ok(Self {
            architecture,
            training: text.training,
        })
    }

    /// Refuses settings outside their range.
    ///
    /// # Errors
    /// [`Error::Setting`].
    pub fn check(&self) -> Result<()> {
        let wrong = |error: String| Error::setting(error);
        let checked = self.architecture.check();
        checked.map_err(|error| wrong(error.to_string()))?;
        let checked = self.training.check();
        checked.map_err(|error| wrong(error.to_string()))?;
        match &self.training.trunk {
            TrunkTraining::Frozen => Ok(()),
            _ => Err(Error::setting(
                "--train-trunk: expected none, as a head that draws boundaries learns on a frozen trunk, found another",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use models::TrunkKind;

    #[test]
    fn the_recipe_that_comes_with_the_program_is_the_usual_network() {
        for name in BOUNDARY_RECIPES.names() {
            BoundaryPlan::read(name).unwrap();
        }
        let plan = BoundaryPlan::read("lite0-boundaries").unwrap();
        let usual = BoundaryArchitecture::new(TrunkKind::Lite0);
        assert_eq!(plan.architecture, usual);
        let training = (
            plan.training.epochs,
            plan.training.rate,
            plan.training.batch,
        );
        assert_eq!(training, (8, 2e-3, 1));
        let short = "[model]\ntrunk = \"lite0\"\n[training]\nepochs = 8\nlearning-rate = 2e-3";
        assert_eq!(BoundaryPlan::decode("r", short).unwrap(), plan);
    }

    #[test]
    fn invalid_recipes_are_refused() {
        let error = BoundaryPlan::read("no-such-recipe").unwrap_err();
        assert!(error.to_string().contains("lite0-boundaries"), "{error}");
        for (text, words) in [
            ("", "missing field `model`"),
            ("[model]\ntrunk = \"lite9\"\n[training]", "lite9"),
            (
                "[model]\ntrunk = \"lite0\"\nsides = 3\n[training]",
                "at line 3",
            ),
            (
                "[model]\ntrunk = \"lite0\"\nmerges = [3]\n[training]",
                "merges: expected",
            ),
            (
                "[model]\ntrunk = \"lite0\"\ndropout = 1.5\n[training]",
                "dropout: expected",
            ),
            (
                "[model]\ntrunk = \"lite0\"\n[training]\nepochs = 0",
                "epochs: expected",
            ),
            (
                "[model]\ntrunk = \"lite0\"\n[training]\ntrunk = \"whole\"",
                "frozen trunk",
            ),
        ] {
            let error = BoundaryPlan::decode("r", text).unwrap_err();
            assert!(error.is_setting(), "{error}");
            assert!(error.to_string().contains(words), "{text}: {error}");
        }
    }
}
