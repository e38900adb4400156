//! A pool of segmentations of one image, over numbers of clusters.

use crate::assignment::{Candidates, GridScores, assign_pixels};
use crate::components::merge_small_pieces;
use crate::error::{Error, Result};
use crate::grid_vectors::GridVectors;
use crate::kmeans::KMeans;
use crate::label_map::LabelMap;
use crate::options::{Clustering, EmbeddingDimensions, SegmentOptions, check_cluster_counts};
use crate::points::{Centres, Points};
use crate::ward_tree::{WardTree, region_means};

/// One segmentation of the pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segmentation {
    /// The number of clusters asked for.
    pub k: usize,
    /// Clusters found: fewer than `k` where the grid has fewer distinct rows.
    pub clusters: usize,
    /// Connected segments, ids 0, 1, … in the order of first appearance.
    pub labels: LabelMap,
    /// Segments of `labels`.
    pub segments: usize,
}

/// A segmentation of `width × height` pixels for each number of clusters, in the order of [`SegmentOptions::cluster_counts`].
///
/// ```text
///     vectors → first columns, rows of unit length → k clusters → nearest centre of every pixel's interpolated row
///               → connected pieces → pieces below the smallest area merged
/// ```
///
/// # Conventions
/// Isolated positions (zero rows) go to the nearest centre as any other. The same input, options and seed give the same label maps,
/// with the feature `rayon` or without.
///
/// # Errors
/// - [`Error::NoClusterCounts`], and [`Error::ClusterCount`] for a number of clusters of zero or above that of grid positions;
/// - [`Error::SegmentOption`] for an option outside its range, [`Error::GridAxis`] for an axis that is none;
/// - [`Error::LabelMapShape`] for an image without pixels.
///
/// # Cost
/// A k-means on the grid and a few passes over the pixels for each number of clusters; with the feature `rayon` the numbers share the cores.
///
/// # Example
/// ```
/// use segmentation::{GridVectors, SegmentOptions, segmentation_pool};
/// # fn main() -> Result<(), segmentation::Error> {
/// // A 6 × 4 grid, a vector for its left half and one for its right.
/// let half = |side: usize| (0..24).map(|i| f64::from(i % 6 / 3 == side)).collect::<Vec<f64>>();
/// let (left, right) = (half(0), half(1));
/// let vectors = GridVectors::new(6, 4, vec![&left, &right], &[1.0, 1.0])?;
/// let pool = segmentation_pool(vectors, 60, 40, &SegmentOptions::default().with_cluster_counts([2]))?;
/// assert_eq!(pool[0].segments, 2);
/// assert_ne!(pool[0].labels.at(29, 0), pool[0].labels.at(30, 0));
/// # Ok(())
/// # }
/// ```
pub fn segmentation_pool<'a>(
    vectors: impl Into<GridVectors<'a>>,
    width: usize,
    height: usize,
    options: &SegmentOptions,
) -> Result<Vec<Segmentation>> {
    let counts = &options.cluster_counts;
    let vectors = &vectors.into();
    check_cluster_counts(counts, vectors.positions())?;
    options.check()?;
    if width.checked_mul(height).is_none_or(|pixels| pixels == 0) {
        return Err(Error::LabelMapShape {
            width,
            height,
            found: 0,
        });
    }
    options.axes_in(vectors, width, height)?;
    let columns = |k| match options.dimensions {
        EmbeddingDimensions::SameAsK => k,
        EmbeddingDimensions::Fixed(dimensions) => dimensions,
    };
    let points = |k| Points::from_vectors(vectors, columns(k), options.scaling);
    let paint = |k, clusters: Clusters<'_>| clusters.painted(k, vectors, width, height, options);
    match options.clustering {
        Clustering::KMeans => for_each_count(counts, |k| {
            let rows = points(k);
            let fit = KMeans::fit(&rows, k, options.restarts, options.seed);
            paint(
                k,
                Clusters {
                    rows: &rows,
                    centres: fit.centres,
                    labels: fit.labels,
                    candidates: Candidates::All,
                },
            )
        }),
        Clustering::Tree => {
            let rows = points(counts.iter().copied().max().unwrap_or(1));
            let tree = WardTree::build(&rows, vectors.grid_width());
            for_each_count(counts, |k| {
                let labels = tree.cut(k);
                let centres = region_means(&rows, &labels);
                paint(
                    k,
                    Clusters {
                        rows: &rows,
                        centres,
                        labels,
                        candidates: Candidates::Surrounding,
                    },
                )
            })
        }
    }
}

/// Clusters on the grid, before they are painted at full size.
struct Clusters<'a> {
    rows: &'a Points,
    centres: Centres,
    labels: Vec<u32>,
    candidates: Candidates,
}

impl Clusters<'_> {
    fn painted(
        &self,
        k: usize,
        vectors: &GridVectors<'_>,
        width: usize,
        height: usize,
        options: &SegmentOptions,
    ) -> Result<Segmentation> {
        let [column, row] = options.axes_in(vectors, width, height)?;
        let grid = GridScores {
            column,
            row,
            scores: &self.centres.all_scores(self.rows),
            labels: &self.labels,
            candidates: self.candidates,
        };
        let pixels = LabelMap::new(width, height, assign_pixels(&grid, width, height))?;
        let (labels, segments) =
            merge_small_pieces(&pixels, options.min_area.pixels(width * height));
        Ok(Segmentation {
            k,
            clusters: self.centres.len(),
            labels,
            segments,
        })
    }
}

/// `each` of every count, in order; on all cores, the costly ones first.
#[cfg(feature = "rayon")]
fn for_each_count(
    counts: &[usize],
    each: impl Fn(usize) -> Result<Segmentation> + Sync,
) -> Result<Vec<Segmentation>> {
    use rayon::prelude::*;
    let mut order: Vec<usize> = (0..counts.len()).collect();
    order.sort_by_key(|i| std::cmp::Reverse(counts[*i]));
    let mut found: Vec<(usize, Segmentation)> = order
        .into_iter()
        .par_bridge()
        .map(|i| each(counts[i]).map(|segmentation| (i, segmentation)))
        .collect::<Result<_>>()?;
    found.sort_by_key(|(i, _)| *i);
    Ok(found
        .into_iter()
        .map(|(_, segmentation)| segmentation)
        .collect())
}

/// `each` of every count, in order.
#[cfg(not(feature = "rayon"))]
fn for_each_count(
    counts: &[usize],
    each: impl Fn(usize) -> Result<Segmentation>,
) -> Result<Vec<Segmentation>> {
    counts.iter().map(|k| each(*k)).collect()
}
