//! `matbackprop train boundaries`.

use std::path::PathBuf;

use clap::builder::StyledStr;
use clap::{Args, ValueHint};
use experiments::recipe::{BOUNDARY_RECIPES, BoundaryPlan};
use experiments::train::BoundariesSettings;

use super::train_ncuts::SplitName;
use super::training::TrainingArguments;
use super::{headings, sections};

const EXAMPLES: &str = "\
  # A head on a frozen trunk, a few minutes of two cores
  matbackprop train boundaries --recipe lite0-boundaries --data BSDS500 \\
    --trunk-weights efficientnet_lite0_f16.safetensors --out runs/boundaries

  # Then draw the boundaries of the photographs of val, and measure them
  matbackprop segment BSDS500/images/val -o maps --boundaries \\
    --boundary-network runs/boundaries
  matbackprop eval bsds --data BSDS500 --split val --pb maps --nms";

const FILES: &str = "\
  Written into RUN:

    network.safetensors      the trained network, at the end
    checkpoint.safetensors   the last checkpoint; checkpoint-N those before
    journal.jsonl            a line a step: loss, boundaries, gradient, seconds

  SIGINT and SIGTERM end the step and write a checkpoint. --resume gives the bytes of a run that was never \
  stopped. `matbackprop report RUN` draws the curves, also during the training.";

const PROCESSES: &str = "\
  A build with the feature mpi shares each step's images out over N processes. \
  All of them must see RUN and the data. The steps are those of one process.

    mpirun -np N matbackprop train boundaries ...";

fn long_end() -> StyledStr {
    let recipes = format!("  {}", BOUNDARY_RECIPES.names().join(", "));
    let others = [
        ("Files", FILES),
        ("Recipes", recipes.as_str()),
        ("Several processes", PROCESSES),
    ];
    sections::with_examples(EXAMPLES, &others)
}

/// Train a head that draws boundaries on BSDS500
///
/// It learns which share of people drew a boundary at each position, from features of a frozen trunk at four strides.
#[derive(Args, Debug)]
#[command(
    after_help = sections::examples(EXAMPLES),
    after_long_help = long_end(),
    allow_negative_numbers = true
)]
pub struct TrainBoundariesArguments {
    /// Settings of a whole training: a recipe by name, or a TOML file
    ///
    /// The other options override the recipe.
    #[arg(long, value_name = "NAME|FILE", help_heading = headings::INPUT)]
    recipe: String,

    /// Folder of BSDS500
    #[arg(long, value_name = "BSDS_DIR", value_hint = ValueHint::DirPath, help_heading = headings::INPUT)]
    data: PathBuf,

    /// Images to train on
    #[arg(long, value_enum, default_value = "train", help_heading = headings::INPUT)]
    split: SplitName,

    /// Probability that a channel of the coarsest level is dropped [default: the recipe's]
    #[arg(long, value_name = "P", help_heading = headings::NETWORK)]
    dropout: Option<f32>,

    #[command(flatten)]
    training: TrainingArguments,

    /// Also write the head alone to FILE, in half precision
    ///
    /// The head is all that was learned.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = headings::OUTPUT)]
    export_head: Option<PathBuf>,
}

impl TrainBoundariesArguments {
    /// The library's settings, each in its range.
    pub fn settings(&self) -> anyhow::Result<BoundariesSettings> {
        let mut plan = BoundaryPlan::read(&self.recipe)?;
        plan.architecture.dropout = self.dropout.unwrap_or(plan.architecture.dropout);
        self.training.change(&mut plan.training)?;
        plan.check()?;
        Ok(BoundariesSettings {
            split: self.split.training(),
            export_head: self.export_head.clone(),
            ..BoundariesSettings::new(plan, &self.data, self.training.run())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command_line::arguments::{Arguments, Command, Train};
    use clap::Parser as _;
    use experiments::datasets::TrainingSplit;

    fn settings(more: &str) -> anyhow::Result<BoundariesSettings> {
        let call = format!(
            "matbackprop train boundaries --recipe lite0-boundaries --data d --out r {more}"
        );
        match Arguments::try_parse_from(call.split_whitespace())?.command {
            Command::Train(Train::Boundaries(arguments)) => arguments.settings(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn options_change_the_recipe() {
        let plain = settings("").unwrap();
        assert_eq!(plain.plan, BoundaryPlan::read("lite0-boundaries").unwrap());
        assert_eq!(plain.split, TrainingSplit::Train);
        let more = "--epochs 3 --learning-rate 0.5 --dropout 0.25 --split trainval --export-head h";
        let changed = settings(more).unwrap();
        let training = &changed.plan.training;
        assert_eq!((training.epochs, training.rate), (3, 0.5));
        assert_eq!(changed.plan.architecture.dropout, 0.25);
        assert_eq!(changed.split, TrainingSplit::Trainval);
        assert_eq!(changed.export_head, Some("h".into()));
    }

    #[test]
    fn what_cannot_be_trained_is_refused() {
        for (more, words) in [
            ("--train-trunk all", "frozen trunk"),
            ("--dropout 1", "dropout: expected"),
            ("--epochs 0", "epochs: expected"),
        ] {
            let error = settings(more).unwrap_err().to_string();
            assert!(error.contains(words), "{more}: {error}");
        }
    }
}
