//! The boundary measure, gathered image by image.

use super::boundary_report::BoundaryReport;
use super::image_counts::ImageCounts;
use super::levels::check_kept;
use crate::error::Result;
use crate::metrics::BoundaryMap;
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
    pub(super) images: Vec<ImageCounts>,
}

impl BoundaryEvaluation {
    /// Matches the boundaries found in one image with those that each annotator drew. Maps are matched in parallel.
    ///
    /// # Errors
    /// [`Error::NoAnnotations`](crate::Error::NoAnnotations), [`Error::NoLevels`](crate::Error::NoLevels),
    /// [`Error::SizeMismatch`](crate::Error::SizeMismatch); each names the image.
    pub fn push(&mut self, id: &str, drawn: &[BoundaryMap], found: &BoundaryPool) -> Result<()> {
        self.images.push(ImageCounts::new(id, drawn, found)?);
        Ok(())
    }

    /// Adds an image that was measured before.
    ///
    /// # Errors
    /// [`Error::NoLevels`](crate::Error::NoLevels), [`Error::DuplicateLevel`](crate::Error::DuplicateLevel) and
    /// [`Error::LevelsOutOfOrder`](crate::Error::LevelsOutOfOrder) for counts that do not hold each level once, in order.
    pub fn add(&mut self, counts: ImageCounts) -> Result<()> {
        check_kept(&counts.id, counts.levels.iter().map(|row| row.level))?;
        self.images.push(counts);
        Ok(())
    }

    /// The measures of all images so far.
    ///
    /// # Errors
    /// [`Error::NoImages`](crate::Error::NoImages); [`Error::LevelsDiffer`](crate::Error::LevelsDiffer) where images
    /// have other places or thresholds.
    pub fn report(&self) -> Result<BoundaryReport> {
        BoundaryReport::collect(&self.images)
    }
}

#[cfg(test)]
mod tests {
    use segmentation::LabelMap;
    use test_support::refused;

    use super::*;
    use crate::error::Error;
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
        refused! { evaluation.report() => Error::NoImages }
    }

    #[test]
    fn counts_kept_as_json_are_the_same_counts() {
        let counts = ImageCounts::new("7", &[map(4)], &pool(&[2, 3])).unwrap();
        let json = serde_json::to_string(&counts).unwrap();
        let read: ImageCounts = serde_json::from_str(&json).unwrap();
        assert_eq!(read, counts);
        let (mut measured, mut resumed) =
            (BoundaryEvaluation::default(), BoundaryEvaluation::default());
        measured.push("7", &[map(4)], &pool(&[2, 3])).unwrap();
        resumed.add(read).unwrap();
        assert_eq!(resumed.report().unwrap(), measured.report().unwrap());
        for (spoilt, word) in [
            (json.replace("\"clusters\":3", "\"clusters\":2"), "2 twice"),
            (
                json.replace("\"clusters\":3", "\"clusters\":1"),
                "1 after 2",
            ),
            (r#"{"id":"7","levels":[]}"#.to_owned(), "found none"),
        ] {
            let spoilt = serde_json::from_str(&spoilt).unwrap();
            let error = resumed.add(spoilt).unwrap_err().to_string();
            assert!(error.contains(word), "{error}");
        }
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
