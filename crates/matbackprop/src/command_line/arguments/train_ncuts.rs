//! `matbackprop train ncuts`.

use std::path::PathBuf;

use clap::builder::StyledStr;
use clap::{Args, ValueEnum, ValueHint};
use experiments::datasets::TrainingSplit;
use experiments::recipe::{BSDS_RECIPES, CutPlan, head_by_words};
use experiments::train::NcutsSettings;
use models::{HeadLayout, InputRecipe, TrunkKind};
use ncuts::Criterion;
use training::{Annotations, CutTraining};

use super::training::TrainingArguments;
use super::{headings, sections, values};
use crate::command_line::failure::usage;

const EXAMPLES: &str = "\
  # A head on a frozen trunk, by the recipe of the network inside this program
  matbackprop train ncuts --recipe lite0-ncuts --data BSDS500 \\
    --trunk-weights efficientnet_lite0_f16.safetensors --out runs/lite0

  # The same command resumes a training that was stopped
  matbackprop train ncuts --recipe lite0-ncuts --data BSDS500 \\
    --trunk-weights efficientnet_lite0_f16.safetensors --out runs/lite0 --resume

  # Without a recipe: the usual settings, with some of your own
  matbackprop train ncuts --trunk lite0 --epochs 1 --data BSDS500 \\
    --trunk-weights efficientnet_lite0_f16.safetensors --out runs/short

  # Then measure the network
  matbackprop eval bsds --data BSDS500 --split val --run runs/lite0";

const FILES: &str = "\
  Written into RUN:

    network.safetensors      the trained network, at the end
    checkpoint.safetensors   the last checkpoint; checkpoint-N those before
    start.safetensors        the network before the first step
    journal.jsonl            a line a step: loss, ranks, gradient, seconds
    val.jsonl                a line a measure of --val-every

  SIGINT and SIGTERM end the step and write a checkpoint. --resume gives the bytes of a run that was never \
  stopped. `matbackprop report RUN` draws the curves, also during the training.";

/// The recipes that train a network that cuts.
fn recipes() -> String {
    let trained = |name: &&str| {
        let text = BSDS_RECIPES.text(name);
        text.is_some_and(|text| text.contains("\n[training]"))
    };
    let names: Vec<&str> = BSDS_RECIPES.names().into_iter().filter(trained).collect();
    format!("  {}", names.join(", "))
}

fn long_end() -> StyledStr {
    let recipes = recipes();
    let others = [
        ("Files", FILES),
        ("Recipes", recipes.as_str()),
        ("Several processes", PROCESSES),
    ];
    sections::with_examples(EXAMPLES, &others)
}

const PROCESSES: &str = "\
  A build with the feature mpi shares each step's images out over N processes. \
  All of them must see RUN and the data. The steps are those of one process.

    mpirun -np N matbackprop train ncuts ...";

/// Which images are learned from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SplitName {
    /// 200 images
    Train,
    /// 100 images
    Val,
    /// Both
    Trainval,
}

impl SplitName {
    /// As the library has it.
    pub fn training(self) -> TrainingSplit {
        match self {
            Self::Train => TrainingSplit::Train,
            Self::Val => TrainingSplit::Val,
            Self::Trainval => TrainingSplit::Trainval,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum AnnotationsName {
    /// One, drawn again for every sample
    One,
    /// All; the loss is their mean
    All,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum CriterionName {
    /// Smooth projectors, with --epsilon
    Regularised,
    /// Projectors of a hard rank
    Hard,
    /// As many leading eigenvectors as the human segmentation has segments
    Eigenvectors,
}

/// Train DeepNCuts: a head, and the trunk if asked, on BSDS500
///
/// The network learns features whose normalised cuts fall where people cut.
#[derive(Args, Debug)]
#[command(
    after_help = sections::examples(EXAMPLES),
    after_long_help = long_end(),
    allow_negative_numbers = true
)]
#[command(group = clap::ArgGroup::new("settings").required(true).args(["recipe", "trunk"]))]
pub struct TrainNcutsArguments {
    /// Settings of a whole training: a recipe by name, or a TOML file
    ///
    /// The other options override the recipe.
    #[arg(long, alias = "model", value_name = "NAME|FILE",
        help_heading = headings::INPUT)]
    recipe: Option<String>,

