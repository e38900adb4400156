//! The boundaries of a dataset measured image by image.

use super::boundaries::BoundaryEvaluation;
use super::boundary_report::BoundaryReport;
use super::evaluate::Progress;
use crate::dataset::BsdsDataset;
use crate::error::{Error, Result};
use crate::metrics::BoundaryMap;
use crate::segmentation::BoundaryPool;

/// Measures the boundaries of every image of a dataset, one image after the other: [`evaluate`](super::evaluate()) for
/// boundaries.
///
/// `found` gives the boundaries of image `index`: of segmentations by [`BoundaryPool::from_segmentations`], of a soft
/// map by [`BoundaryPool::from_soft`], of files by [`SegmentationFolder::boundaries`](crate::SegmentationFolder::boundaries)
/// or [`BoundaryFolder::boundaries`](crate::BoundaryFolder::boundaries). Maps of one image are matched in parallel.
/// `progress` is called after every image.
///
/// ```no_run
/// use bench_bsds::{BoundaryFolder, BsdsDataset, Error, Split, Thresholds, evaluate_boundaries};
///
/// # fn main() -> bench_bsds::Result<()> {
/// let dataset = BsdsDataset::open("BSDS500", Split::Val)?;
/// let maps = BoundaryFolder::open("maps", dataset.ids(), Thresholds::official(99)?)?;
/// let report = evaluate_boundaries::<Error>(&dataset, |index| maps.boundaries(index), |_| ())?;
/// println!("F {:.3}, AP {:.3}", report.ods.f, report.average_precision);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// Those of `found`, in the caller's type; those of [`BsdsDataset::drawn_boundaries`], [`BoundaryEvaluation::push`] and
/// [`BoundaryEvaluation::report`].
///
/// # Cost
/// A [`BoundaryMatch`](crate::BoundaryMatch) for each level and annotator; four numbers a level are kept.
pub fn evaluate_boundaries<E: From<Error>>(
    dataset: &BsdsDataset,
    mut found: impl FnMut(usize) -> std::result::Result<BoundaryPool, E>,
    mut progress: impl FnMut(Progress<'_>),
) -> std::result::Result<BoundaryReport, E> {
    let mut evaluation = BoundaryEvaluation::default();
    for (index, image) in dataset.ids().iter().enumerate() {
        let pool = found(index)?;
        evaluation.push(image, &drawn_boundaries(dataset, index)?, &pool)?;
        progress(Progress {
            done: index + 1,
            total: dataset.len(),
            image,
        });
    }
    Ok(evaluation.report()?)
}

/// The boundaries that each annotator of image `index` drew.
fn drawn_boundaries(dataset: &BsdsDataset, index: usize) -> Result<Vec<BoundaryMap>> {
    Ok(dataset.drawn_boundaries(index)?.0)
}

#[cfg(test)]
mod tests {
    use segmentation::LabelMap;

    use super::*;
    use crate::dataset::mat5::written::{Writer, cells, file, structs, uint16};
    use crate::segmentation::{Level, Pool};

    /// Two images of 8 × 1 pixels, whose one annotator drew two halves.
    fn dataset() -> (tempfile::TempDir, BsdsDataset) {
        let folder = tempfile::tempdir().unwrap();
        let ids = uint16(Writer::Little, "", &[1, 8], &[1, 1, 1, 1, 2, 2, 2, 2]);
        let annotator = structs(Writer::Little, "", &[("Segmentation", ids)]);
        let truth = cells(Writer::Little, "groundTruth", &[annotator]);
        let truth = file(Writer::Little, &[truth]);
        for id in ["a", "b"] {
            let image = image::RgbImage::new(8, 1);
            image.save(folder.path().join(format!("{id}.jpg"))).unwrap();
            std::fs::write(folder.path().join(format!("{id}.mat")), &truth).unwrap();
        }
        let dataset = BsdsDataset::open_folders(folder.path(), folder.path()).unwrap();
        (folder, dataset)
    }

    /// Two segments, cut before pixel `at`.
    fn cut(width: usize, at: usize) -> Result<BoundaryPool> {
        let ids = (0..width).map(|pixel| u32::from(pixel >= at)).collect();
        let map = LabelMap::new(width, 1, ids).unwrap();
        BoundaryPool::from_segmentations(&Pool::from(vec![(Level::Clusters(2), map)]))
    }

    #[test]
    fn counts_of_all_images_are_added() {
        let (_folder, dataset) = dataset();
        let mut seen = Vec::new();
        // The boundary of the first image lies where it was drawn, that of the second three pixels away.
        let report = evaluate_boundaries::<Error>(
            &dataset,
            |index| cut(8, 4 + 3 * index),
            |progress| seen.push((progress.done, progress.total, progress.image.to_owned())),
        )
        .unwrap();
        assert_eq!((report.ods.recall, report.ods.precision), (0.5, 0.5));
        assert_eq!(report.per_image[0].score.f, 1.0);
        assert_eq!(report.per_image[1].score.f, 0.0);
        assert_eq!(seen, [(1, 2, "a".to_owned()), (2, 2, "b".to_owned())]);
    }

    #[test]
    fn errors_of_the_source_and_of_the_measure_reach_the_caller() {
        #[derive(Debug)]
        enum Own {
            Detector(usize),
            Measure(Error),
        }
        impl From<Error> for Own {
            fn from(error: Error) -> Self {
                Self::Measure(error)
            }
        }
        let (_folder, dataset) = dataset();
        let failing = |index| match index {
            1 => Err(Own::Detector(index)),
            _ => Ok(cut(8, 4)?),
        };
        let error = evaluate_boundaries(&dataset, failing, |_| ()).unwrap_err();
        assert!(matches!(error, Own::Detector(1)), "{error:?}");
        match evaluate_boundaries::<Own>(&dataset, |_| Ok(cut(5, 2)?), |_| ()) {
            Err(Own::Measure(error)) => assert_eq!(
                error.to_string(),
                "a: boundary map: expected 8 × 1 pixels, found 5 × 1"
            ),
            other => panic!("{other:?}"),
        }
    }
}
