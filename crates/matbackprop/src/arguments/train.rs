//! `matbackprop train ncuts`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use models::{
    Annotations, CutTraining, HeadLayout, InputRecipe, Optimiser, Schedule, TrainConfig, TrunkKind,
    TrunkTraining,
};

use super::layout;
use crate::failure::usage;

const EXAMPLE: &str = "\
Example:
  matbackprop train ncuts --data BSDS500 --trunk lite0 --trunk-weights lite0.safetensors --out runs/lite0

RUN will hold network.safetensors (written at the end), checkpoint.safetensors, start.safetensors (the network before
the first step), journal.jsonl, a line a step, and val.jsonl, a line a measure of --val-every. A training that was
stopped goes on with the same command and --resume; `matbackprop report RUN` draws it.";

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

    /// Folder for the network, its checkpoint and its journal
    #[arg(long, value_name = "RUN")]
    pub out: PathBuf,

    /// Go on from the last checkpoint in RUN, under the same settings
    #[arg(long)]
    pub resume: bool,

    /// Write the network to FILE too, in half precision
    #[arg(long, value_name = "FILE")]
    pub export: Option<PathBuf>,

    /// vgg16, lite0, alexnet or alexnet-original
    #[arg(long, value_parser = layout::trunk, help_heading = "Network")]
    pub trunk: TrunkKind,

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

    /// Conv-ReLU pairs, channels x side of the kernel
    #[arg(long, value_name = "CxK,…", value_parser = layout::head, default_value = layout::head_in_words(&HeadLayout::default()), help_heading = "Network")]
    head: HeadLayout,

    /// Probability of a zero before the last pair
    #[arg(long, value_name = "P", default_value_t = HeadLayout::default().dropout, help_heading = "Network")]
    dropout: f32,

    /// Layers whose features are taken, the one that gives the grid first [default: the trunk's usual two]
    #[arg(
        long,
        value_name = "LAYER,…",
        value_delimiter = ',',
        help_heading = "Network"
    )]
    pub taps: Option<Vec<String>>,

    /// How the weights want their pixels: caffe, torchvision or lite [default: the trunk's usual]
    #[arg(long, value_name = "NAME", value_parser = layout::recipe, help_heading = "Network")]
    pub input_recipe: Option<InputRecipe>,

    /// Visits to every image
    #[arg(long, value_name = "N", default_value_t = TrainConfig::default().epochs, help_heading = "Training")]
    epochs: u32,

    /// Images a step
    #[arg(long, value_name = "N", default_value_t = TrainConfig::default().batch, help_heading = "Training")]
    batch: usize,

    /// The rule of a step
    #[arg(long, value_enum, default_value = "adam", help_heading = "Training")]
    optimiser: OptimiserName,

    /// Momentum of sgd [default: 0.9]
    #[arg(long, value_name = "MU", help_heading = "Training")]
    momentum: Option<f64>,

    /// Learning rate of the trunk
    #[arg(long, default_value_t = TrainConfig::default().rate, help_heading = "Training")]
    rate: f64,

    /// The head's rate is this many times the trunk's
    #[arg(long, value_name = "TIMES", default_value_t = TrainConfig::default().new_layer_multiplier, help_heading = "Training")]
    new_layer_multiplier: f64,

    /// Steps over which the rate first rises, in a straight line
    #[arg(long, value_name = "STEPS", default_value_t = TrainConfig::default().warmup, help_heading = "Training")]
    warmup: u64,

    /// L2 decay of kernels
    #[arg(long, value_name = "LAMBDA", default_value_t = TrainConfig::default().weight_decay, help_heading = "Training")]
    weight_decay: f64,

    /// The rate over time: constant, cosine or steps:EVERY:FACTOR, EVERY in epochs
    #[arg(long, value_parser = layout::schedule, default_value = "cosine", help_heading = "Training")]
    schedule: Schedule,

    /// Longest gradient of a step; 0 for no bound
    #[arg(long, value_name = "NORM", default_value_t = TrainConfig::default().clip, help_heading = "Training")]
    clip: f64,

    /// Never show the mirror image
    #[arg(long, help_heading = "Training")]
    no_flips: bool,

    /// Human segmentations that a visit uses
    #[arg(long, value_enum, default_value = "all", help_heading = "Training")]
    annotations: AnnotationsName,

    /// How much of the trunk learns: none, all or from:LAYER
    #[arg(long, value_name = "WHAT", value_parser = layout::trunk_training, default_value = "none", help_heading = "Training")]
    train_trunk: TrunkTraining,

    /// The loss
    #[arg(
        long,
        value_enum,
        default_value = "regularised",
        help_heading = "Training"
    )]
    criterion: CriterionName,

    /// Ridge of the regularised loss [default: 0.0001]
    #[arg(long, help_heading = "Training")]
    epsilon: Option<f64>,

    /// Decay of the running average of the weights, which is what is written; 0 for the last weights
    #[arg(long, value_name = "DECAY", default_value_t = TrainConfig::default().averaging, help_heading = "Training")]
    averaging: f64,

    /// Where all random numbers come from
    #[arg(long, default_value_t = TrainConfig::default().seed, help_heading = "Training")]
    pub seed: u64,

    /// Steps between checkpoints
    #[arg(long, value_name = "STEPS", default_value_t = TrainConfig::default().checkpoint_every, help_heading = "Training")]
    checkpoint_every: u64,

    /// Steps between measures of 20 photographs of val, 0 for none [default: as between checkpoints, where --data has a
    /// val split that is not learned from]
    #[arg(long, value_name = "STEPS", help_heading = "Training")]
    pub val_every: Option<u64>,

    /// Most that cached features of a trunk that does not learn may take on disk, in GiB
    #[arg(
        long,
        value_name = "GIB",
        default_value_t = 8.0,
        help_heading = "Training"
    )]
    cache_gib: f64,
}

