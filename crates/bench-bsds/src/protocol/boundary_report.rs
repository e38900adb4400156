//! The boundary measure of a dataset, together and row by row.

use serde::Serialize;

use super::image_counts::{ImageCounts, LevelCounts};
use super::levels::{at_level, shared_levels};
use crate::error::Result;
use crate::metrics::{BoundaryCounts, BoundaryScore};
use crate::segmentation::Level;

/// One level over all images: their counts added up.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct BoundaryLevelRow {
    /// The level.
    pub level: Level,
    /// Recall, precision and F.
    #[serde(flatten)]
    pub score: BoundaryScore,
}

/// One image at its own best level.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BoundaryImageRow {
    /// The image's id.
    pub id: String,
    /// The level, between two of those measured where F is highest there.
    pub level: f64,
    /// Recall, precision and F at that level.
    #[serde(flatten)]
    pub score: BoundaryScore,
}

/// The boundary measure of a dataset.
///
/// ```text
/// ods    the highest F of the counts added over images at one level; between two levels R and P run straight, in
///        99 steps
/// ois    F of the counts added over images, each at its own level of highest F
/// AP     0.01 Σ P(R)     over R = 0, 0.01, …, 1; P runs straight between the recalls measured and is 0 beyond them
/// ```
///
/// # Conventions
/// Where two levels are equally good the first counts, also where two have the same recall.
///
/// # Source
/// Arbeláez, Maire, Fowlkes, Malik, TPAMI 33(5), 2011, and the benchmark published with it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct BoundaryReport {
    /// The number of images.
    pub images: usize,
    /// One level for all images.
    pub ods: BoundaryScore,
    /// The level of `ods`, between two of those measured where F is highest there.
    pub ods_level: f64,
    /// Each image at its own best level.
    pub ois: BoundaryScore,
    /// The area under the curve of precision over recall.
    pub average_precision: f64,
    /// Every level, in order.
    pub per_level: Vec<BoundaryLevelRow>,
    /// Every image, in the order measured.
    pub per_image: Vec<BoundaryImageRow>,
}

impl BoundaryReport {
    pub(super) fn collect(images: &[ImageCounts]) -> Result<Self> {
        let names = |image: &ImageCounts| image.levels.iter().map(|row| row.level).collect();
        let levels = shared_levels(images.iter().map(|image| (&*image.id, names(image))))?;
        let per_level: Vec<_> = levels
            .iter()
            .map(|level| {
                let at =
                    |image: &ImageCounts| at_level(&image.levels, |row| row.level, level).counts;
                let counts: BoundaryCounts = images.iter().map(at).sum();
                BoundaryLevelRow {
                    level: *level,
                    score: counts.score(),
                }
            })
            .collect();
        let per_image = images
            .iter()
            .map(|image| {
                let rows: Vec<_> = image.levels.iter().map(level_row).collect();
                let (level, score) = best_between(&rows);
                BoundaryImageRow {
                    id: image.id.clone(),
                    level,
                    score,
                }
            })
            .collect();
        let own_best: BoundaryCounts = images.iter().map(best_counts).sum();
        let (ods_level, ods) = best_between(&per_level);
        Ok(Self {
            images: images.len(),
            ods,
            ods_level,
            ois: own_best.score(),
            average_precision: area(&per_level),
            per_level,
            per_image,
        })
    }
}

fn level_row(row: &LevelCounts) -> BoundaryLevelRow {
    BoundaryLevelRow {
        level: row.level,
        score: row.counts.score(),
    }
}

/// The counts at the level of highest F, the first where several are equal.
fn best_counts(image: &ImageCounts) -> BoundaryCounts {
    let mut best = image.levels[0].counts;
    for row in &image.levels {
        if row.counts.score().f > best.score().f {
            best = row.counts;
        }
    }
    best
}

/// Steps from one level to the next.
const STEPS: u32 = 99;

/// The level of highest F, and the score there.
fn best_between(rows: &[BoundaryLevelRow]) -> (f64, BoundaryScore) {
    let mut best = (rows[0].level.value(), rows[0].score);
    for pair in rows.windows(2) {
        let [before, after] = [&pair[0], &pair[1]];
        for step in 0..=STEPS {
            let share = f64::from(step) / f64::from(STEPS);
            let between = |a: f64, b: f64| b * share + a * (1.0 - share);
            let score = BoundaryScore::new(
                between(before.score.recall, after.score.recall),
                between(before.score.precision, after.score.precision),
            );
            if score.f > best.1.f {
                best = (between(before.level.value(), after.level.value()), score);
            }
        }
    }
    best
}

