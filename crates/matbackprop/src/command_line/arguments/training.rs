//! Arguments that `train ncuts`, `train boundaries` and `train o2p` share.
//!
//! The defaults that the help names as usual ones are held to the library's by a test of `train_ncuts`.

use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};
use experiments::recipe::{schedule_by_words, trunk_training_by_words};
use experiments::train::RunSettings;
use training::{Optimiser, Schedule, TrainConfig, TrunkTraining};

use super::device::DeviceArgument;
use super::headings;
use crate::command_line::failure::usage;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum OptimiserName {
    /// Adam
    Adam,
    /// Stochastic gradient descent with --momentum
    Sgd,
}

/// Where a network comes from and where it goes, and how it is trained.
#[derive(Args, Debug)]
pub struct TrainingArguments {
    /// Pretrained weights of the trunk, as safetensors
    #[arg(long, value_name = "FILE", conflicts_with = "from_scratch", value_hint = ValueHint::FilePath,
        help_heading = headings::NETWORK)]
    trunk_weights: Option<PathBuf>,

    /// Start from random weights
    #[arg(long, help_heading = headings::NETWORK)]
    from_scratch: bool,

    /// Initialise from the network of this run, for recipes that need one
    #[arg(long, alias = "start", value_name = "RUN", conflicts_with_all = ["trunk_weights", "from_scratch"],
        value_hint = ValueHint::DirPath, help_heading = headings::NETWORK)]
    init_from: Option<PathBuf>,

    /// Layers of the trunk to train: `none`, `all` or `from:LAYER` [default: the recipe's, or none]
    #[arg(long, value_name = "WHAT", value_parser = trunk_training_by_words, help_heading = headings::NETWORK)]
    train_trunk: Option<TrunkTraining>,

    #[command(flatten, next_help_heading = headings::NETWORK)]
    device: DeviceArgument,

    /// Epochs [default: the recipe's, or 6]
    #[arg(long, value_name = "N", help_heading = headings::OPTIMISATION)]
    epochs: Option<u32>,

    /// Examples of a step, of all processes together [default: the recipe's, or 1]
    #[arg(long, value_name = "N", help_heading = headings::OPTIMISATION)]
    batch: Option<usize>,

    /// Optimiser [default: the recipe's, or adam]
    #[arg(long, value_enum, help_heading = headings::OPTIMISATION)]
    optimiser: Option<OptimiserName>,

    /// Momentum of sgd [default: the recipe's, or 0.9]
    #[arg(long, value_name = "MU", help_heading = headings::OPTIMISATION)]
    momentum: Option<f64>,

    /// Learning rate of the trunk [default: the recipe's, or 0.003]
    #[arg(long, alias = "rate", value_name = "RATE", help_heading = headings::OPTIMISATION)]
    learning_rate: Option<f64>,

    /// Learning rate of new layers, as a multiple of the trunk's [default: the recipe's, or 1]
    #[arg(long, value_name = "TIMES", help_heading = headings::OPTIMISATION)]
    new_layer_multiplier: Option<f64>,

    /// Linear warm-up steps of the learning rate [default: the recipe's, or 50]
    #[arg(long, value_name = "STEPS", help_heading = headings::OPTIMISATION)]
    warmup: Option<u64>,

    /// Schedule of the learning rate: `constant`, `cosine` or `steps:EVERY:FACTOR` [default: the recipe's, or cosine]
    ///
    /// `steps:4:0.1` multiplies the rate by 0.1 every 4 epochs.
    #[arg(long, value_parser = schedule_by_words, help_heading = headings::OPTIMISATION)]
    schedule: Option<Schedule>,

    /// Weight decay (L2) of kernels [default: the recipe's, or 0]
    #[arg(long, value_name = "LAMBDA", help_heading = headings::OPTIMISATION)]
    weight_decay: Option<f64>,

    /// Gradient clipping (L2 norm); 0 for none [default: the recipe's, or 0]
    #[arg(long, value_name = "NORM", help_heading = headings::OPTIMISATION)]
    clip: Option<f64>,

    /// Decay of the moving average of the weights; 0 for none [default: the recipe's, or 0]
    ///
    /// The written network holds the exponential moving average. With 0 it holds the last weights.
    #[arg(long, alias = "averaging", value_name = "DECAY", help_heading = headings::OPTIMISATION)]
    ema: Option<f64>,

    /// No horizontal flips (augmentation)
    #[arg(long, help_heading = headings::OPTIMISATION)]
    no_flips: bool,

    /// Seed of all random numbers [default: the recipe's, or 1]
    #[arg(long, help_heading = headings::OPTIMISATION)]
    seed: Option<u64>,

    /// Resume from the last checkpoint in RUN, with the same settings
    ///
    /// It refuses where the training set has other contents than the training began with. Where the training was stopped before
    /// its first checkpoint, it starts from the first step.
    #[arg(long, help_heading = headings::CHECKPOINTS)]
    resume: bool,

    /// With --resume, go on though files of the training set have changed
    #[arg(long, requires = "resume", help_heading = headings::CHECKPOINTS)]
    changed_data: bool,

    /// Steps between checkpoints [default: the recipe's, or 200]
    #[arg(long, value_name = "STEPS", help_heading = headings::CHECKPOINTS)]
    checkpoint_every: Option<u64>,

    /// Checkpoints to keep [default: the recipe's, or 2]
    ///
    /// If the newest is damaged, --resume takes the one before it.
    #[arg(long, value_name = "N", help_heading = headings::CHECKPOINTS)]
    keep_checkpoints: Option<u8>,

    /// Largest share of unreadable examples to skip [default: the recipe's, or 0.01]
    ///
    /// Skipped files are named. The training fails if there are more.
    #[arg(long, alias = "unreadable", value_name = "SHARE", help_heading = headings::INPUT)]
    max_unreadable: Option<f64>,

    /// Disk limit for cached features of a frozen trunk, in GiB [default: the recipe's, or 8]
    #[arg(long, value_name = "GIB", help_heading = headings::CHECKPOINTS)]
    cache_gib: Option<f64>,

    /// Folder for the network, its checkpoints and its journal
    #[arg(long, value_name = "RUN", value_hint = ValueHint::DirPath, help_heading = headings::OUTPUT)]
    out: PathBuf,

    /// Also write the network to FILE, in half precision
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = headings::OUTPUT)]
    export: Option<PathBuf>,
}

impl TrainingArguments {
    /// Where the network comes from and where it goes.
    pub fn run(&self) -> RunSettings {
        RunSettings {
            resume: self.resume,
            changed_data: self.changed_data,
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
