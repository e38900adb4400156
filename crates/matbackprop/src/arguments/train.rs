//! `matbackprop train ncuts`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use models::{HeadLayout, InputRecipe, TrunkKind};
use training::{
    Annotations, CutCriterion, CutTraining, Optimiser, Schedule, TrainConfig, TrunkTraining,
};

use super::device::DeviceArgument;
use super::layout;
use crate::cut_recipe::{CutPlan, CutRecipe};
use crate::failure::usage;

const EXAMPLE: &str = "\
Example:
  matbackprop train ncuts --model lite0-ncuts --data BSDS500 --trunk-weights lite0.safetensors --out runs/lite0
  matbackprop eval bsds --data BSDS500 --split val --run runs/lite0

Without a recipe, --trunk takes the usual settings, which the words in brackets tell.

RUN will hold network.safetensors (written at the end), checkpoint.safetensors, start.safetensors (the network before
the first step), journal.jsonl, a line a step, and val.jsonl, a line a measure of --val-every. A training that was
stopped goes on with the same command and --resume; `matbackprop report RUN` draws it.

Built with --features mpi, `mpirun -np N matbackprop train ncuts …` deals the --batch images of each step out to N
processes, on machines that all see RUN and the data: the steps are those of one process.";

/// Which images are learned from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TrainingSplit {
    /// 200 images
    Train,
    /// 100 images
    Val,
    /// Both
    Trainval,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum OptimiserName {
    Adam,
    Sgd,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum AnnotationsName {
    /// One, drawn anew at every visit
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
    /// As many leading eigenvectors as people drew segments
    Eigenvectors,
}

/// Train a head, and the trunk if you like, through normalised cuts on BSDS500
#[derive(Args, Debug)]
#[command(after_help = EXAMPLE, allow_negative_numbers = true)]
pub struct TrainNcutsArguments {
    /// Folder of BSDS500
    #[arg(long, value_name = "BSDS_DIR")]
    pub data: PathBuf,

    /// The images to learn from
    #[arg(long, value_enum, default_value = "train")]
    pub split: TrainingSplit,

    #[command(flatten)]
    pub device: DeviceArgument,

    /// Folder for the network, its checkpoint and its journal
    #[arg(long, value_name = "RUN")]
    pub out: PathBuf,

    /// Go on from the last checkpoint in RUN, under the same settings
    #[arg(long)]
    pub resume: bool,

    /// Write the network to FILE too, in half precision
    #[arg(long, value_name = "FILE")]
    pub export: Option<PathBuf>,

    /// Write the head alone to FILE, in half precision: all that was learned, where the trunk did not learn
    #[arg(long, value_name = "FILE")]
    pub export_head: Option<PathBuf>,

    /// A recipe: its name, or a TOML file; the settings below change what it says
    #[arg(long, value_name = "NAME|FILE", required_unless_present = "trunk")]
    pub model: Option<String>,

    /// The run whose network is gone on from, for recipes that say so
    #[arg(long, value_name = "RUN", conflicts_with_all = ["trunk_weights", "from_scratch"])]
    pub start: Option<PathBuf>,

    /// vgg16, lite0, alexnet or alexnet-original, with the usual recipe
    #[arg(long, value_parser = layout::trunk, conflicts_with = "model", help_heading = "Network")]
    pub trunk: Option<TrunkKind>,

    /// Weights the trunk starts from, safetensors
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with = "from_scratch",
        help_heading = "Network"
    )]
    pub trunk_weights: Option<PathBuf>,

    /// Start from random weights
    #[arg(long, help_heading = "Network")]
    pub from_scratch: bool,

    /// Conv-ReLU pairs, channels x side of the kernel [usually 256x1,48x3]
    #[arg(long, value_name = "CxK,…", value_parser = layout::head, help_heading = "Network")]
    head: Option<HeadLayout>,

    /// Probability of a zero before the last pair [usually 0]
    #[arg(long, value_name = "P", help_heading = "Network")]
    dropout: Option<f32>,

    /// Layers whose features are taken, the one that gives the grid first [usually the trunk's two]
    #[arg(
        long,
        value_name = "LAYER,…",
        value_delimiter = ',',
        help_heading = "Network"
    )]
    pub taps: Option<Vec<String>>,

    /// How the weights want their pixels: caffe, torchvision or lite [usually the trunk's own]
    #[arg(long, value_name = "NAME", value_parser = layout::recipe, help_heading = "Network")]
    pub input_recipe: Option<InputRecipe>,

    /// Visits to every image [usually 6]
    #[arg(long, value_name = "N", help_heading = "Training")]
    epochs: Option<u32>,

    /// Images a step, of all processes together [usually 1]
    #[arg(long, value_name = "N", help_heading = "Training")]
    batch: Option<usize>,

    /// The rule of a step [usually adam]
    #[arg(long, value_enum, help_heading = "Training")]
    optimiser: Option<OptimiserName>,

    /// Momentum of sgd [usually 0.9]
    #[arg(long, value_name = "MU", help_heading = "Training")]
    momentum: Option<f64>,

    /// Learning rate of the trunk [usually 0.003]
    #[arg(long, help_heading = "Training")]
    rate: Option<f64>,

    /// The head's rate is this many times the trunk's [usually 1]
    #[arg(long, value_name = "TIMES", help_heading = "Training")]
    new_layer_multiplier: Option<f64>,

    /// Steps over which the rate first rises, in a straight line [usually 50]
    #[arg(long, value_name = "STEPS", help_heading = "Training")]
    warmup: Option<u64>,

    /// L2 decay of kernels [usually 0]
    #[arg(long, value_name = "LAMBDA", help_heading = "Training")]
    weight_decay: Option<f64>,

    /// The rate over time: constant, cosine or steps:EVERY:FACTOR, EVERY in epochs [usually cosine]
    #[arg(long, value_parser = layout::schedule, help_heading = "Training")]
    schedule: Option<Schedule>,

    /// Longest gradient of a step; 0 for no bound [usually 0]
    #[arg(long, value_name = "NORM", help_heading = "Training")]
    clip: Option<f64>,

    /// Never show the mirror image
    #[arg(long, help_heading = "Training")]
    no_flips: bool,

    /// Human segmentations that a visit uses [usually all]
    #[arg(long, value_enum, help_heading = "Training")]
    annotations: Option<AnnotationsName>,

    /// How much of the trunk learns: none, all or from:LAYER [usually none]
    #[arg(long, value_name = "WHAT", value_parser = layout::trunk_training, help_heading = "Training")]
    train_trunk: Option<TrunkTraining>,

    /// The loss [usually regularised]
    #[arg(long, value_enum, help_heading = "Training")]
    criterion: Option<CriterionName>,

    /// Ridge of the regularised loss [usually 0.0001]
    #[arg(long, help_heading = "Training")]
    epsilon: Option<f64>,

    /// Decay of the running average of the weights, which is what is written; 0 for the last weights [usually 0]
    #[arg(long, value_name = "DECAY", help_heading = "Training")]
    averaging: Option<f64>,

    /// Largest share of the images that may be left out because they cannot be read [usually 0.01]
    #[arg(long, value_name = "SHARE", help_heading = "Training")]
    unreadable: Option<f64>,

    /// Where all random numbers come from [usually 1]
    #[arg(long, help_heading = "Training")]
    seed: Option<u64>,

    /// Steps between checkpoints [usually 200]
    #[arg(long, value_name = "STEPS", help_heading = "Training")]
    checkpoint_every: Option<u64>,

    /// Checkpoints kept, the newest among them: --resume goes back to an older one where the newest is damaged [usually 2]
    #[arg(long, value_name = "N", help_heading = "Training")]
    keep_checkpoints: Option<u8>,

    /// Steps between measures of 20 photographs of val, 0 for none [default: as between checkpoints, where --data has a
    /// val split that is not learned from]
    #[arg(long, value_name = "STEPS", help_heading = "Training")]
    pub val_every: Option<u64>,

    /// Most that cached features of a trunk that does not learn may take on disk, in GiB [usually 8]
    #[arg(long, value_name = "GIB", help_heading = "Training")]
    cache_gib: Option<f64>,
}

