//! A dataset measured image by image.

use std::sync::Mutex;

use rayon::prelude::*;
use segmentation::LabelMap;

use super::image_measures::ImageMeasures;
use super::levels::check_kept;
use super::report::Report;
use crate::dataset::BsdsDataset;
use crate::error::{Error, Result};
use crate::segmentation::Pool;

/// How far a measurement has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress<'a> {
    /// Images measured.
    pub done: usize,
    /// Images in all.
    pub total: usize,
    /// The image just measured.
    pub image: &'a str,
}

/// Measures gathered one image at a time, from any source.
///
/// ```
/// use bench_bsds::{Evaluation, Level, Pool};
/// use segmentation::LabelMap;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let annotation = LabelMap::new(4, 1, vec![1, 1, 2, 2])?;
/// let found = LabelMap::new(4, 1, vec![0, 0, 7, 7])?;
/// let mut evaluation = Evaluation::default();
/// evaluation.push("photograph", &[annotation], &Pool::from(vec![(Level::Clusters(2), found)]))?;
/// let report = evaluation.report()?;
/// assert_eq!((report.covering.ods, report.vi.ods), (1.0, 0.0));
/// # Ok(())
/// # }
/// ```
///
/// # Cost
/// A few numbers for each image and level are kept; label maps are not.
#[derive(Clone, Debug, Default)]
pub struct Evaluation {
    pub(super) images: Vec<ImageMeasures>,
}

impl Evaluation {
    /// Measures one image.
    ///
    /// # Errors
    /// [`Error::NoAnnotations`], [`Error::NoLevels`], [`Error::DuplicateLevel`]; [`Error::SizeMismatch`] where a
    /// segmentation or an annotation has another size than the first annotation. Each names the image.
    pub fn push(&mut self, id: &str, annotations: &[LabelMap], pool: &Pool) -> Result<()> {
        self.images.push(ImageMeasures::new(id, annotations, pool)?);
        Ok(())
    }

    /// Adds an image that was measured before.
    ///
    /// # Errors
    /// [`Error::NoLevels`], [`Error::DuplicateLevel`] and [`Error::LevelsOutOfOrder`] for measures that do not hold each
    /// level once, in order.
    pub fn add(&mut self, measures: ImageMeasures) -> Result<()> {
        check_kept(&measures.id, measures.levels.iter().map(|row| row.level))?;
        self.images.push(measures);
        Ok(())
    }

    /// The measures of all images so far.
    ///
    /// # Errors
    /// [`Error::NoImages`]; [`Error::LevelsDiffer`] where images have other places or thresholds.
    pub fn report(&self) -> Result<Report> {
        Report::collect(&self.images)
    }

    /// The same from numbers of six digits, as the official benchmark computes it: its first step writes them for each
    /// image to files of six digits, its second reads those. Differs from [`Evaluation::report`] by 10⁻⁵ at most, and
    /// agrees with the official tables to the last digit.
    ///
    /// # Errors
    /// As [`Evaluation::report`].
    pub fn report_as_filed(&self) -> Result<Report> {
        let filed: Vec<_> = self
            .images
            .iter()
            .map(ImageMeasures::rounded_as_filed)
            .collect();
        Report::collect(&filed)
    }
}

