//! Recipes of the rows on BSDS500: TOML files, or the names of those that come with this crate.
//!
//! A recipe with `[contour]` cuts on the edges of the photograph, one with `[model]` alone on the features of a trunk as
//! they are, one with `[training]` too is trained first.

use models::{CutArchitecture, CutSettings, HeadLayout, InputRecipe, TapLayer, TrunkKind};
use ncuts::{Criterion, InterveningContourOptions};
use serde::Deserialize;
use training::{CutTraining, TrainConfig};

use super::built_in::BSDS_RECIPES;
use super::text::{not_a_recipe, recipe_text};
use super::words::{head_by_words, input_recipe_by_name, trunk_by_name};
use crate::error::{Error, Result};

/// The contents of a recipe.
#[derive(Clone, Debug, PartialEq)]
pub enum CutRecipe {
    /// Cuts on contours.
    Contour(InterveningContourOptions),
    /// Cuts on features that were not trained for it.
    Untrained(CutModel),
    /// A network to be trained.
    Trained(Box<CutPlan>),
}

/// The part of a network that is there before training.
#[derive(Clone, Debug, PartialEq)]
pub struct CutModel {
    /// The trunk.
    pub trunk: TrunkKind,
    /// Layers whose features are taken; the trunk's usual two if none are named.
    pub layers: Option<Vec<String>>,
    /// How the weights want their pixels; the trunk's usual way if nothing is said.
    pub input_recipe: Option<InputRecipe>,
}

/// How a network is trained.
#[derive(Clone, Debug, PartialEq)]
pub struct CutPlan {
    /// Its trunk.
    pub model: CutModel,
    /// Its head.
    pub head: HeadLayout,
    /// The recipe whose trained network is initialised from.
    pub init_from: Option<String>,
    /// The loss.
    pub loss: CutTraining,
    /// The steps.
    pub training: TrainConfig,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    contour: Option<InterveningContourOptions>,
    model: Option<ModelText>,
    #[serde(default)]
    loss: CutTraining,
    training: Option<TrainConfig>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct ModelText {
    trunk: String,
    #[serde(alias = "taps")]
    layers: Option<Vec<String>>,
    input_recipe: Option<String>,
    head: Option<String>,
    dropout: Option<f32>,
    #[serde(alias = "start")]
    init_from: Option<String>,
}

impl CutRecipe {
    /// The recipe of a file, or one that comes with this crate.
    ///
    /// # Errors
    /// [`Error::Setting`] for no recipe; those of the file.
    pub fn read(name_or_file: &str) -> Result<Self> {
        Self::decode(name_or_file, &recipe_text(name_or_file, &BSDS_RECIPES)?)
    }

    /// Parses a text; `origin` names it in errors.
    ///
    /// # Errors
    /// [`Error::Setting`].
    pub fn decode(origin: &str, text: &str) -> Result<Self> {
        let refused = |words: String| Error::setting(format!("{origin}: {words}"));
        let text: Text = toml::from_str(text).map_err(|error| not_a_recipe(origin, &error))?;
        Self::from_text(text).map_err(refused)
    }

    fn from_text(text: Text) -> Result<Self, String> {
        match (text.contour, text.model, text.training) {
            (Some(contour), None, None) => Ok(Self::Contour(contour)),
            (None, Some(model), training) => {
                let (kind, head, dropout) = (trunk_by_name(&model.trunk)?, model.head, model.dropout);
                let input_recipe = model.input_recipe.as_deref().map(input_recipe_by_name);
                let own = CutModel {
                    trunk: kind,
                    layers: model.layers,
                    input_recipe: input_recipe.transpose()?,
                };
                let Some(training) = training else {
                    return match (head, dropout, model.init_from) {
                        (None, None, None) => Ok(Self::Untrained(own)),
                        _ => Err("expected [training] beside a head, dropout or init-from, found none".into()),
                    };
                };
                let mut layout = match head {
                    Some(words) => head_by_words(&words)?,
                    None => HeadLayout::default(),
                };
                layout.dropout = dropout.unwrap_or(HeadLayout::default().dropout);
                Ok(Self::Trained(Box::new(CutPlan {
                    model: own,
                    head: layout,
                    init_from: model.init_from,
                    loss: text.loss,
                    training,
                })))
            }
            _ => Err("expected either [contour], or [model] with or without [training], found another choice".into()),
        }
    }
}

impl CutModel {
    /// A trunk with its usual layers and pixels.
    pub fn usual(trunk: TrunkKind) -> Self {
        Self {
            trunk,
            layers: None,
            input_recipe: None,
        }
    }

    /// The network without a head, or below this one.
    pub fn architecture(&self, head: Option<HeadLayout>) -> CutArchitecture {
        let mut architecture = CutArchitecture::new(self.trunk, head);
        if let Some(layers) = &self.layers {
            architecture.taps = layers.iter().map(TapLayer::unscaled).collect();
        }
        if let Some(recipe) = self.input_recipe {
            architecture.recipe = recipe;
        }
        architecture
    }
}

impl CutPlan {
    /// The plan of a recipe that is trained: of a file, or of one that comes with this crate.
    ///
    /// # Errors
    /// [`Error::Setting`] for no recipe, or one that is measured as it is.
    pub fn read(name_or_file: &str) -> Result<Self> {
        match CutRecipe::read(name_or_file)? {
            CutRecipe::Trained(plan) => Ok(*plan),
            _ => Err(Error::setting(format!(
                "--recipe: expected a recipe that is trained, found {name_or_file}, which `eval bsds --recipe` measures as it is"
            ))),
        }
    }

