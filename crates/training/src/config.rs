//! Settings of a training.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::schedule::Schedule;

/// The rule of a step.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Optimiser {
    /// v ← μ v + g,  w ← w − η v.
    Sgd {
        /// μ in [0, 1).
        momentum: f64,
    },
    /// Adam with β = (0.9, 0.999).
    Adam,
}

/// How much of the trunk learns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum TrunkTraining {
    /// Nothing: its features are computed once and cached on disk.
    Frozen,
    /// This layer and everything after it.
    From(String),
    /// Everything.
    Whole,
}

/// Settings of a training; [`TrainConfig::default`] is the best found for a frozen VGG-16.
///
/// Checkpoints write the names of the fields; recipes use the words of the command line, in kebab case, which are
/// aliases.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrainConfig {
    /// Epochs: how often every example is seen.
    pub epochs: u32,
    /// Images a step.
    pub batch: usize,
    /// Rule of a step.
    pub optimiser: Optimiser,
    /// Base learning rate η: the trunk's.
    #[serde(alias = "learning-rate")]
    pub rate: f64,
    /// The head's rate is this many times the base rate.
    #[serde(alias = "new-layer-multiplier")]
    pub new_layer_multiplier: f64,
    /// Linear warm-up steps.
    pub warmup: u64,
    /// L2 decay λ on kernels: g ← g + λ w.
    #[serde(alias = "weight-decay")]
    pub weight_decay: f64,
    /// The rate over time.
    pub schedule: Schedule,
    /// Gradient clipping: a longer gradient is scaled down to this L2 norm. 0 for no bound.
    pub clip: f64,
    /// Whether half of the samples are mirrored.
    pub flips: bool,
    /// How much of the trunk learns.
    pub trunk: TrunkTraining,
    /// Decay of the running average of the weights that is saved; 0 saves the last weights.
    #[serde(alias = "ema")]
    pub averaging: f64,
    /// Where all random numbers come from.
    pub seed: u64,
    /// Steps between checkpoints.
    #[serde(alias = "checkpoint-every")]
    pub checkpoint_every: u64,
    /// Checkpoints kept, the newest among them.
    #[serde(alias = "keep-checkpoints")]
    pub keep_checkpoints: u8,
    /// Largest share of the examples that may be left out because they cannot be read.
    #[serde(alias = "max-unreadable")]
    pub unreadable: f64,
    /// Most that cached features may take on disk, in bytes; those of further images are computed each time.
    #[serde(alias = "cache-bytes")]
    pub cache_bytes: u64,
    /// Whether a training resumes on examples whose contents have changed since. Not written to files: it is asked for
    /// each time.
    #[serde(skip)]
    pub changed_data: bool,
}

impl Default for TrainConfig {
    fn default() -> Self {
        Self {
            epochs: 6,
            batch: 1,
            optimiser: Optimiser::Adam,
            rate: 3e-3,
            new_layer_multiplier: 1.0,
            warmup: 50,
            weight_decay: 0.0,
            schedule: Schedule::Cosine,
            clip: 0.0,
            flips: true,
            trunk: TrunkTraining::Frozen,
            averaging: 0.0,
            seed: 1,
            checkpoint_every: 200,
            keep_checkpoints: 2,
            unreadable: 0.01,
            cache_bytes: 8 << 30,
            changed_data: false,
        }
    }
}

impl TrainConfig {
    /// Refuses settings outside their range.
    ///
    /// # Errors
    /// [`Error::Setting`], naming the setting, the allowed values and the value found.
    pub fn check(&self) -> Result<()> {
        let rules = self.rules_of_sizes().into_iter();
        let broken = rules.chain(self.rules_of_steps()).find(|rule| !rule.holds);
        match broken {
            Some(rule) => Err(Error::Setting {
                name: rule.name,
                expected: rule.expected,
                found: rule.found,
            }),
            None => self.schedule.check(),
        }
    }