impl TrainNcutsArguments {
    /// The recipe, changed by the settings given, each in its range.
    pub fn plan(&self) -> anyhow::Result<CutPlan> {
        let mut plan = match (&self.model, self.trunk) {
            (Some(name), _) => match CutRecipe::read(name)? {
                CutRecipe::Trained(plan) => *plan,
                _ => {
                    return Err(usage(format!(
                        "--model: expected a recipe that is trained, found {name}, which `eval bsds --model` measures as it is"
                    )));
                }
            },
            (None, Some(trunk)) => CutPlan::usual(trunk),
            (None, None) => return Err(usage("expected --model or --trunk, found neither")),
        };
        if self.taps.is_some() {
            plan.model.taps.clone_from(&self.taps);
        }
        plan.model.input_recipe = self.input_recipe.or(plan.model.input_recipe);
        let dropout = self.dropout.unwrap_or(plan.head.dropout);
        if let Some(head) = &self.head {
            plan.head = head.clone();
        }
        plan.head.dropout = dropout;
        self.change_training(&mut plan.training)?;
        plan.loss.criterion = self.criterion(plan.loss.criterion)?;
        plan.loss.annotations = match self.annotations {
            Some(AnnotationsName::One) => Annotations::One,
            Some(AnnotationsName::All) => Annotations::All,
            None => plan.loss.annotations,
        };
        let checked = plan.training.check().and_then(|()| plan.loss.check());
        checked.map_err(|error| usage(error.to_string()))?;
        Ok(plan)
    }