    /// The usual training of a trunk's head.
    pub fn usual(trunk: TrunkKind) -> Self {
        Self {
            model: CutModel::usual(trunk),
            head: HeadLayout::default(),
            init_from: None,
            loss: CutTraining::default(),
            training: TrainConfig::default(),
        }
    }

    /// The network.
    pub fn architecture(&self) -> CutArchitecture {
        let mut architecture = self.model.architecture(Some(self.head.clone()));
        // Confidence is measured with the ε that was trained with; the other criteria have none.
        if let Some(epsilon) = self.loss.epsilon() {
            architecture.cut.epsilon = Some(epsilon);
            architecture.clusters.epsilon = epsilon;
        }
        // k leading vectors are compared with k segments: that is how they are cut.
        if matches!(self.loss.criterion, Criterion::Eigenvectors { .. }) {
            architecture.cut = CutSettings::UNTRAINED;
        }
        architecture
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_recipe_that_comes_with_the_program_is_sound() {
        let mut kinds = [0; 3];
        for name in BSDS_RECIPES.names() {
            match CutRecipe::read(name).unwrap() {
                CutRecipe::Contour(_) => kinds[0] += 1,
                CutRecipe::Untrained(model) => {
                    kinds[1] += 1;
                    assert!(model.architecture(None).head.is_none());
                }
                CutRecipe::Trained(plan) => {
                    kinds[2] += 1;
                    plan.training.check().unwrap();
                    plan.loss.check().unwrap();
                    if let Some(start) = &plan.init_from {
                        let CutRecipe::Trained(before) = CutRecipe::read(start).unwrap() else {
                            panic!("{name} is initialised from {start}, which is not trained");
                        };
                        assert_eq!(plan.architecture(), before.architecture(), "{name}");
                    }
                }
            }
        }
        assert!(kinds.iter().all(|count| *count > 0), "{kinds:?}");
    }

    #[test]
    fn old_keys_mean_the_same() {
        let old = "[model]\ntrunk = \"lite0\"\ntaps = [\"a\"]\nstart = \"b\"\n[training]\nrate = 0.5\naveraging = 0.5\n\
                   unreadable = 0.5\nnew_layer_multiplier = 2.0\nweight_decay = 0.5\ncheckpoint_every = 3\n\
                   keep_checkpoints = 4\ncache_bytes = 5";
        let new = "[model]\ntrunk = \"lite0\"\nlayers = [\"a\"]\ninit-from = \"b\"\n[training]\nlearning-rate = 0.5\n\
                   ema = 0.5\nmax-unreadable = 0.5\nnew-layer-multiplier = 2.0\nweight-decay = 0.5\n\
                   checkpoint-every = 3\nkeep-checkpoints = 4\ncache-bytes = 5";
        let [old, new] = [old, new].map(|text| CutRecipe::decode("r", text).unwrap());
        assert_eq!(old, new);
        let CutRecipe::Trained(plan) = new else {
            panic!("{new:?}");
        };
        assert_eq!(plan.training.rate, 0.5);
    }

    #[test]
    fn contours_without_a_setting_take_the_usual_one() {
        let of = |text: &str| CutRecipe::decode("r", text).unwrap();
        let usual = InterveningContourOptions::default();
        assert_eq!(of("[contour]"), CutRecipe::Contour(usual));
        let changed = InterveningContourOptions {
            scales: 2,
            colour_sigma: Some(0.25),
            ..usual
        };
        let text = "[contour]\nscales = 2\ncolour-sigma = 0.25";
        assert_eq!(of(text), CutRecipe::Contour(changed));
    }

    #[test]
    fn invalid_recipes_are_refused() {
        let error = CutRecipe::read("no-such-recipe").unwrap_err();
        assert!(error.to_string().contains("intervening-contour"), "{error}");
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("recipe.toml");
        for (text, words) in [
            ("", "expected either"),
            ("[training]\nepochs = 1", "expected either"),
            ("[contour]\n[model]\ntrunk = \"lite0\"", "expected either"),
            (
                "[model]\ntrunk = \"lite0\"\nhead = \"8x1\"",
                "expected [training]",
            ),
            ("[model]\ntrunk = \"lite9\"", "lite9"),
            ("[model]\ntrunk = \"lite0\"\nsides = 3", "at line 3"),
            ("[contour]\nsigma = 3", "at line 2"),
        ] {
            std::fs::write(&path, text).unwrap();
            let error = CutRecipe::read(&path.display().to_string()).unwrap_err();
            assert!(error.is_setting(), "{error}");
            assert!(error.to_string().contains(words), "{text}: {error}");
        }
    }
}
