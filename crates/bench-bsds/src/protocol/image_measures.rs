//! Every measure of one image at every level of its pool.

use rayon::prelude::*;
use segmentation::LabelMap;
use serde::{Deserialize, Serialize};

use super::levels::at_level;
use crate::dataset::size_of;
use crate::error::{Error, Result};
use crate::metrics::{
    ContingencyTable, Overlaps, Regions, covered, rand_index, variation_of_information,
};
use crate::segmentation::{Level, LevelWithKind, Pool, Segments};

/// The regions of one image, measured at every level, as [`Evaluation`](super::Evaluation) stores it.
///
/// As JSON it reads back to the bit, so that a long measurement can be resumed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ImageMeasures {
    pub(crate) id: String,
    pub(crate) annotators: usize,
    /// In the order of levels.
    pub(crate) levels: Vec<LevelMeasures>,
    /// Pixels covered when every region takes its best segment over all levels.
    pub(crate) best_covered: f64,
    /// Pixels in all regions of all annotators.
    pub(crate) region_pixels: f64,
}

/// One image at one level, against all its annotators.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct LevelMeasures {
    #[serde(with = "LevelWithKind")]
    pub(crate) level: Level,
    /// Pixels of all annotators' regions, each times its region's best overlap.
    pub(crate) covered: f64,
    /// Pixels of all segments, each times its segment's best overlap with any annotator's region.
    pub(crate) segments_covered: f64,
    /// Pixels in all segments.
    pub(crate) segment_pixels: f64,
    /// Mean over annotators.
    pub(crate) rand_index: f64,
    /// Mean over annotators.
    pub(crate) information: f64,
    /// Mean over annotators of each one's covering.
    pub(crate) average_covering: f64,
    /// The highest of the annotators' coverings.
    pub(crate) best_annotator: f64,
}

impl ImageMeasures {
    /// Measures `pool` against `annotations`; `id` names the image in messages. Levels are measured in parallel.
    ///
    /// # Errors
    /// As [`Evaluation::push`](super::Evaluation::push).
    pub fn new(id: &str, annotations: &[LabelMap], pool: &Pool) -> Result<Self> {
        check(id, annotations, pool)?;
        let regions: Vec<_> = annotations.iter().map(Regions::new).collect();
        // Where levels merge pieces, pixels are counted once and pieces from then on.
        let of_pieces: Option<Vec<_>> = pool.pieces().map(|pieces| {
            let pieces = Regions::new(pieces);
            regions
                .par_iter()
                .map(|regions| ContingencyTable::count(&pieces, regions))
                .collect()
        });
        let mut measured: Vec<_> = pool
            .levels()
            .into_par_iter()
            .enumerate()
            .map(|(index, level)| {
                let tables = tables(pool, index, &regions, of_pieces.as_deref());
                measure(level, &tables)
            })
            .collect();
        measured.sort_by(|(a, _), (b, _)| a.level.order(&b.level));
        let mut best: Vec<Vec<f64>> = regions
            .iter()
            .map(|regions| vec![0.0; regions.sizes.len()])
            .collect();
        for (_, overlaps) in &measured {
            for (best, found) in best.iter_mut().flatten().zip(overlaps.iter().flatten()) {
                *best = best.max(*found);
            }
        }
        Ok(Self {
            id: id.to_owned(),
            annotators: annotations.len(),
            levels: measured.into_iter().map(|(measures, _)| measures).collect(),
            best_covered: regions
                .iter()
                .zip(&best)
                .map(|(regions, best)| covered(&regions.sizes, best))
                .sum(),
            region_pixels: regions
                .iter()
                .flat_map(|regions| &regions.sizes)
                .sum::<u64>() as f64,
        })
    }
}

impl ImageMeasures {
    /// The levels, in their order.
    pub fn level_names(&self) -> Vec<Level> {
        self.levels.iter().map(|row| row.level).collect()
    }

    /// The measures at a level, or where it is missing as [`at_level`] says.
    pub(crate) fn at(&self, level: &Level) -> &LevelMeasures {
        at_level(&self.levels, |row| row.level, level)
    }

    /// The same with every number of the official benchmark at the six digits its files keep.
    pub(crate) fn rounded_as_filed(&self) -> Self {
        let rounded = |row: &LevelMeasures| LevelMeasures {
            covered: to_six_digits(row.covered),
            segments_covered: to_six_digits(row.segments_covered),
            segment_pixels: to_six_digits(row.segment_pixels),
            rand_index: to_six_digits(row.rand_index),
            information: to_six_digits(row.information),
            ..row.clone()
        };
        Self {
            levels: self.levels.iter().map(rounded).collect(),
            best_covered: to_six_digits(self.best_covered),
            region_pixels: to_six_digits(self.region_pixels),
            ..self.clone()
        }
    }
}

