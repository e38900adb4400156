//! Arguments that `train ncuts` and `train o2p` share.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use experiments::recipe::{schedule_by_words, trunk_training_by_words};
use experiments::train::RunSettings;
use training::{Optimiser, Schedule, TrainConfig, TrunkTraining};

use super::device::DeviceArgument;
use crate::failure::usage;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum OptimiserName {
    Adam,
    Sgd,
}

/// Where a network comes from and where it goes, and how it is trained.
#[derive(Args, Debug)]
pub struct TrainingArguments {
    /// Folder for the network, its checkpoint and its journal
    #[arg(long, value_name = "RUN")]
    out: PathBuf,

    /// Resume from the last checkpoint in RUN, under the same settings
    #[arg(long)]
    resume: bool,

    /// Write the network to FILE too, in half precision
    #[arg(long, value_name = "FILE")]
    export: Option<PathBuf>,

    #[command(flatten)]
    device: DeviceArgument,

    /// Initialise from the network of this run, for recipes that need one
    #[arg(long, alias = "start", value_name = "RUN", conflicts_with_all = ["trunk_weights", "from_scratch"])]
    init_from: Option<PathBuf>,

    /// The trunk's pretrained weights, safetensors
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with = "from_scratch",
        help_heading = "Network"
    )]
    trunk_weights: Option<PathBuf>,

    /// Start from random weights
    #[arg(long, help_heading = "Network")]
    from_scratch: bool,

    /// Epochs [default: the recipe's, usually 6]
    #[arg(long, value_name = "N", help_heading = "Training")]
    epochs: Option<u32>,

    /// Batch size: examples per step, of all processes together [default: the recipe's, usually 1]
    #[arg(long, value_name = "N", help_heading = "Training")]
    batch: Option<usize>,

    /// Optimiser [default: the recipe's, usually adam]
    #[arg(long, value_enum, help_heading = "Training")]
    optimiser: Option<OptimiserName>,

    /// Momentum of sgd [default: the recipe's, usually 0.9]
    #[arg(long, value_name = "MU", help_heading = "Training")]
    momentum: Option<f64>,

    /// Learning rate of the trunk [default: the recipe's, usually 0.003]
    #[arg(long, alias = "rate", value_name = "RATE", help_heading = "Training")]
    learning_rate: Option<f64>,

    /// Learning rate of new layers, as a multiple of the trunk's [default: the recipe's, usually 1]
    #[arg(long, value_name = "TIMES", help_heading = "Training")]
    new_layer_multiplier: Option<f64>,

    /// Linear warm-up steps of the learning rate [default: the recipe's, usually 50]
    #[arg(long, value_name = "STEPS", help_heading = "Training")]
    warmup: Option<u64>,

    /// Weight decay (L2) of kernels [default: the recipe's, usually 0]
    #[arg(long, value_name = "LAMBDA", help_heading = "Training")]
    weight_decay: Option<f64>,

    /// The learning rate over time: constant, cosine or steps:EVERY:FACTOR, EVERY in epochs [default: the recipe's, usually
    /// cosine]
    #[arg(long, value_parser = schedule_by_words, help_heading = "Training")]
    schedule: Option<Schedule>,

    /// Gradient clipping (L2 norm); 0 for none [default: the recipe's, usually 0]
    #[arg(long, value_name = "NORM", help_heading = "Training")]
    clip: Option<f64>,

    /// No horizontal flips (augmentation)
    #[arg(long, help_heading = "Training")]
    no_flips: bool,

    /// Layers of the trunk that are trained: none, all or from:LAYER [default: the recipe's, usually none]
    #[arg(long, value_name = "WHAT", value_parser = trunk_training_by_words, help_heading = "Training")]
    train_trunk: Option<TrunkTraining>,

    /// Decay of the exponential moving average of the weights, which is written; 0 writes the last weights [default:
    /// the recipe's, usually 0]
    #[arg(
        long,
        alias = "averaging",
        value_name = "DECAY",
        help_heading = "Training"
    )]
    ema: Option<f64>,

    /// Largest share of unreadable examples that may be skipped [default: the recipe's, usually
    /// 0.01]
    #[arg(
        long,
        alias = "unreadable",
        value_name = "SHARE",
        help_heading = "Training"
    )]
    max_unreadable: Option<f64>,

    /// Seed of all random numbers [default: the recipe's, usually 1]
    #[arg(long, help_heading = "Training")]
    seed: Option<u64>,

    /// Steps between checkpoints [default: the recipe's, usually 200]
    #[arg(long, value_name = "STEPS", help_heading = "Training")]
    checkpoint_every: Option<u64>,

    /// Number of checkpoints kept, with the newest: --resume takes an older one if the newest is damaged [default: the
    /// recipe's, usually 2]
    #[arg(long, value_name = "N", help_heading = "Training")]
    keep_checkpoints: Option<u8>,

    /// Disk limit for cached features of a frozen trunk, in GiB [default: the recipe's, usually 8]
    #[arg(long, value_name = "GIB", help_heading = "Training")]
    cache_gib: Option<f64>,
}

impl TrainingArguments {
    /// Where the network comes from and where it goes.
    pub fn run(&self) -> RunSettings {
        RunSettings {
            resume: self.resume,
            init_from: self.init_from.clone(),
            trunk_weights: self.trunk_weights.clone(),
            from_scratch: self.from_scratch,
            device: self.device.choice(),
            export: self.export.clone(),
            ..RunSettings::from_scratch(&self.out)
        }
    }

    /// Puts the settings that were given in the place of a recipe's.
    pub fn change(&self, training: &mut TrainConfig) -> anyhow::Result<()> {
        self.change_optimiser(training)?;
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
        set(&mut training.rate, &self.learning_rate);
        set(
            &mut training.new_layer_multiplier,
            &self.new_layer_multiplier,
        );
        set(&mut training.warmup, &self.warmup);
        set(&mut training.weight_decay, &self.weight_decay);
        set(&mut training.schedule, &self.schedule);
        set(&mut training.clip, &self.clip);
        set(&mut training.trunk, &self.train_trunk);
        set(&mut training.averaging, &self.ema);
        set(&mut training.unreadable, &self.max_unreadable);
        set(&mut training.seed, &self.seed);
        set(&mut training.checkpoint_every, &self.checkpoint_every);
        set(&mut training.keep_checkpoints, &self.keep_checkpoints);
        training.flips &= !self.no_flips;
        training.check().map_err(|error| usage(error.to_string()))
    }

    fn change_optimiser(&self, training: &mut TrainConfig) -> anyhow::Result<()> {
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
        Ok(())
    }
}

/// A setting takes the place of the recipe's.
fn set<T: Clone>(place: &mut T, given: &Option<T>) {
    if let Some(given) = given {
        place.clone_from(given);
    }
}