    fn rules_of_sizes(&self) -> [Rule; 5] {
        let positive = |value: f64| value.is_finite() && value > 0.0;
        [
            Rule {
                name: "unreadable",
                holds: (0.0..=1.0).contains(&self.unreadable),
                expected: "a share from 0 to 1",
                found: self.unreadable.to_string(),
            },
            Rule {
                name: "epochs",
                holds: self.epochs > 0,
                expected: "1 or more",
                found: self.epochs.to_string(),
            },
            Rule {
                name: "batch",
                holds: self.batch > 0,
                expected: "1 or more",
                found: self.batch.to_string(),
            },
            Rule {
                name: "rate",
                holds: positive(self.rate),
                expected: "a number above 0",
                found: self.rate.to_string(),
            },
            Rule {
                name: "new-layer multiplier",
                holds: positive(self.new_layer_multiplier),
                expected: "a number above 0",
                found: self.new_layer_multiplier.to_string(),
            },
        ]
    }

    fn rules_of_steps(&self) -> [Rule; 6] {
        let at_least_zero = |value: f64| value.is_finite() && value >= 0.0;
        let unit = |value: f64| (0.0..1.0).contains(&value);
        let momentum = match self.optimiser {
            Optimiser::Sgd { momentum } => momentum,
            Optimiser::Adam => 0.0,
        };
        [
            Rule {
                name: "weight decay",
                holds: at_least_zero(self.weight_decay),
                expected: "0 or more",
                found: self.weight_decay.to_string(),
            },
            Rule {
                name: "clip",
                holds: at_least_zero(self.clip),
                expected: "0 or more",
                found: self.clip.to_string(),
            },
            Rule {
                name: "momentum",
                holds: unit(momentum),
                expected: "a number in [0, 1)",
                found: momentum.to_string(),
            },
            Rule {
                name: "averaging",
                holds: unit(self.averaging),
                expected: "a number in [0, 1)",
                found: self.averaging.to_string(),
            },
            Rule {
                name: "checkpoint every",
                holds: self.checkpoint_every > 0,
                expected: "1 step or more",
                found: "0".into(),
            },
            Rule {
                name: "keep checkpoints",
                holds: self.keep_checkpoints > 0,
                expected: "1 or more",
                found: "0".into(),
            },
        ]
    }
}

/// The range of a setting, and whether the setting lies in it.
struct Rule {
    name: &'static str,
    holds: bool,
    expected: &'static str,
    found: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use test_support::refused;

    #[test]
    fn every_setting_has_its_range() {
        TrainConfig::default().check().unwrap();
        let with = |change: fn(&mut TrainConfig)| {
            let mut config = TrainConfig::default();
            change(&mut config);
            config.check()
        };
        refused! {
            with(|config| config.unreadable = 1.5) => Error::Setting { name: "unreadable", .. },
            with(|config| config.epochs = 0) => Error::Setting { name: "epochs", .. },
            with(|config| config.batch = 0) => Error::Setting { name: "batch", .. },
            with(|config| config.rate = f64::NAN) => Error::Setting { name: "rate", .. },
            with(|config| config.new_layer_multiplier = 0.0)
                => Error::Setting { name: "new-layer multiplier", .. },
            with(|config| config.weight_decay = -1.0) => Error::Setting { name: "weight decay", .. },
            with(|config| config.clip = f64::INFINITY) => Error::Setting { name: "clip", .. },
            with(|config| config.optimiser = Optimiser::Sgd { momentum: 1.0 })
                => Error::Setting { name: "momentum", .. },
            with(|config| config.averaging = 1.0) => Error::Setting { name: "averaging", .. },
            with(|config| config.checkpoint_every = 0)
                => Error::Setting { name: "checkpoint every", .. },
            with(|config| config.keep_checkpoints = 0)
                => Error::Setting { name: "keep checkpoints", .. },
        }
    }
}
