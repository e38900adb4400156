//! All segmentations of one image.

use segmentation::LabelMap;

use super::level::Level;
use super::soft_map::SoftLook;
use crate::dataset::size_of;
use crate::error::{Error, Result, Size};

/// The segmentations of one image, each under its level.
///
/// Most often it is made from a list:
///
/// ```
/// use bench_bsds::{Level, Pool};
/// use segmentation::LabelMap;
///
/// # fn main() -> bench_bsds::Result<()> {
/// let halves = LabelMap::new(2, 1, vec![0, 1])?;
/// let whole = LabelMap::new(2, 1, vec![0, 0])?;
/// let pool = Pool::from(vec![(Level::Clusters(1), whole), (Level::Clusters(2), halves.clone())]);
/// assert_eq!(pool.label_map(1)?, halves);
/// # Ok(())
/// # }
/// ```
///
/// # Conventions
/// Every id is a segment, 0 too, unless [`Pool::with_zero_unlabelled`] says that 0 marks pixels of no segment. The
/// official benchmark reads its files so: such pixels match nothing in the covering, and are one more cluster to the
/// Rand index and the variation of information.
#[derive(Clone, Debug)]
pub struct Pool {
    segmentations: Segmentations,
    zero_is_unlabelled: bool,
    contours: Option<(SoftLook, Size)>,
}

#[derive(Clone, Debug)]
enum Segmentations {
    /// One map a level.
    Maps(Vec<(Level, LabelMap)>),
    /// Segmentations that only merge pieces: a map of pieces 0, 1, …, and for each level the segment of each piece.
    Merged {
        pieces: LabelMap,
        levels: Vec<(Level, Vec<u32>)>,
    },
}