    /// Trunk to train with the usual settings, instead of a recipe
    #[arg(long, value_parser = values::trunk(), help_heading = headings::INPUT)]
    trunk: Option<TrunkKind>,

    /// Folder of BSDS500
    #[arg(long, value_name = "BSDS_DIR", value_hint = ValueHint::DirPath, help_heading = headings::INPUT)]
    data: PathBuf,

    /// Images to train on
    #[arg(long, value_enum, default_value = "train", help_heading = headings::INPUT)]
    split: SplitName,

    /// Layers to take features from [default: the recipe's, or the trunk's two]
    ///
    /// The first one gives the grid of the features.
    #[arg(long, alias = "taps", value_name = "LAYER,...", value_delimiter = ',', help_heading = headings::NETWORK)]
    layers: Option<Vec<String>>,

    /// Input normalisation that the weights expect [default: the recipe's, or the trunk's own]
    #[arg(long, value_name = "NAME", value_parser = values::input_recipe(), help_heading = headings::NETWORK)]
    input_recipe: Option<InputRecipe>,

    /// Conv-ReLU pairs of the head, CHANNELSxKERNEL [default: the recipe's, or 256x1,48x3]
    #[arg(long, value_name = "CxK,...", value_parser = head_by_words, help_heading = headings::NETWORK)]
    head: Option<HeadLayout>,

    /// Dropout probability before the last pair [default: the recipe's, or 0]
    #[arg(long, value_name = "P", help_heading = headings::NETWORK)]
    dropout: Option<f32>,

    /// Human segmentations of a sample to use [default: the recipe's, or all]
    #[arg(long, value_enum, help_heading = headings::LOSS)]
    annotations: Option<AnnotationsName>,

    /// Loss between the cut and a human segmentation [default: the recipe's, or regularised]
    #[arg(long, value_enum, help_heading = headings::LOSS)]
    criterion: Option<CriterionName>,

    /// Ridge of the regularised loss [default: the recipe's, or 0.0001]
    #[arg(long, help_heading = headings::LOSS)]
    epsilon: Option<f64>,

    #[command(flatten)]
    training: TrainingArguments,

    /// Steps between measures of 20 val photographs; 0 for none [default: as --checkpoint-every]
    ///
    /// The default holds where --data has a val split that is not trained on.
    #[arg(long, value_name = "STEPS", help_heading = headings::CHECKPOINTS)]
    val_every: Option<u64>,

    /// Also write the head alone to FILE, in half precision
    ///
    /// If the trunk was frozen, the head is all that was learned.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = headings::OUTPUT)]
    export_head: Option<PathBuf>,
}

impl TrainNcutsArguments {
    /// The library's settings, each in its range.
    pub fn settings(&self) -> anyhow::Result<NcutsSettings> {
        Ok(NcutsSettings {
            split: self.split.training(),
            export_head: self.export_head.clone(),
            val_every: self.val_every,
            ..NcutsSettings::new(self.plan()?, &self.data, self.training.run())
        })
    }

    /// The recipe, changed by the settings given.
    fn plan(&self) -> anyhow::Result<CutPlan> {
        let mut plan = match (&self.recipe, self.trunk) {
            (Some(name), _) => CutPlan::read(name)?,
            (None, Some(trunk)) => CutPlan::usual(trunk),
            (None, None) => return Err(usage("expected --recipe or --trunk, found neither")),
        };
        if self.layers.is_some() {
            plan.model.layers.clone_from(&self.layers);
        }
        plan.model.input_recipe = self.input_recipe.or(plan.model.input_recipe);
        let dropout = self.dropout.unwrap_or(plan.head.dropout);
        if let Some(head) = &self.head {
            plan.head = head.clone();
        }
        plan.head.dropout = dropout;
        self.training.change(&mut plan.training)?;
        plan.loss.criterion = self.criterion(plan.loss.criterion)?;
        plan.loss.annotations = match self.annotations {
            Some(AnnotationsName::One) => Annotations::One,
            Some(AnnotationsName::All) => Annotations::All,
            None => plan.loss.annotations,
        };
        let checked = plan.loss.check();
        checked.map_err(|error| usage(error.to_string()))?;
        Ok(plan)
    }

