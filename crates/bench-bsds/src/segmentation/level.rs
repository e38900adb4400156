//! The name of one segmentation among the several of an image.

use std::cmp::Ordering;
use std::fmt;

use serde::{Deserialize, Serialize};

/// The name of a segmentation, the same for different images, so that these can be compared.
///
/// The best level over a whole dataset (ODS) is chosen by this name. As JSON it is its number.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Level {
    /// A place, from 1, in a list without names: a cell of `segs`. All images must have the same places.
    Place(u32),
    /// A number of clusters, k. Images may lack some: see [`evaluate`](crate::evaluate).
    Clusters(u32),
    /// The value a contour map was cut at.
    Threshold(f64),
}

/// A level with its kind, as stored measures hold it: `{"clusters":7}`.
#[derive(Serialize, Deserialize)]
#[serde(remote = "Level", rename_all = "snake_case")]
pub(crate) enum LevelWithKind {
    Place(u32),
    Clusters(u32),
    Threshold(f64),
}

impl Level {
    /// Places, then numbers of clusters, then thresholds; each in order.
    pub(crate) fn order(&self, other: &Self) -> Ordering {
        self.kind()
            .cmp(&other.kind())
            .then(self.value().total_cmp(&other.value()))
    }

    /// One number for each kind of name.
    pub(crate) fn kind(&self) -> u8 {
        match self {
            Self::Place(_) => 0,
            Self::Clusters(_) => 1,
            Self::Threshold(_) => 2,
        }
    }

    /// The number in the name.
    pub(crate) fn value(&self) -> f64 {
        match self {
            Self::Place(number) | Self::Clusters(number) => f64::from(*number),
            Self::Threshold(threshold) => *threshold,
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.value())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_its_number_as_json() {
        for (level, json) in [
            (Level::Place(7), "7"),
            (Level::Clusters(7), "7"),
            (Level::Threshold(0.25), "0.25"),
        ] {
            assert_eq!(serde_json::to_string(&level).unwrap(), json);
            assert_eq!(level.to_string(), json);
        }
    }

    #[test]
    fn is_kept_with_its_kind() {
        #[derive(Debug, PartialEq, Serialize, Deserialize)]
        struct Stored(#[serde(with = "LevelWithKind")] Level);
        for (level, json) in [
            (Level::Place(7), r#"{"place":7}"#),
            (Level::Clusters(7), r#"{"clusters":7}"#),
            (
                Level::Threshold(1.0 / 3.0),
                r#"{"threshold":0.3333333333333333}"#,
            ),
        ] {
            assert_eq!(serde_json::to_string(&Stored(level)).unwrap(), json);
            assert_eq!(serde_json::from_str::<Stored>(json).unwrap(), Stored(level));
        }
    }

    #[test]
    fn orders_by_kind_then_value() {
        let mut levels = [
            Level::Threshold(0.5),
            Level::Clusters(9),
            Level::Threshold(0.1),
            Level::Place(11),
            Level::Clusters(2),
        ];
        levels.sort_by(Level::order);
        assert_eq!(
            levels,
            [
                Level::Place(11),
                Level::Clusters(2),
                Level::Clusters(9),
                Level::Threshold(0.1),
                Level::Threshold(0.5)
            ]
        );
    }
}
