//! The measures of a dataset, together and row by row.

use serde::Serialize;

use super::image_measures::{ImageMeasures, LevelMeasures};
use super::levels::shared_levels;
use crate::error::Result;
use crate::segmentation::Level;

/// A measure at its best level: one level for all images, and each image's own.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Measure {
    /// The best value over levels, one level for the whole dataset.
    pub ods: f64,
    /// Each image at its own best level.
    pub ois: f64,
    /// The level of `ods`.
    pub ods_level: Level,
}

/// The official covering.
///
/// ```text
/// covered(i, ℓ) = Σ |R| maxₛ O(S, R)     over all regions R of all annotators of image i, S at level ℓ
/// ods  = maxₗ Σᵢ covered(i, ℓ) / Σᵢ Σ |R|
/// ois  = Σᵢ maxₗ covered(i, ℓ) / Σᵢ Σ |R|
/// best = Σᵢ Σ |R| maxₗ,ₛ O(S, R) / Σᵢ Σ |R|
/// ```
///
/// So an image counts by its annotators times its pixels.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Covering {
    /// One level for all images.
    pub ods: f64,
    /// Each image at its own best level.
    pub ois: f64,
    /// Each human region at its own best level.
    pub best: f64,
    /// The level of `ods`.
    pub ods_level: Level,
}

/// Covering by annotator: every image counts once, for any size and number of annotators.
///
/// For one image: the mean over its annotators of the covering of that one's regions.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct AverageCovering {
    /// One level for all images.
    pub ods: f64,
    /// Each image at its own best level.
    pub ois: f64,
    /// The level of `ods`.
    pub ods_level: Level,
    /// The same with the best annotator of each image, not the mean.
    pub best_annotator: Measure,
}

/// One level over all images.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct LevelRow {
    /// The level.
    pub level: Level,
    /// Official covering: pixels covered over pixels, both summed over images.
    pub covering: f64,
    /// Mean probabilistic Rand index.
    pub pri: f64,
    /// Mean variation of information, in bits.
    pub vi: f64,
    /// Mean over images of the mean over annotators.
    pub average_covering: f64,
    /// Mean over images of the best annotator's covering.
    pub best_annotator: f64,
}

/// One image over all levels.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ImageRow {
    /// The image's id.
    pub id: String,
    /// Its number of annotators.
    pub annotators: usize,
    /// The highest covering over levels.
    pub covering: f64,
    /// Its level, the first where several are equal.
    pub covering_level: Level,
    /// At that level, the covering of the segments by the regions of all annotators.
    pub covering_of_segments: f64,
    /// The covering with each region at its own best level.
    pub covering_best: f64,
    /// The highest probabilistic Rand index over levels.
    pub pri: f64,
    /// Its level.
    pub pri_level: Level,
    /// The lowest variation of information over levels, in bits.
    pub vi: f64,
    /// Its level.
    pub vi_level: Level,
    /// The highest average covering over levels: equal to `covering`, as all annotators saw the same pixels.
    pub average_covering: f64,
    /// The highest covering of one annotator's regions over levels.
    pub best_annotator: f64,
}

/// Every measure of a dataset.
///
/// # Units
/// `vi` in bits, lower is better; all others from 0 to 1, higher is better.
///
/// # Conventions
/// PRI and VI are means over annotators, then over images. Where two levels are equally good the first is named.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// The number of images.
    pub images: usize,
    /// The official covering.
    pub covering: Covering,
    /// The probabilistic Rand index.
    pub pri: Measure,
    /// The variation of information.
    pub vi: Measure,
    /// Covering by annotator.
    pub average_covering: AverageCovering,
    /// Every level, in order.
    pub per_level: Vec<LevelRow>,
    /// Every image, in the order measured.
    pub per_image: Vec<ImageRow>,
}