/// The decimal number of six significant digits nearest to `number`.
fn to_six_digits(number: f64) -> f64 {
    // Rust writes and reads decimals exactly; arithmetic with powers of ten would not.
    format!("{number:.5e}").parse().unwrap_or(number)
}

fn check(id: &str, annotations: &[LabelMap], pool: &Pool) -> Result<()> {
    let Some(first) = annotations.first() else {
        return Err(Error::NoAnnotations {
            image: id.to_owned(),
        });
    };
    pool.check_levels(id)?;
    let expected = size_of(first);
    let sized = |name: &str, map: &LabelMap| match size_of(map) {
        found if found == expected => Ok(()),
        found => Err(Error::SizeMismatch {
            name: format!("image {id}: {name}"),
            expected,
            found,
        }),
    };
    annotations
        .iter()
        .try_for_each(|map| sized("annotation", map))?;
    pool.maps()
        .into_iter()
        .try_for_each(|map| sized("segmentation", map))
}

/// The tables of one level against every annotator.
fn tables(
    pool: &Pool,
    index: usize,
    regions: &[Regions],
    of_pieces: Option<&[ContingencyTable]>,
) -> Vec<ContingencyTable> {
    let unlabelled = |zero: Option<u32>| zero.filter(|_| pool.zero_is_unlabelled());
    match (pool.segments(index), of_pieces) {
        (Segments::Merged(segment_of), Some(of_pieces)) => {
            let count = segment_of
                .iter()
                .copied()
                .max()
                .map_or(0, |last| last as usize + 1);
            // Segment 0 is counted even where it is empty: then no cell names it.
            of_pieces
                .iter()
                .map(|table| {
                    table
                        .merged(segment_of, count)
                        .with_unlabelled(unlabelled(Some(0)))
                })
                .collect()
        }
        (Segments::Map(map), _) => {
            let segments = Regions::new(map);
            let zero = unlabelled(segments.zero);
            regions
                .iter()
                .map(|regions| ContingencyTable::count(&segments, regions).with_unlabelled(zero))
                .collect()
        }
        (Segments::Merged(_), None) => unreachable!("a pool whose levels merge pieces has pieces"),
    }
}

/// The measures, and every annotator's best overlap of each region.
fn measure(level: Level, tables: &[ContingencyTable]) -> (LevelMeasures, Vec<Vec<f64>>) {
    let annotators = tables.len() as f64;
    let overlaps: Vec<_> = tables.iter().map(Overlaps::new).collect();
    let mean = |of_table: fn(&ContingencyTable) -> f64| {
        tables.iter().map(of_table).sum::<f64>() / annotators
    };
    let coverings: Vec<_> = overlaps.iter().map(Overlaps::covering).collect();
    let (segments_covered, segment_pixels) = covered_segments(tables, &overlaps);
    let measures = LevelMeasures {
        level,
        covered: overlaps.iter().map(Overlaps::covered).sum(),
        segments_covered,
        segment_pixels,
        rand_index: mean(rand_index),
        information: mean(variation_of_information),
        average_covering: coverings.iter().sum::<f64>() / annotators,
        best_annotator: coverings.into_iter().fold(0.0, f64::max),
    };
    (
        measures,
        overlaps
            .iter()
            .map(|overlaps| overlaps.of_regions().to_vec())
            .collect(),
    )
}

