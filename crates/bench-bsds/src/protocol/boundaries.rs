//! The boundary measure, gathered image by image.

use super::boundary_report::{BoundaryReport, ImageCounts};
use crate::error::{Error, Result};
use crate::metrics::{BoundaryMap, count_all};
use crate::segmentation::BoundaryPool;

/// Boundary counts gathered one image at a time, from any source.
///
/// ```
/// use bench_bsds::{BoundaryEvaluation, BoundaryMap, BoundaryPool, SoftBoundaryMap, Thresholds};
///
/// # fn main() -> bench_bsds::Result<()> {
/// let drawn = BoundaryMap::new(4, 1, vec![false, true, false, false])?;
/// let found = SoftBoundaryMap::new(4, 1, vec![0.0, 0.8, 0.0, 0.3])?;
/// let mut evaluation = BoundaryEvaluation::default();
/// let pool = BoundaryPool::from_soft(&found, &Thresholds::official(3)?);
/// evaluation.push("photograph", &[drawn], &pool)?;
/// let report = evaluation.report()?;
/// assert_eq!((report.per_level[0].score.precision, report.ods.f), (0.5, 1.0));
/// # Ok(())
/// # }
/// ```
///
/// # Cost
/// Four numbers for each image and level are kept; maps are not.
#[derive(Clone, Debug, Default)]
pub struct BoundaryEvaluation {
    images: Vec<ImageCounts>,
}

impl BoundaryEvaluation {
    /// Matches the boundaries found in one image with those that each annotator drew. Maps are matched in parallel.
    ///
    /// # Errors
    /// [`Error::NoAnnotations`], [`Error::NoLevels`], [`Error::SizeMismatch`]; each names the image.
    pub fn push(&mut self, id: &str, drawn: &[BoundaryMap], found: &BoundaryPool) -> Result<()> {
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
        let places = found.places().iter();
        self.images.push(ImageCounts {
            id: image(),
            levels: places
                .map(|(level, place)| (*level, counts[*place]))
                .collect(),
        });
        Ok(())
    }

    /// The measures of all images so far.
    ///
    /// # Errors
    /// [`Error::NoImages`]; [`Error::LevelsDiffer`] where images have other places or thresholds.
    pub fn report(&self) -> Result<BoundaryReport> {
        BoundaryReport::collect(&self.images)
    }
}

#[cfg(test)]
mod tests {
    use ncuts::LabelMap;

    use super::*;
    use crate::segmentation::{Level, Pool};

    fn map(width: usize) -> BoundaryMap {
        BoundaryMap::new(width, 1, vec![true; width]).unwrap()
    }

    fn pool(levels: &[u32]) -> BoundaryPool {
        let halves = |level: &u32| {
            let map = LabelMap::new(4, 1, vec![1, 1, 2, 2]).unwrap();
            (Level::Clusters(*level), map)
        };
        let maps: Vec<_> = levels.iter().map(halves).collect();
        BoundaryPool::from_segmentations(&Pool::from(maps)).unwrap()
    }

    #[test]
    fn refuses_what_cannot_be_compared() {
        let mut evaluation = BoundaryEvaluation::default();
        let mut message = |drawn: &[BoundaryMap], found| {
            evaluation.push("7", drawn, &found).unwrap_err().to_string()
        };
        assert_eq!(
            message(&[], pool(&[2])),
            "image 7: expected at least one annotation, found none"
        );
        assert_eq!(
            message(&[map(4)], pool(&[])),
            "image 7: expected at least one segmentation, found none"
        );
        assert_eq!(
            message(&[map(4), map(5)], pool(&[2])),
            "7: boundary map: expected 4 × 1 pixels, found 5 × 1"
        );
        assert_eq!(
            message(&[map(5)], pool(&[2])),
            "7: boundary map: expected 5 × 1 pixels, found 4 × 1"
        );
        assert!(matches!(evaluation.report(), Err(Error::NoImages)));
    }

    #[test]
    fn a_map_that_repeats_counts_at_each_of_its_levels() {
        let mut evaluation = BoundaryEvaluation::default();
        evaluation.push("7", &[map(4)], &pool(&[2, 3])).unwrap();
        let report = evaluation.report().unwrap();
        assert_eq!(report.per_level.len(), 2);
        assert_eq!(report.per_level[0].score, report.per_level[1].score);
        assert_eq!((report.ods.recall, report.ods.precision), (0.25, 1.0));
    }
}