/// The segments of one level, as the measures read them.
pub(crate) enum Segments<'a> {
    /// A map of any ids.
    Map(&'a LabelMap),
    /// The segment of each piece of [`Pool::pieces`].
    Merged(&'a [u32]),
}

impl From<Vec<(Level, LabelMap)>> for Pool {
    fn from(maps: Vec<(Level, LabelMap)>) -> Self {
        Self {
            segmentations: Segmentations::Maps(maps),
            zero_is_unlabelled: false,
            contours: None,
        }
    }
}

impl Pool {
    /// A pool whose levels merge `pieces`, which have ids from 0 without a gap: for each level the segment of each piece.
    ///
    /// # Panics
    /// The measures do, where a level has fewer segments' names than there are pieces.
    pub fn merged(pieces: LabelMap, levels: Vec<(Level, Vec<u32>)>) -> Self {
        Self {
            segmentations: Segmentations::Merged { pieces, levels },
            zero_is_unlabelled: false,
            contours: None,
        }
    }

    /// The same pool, out of a contour map of these numbers.
    pub(super) fn of_contours(self, look: SoftLook, size: Size) -> Self {
        Self {
            contours: Some((look, size)),
            ..self
        }
    }

    /// A look at the numbers of the contour map that it was cut from, if it was.
    pub fn contour_look(&self) -> Option<SoftLook> {
        self.contours.map(|(look, _)| look)
    }

    /// The cells of the contour map that it was cut from, if it was: twice the pixels and one more each way.
    pub fn contour_size(&self) -> Option<Size> {
        self.contours.map(|(_, size)| size)
    }

    /// The same pool, where id 0 marks pixels that belong to no segment.
    pub fn with_zero_unlabelled(self) -> Self {
        Self {
            zero_is_unlabelled: true,
            ..self
        }
    }

    /// The same pool, where id 0 is a segment of every label map. In cuts of a contour map it marks pixels above the
    /// threshold as before.
    pub fn with_zero_as_segment(self) -> Self {
        let cuts = matches!(self.segmentations, Segmentations::Merged { .. });
        Self {
            zero_is_unlabelled: self.zero_is_unlabelled && cuts,
            ..self
        }
    }

    /// The first map of another size than `expected`: its place, and its size.
    pub fn misfit(&self, expected: Size) -> Option<(usize, Size)> {
        let sizes = self.maps().into_iter().map(size_of).enumerate();
        sizes.into_iter().find(|(_, size)| *size != expected)
    }

    /// Whether id 0 marks pixels that belong to no segment.
    pub fn zero_is_unlabelled(&self) -> bool {
        self.zero_is_unlabelled
    }

    /// The levels, in the order given.
    pub fn levels(&self) -> Vec<Level> {
        match &self.segmentations {
            Segmentations::Maps(maps) => maps.iter().map(|(level, _)| *level).collect(),
            Segmentations::Merged { levels, .. } => {
                levels.iter().map(|(level, _)| *level).collect()
            }
        }
    }

    /// The segmentation at place `index` of [`Pool::levels`].
    ///
    /// # Errors
    /// [`Error::LabelMap`] never in practice: the pieces were a label map already.
    ///
    /// # Panics
    /// When there is no such place.
    pub fn label_map(&self, index: usize) -> Result<LabelMap> {
        match &self.segmentations {
            Segmentations::Maps(maps) => Ok(maps[index].1.clone()),
            Segmentations::Merged { pieces, levels } => {
                let segment_of_piece = &levels[index].1;
                let ids = pieces
                    .ids()
                    .iter()
                    .map(|piece| segment_of_piece[*piece as usize])
                    .collect();
                Ok(LabelMap::new(pieces.width(), pieces.height(), ids)?)
            }
        }
    }

    /// The pieces that all levels merge, where they are known.
    pub(crate) fn pieces(&self) -> Option<&LabelMap> {
        match &self.segmentations {
            Segmentations::Maps(_) => None,
            Segmentations::Merged { pieces, .. } => Some(pieces),
        }
    }

    /// The segments at place `index`.
    pub(crate) fn segments(&self, index: usize) -> Segments<'_> {
        match &self.segmentations {
            Segmentations::Maps(maps) => Segments::Map(&maps[index].1),
            Segmentations::Merged { levels, .. } => Segments::Merged(&levels[index].1),
        }
    }

    /// The maps that cover the pixels of the image: the pieces, or every level's.
    pub(crate) fn maps(&self) -> Vec<&LabelMap> {
        match &self.segmentations {
            Segmentations::Maps(maps) => maps.iter().map(|(_, map)| map).collect(),
            Segmentations::Merged { pieces, .. } => vec![pieces],
        }
    }

    /// Refuses a pool without levels, and one with a level twice.
    pub(crate) fn check_levels(&self, image: &str) -> Result<()> {
        let mut levels = self.levels();
        if levels.is_empty() {
            return Err(Error::NoLevels {
                image: image.to_owned(),
            });
        }
        levels.sort_by(Level::order);
        if let Some(pair) = levels
            .windows(2)
            .find(|pair| pair[0].order(&pair[1]).is_eq())
        {
            return Err(Error::DuplicateLevel {
                image: image.to_owned(),
                level: pair[0],
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(ids: &[u32]) -> LabelMap {
        LabelMap::new(ids.len(), 1, ids.to_vec()).unwrap()
    }

    #[test]
    fn merged_pieces_make_the_map_of_each_level() {
        let levels = vec![
            (Level::Threshold(0.1), vec![1, 2, 3]),
            (Level::Threshold(0.2), vec![1, 1, 2]),
        ];
        let pool = Pool::merged(map(&[0, 1, 1, 2]), levels);
        assert_eq!(
            pool.levels(),
            [Level::Threshold(0.1), Level::Threshold(0.2)]
        );
        assert_eq!(pool.label_map(0).unwrap(), map(&[1, 2, 2, 3]));
        assert_eq!(pool.label_map(1).unwrap(), map(&[1, 1, 1, 2]));
        assert!(!pool.zero_is_unlabelled());
        assert!(pool.with_zero_unlabelled().zero_is_unlabelled());
    }

    #[test]
    fn refuses_no_level_and_a_level_twice() {
        let error = Pool::from(Vec::new()).check_levels("7").unwrap_err();
        assert_eq!(
            error.to_string(),
            "image 7: expected at least one segmentation, found none"
        );
        let twice = vec![
            (Level::Clusters(3), map(&[1])),
            (Level::Clusters(3), map(&[1])),
        ];
        let error = Pool::from(twice).check_levels("7").unwrap_err();
        assert_eq!(
            error.to_string(),
            "image 7: expected each level once, found 3 twice"
        );
        let apart = vec![
            (Level::Clusters(0), map(&[1])),
            (Level::Threshold(0.0), map(&[1])),
        ];
        assert!(Pool::from(apart).check_levels("7").is_ok());
    }
}