/// Measures every image of a dataset, one after the other.
///
/// `pools` makes the segmentations of image `index`: read from disk, or by a network on the spot; a pool or a list of
/// levels and label maps. Levels and annotators of one image are measured in parallel. `progress` is called after
/// every image.
///
/// # Conventions
/// To choose one level for all images (ODS) their levels must be the same. Only numbers of clusters may differ: where
/// an image lacks one it is measured at its nearest lower number, and where it has none lower at its lowest.
///
/// # Errors
/// Those of `pools`, in the caller's type; those of [`BsdsDataset::annotations`], [`Evaluation::push`] and
/// [`Evaluation::report`].
pub fn evaluate<P, E>(
    dataset: &BsdsDataset,
    mut pools: impl FnMut(usize) -> std::result::Result<P, E>,
    mut progress: impl FnMut(Progress<'_>),
) -> std::result::Result<Report, E>
where
    P: Into<Pool>,
    E: From<Error>,
{
    let mut evaluation = Evaluation::default();
    for (index, image) in dataset.ids().iter().enumerate() {
        let pool = pools(index)?.into();
        evaluation.push(image, &dataset.annotations(index)?, &pool)?;
        progress(Progress {
            done: index + 1,
            total: dataset.len(),
            image,
        });
    }
    Ok(evaluation.report()?)
}

/// As [`evaluate`], several images at a time: for segmentations on disk.
///
/// The report is the same, to the bit. `progress` is called once an image, in the order they are done.
///
/// # Errors
/// As [`evaluate`]; where several images fail, any one of their errors.
pub fn evaluate_in_parallel<P, E>(
    dataset: &BsdsDataset,
    pools: impl Fn(usize) -> std::result::Result<P, E> + Sync,
    progress: impl FnMut(Progress<'_>) + Send,
) -> std::result::Result<Report, E>
where
    P: Into<Pool>,
    E: From<Error> + Send,
{
    let progress = Mutex::new((0, progress));
    let measured = dataset.ids().par_iter().enumerate().map(|(index, image)| {
        let pool = pools(index)?.into();
        let measures = ImageMeasures::new(image, &dataset.annotations(index)?, &pool)?;
        // A panic in the caller's closure ends the whole run anyway.
        let mut held = progress
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let (done, progress) = &mut *held;
        *done += 1;
        progress(Progress {
            done: *done,
            total: dataset.len(),
            image,
        });
        Ok(measures)
    });
    let images = measured.collect::<std::result::Result<Vec<_>, E>>()?;
    Ok(Report::collect(&images)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::mat5::written::{Writer, cells, file, structs, uint16};
    use crate::segmentation::Level;

    /// Three images of 4 × 1 pixels, whose one annotator drew two halves.
    fn dataset() -> (tempfile::TempDir, BsdsDataset) {
        let folder = tempfile::tempdir().unwrap();
        let annotator = structs(
            Writer::Little,
            "",
            &[(
                "Segmentation",
                uint16(Writer::Little, "", &[1, 4], &[1, 1, 2, 2]),
            )],
        );
        let truth = file(
            Writer::Little,
            &[cells(Writer::Little, "groundTruth", &[annotator])],
        );
        for id in ["a", "b", "c"] {
            image::RgbImage::new(4, 1)
                .save(folder.path().join(format!("{id}.jpg")))
                .unwrap();
            std::fs::write(folder.path().join(format!("{id}.mat")), &truth).unwrap();
        }
        let dataset = BsdsDataset::open_folders(folder.path(), folder.path()).unwrap();
        (folder, dataset)
    }

    /// Cut after `index + 1` pixels.
    fn cut(index: usize) -> Vec<(Level, LabelMap)> {
        let ids = (0..4).map(|pixel| u32::from(pixel > index)).collect();
        vec![(Level::Clusters(2), LabelMap::new(4, 1, ids).unwrap())]
    }

    #[test]
    fn measures_image_by_image_and_several_at_a_time_alike() {
        let (_folder, dataset) = dataset();
        let mut seen = Vec::new();
        let report = evaluate::<_, Error>(
            &dataset,
            |index| Ok(cut(index)),
            |progress| seen.push((progress.done, progress.total, progress.image.to_owned())),
        )
        .unwrap();
        // Two pixels of four overlap one half whole, or as 1/2 and 2/3.
        let expected = (2.0 * (0.5 + 2.0 / 3.0) + 4.0 + 2.0 * (2.0 / 3.0 + 0.5)) / 12.0;
        assert!((report.covering.ods - expected).abs() < 1e-15);
        assert_eq!(
            seen,
            [
                (1, 3, "a".to_owned()),
                (2, 3, "b".to_owned()),
                (3, 3, "c".to_owned())
            ]
        );
        let mut dones = Vec::new();
        let parallel = evaluate_in_parallel::<_, Error>(
            &dataset,
            |index| Ok(cut(index)),
            |progress| dones.push(progress.done),
        );
        assert_eq!((parallel.unwrap(), dones), (report, vec![1, 2, 3]));
    }

    #[test]
    fn measures_kept_as_json_are_the_same_measures() {
        let drawn = [LabelMap::new(4, 1, vec![1, 1, 2, 2]).unwrap()];
        let (mut measured, mut resumed) = (Evaluation::default(), Evaluation::default());
        for (index, id) in ["a", "b", "c"].into_iter().enumerate() {
            let pool = Pool::from(cut(index));
            measured.push(id, &drawn, &pool).unwrap();
            let measures = ImageMeasures::new(id, &drawn, &pool).unwrap();
            let json = serde_json::to_string(&measures).unwrap();
            let read: ImageMeasures = serde_json::from_str(&json).unwrap();
            assert_eq!(read, measures);
            resumed.add(read).unwrap();
        }
        assert_eq!(resumed.report().unwrap(), measured.report().unwrap());
        let mut emptied = measured.images[0].clone();
        emptied.levels.clear();
        assert!(matches!(resumed.add(emptied), Err(Error::NoLevels { .. })));
    }

    #[test]
    fn errors_of_the_source_and_of_the_measure_reach_the_caller() {
        #[derive(Debug)]
        enum Own {
            Network(usize),
            Measure(Error),
        }
        impl From<Error> for Own {
            fn from(error: Error) -> Self {
                Self::Measure(error)
            }
        }
        let (_folder, dataset) = dataset();
        let failing = |index| {
            if index == 1 {
                Err(Own::Network(index))
            } else {
                Ok(cut(index))
            }
        };
        assert!(matches!(
            evaluate(&dataset, failing, |_| ()),
            Err(Own::Network(1))
        ));
        assert!(matches!(
            evaluate_in_parallel(&dataset, failing, |_| ()),
            Err(Own::Network(1))
        ));
        let small = |_| {
            Ok(vec![(
                Level::Clusters(1),
                LabelMap::new(3, 1, vec![0; 3]).unwrap(),
            )])
        };
        match evaluate::<_, Own>(&dataset, small, |_| ()) {
            Err(Own::Measure(error)) => {
                assert_eq!(
                    error.to_string(),
                    "image a: segmentation: expected 4 × 1 pixels, found 3 × 1"
                );
            }
            other => panic!("{other:?}"),
        }
        assert!(matches!(
            Evaluation::default().report(),
            Err(Error::NoImages)
        ));
    }
}