impl TrainNcutsArguments {
    /// The head's layout.
    pub fn head_layout(&self) -> HeadLayout {
        HeadLayout {
            dropout: self.dropout,
            ..self.head.clone()
        }
    }

    /// The settings of the training and of its loss, each in its range.
    pub fn config(&self) -> anyhow::Result<(TrainConfig, CutTraining)> {
        let optimiser = match (self.optimiser, self.momentum) {
            (OptimiserName::Sgd, momentum) => Optimiser::Sgd {
                momentum: momentum.unwrap_or(0.9),
            },
            (OptimiserName::Adam, None) => Optimiser::Adam,
            (OptimiserName::Adam, Some(_)) => {
                return Err(usage(
                    "--momentum: expected with --optimiser sgd only, found adam",
                ));
            }
        };
        let epsilon = match (self.criterion, self.epsilon) {
            (CriterionName::Regularised, epsilon) => epsilon.or(CutTraining::default().epsilon),
            (CriterionName::Hard, None) => None,
            (CriterionName::Hard, Some(_)) => {
                return Err(usage(
                    "--epsilon: expected with --criterion regularised only, found hard",
                ));
            }
        };
        if !(self.cache_gib.is_finite() && self.cache_gib >= 0.0) {
            return Err(usage(format!(
                "--cache-gib: expected 0 or more, found {}",
                self.cache_gib
            )));
        }
        let config = TrainConfig {
            epochs: self.epochs,
            batch: self.batch,
            optimiser,
            rate: self.rate,
            new_layer_multiplier: self.new_layer_multiplier,
            warmup: self.warmup,
            weight_decay: self.weight_decay,
            schedule: self.schedule,
            clip: self.clip,
            flips: !self.no_flips,
            trunk: self.train_trunk.clone(),
            averaging: self.averaging,
            seed: self.seed,
            checkpoint_every: self.checkpoint_every,
            cache_bytes: (self.cache_gib * f64::from(1 << 30)) as u64,
        };
        let cut = CutTraining {
            annotations: match self.annotations {
                AnnotationsName::One => Annotations::One,
                AnnotationsName::All => Annotations::All,
            },
            epsilon,
        };
        let checked = config.check().and_then(|()| cut.check());
        checked.map_err(|error| usage(error.to_string()))?;
        Ok((config, cut))
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
        parsed(more)?.config()
    }

    #[test]
    fn without_settings_it_is_the_recipe() {
        let expected = (TrainConfig::default(), CutTraining::default());
        assert_eq!(config("").unwrap(), expected);
        assert_eq!(parsed("").unwrap().head_layout(), HeadLayout::default());
    }

    #[test]
    fn the_network_arrives() {
        let arguments =
            parsed("--head 8x1,4x5 --dropout 0.5 --taps a,b --input-recipe caffe").unwrap();
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
            arguments.head_layout(),
            HeadLayout {
                layers,
                dropout: 0.5
            }
        );
        assert_eq!(arguments.taps.unwrap(), ["a", "b"]);
        assert_eq!(arguments.input_recipe, Some(InputRecipe::CAFFE));
    }

    #[test]
    fn every_setting_arrives() {
        let all = "--epochs 3 --batch 4 --optimiser sgd --momentum 0.5 --rate 0.25 --new-layer-multiplier 7 --warmup 5 \
                   --weight-decay 0.125 --schedule steps:2:0.5 --clip 9 --no-flips --annotations one \
                   --train-trunk from:x --epsilon 0.01 --averaging 0.75 --seed 11 --checkpoint-every 13 --cache-gib 0.5";
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
            seed: 11,
            checkpoint_every: 13,
            cache_bytes: 1 << 29,
        };
        let cut = CutTraining {
            annotations: Annotations::One,
            epsilon: Some(0.01),
        };
        assert_eq!(config(all).unwrap(), (expected, cut));
        assert_eq!(config("--criterion hard").unwrap().1.epsilon, None);
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