impl Report {
    pub(super) fn collect(images: &[ImageMeasures]) -> Result<Self> {
        let levels = shared_levels(images.iter().map(|image| (&*image.id, image.level_names())))?;
        let region_pixels: f64 = images.iter().map(|image| image.region_pixels).sum();
        let share = |covered: f64| covered / region_pixels;
        let per_level: Vec<_> = levels
            .iter()
            .map(|level| {
                let mean =
                    |of: fn(&LevelMeasures) -> f64| mean_over(images, |image| of(image.at(level)));
                LevelRow {
                    level: *level,
                    covering: share(images.iter().map(|image| image.at(level).covered).sum()),
                    pri: mean(|row| row.rand_index),
                    vi: mean(|row| row.information),
                    average_covering: mean(|row| row.average_covering),
                    best_annotator: mean(|row| row.best_annotator),
                }
            })
            .collect();
        let per_image: Vec<_> = images.iter().map(image_row).collect();
        let best = |of: fn(&LevelRow) -> f64| &per_level[highest(&per_level, of)];
        let (covering, pri) = (best(|row| row.covering), best(|row| row.pri));
        let (vi, average) = (best(|row| -row.vi), best(|row| row.average_covering));
        let annotator = best(|row| row.best_annotator);
        let mean = |of: fn(&ImageRow) -> f64| mean_over(&per_image, of);
        let ois = images
            .iter()
            .map(|image| image.levels[highest(&image.levels, |row| row.covered)].covered)
            .sum();
        Ok(Self {
            images: images.len(),
            covering: Covering {
                ods: covering.covering,
                ois: share(ois),
                best: share(images.iter().map(|image| image.best_covered).sum()),
                ods_level: covering.level,
            },
            pri: Measure {
                ods: pri.pri,
                ois: mean(|row| row.pri),
                ods_level: pri.level,
            },
            vi: Measure {
                ods: vi.vi,
                ois: mean(|row| row.vi),
                ods_level: vi.level,
            },
            average_covering: AverageCovering {
                ods: average.average_covering,
                ois: mean(|row| row.average_covering),
                ods_level: average.level,
                best_annotator: Measure {
                    ods: annotator.best_annotator,
                    ois: mean(|row| row.best_annotator),
                    ods_level: annotator.level,
                },
            },
            per_level,
            per_image,
        })
    }
}

fn image_row(image: &ImageMeasures) -> ImageRow {
    let best = |of: fn(&LevelMeasures) -> f64| &image.levels[highest(&image.levels, of)];
    let covering = best(|row| row.covered);
    let (pri, vi) = (best(|row| row.rand_index), best(|row| -row.information));
    ImageRow {
        id: image.id.clone(),
        annotators: image.annotators,
        covering: covering.covered / image.region_pixels,
        covering_level: covering.level,
        covering_of_segments: covering.segments_covered / covering.segment_pixels.max(1.0),
        covering_best: image.best_covered / image.region_pixels,
        pri: pri.rand_index,
        pri_level: pri.level,
        vi: vi.information,
        vi_level: vi.level,
        average_covering: best(|row| row.average_covering).average_covering,
        best_annotator: best(|row| row.best_annotator).best_annotator,
    }
}

/// The place of the highest value, the first where several are equal.
fn highest<T>(rows: &[T], of: impl Fn(&T) -> f64) -> usize {
    let values: Vec<_> = rows.iter().map(of).collect();
    (1..values.len()).fold(0, |best, place| {
        if values[place] > values[best] {
            place
        } else {
            best
        }
    })
}