    fn criterion(&self, before: Criterion) -> anyhow::Result<Criterion> {
        let usual = CutTraining::default().epsilon().unwrap_or(1e-4);
        let epsilon = |before: Criterion| match before {
            Criterion::Regularised { epsilon } => epsilon,
            _ => usual,
        };
        let found = match (self.criterion, before) {
            (Some(CriterionName::Regularised), _) | (None, Criterion::Regularised { .. }) => {
                let epsilon = self.epsilon.unwrap_or(epsilon(before));
                return Ok(Criterion::Regularised { epsilon });
            }
            (Some(CriterionName::Hard), _) => CutTraining::HARD,
            (Some(CriterionName::Eigenvectors), _) => CutTraining::EIGENVECTORS,
            (None, before) => before,
        };
        match self.epsilon {
            None => Ok(found),
            Some(_) => Err(usage(
                "--epsilon: expected with --criterion regularised only, found another",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command_line::arguments::{Arguments, Command, Train};
    use clap::Parser as _;
    use test_support::refused;
    use training::{Optimiser, Schedule, TrainConfig, TrunkTraining};

    fn parsed(more: &str) -> anyhow::Result<Box<TrainNcutsArguments>> {
        let call = format!("matbackprop train ncuts --data d --trunk lite0 --out r {more}");
        match Arguments::try_parse_from(call.split_whitespace())?.command {
            Command::Train(Train::Ncuts(arguments)) => Ok(arguments),
            other => panic!("{other:?}"),
        }
    }

    fn config(more: &str) -> anyhow::Result<(TrainConfig, CutTraining)> {
        let plan = parsed(more)?.plan()?;
        Ok((plan.training, plan.loss))
    }

    #[test]
    fn without_settings_it_is_the_recipe() {
        let expected = (TrainConfig::default(), CutTraining::default());
        assert_eq!(config("").unwrap(), expected);
        assert_eq!(
            parsed("").unwrap().plan().unwrap(),
            CutPlan::usual(TrunkKind::Lite0)
        );
    }

    #[test]
    fn usual_defaults_in_the_help_are_those_of_the_library() {
        let command = crate::command_line::arguments::command();
        let train = command.find_subcommand("train").unwrap();
        let ncuts = train.find_subcommand("ncuts").unwrap();
        let plan = CutPlan::usual(TrunkKind::Lite0);
        let mut count = 0;
        for argument in ncuts.get_arguments() {
            let help = argument.get_help().map(ToString::to_string);
            let help = help.unwrap_or_default();
            let Some((_, usual)) = help.split_once("the recipe's, or ") else {
                continue;
            };
            let (name, value) = (argument.get_long().unwrap(), usual.trim_end_matches(']'));
            if value.starts_with("the trunk's") {
                continue;
            }
            let sgd = if name == "momentum" {
                "--optimiser sgd"
            } else {
                ""
            };
            let said = parsed(&format!("{sgd} --{name} {value}")).unwrap();
            let mut expected = plan.clone();
            if name == "momentum" {
                let sgd = parsed("--optimiser sgd").unwrap().plan().unwrap();
                expected.training.optimiser = sgd.training.optimiser;
            }
            assert_eq!(said.plan().unwrap(), expected, "--{name} {value}");
            count += 1;
        }
        assert!(count >= 20, "{count}");
    }

    #[test]
    fn the_network_arrives() {
        let plan = parsed("--head 8x1,4x5 --dropout 0.5 --layers a,b --input-recipe caffe")
            .and_then(|arguments| arguments.plan())
            .unwrap();
        let layers = vec![
            models::HeadLayer {
                channels: 8,
                kernel: 1,
            },
            models::HeadLayer {
                channels: 4,
                kernel: 5,
            },
        ];
        assert_eq!(
            plan.head,
            HeadLayout {
                layers,
                dropout: 0.5
            }
        );
        assert_eq!(plan.model.layers.unwrap(), ["a", "b"]);
        assert_eq!(plan.model.input_recipe, Some(InputRecipe::CAFFE));
    }

    #[test]
    fn every_setting_arrives() {
        let all = "--epochs 3 --batch 4 --optimiser sgd --momentum 0.5 --learning-rate 0.25 --new-layer-multiplier 7 --warmup 5 \
                   --weight-decay 0.125 --schedule steps:2:0.5 --clip 9 --no-flips --annotations one \
                   --train-trunk from:x --epsilon 0.01 --ema 0.75 --max-unreadable 0.2 --seed 11 --checkpoint-every 13 --keep-checkpoints 5 --cache-gib 0.5";
        let expected = TrainConfig {
            epochs: 3,
            batch: 4,
            optimiser: Optimiser::Sgd { momentum: 0.5 },
            rate: 0.25,
            new_layer_multiplier: 7.0,
            warmup: 5,
            weight_decay: 0.125,
            schedule: Schedule::Steps {
                every: 2,
                factor: 0.5,
            },
            clip: 9.0,
            flips: false,
            trunk: TrunkTraining::From("x".into()),
            averaging: 0.75,
            unreadable: 0.2,
            seed: 11,
            checkpoint_every: 13,
            keep_checkpoints: 5,
            cache_bytes: 1 << 29,
            // Of a call, not of a training: see `RunSettings`.
            changed_data: false,
        };
        let cut = CutTraining {
            annotations: Annotations::One,
            criterion: Criterion::Regularised { epsilon: 0.01 },
        };
        assert_eq!(config(all).unwrap(), (expected, cut));
        let criterion = |more| config(more).unwrap().1.criterion;
        assert_eq!(criterion("--criterion hard"), CutTraining::HARD);
        assert_eq!(
            criterion("--criterion eigenvectors"),
            CutTraining::EIGENVECTORS
        );
    }

    #[test]
    fn settings_change_a_recipe() {
        let parsed = |more: &str| {
            let call = format!("matbackprop train ncuts --data d --out r {more}");
            match Arguments::try_parse_from(call.split_whitespace())?.command {
                Command::Train(Train::Ncuts(arguments)) => arguments.plan(),
                other => panic!("{other:?}"),
            }
        };
        let recipe = parsed("--recipe lite0-eigenvectors").unwrap();
        assert_eq!(recipe.loss.criterion, CutTraining::EIGENVECTORS);
        let changed = parsed("--recipe lite0-eigenvectors --epochs 2 --criterion hard").unwrap();
        assert_eq!((changed.training.epochs, changed.head), (2, recipe.head));
        assert_eq!(changed.loss.criterion, CutTraining::HARD);
        refused! {
            parsed("") => error if error.to_string().contains("--recipe"),
            parsed("--recipe lite0-ncuts --trunk lite0") => error if error.is::<clap::Error>(),
            parsed("--recipe intervening-contour") => error if error.is::<experiments::Error>(),
            parsed("--recipe lite0-eigenvectors --epsilon 0.1") => error if error.is::<experiments::Error>(),
        }
    }

    #[test]
    fn settings_that_cannot_be_meant_are_refused() {
        refused! {
            config("--momentum 0.5") => error if error.is::<experiments::Error>(),
            config("--criterion hard --epsilon 1") => error if error.is::<experiments::Error>(),
            config("--cache-gib nan") => error if error.is::<experiments::Error>(),
            config("--learning-rate 0") => error if error.is::<experiments::Error>(),
            config("--batch 0") => error if error.is::<experiments::Error>(),
        }
    }
}
