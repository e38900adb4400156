//! `matbackprop train ncuts`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use experiments::datasets::TrainingSplit;
use experiments::recipe::{CutPlan, head_by_words, input_recipe_by_name, trunk_by_name};
use experiments::train::NcutsSettings;
use models::{HeadLayout, InputRecipe, TrunkKind};
use ncuts::Criterion;
use training::{Annotations, CutTraining};

use super::training::TrainingArguments;
use crate::failure::usage;

const EXAMPLE: &str = "\
Example:
  matbackprop train ncuts --recipe lite0-ncuts --data BSDS500 --trunk-weights lite0.safetensors --out runs/lite0
  matbackprop eval bsds --data BSDS500 --split val --run runs/lite0

Without a recipe, --trunk takes the usual settings, which stand in brackets.

RUN will hold network.safetensors (written at the end), checkpoint.safetensors, start.safetensors (the network before \
the first step), journal.jsonl, a line a step, and val.jsonl, a line a measure of --val-every. The same command with \
--resume resumes a training that was stopped; `matbackprop report RUN` draws it.

Built with --features mpi, `mpirun -np N matbackprop train ncuts …` distributes the --batch images of each step over N \
processes, on machines that all see RUN and the data: the steps are those of one process.";

/// Which images are learned from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum SplitName {
    /// 200 images
    Train,
    /// 100 images
    Val,
    /// Both
    Trainval,
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

/// Train a head, and the trunk if you like, through normalised cuts on BSDS500
#[derive(Args, Debug)]
#[command(after_help = EXAMPLE, allow_negative_numbers = true)]
pub struct TrainNcutsArguments {
    /// A recipe, the settings of a whole training: its name, or a TOML file. The options below override it
    #[arg(
        long,
        alias = "model",
        value_name = "NAME|FILE",
        required_unless_present = "trunk"
    )]
    recipe: Option<String>,

    /// Folder of BSDS500
    #[arg(long, value_name = "BSDS_DIR")]
    data: PathBuf,

    /// The images to train on
    #[arg(long, value_enum, default_value = "train")]
    split: SplitName,

    #[command(flatten)]
    training: TrainingArguments,

    /// Write the head alone to FILE, in half precision: all that was learned, where the trunk did not learn
    #[arg(long, value_name = "FILE")]
    export_head: Option<PathBuf>,

    /// vgg16, lite0, alexnet or alexnet-original, with the usual recipe
    #[arg(long, value_parser = trunk_by_name, conflicts_with = "recipe", help_heading = "Network")]
    trunk: Option<TrunkKind>,

    /// Layers whose features are taken, the one that gives the grid first [default: the recipe's, usually the trunk's two]
    #[arg(
        long,
        alias = "taps",
        value_name = "LAYER,…",
        value_delimiter = ',',
        help_heading = "Network"
    )]
    layers: Option<Vec<String>>,

    /// Input normalisation that the weights expect: caffe, torchvision or lite [default: the recipe's, usually the trunk's own]
    #[arg(long, value_name = "NAME", value_parser = input_recipe_by_name, help_heading = "Network")]
    input_recipe: Option<InputRecipe>,

    /// Conv-ReLU pairs, channels x side of the kernel [default: the recipe's, usually 256x1,48x3]
    #[arg(long, value_name = "CxK,…", value_parser = head_by_words, help_heading = "Network")]
    head: Option<HeadLayout>,

    /// Dropout probability before the last pair [default: the recipe's, usually 0]
    #[arg(long, value_name = "P", help_heading = "Network")]
    dropout: Option<f32>,

    /// Human segmentations used for a sample [default: the recipe's, usually all]
    #[arg(long, value_enum, help_heading = "Training")]
    annotations: Option<AnnotationsName>,

    /// The loss [default: the recipe's, usually regularised]
    #[arg(long, value_enum, help_heading = "Training")]
    criterion: Option<CriterionName>,

    /// Ridge of the regularised loss [default: the recipe's, usually 0.0001]
    #[arg(long, help_heading = "Training")]
    epsilon: Option<f64>,

    /// Steps between measures of 20 photographs of val, 0 for none [default: as between checkpoints, where --data has a
    /// val split that is not learned from]
    #[arg(long, value_name = "STEPS", help_heading = "Training")]
    val_every: Option<u64>,
}

impl TrainNcutsArguments {
    /// The library's settings, each in its range.
    pub fn settings(&self) -> anyhow::Result<NcutsSettings> {
        Ok(NcutsSettings {
            split: match self.split {
                SplitName::Train => TrainingSplit::Train,
                SplitName::Val => TrainingSplit::Val,
                SplitName::Trainval => TrainingSplit::Trainval,
            },
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
    use crate::arguments::{Arguments, Command, Train};
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
