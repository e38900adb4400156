//! Learning rate over time.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// How the learning rate changes; a factor on the base rate.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Schedule {
    /// 1 throughout.
    Constant,
    /// `factor^⌊epoch / every⌋`.
    Steps {
        /// Epochs between drops.
        every: u32,
        /// Factor of a drop.
        factor: f64,
    },
    /// ½ (1 + cos(π t)), t from 0 to 1 over the whole training.
    Cosine,
}

impl Schedule {
    /// The factor at `step` of `steps`, `steps_per_epoch` to an epoch.
    pub fn factor(self, step: u64, steps: u64, steps_per_epoch: u64) -> f64 {
        match self {
            Self::Constant => 1.0,
            Self::Steps { every, factor } => {
                let epoch = step / steps_per_epoch.max(1);
                factor.powi((epoch / u64::from(every.max(1))) as i32)
            }
            Self::Cosine => {
                let t = step as f64 / steps.max(1) as f64;
                0.5 * (1.0 + (std::f64::consts::PI * t).cos())
            }
        }
    }

    pub(super) fn check(self) -> Result<()> {
        match self {
            Self::Steps { every, factor } if every == 0 || !(factor > 0.0 && factor <= 1.0) => {
                let found = format!("every {every}, factor {factor}");
                let expected = "a drop every 1 or more epochs by a factor in (0, 1]";
                Err(Error::Setting {
                    name: "schedule",
                    expected,
                    found,
                })
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use test_support::refused;

    #[test]
    fn factors_by_hand() {
        assert_eq!(Schedule::Constant.factor(7, 10, 2), 1.0);
        let steps = Schedule::Steps {
            every: 2,
            factor: 0.1,
        };
        assert_eq!(steps.factor(39, 100, 10), 0.1);
        assert!((steps.factor(40, 100, 10) - 0.01).abs() < 1e-15);
        assert_eq!(Schedule::Cosine.factor(0, 10, 1), 1.0);
        assert!((Schedule::Cosine.factor(5, 10, 1) - 0.5).abs() < 1e-15);
        let check = |every, factor| Schedule::Steps { every, factor }.check();
        refused! {
            check(0, 0.1) => Error::Setting { .. },
            check(1, f64::NAN) => Error::Setting { .. },
        }
    }
}