fn mean_over<T>(rows: &[T], of: impl Fn(&T) -> f64) -> f64 {
    rows.iter().map(of).sum::<f64>() / rows.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(
        id: &str,
        region_pixels: f64,
        best_covered: f64,
        rows: &[(u32, f64, f64, f64)],
    ) -> ImageMeasures {
        let row =
            |(clusters, covering, rand_index, information): &(u32, f64, f64, f64)| LevelMeasures {
                level: Level::Clusters(*clusters),
                covered: covering * region_pixels,
                segments_covered: 40.0,
                segment_pixels: 80.0,
                rand_index: *rand_index,
                information: *information,
                average_covering: *covering,
                best_annotator: covering + 0.125,
            };
        let levels = rows.iter().map(row).collect();
        ImageMeasures {
            id: id.to_owned(),
            annotators: 2,
            levels,
            best_covered,
            region_pixels,
        }
    }

    /// Two images, the second three times as heavy, with best levels 2 and 3.
    fn two_images() -> [ImageMeasures; 2] {
        [
            image(
                "a",
                100.0,
                90.0,
                &[(2, 0.75, 0.5, 1.0), (3, 0.5, 0.75, 3.0)],
            ),
            image(
                "b",
                300.0,
                240.0,
                &[(2, 0.25, 0.5, 2.0), (3, 0.5, 0.5, 1.0)],
            ),
        ]
    }

    #[test]
    fn measures_by_hand() {
        let report = Report::collect(&two_images()).unwrap();
        // Level 2: (75 + 75) / 400; level 3: (50 + 150) / 400. Each its own: (75 + 150) / 400.
        let expected = Covering {
            ods: 0.5,
            ois: 0.5625,
            best: 0.825,
            ods_level: Level::Clusters(3),
        };
        assert_eq!(report.covering, expected);
        // Every image once: level 2 and 3 both have a mean of 1/2, and the first is named.
        let annotator = Measure {
            ods: 0.625,
            ois: 0.75,
            ods_level: Level::Clusters(2),
        };
        let average = AverageCovering {
            ods: 0.5,
            ois: 0.625,
            ods_level: Level::Clusters(2),
            best_annotator: annotator,
        };
        assert_eq!(report.average_covering, average);
        assert_eq!(
            report.pri,
            Measure {
                ods: 0.625,
                ois: 0.625,
                ods_level: Level::Clusters(3)
            }
        );
        assert_eq!(
            report.vi,
            Measure {
                ods: 1.5,
                ois: 1.0,
                ods_level: Level::Clusters(2)
            }
        );
        assert_eq!(report.images, 2);
        let row = &report.per_image[1];
        assert_eq!(
            (row.covering, row.covering_level, row.vi_level),
            (0.5, Level::Clusters(3), Level::Clusters(3))
        );
        assert_eq!(
            (row.covering_best, row.covering_of_segments, row.pri_level),
            (0.8, 0.5, Level::Clusters(2))
        );
        assert_eq!(report.per_level.len(), 2);
        assert_eq!(report.per_level[0].covering, 0.375);
    }

    #[test]
    fn an_image_that_lacks_a_level_is_read_at_the_one_below() {
        let images = [
            two_images()[0].clone(),
            image("c", 100.0, 50.0, &[(2, 0.5, 0.5, 1.0)]),
        ];
        let report = Report::collect(&images).unwrap();
        assert_eq!(report.per_level[1].covering, (50.0 + 50.0) / 200.0);
        assert_eq!(report.covering.ods, (75.0 + 50.0) / 200.0);
    }

    #[test]
    fn json_has_the_words_that_scripts_look_for() {
        let json = serde_json::to_value(Report::collect(&two_images()).unwrap()).unwrap();
        for (path, value) in [
            ("/covering/ods", 0.5),
            ("/covering/ois", 0.5625),
            ("/covering/best", 0.825),
            ("/covering/ods_level", 3.0),
            ("/pri/ois", 0.625),
            ("/vi/ods", 1.5),
            ("/average_covering/ois", 0.625),
            ("/average_covering/best_annotator/ods", 0.625),
            ("/images", 2.0),
            ("/per_image/0/covering_level", 2.0),
        ] {
            assert_eq!(
                json.pointer(path).and_then(serde_json::Value::as_f64),
                Some(value),
                "{path}"
            );
        }
    }
}
