//! `matbackprop train o2p`.

use std::path::PathBuf;

use clap::builder::StyledStr;
use clap::{Args, ValueHint};
use experiments::recipe::COCO_RECIPES;
use experiments::train::O2pSettings;
use models::InputRecipe;

use super::training::TrainingArguments;
use super::{headings, sections, values};

const EXAMPLES: &str = "\
  # DeepO2P-FC on a frozen trunk
  matbackprop train o2p --recipe lite0-o2p-fc --data COCO \\
    --trunk-weights efficientnet_lite0_f16.safetensors --out runs/lite0-o2p-fc

  # Its first-order counterpart, with another seed
  matbackprop train o2p --recipe lite0-first --seed 2 --data COCO \\
    --trunk-weights efficientnet_lite0_f16.safetensors --out runs/lite0-first

  # Then measure the first against the second
  matbackprop eval coco --data COCO --run runs/lite0-first
  matbackprop eval coco --data COCO --run runs/lite0-o2p-fc \\
    --against runs/lite0-first";

const FILES: &str = "\
  Written into RUN:

    network.safetensors      the trained network, at the end
    checkpoint.safetensors   the last checkpoint; checkpoint-N those before
    journal.jsonl            a line a step: loss, errors, gradient, seconds

  SIGINT and SIGTERM end the step and write a checkpoint. --resume gives the bytes of a run that was never \
  stopped. `matbackprop report RUN` draws the curves, also during the training.";

const PROCESSES: &str = "\
  A build with the feature mpi shares each step's regions out over N processes. \
  All of them must see RUN and the data. The steps are those of one process.

    mpirun -np N matbackprop train o2p ...";

fn long_end() -> StyledStr {
    let recipes = format!("  {}", COCO_RECIPES.names().join(", "));
    let others = [
        ("Files", FILES),
        ("Recipes", recipes.as_str()),
        ("Several processes", PROCESSES),
    ];
    sections::with_examples(EXAMPLES, &others)
}

/// Train a classifier of regions on MS-COCO: DeepO2P or a baseline
///
/// Features of a free-form region are pooled into the logarithm of their second moment, or as the recipe says.
#[derive(Args, Debug)]
#[command(
    after_help = sections::examples(EXAMPLES),
    after_long_help = long_end(),
    allow_negative_numbers = true
)]
pub struct TrainO2pArguments {
    /// Settings of a whole training: a recipe by name, or a TOML file
    ///
    /// The other options override the recipe.
    #[arg(long, alias = "model", value_name = "NAME|FILE", help_heading = headings::INPUT)]
    recipe: String,

    /// Folder of MS-COCO
    ///
    /// It holds `annotations/instances_SPLIT*.json`, and the photographs beside it.
    #[arg(long, value_name = "COCO_DIR", value_hint = ValueHint::DirPath, help_heading = headings::INPUT)]
    data: PathBuf,

    /// Regions to train on
    #[arg(long, value_name = "NAME", default_value = "train", help_heading = headings::INPUT)]
    split: String,

    /// Layers to pool features of [default: the recipe's]
    #[arg(long, alias = "taps", value_name = "LAYER,...", value_delimiter = ',', help_heading = headings::NETWORK)]
    layers: Option<Vec<String>>,

    /// Input normalisation that the weights expect [default: the trunk's own]
    #[arg(long, value_name = "NAME", value_parser = values::input_recipe(), help_heading = headings::NETWORK)]
    input_recipe: Option<InputRecipe>,

    /// Dropout probability between the classifier's layers [default: the recipe's]
    #[arg(long, value_name = "P", help_heading = headings::NETWORK)]
    dropout: Option<f32>,

    /// Refuse annotations with repeated ids, records that are not listed, or negative areas
    ///
    /// And photographs that an Exif tag turns, where their size does not say which way up the annotations are.
    #[arg(long, help_heading = headings::INPUT)]
    strict: bool,

    #[command(flatten)]
    training: TrainingArguments,

    /// Folder of cached features of frozen layers, shared by trainings
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, help_heading = headings::CHECKPOINTS)]
    cache: Option<PathBuf>,
}

impl TrainO2pArguments {
    /// The library's settings, each in its range.
    pub fn settings(&self) -> anyhow::Result<O2pSettings> {
        let mut settings = O2pSettings::new(&self.recipe, &self.data, self.training.run())?;
        settings.split.clone_from(&self.split);
        settings.cache.clone_from(&self.cache);
        settings.strict = self.strict;
        let recipe = &mut settings.recipe;
        if let Some(layers) = &self.layers {
            recipe.model.layers.clone_from(layers);
        }
        recipe.model.input_recipe = self.input_recipe.or(recipe.model.input_recipe);
        recipe.model.dropout = self.dropout.unwrap_or(recipe.model.dropout);
        self.training.change(&mut recipe.training)?;
        Ok(settings)
    }
}
