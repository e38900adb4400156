//! The boundary pixels of one image, counted at every level.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::metrics::{BoundaryCounts, BoundaryMap, count_all};
use crate::segmentation::{BoundaryPool, Level, LevelWithKind};

/// The boundaries of one image, counted at every level, as
/// [`BoundaryEvaluation`](super::BoundaryEvaluation) stores it.
///
/// As JSON it reads back to the bit, so that a long measurement can be resumed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ImageCounts {
    pub(crate) id: String,
    /// In the order of levels.
    pub(crate) levels: Vec<LevelCounts>,
}

/// One image at one level.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct LevelCounts {
    #[serde(with = "LevelWithKind")]
    pub(crate) level: Level,
    #[serde(flatten)]
    pub(crate) counts: BoundaryCounts,
}

impl ImageCounts {
    /// Matches the boundaries found in one image with those that each annotator drew; `id` names it in messages. Maps
    /// are matched in parallel.
    ///
    /// # Errors
    /// As [`BoundaryEvaluation::push`](super::BoundaryEvaluation::push).
    pub fn new(id: &str, drawn: &[BoundaryMap], found: &BoundaryPool) -> Result<Self> {
        let image = || id.to_owned();
        let Some(first) = drawn.first() else {
            return Err(Error::NoAnnotations { image: image() });
        };
        if found.places().is_empty() {
            return Err(Error::NoLevels { image: image() });
        }
        let sizes = drawn.iter().chain(found.maps()).map(BoundaryMap::size);
        if let Some(size) = sizes.into_iter().find(|size| *size != first.size()) {
            return Err(Error::SizeMismatch {
                name: format!("{id}: boundary map"),
                expected: first.size(),
                found: size,
            });
        }
        let counts = count_all(found.maps(), drawn)?;
        let levels = found.places().iter().map(|(level, place)| LevelCounts {
            level: *level,
            counts: counts[*place],
        });
        Ok(Self {
            id: image(),
            levels: levels.collect(),
        })
    }
}
