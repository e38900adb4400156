//! Levels in words.

use std::ops::RangeInclusive;

use bench_bsds::Level;

/// Clusters fewer and more than the network's own choice, where a level is that choice plus a number.
pub const SHIFTS: RangeInclusive<i32> = -6..=8;

/// How the levels of a source are called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LevelNames {
    /// `k 7`, `threshold 0.15` or `place 2`.
    Plain,
    /// `auto + 2`: the network's own choice and [`SHIFTS`] from it.
    AroundChoice,
}

impl LevelNames {
    /// A level in words.
    pub fn of(self, level: &Level) -> String {
        match level {
            Level::Place(place) if self == Self::AroundChoice => {
                let t = *place as i32 - 1 + SHIFTS.start();
                format!("auto {} {}", if t < 0 { '-' } else { '+' }, t.abs())
            }
            Level::Place(_) => format!("place {level}"),
            Level::Clusters(_) => format!("k {level}"),
            Level::Threshold(threshold) => format!("threshold {threshold:.4}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_in_words() {
        let levels = [
            Level::Place(2),
            Level::Threshold(1.0 / 3.0),
            Level::Clusters(5),
        ];
        let words = levels.map(|level| LevelNames::Plain.of(&level));
        assert_eq!(words, ["place 2", "threshold 0.3333", "k 5"]);
        let words = [7, 1].map(|place| LevelNames::AroundChoice.of(&Level::Place(place)));
        assert_eq!(words, ["auto + 0", "auto - 6"]);
    }
}