    fn change_training(&self, training: &mut TrainConfig) -> anyhow::Result<()> {
        let momentum = match training.optimiser {
            Optimiser::Sgd { momentum } => momentum,
            _ => 0.9,
        };
        let sgd = Optimiser::Sgd {
            momentum: self.momentum.unwrap_or(momentum),
        };
        training.optimiser = match (self.optimiser, training.optimiser) {
            (Some(OptimiserName::Sgd), _) | (None, Optimiser::Sgd { .. }) => sgd,
            _ if self.momentum.is_some() => {
                return Err(usage(
                    "--momentum: expected with --optimiser sgd only, found adam",
                ));
            }
            (Some(OptimiserName::Adam), _) => Optimiser::Adam,
            (None, other) => other,
        };
        if let Some(gib) = self.cache_gib {
            if !(gib.is_finite() && gib >= 0.0) {
                return Err(usage(format!(
                    "--cache-gib: expected 0 or more, found {gib}"
                )));
            }
            training.cache_bytes = (gib * f64::from(1 << 30)) as u64;
        }
        set(&mut training.epochs, &self.epochs);
        set(&mut training.batch, &self.batch);
        set(&mut training.rate, &self.rate);
        set(
            &mut training.new_layer_multiplier,
            &self.new_layer_multiplier,
        );
        set(&mut training.warmup, &self.warmup);
        set(&mut training.weight_decay, &self.weight_decay);
        set(&mut training.schedule, &self.schedule);
        set(&mut training.clip, &self.clip);
        set(&mut training.trunk, &self.train_trunk);
        set(&mut training.averaging, &self.averaging);
        set(&mut training.unreadable, &self.unreadable);
        set(&mut training.seed, &self.seed);
        set(&mut training.checkpoint_every, &self.checkpoint_every);
        set(&mut training.keep_checkpoints, &self.keep_checkpoints);
        training.flips &= !self.no_flips;
        Ok(())
    }

    fn criterion(&self, before: CutCriterion) -> anyhow::Result<CutCriterion> {
        let usual = CutTraining::default().epsilon().unwrap_or(1e-4);
        let epsilon = |before: CutCriterion| match before {
            CutCriterion::Regularised { epsilon } => epsilon,
            _ => usual,
        };
        let found = match (self.criterion, before) {
            (Some(CriterionName::Regularised), _) | (None, CutCriterion::Regularised { .. }) => {
                let epsilon = self.epsilon.unwrap_or(epsilon(before));
                return Ok(CutCriterion::Regularised { epsilon });
            }
            (Some(CriterionName::Hard), _) => CutCriterion::Hard,
            (Some(CriterionName::Eigenvectors), _) => CutCriterion::Eigenvectors,
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

/// A setting takes the place of the recipe's.
fn set<T: Clone>(place: &mut T, given: &Option<T>) {
    if let Some(given) = given {
        place.clone_from(given);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arguments::{Arguments, Command, Train};
    use clap::Parser as _;

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
        let plan = parsed("--head 8x1,4x5 --dropout 0.5 --taps a,b --input-recipe caffe")
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
        assert_eq!(plan.model.taps.unwrap(), ["a", "b"]);
        assert_eq!(plan.model.input_recipe, Some(InputRecipe::CAFFE));
    }

    #[test]
    fn every_setting_arrives() {
        let all = "--epochs 3 --batch 4 --optimiser sgd --momentum 0.5 --rate 0.25 --new-layer-multiplier 7 --warmup 5 \
                   --weight-decay 0.125 --schedule steps:2:0.5 --clip 9 --no-flips --annotations one \
                   --train-trunk from:x --epsilon 0.01 --averaging 0.75 --unreadable 0.2 --seed 11 --checkpoint-every 13 --keep-checkpoints 5 --cache-gib 0.5";
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
            criterion: CutCriterion::Regularised { epsilon: 0.01 },
        };
        assert_eq!(config(all).unwrap(), (expected, cut));
        let criterion = |more| config(more).unwrap().1.criterion;
        assert_eq!(criterion("--criterion hard"), CutCriterion::Hard);
        assert_eq!(
            criterion("--criterion eigenvectors"),
            CutCriterion::Eigenvectors
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
        let recipe = parsed("--model lite0-eigenvectors").unwrap();
        assert_eq!(recipe.loss.criterion, CutCriterion::Eigenvectors);
        let changed = parsed("--model lite0-eigenvectors --epochs 2 --criterion hard").unwrap();
        assert_eq!((changed.training.epochs, changed.head), (2, recipe.head));
        assert_eq!(changed.loss.criterion, CutCriterion::Hard);
        for refused in [
            "",
            "--model lite0-ncuts --trunk lite0",
            "--model intervening-contour",
            "--model lite0-eigenvectors --epsilon 0.1",
        ] {
            assert!(parsed(refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn settings_that_cannot_be_meant_are_refused() {
        let refused = [
            "--momentum 0.5",
            "--criterion hard --epsilon 1",
            "--cache-gib nan",
            "--rate 0",
            "--batch 0",
        ];
        for more in refused {
            let error = config(more).unwrap_err();
            assert!(error.is::<crate::failure::Usage>(), "{more}: {error}");
        }
    }
}
