//! `matbackprop train o2p`.

use std::path::PathBuf;

use clap::Args;
use experiments::recipe::input_recipe_by_name;
use experiments::train::O2pSettings;
use models::InputRecipe;

use super::training::TrainingArguments;

const EXAMPLE: &str = "\
Example:
  matbackprop train o2p --recipe lite0-o2p-fc --data COCO --trunk-weights lite0.safetensors --out runs/lite0-o2p-fc
  matbackprop eval coco --data COCO --run runs/lite0-o2p-fc

RUN will hold network.safetensors (written at the end), checkpoint.safetensors and journal.jsonl, a line a step. The \
same command with --resume resumes a training that was stopped.

Built with --features mpi, `mpirun -np N matbackprop train o2p …` distributes the regions of each step over N processes, on \
machines that all see RUN and the data: the steps are those of one process.";

/// Train a classifier of free-form regions, DeepO2P or a baseline, on MS-COCO
#[derive(Args, Debug)]
#[command(after_help = EXAMPLE, allow_negative_numbers = true)]
pub struct TrainO2pArguments {
    /// A recipe, the settings of a whole training: its name, or a TOML file. The options below override it
    #[arg(long, alias = "model", value_name = "NAME|FILE")]
    recipe: String,

    /// Folder of MS-COCO: annotations/instances_SPLIT….json beside the photographs
    #[arg(long, value_name = "COCO_DIR")]
    data: PathBuf,

    /// The regions to train on
    #[arg(long, value_name = "NAME", default_value = "train")]
    split: String,

    #[command(flatten)]
    training: TrainingArguments,

    /// Cache folder for the features of frozen layers, shared with other trainings
    #[arg(long, value_name = "DIR")]
    cache: Option<PathBuf>,

    /// Layers whose features are pooled [default: the recipe's]
    #[arg(
        long,
        alias = "taps",
        value_name = "LAYER,…",
        value_delimiter = ',',
        help_heading = "Network"
    )]
    layers: Option<Vec<String>>,

    /// Input normalisation that the weights expect: caffe, torchvision or lite [default: the trunk's own]
    #[arg(long, value_name = "NAME", value_parser = input_recipe_by_name, help_heading = "Network")]
    input_recipe: Option<InputRecipe>,

    /// Dropout probability between the classifier's layers [default: the recipe's]
    #[arg(long, value_name = "P", help_heading = "Network")]
    dropout: Option<f32>,
}

impl TrainO2pArguments {
    /// The library's settings, each in its range.
    pub fn settings(&self) -> anyhow::Result<O2pSettings> {
        let mut settings = O2pSettings::new(&self.recipe, &self.data, self.training.run())?;
        settings.split.clone_from(&self.split);
        settings.cache.clone_from(&self.cache);
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