/// Segments weighted by their best overlap with a region of any annotator, and their pixels; those of no segment are
/// left out.
fn covered_segments(tables: &[ContingencyTable], overlaps: &[Overlaps]) -> (f64, f64) {
    let Some(first) = tables.first() else {
        return (0.0, 0.0);
    };
    let (mut covered, mut pixels) = (0.0, 0);
    for (segment, size) in first.segment_sizes().iter().enumerate() {
        if first
            .unlabelled()
            .is_some_and(|unlabelled| unlabelled as usize == segment)
        {
            continue;
        }
        let best = overlaps
            .iter()
            .map(|overlaps| overlaps.of_segments()[segment])
            .fold(0.0, f64::max);
        covered += *size as f64 * best;
        pixels += size;
    }
    (covered, pixels as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::segmentation::{Thresholds, Ucm};

    fn map(ids: &[u32]) -> LabelMap {
        LabelMap::new(ids.len(), 1, ids.to_vec()).unwrap()
    }

    fn close(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-14, "{found} {expected}");
    }

    #[test]
    fn two_annotators_and_two_levels_by_hand() {
        let annotations = [map(&[1, 1, 2, 2]), map(&[1, 1, 1, 1])];
        let pool = Pool::from(vec![
            (Level::Clusters(2), map(&[0, 0, 0, 1])),
            (Level::Clusters(1), map(&[5, 5, 5, 5])),
        ]);
        let measures = ImageMeasures::new("7", &annotations, &pool).unwrap();
        let [one, two] = &measures.levels[..] else {
            panic!("two levels")
        };
        // One segment: halves overlap it by 1/2, the whole by 1.
        assert_eq!(one.level, Level::Clusters(1));
        close(one.covered, 2.0 * 0.5 + 2.0 * 0.5 + 4.0);
        close(one.segments_covered, 4.0);
        close(one.segment_pixels, 4.0);
        close(one.average_covering, 0.75);
        close(one.best_annotator, 1.0);
        close(one.rand_index, (1.0 / 3.0 + 1.0) / 2.0);
        close(one.information, 0.5);
        // Segments of 3 and 1: the halves at 2/3 and 1/2, the whole at 3/4.
        assert_eq!(two.level, Level::Clusters(2));
        close(two.covered, 2.0 * (2.0 / 3.0) + 2.0 * 0.5 + 4.0 * 0.75);
        close(two.segments_covered, 3.0 * 0.75 + 0.5);
        close(
            two.average_covering,
            ((2.0 * (2.0 / 3.0) + 1.0) / 4.0 + 0.75) / 2.0,
        );
        close(two.best_annotator, 0.75);
        // Best: 2/3 and 1/2 from one level or the other, 1 from the first.
        close(measures.best_covered, 2.0 * (2.0 / 3.0) + 2.0 * 0.5 + 4.0);
        assert_eq!((measures.region_pixels, measures.annotators), (8.0, 2));
    }

    #[test]
    fn a_contour_map_is_measured_as_its_label_maps_are() {
        use rand::{RngExt, SeedableRng};
        let mut random = rand_pcg::Pcg64::seed_from_u64(6);
        let (width, height) = (41, 31);
        let strengths = (0..width * height).map(|cell| {
            let pixel = cell % width % 2 == 1 && cell / width % 2 == 1;
            if pixel && random.random_range(0..30) > 0 {
                0.0
            } else {
                random.random_range(0.3..1.0)
            }
        });
        let swept = Ucm::new(width, height, strengths.collect())
            .unwrap()
            .pool(&Thresholds::official(9).unwrap())
            .unwrap();
        let maps: Vec<_> = swept
            .levels()
            .into_iter()
            .enumerate()
            .map(|(i, level)| (level, swept.label_map(i).unwrap()))
            .collect();
        let mapped = Pool::from(maps).with_zero_unlabelled();
        let annotations: Vec<_> = (3..6)
            .map(|cut| {
                LabelMap::new(
                    20,
                    15,
                    (0..300)
                        .map(|pixel| (pixel % 20) / cut + 7 * (pixel / 100))
                        .collect(),
                )
                .unwrap()
            })
            .collect();
        let (a, b) = (
            ImageMeasures::new("a", &annotations, &swept).unwrap(),
            ImageMeasures::new("b", &annotations, &mapped).unwrap(),
        );
        close(a.best_covered, b.best_covered);
        for (a, b) in a.levels.iter().zip(&b.levels) {
            assert_eq!(a.level, b.level);
            // Sums over segments run in another order.
            let pairs = [
                (a.covered, b.covered),
                (a.segments_covered, b.segments_covered),
                (a.segment_pixels, b.segment_pixels),
                (a.rand_index, b.rand_index),
                (a.information, b.information),
                (a.average_covering, b.average_covering),
            ];
            pairs
                .iter()
                .for_each(|(a, b)| assert!((a - b).abs() <= 1e-12 * b.abs().max(1.0), "{a} {b}"));
        }
    }

    #[test]
    fn six_digits_by_hand() {
        let cases = [
            (1_080_807.0, 1_080_810.0),
            (0.123_456_7, 0.123_457),
            (772_005.0, 772_005.0),
            (0.0, 0.0),
        ];
        for (number, rounded) in cases {
            assert_eq!(to_six_digits(number), rounded);
        }
    }

    #[test]
    fn refuses_what_does_not_lie_on_the_same_pixels() {
        let pool = Pool::from(vec![(Level::Clusters(2), map(&[0, 1]))]);
        let message = |annotations: &[LabelMap], pool: &Pool| {
            ImageMeasures::new("7", annotations, pool)
                .unwrap_err()
                .to_string()
        };
        assert_eq!(
            message(&[], &pool),
            "image 7: expected at least one annotation, found none"
        );
        assert_eq!(
            message(&[map(&[1, 1, 1])], &pool),
            "image 7: segmentation: expected 3 × 1 pixels, found 2 × 1"
        );
        assert_eq!(
            message(&[map(&[1, 1]), map(&[1])], &pool),
            "image 7: annotation: expected 2 × 1 pixels, found 1 × 1"
        );
        assert!(
            message(&[map(&[1, 1])], &Pool::from(vec![]))
                .ends_with("expected at least one segmentation, found none")
        );
    }
}