/// The area under precision over recall.
fn area(rows: &[BoundaryLevelRow]) -> f64 {
    let mut curve: Vec<_> = rows
        .iter()
        .map(|row| (row.score.recall, row.score.precision))
        .collect();
    // Stable: of equal recalls the first level stays.
    curve.sort_by(|a, b| a.0.total_cmp(&b.0));
    curve.dedup_by(|later, earlier| later.0 == earlier.0);
    if curve.len() < 2 {
        return 0.0;
    }
    let precision_at = |recall: f64| {
        let above = curve.partition_point(|point| point.0 < recall);
        match (
            above.checked_sub(1).map(|below| curve[below]),
            curve.get(above),
        ) {
            (_, Some((exact, precision))) if *exact == recall => *precision,
            (Some((before, low)), Some((after, high))) => {
                low + (high - low) * (recall - before) / (after - before)
            }
            _ => 0.0,
        }
    };
    let sum: f64 = (0..=100)
        .map(|hundredth| precision_at(f64::from(hundredth) / 100.0))
        .sum();
    sum * 0.01
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(drawn_matched: u64, drawn: u64, found_matched: u64, found: u64) -> BoundaryCounts {
        BoundaryCounts {
            drawn_matched,
            drawn,
            found_matched,
            found,
        }
    }

    fn image(id: &str, rows: &[BoundaryCounts]) -> ImageCounts {
        let levels = rows.iter().zip(1..);
        ImageCounts {
            id: id.to_owned(),
            levels: levels
                .map(|(counts, place)| LevelCounts {
                    level: Level::Place(place),
                    counts: *counts,
                })
                .collect(),
        }
    }

    #[test]
    fn counts_add_up_over_images() {
        let images = [
            image("a", &[counts(80, 100, 40, 80), counts(50, 100, 30, 40)]),
            image("b", &[counts(20, 100, 5, 20), counts(10, 100, 5, 10)]),
        ];
        let report = BoundaryReport::collect(&images).unwrap();
        assert_eq!(report.images, 2);
        let [first, second] = [0, 1].map(|index| report.per_level[index].score);
        assert_eq!((first.recall, first.precision), (0.5, 0.45));
        assert_eq!((second.recall, second.precision), (0.3, 0.7));
        // Image a is best at the first level, image b too: 2 · 0.25 · 0.2 / 0.45 against 2 · 0.5 · 0.1 / 0.6.
        assert_eq!(report.ois, first);
        let ids: Vec<_> = report.per_image.iter().map(|row| &*row.id).collect();
        assert_eq!(ids, ["a", "b"]);
    }

    #[test]
    fn the_best_may_lie_between_two_levels() {
        let images = [image("a", &[counts(9, 10, 3, 10), counts(3, 10, 9, 10)])];
        let report = BoundaryReport::collect(&images).unwrap();
        // R = P = 0.6 in the middle; 99 steps pass it by half a step.
        assert!((report.ods.f - 0.6).abs() < 1e-4 && report.ods.f > 0.599);
        assert!((report.ods_level - 1.5).abs() < 0.006);
        assert_eq!(report.ois.f, images[0].levels[0].counts.score().f);
        assert_eq!(report.per_image[0].level, report.ods_level);
    }

    #[test]
    fn area_by_hand() {
        let row = |place, recall, precision| BoundaryLevelRow {
            level: Level::Place(place),
            score: BoundaryScore::new(recall, precision),
        };
        // P = 1 from R = 0.2 to 0.4: 21 of the hundredths.
        assert!((area(&[row(1, 0.4, 1.0), row(2, 0.2, 1.0)]) - 0.21).abs() < 1e-12);
        // From 1 to 0.5 over R = 0.2, 0.21, …, 0.4 the mean is 3/4; the second level of recall 0.4 is not seen.
        let falling = [row(1, 0.4, 0.5), row(2, 0.4, 0.9), row(3, 0.2, 1.0)];
        assert!((area(&falling) - 0.21 * 0.75).abs() < 1e-12);
        // One recall is no curve.
        assert_eq!(area(&[row(1, 0.4, 1.0), row(2, 0.4, 0.5)]), 0.0);
    }

    #[test]
    fn json_has_the_words_that_scripts_look_for() {
        let report = BoundaryReport::collect(&[image("a", &[counts(1, 2, 1, 2)])]).unwrap();
        let json = serde_json::to_value(report).unwrap();
        for path in [
            "/ods/f",
            "/ois/recall",
            "/per_level/0/precision",
            "/per_image/0/f",
        ] {
            assert_eq!(
                json.pointer(path).and_then(serde_json::Value::as_f64),
                Some(0.5),
                "{path}"
            );
        }
    }
}
