//! A pool of segmentations of one image, over numbers of clusters.

use super::assignment::{Candidates, GridScores, assign_pixels};
use super::choose_k::check_cluster_counts;
use super::components::merge_small_pieces;
use super::embedding::Embedding;
use super::kmeans::KMeans;
use super::options::{Clustering, EmbeddingDimensions, SegmentOptions};
use super::points::{Centres, Points};
use super::tree::{RegionTree, region_means};
use crate::error::{Error, Result};
use crate::grid_axis::GridAxis;
use crate::label_map::LabelMap;

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
///     embedding → first columns, rows of unit length → k clusters → nearest centre of every pixel's interpolated row
///               → connected pieces → pieces below the smallest area merged
/// ```
///
/// # Conventions
/// Isolated positions (zero rows of the embedding) go to the nearest centre as any other. The same input, options and seed give the same label maps,
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
/// use faer::Mat;
/// use ncuts::{Embedding, SegmentOptions, segmentation_pool};
/// # fn main() -> Result<(), ncuts::Error> {
/// let features = Mat::from_fn(24, 2, |i, c| if (i % 6 < 3) == (c == 0) { 1.0 } else { 0.0 });
/// let embedding = Embedding::from_features(features.as_ref(), None, 6, 4, 2)?;
/// let pool = segmentation_pool(&embedding, 60, 40, &SegmentOptions::default().with_cluster_counts([2]))?;
/// assert_eq!(pool[0].segments, 2);
/// assert_ne!(pool[0].labels.at(29, 0), pool[0].labels.at(30, 0));
/// # Ok(())
/// # }
/// ```
pub fn segmentation_pool(
    embedding: &Embedding,
    width: usize,
    height: usize,
    options: &SegmentOptions,
) -> Result<Vec<Segmentation>> {
    let counts = &options.cluster_counts;
    check_cluster_counts(counts, embedding.vectors().nrows())?;
    options.check()?;
    if width.checked_mul(height).is_none_or(|pixels| pixels == 0) {
        return Err(Error::LabelMapShape {
            width,
            height,
            found: 0,
        });
    }
    axes_of(options, embedding, width, height)?;
    let columns = |k| match options.dimensions {
        EmbeddingDimensions::SameAsK => k,
        EmbeddingDimensions::Fixed(dimensions) => dimensions,
    };
    let points = |k| Points::from_embedding(embedding, columns(k), options.scaling);
    let paint = |k, clusters: Clusters<'_>| clusters.painted(k, embedding, width, height, options);
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
            let tree = RegionTree::build(&rows, embedding.grid_width());
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

/// Where the grid's columns and rows lie in an image of this size.
///
/// # Errors
/// Axes that are not sound, or not those of this grid.
pub(super) fn axes_of(
    options: &SegmentOptions,
    embedding: &Embedding,
    width: usize,
    height: usize,
) -> Result<[GridAxis; 2]> {
    let positions = [embedding.grid_width(), embedding.grid_height()];
    let Some(axes) = options.axes else {
        let spread = |positions, pixels| GridAxis::spread(positions, pixels);
        return Ok([spread(positions[0], width), spread(positions[1], height)]);
    };
    for (axis, positions) in axes.iter().zip(positions) {
        if !axis.is_sound() {
            return Err(Error::GridAxis {
                stride: axis.stride,
                offset: axis.offset,
            });
        }
        if axis.positions != positions {
            let expected = "axes with as many positions as the embedding's grid";
            return Err(Error::SegmentOption {
                expected,
                found: axis.positions as f64,
            });
        }
    }
    Ok(axes)
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
        embedding: &Embedding,
        width: usize,
        height: usize,
        options: &SegmentOptions,
    ) -> Result<Segmentation> {
        let [column, row] = axes_of(options, embedding, width, height)?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::segment::components::connected_components;
    use crate::segment::options::MinArea;
    use crate::segment::points::EmbeddingScaling;
    use faer::Mat;
    use rand_pcg::Pcg32;
    use rand_pcg::rand_core::Rng;

    const BOTH: [Clustering; 2] = [Clustering::KMeans, Clustering::Tree];

    /// Quarters of a grid, a channel each.
    fn quarters(width: usize, height: usize) -> Embedding {
        let features = Mat::from_fn(width * height, 4, |i, c| {
            let quarter =
                usize::from(i % width >= width / 2) + 2 * usize::from(i / width >= height / 2);
            if quarter == c {
                1.0 + (i % 3) as f64
            } else {
                0.0
            }
        });
        Embedding::from_features(features.as_ref(), None, width, height, 16).unwrap()
    }

    fn random(
        width: usize,
        height: usize,
        channels: usize,
        dimensions: usize,
        seed: u64,
    ) -> Embedding {
        let mut random = Pcg32::new(seed, 1);
        // Blobs with a tenth of the rows dead and a dead channel.
        let features = Mat::from_fn(width * height, channels, |i, c| {
            let blob = ((i % width) as f64 * 0.4 + c as f64).sin()
                * ((i / width) as f64 * 0.3 + 2.0 * c as f64).cos();
            let noise = f64::from(random.next_u32()) / f64::from(u32::MAX);
            if i % 10 == 7 || c == 1 {
                0.0
            } else {
                (blob + 0.5 * noise).max(0.0)
            }
        });
        Embedding::from_features(features.as_ref(), None, width, height, dimensions).unwrap()
    }

    #[test]
    fn a_block_diagonal_affinity_gives_its_blocks_exactly() {
        let embedding = quarters(8, 6);
        for clustering in BOTH {
            let options = SegmentOptions::default()
                .with_cluster_counts([4])
                .with_clustering(clustering);
            let pool = segmentation_pool(&embedding, 80, 60, &options).unwrap();
            assert_eq!((pool[0].k, pool[0].clusters, pool[0].segments), (4, 4, 4));
            for y in 0_usize..60 {
                for x in 0_usize..80 {
                    // Half a grid step beside the crossing of all four, the bilinear border may bend.
                    if x.abs_diff(40) > 5 || y.abs_diff(30) > 5 {
                        let quarter = u32::from(x >= 40) + 2 * u32::from(y >= 30);
                        assert_eq!(pool[0].labels.at(x, y), quarter, "({x}, {y})");
                    }
                }
            }
        }
    }

    #[test]
    fn every_map_is_a_partition_into_large_connected_pieces() {
        for (seed, (width, height)) in [(9, 7), (16, 11), (1, 20), (12, 1)].into_iter().enumerate()
        {
            let embedding = random(width, height, 6, 8, seed as u64);
            for clustering in BOTH {
                for scaling in [EmbeddingScaling::Unit, EmbeddingScaling::SingularValue(1.0)] {
                    let options = SegmentOptions::default()
                        .with_cluster_counts(1..=8)
                        .with_clustering(clustering)
                        .with_scaling(scaling)
                        .with_min_area(MinArea::Pixels(9));
                    for segmentation in segmentation_pool(&embedding, 67, 45, &options).unwrap() {
                        let labels = &segmentation.labels;
                        assert_eq!(
                            connected_components(labels),
                            (labels.clone(), segmentation.segments)
                        );
                        let mut areas = vec![0; segmentation.segments];
                        labels.ids().iter().for_each(|id| areas[*id as usize] += 1);
                        assert!(areas.iter().all(|area| *area >= 9));
                    }
                }
            }
        }
    }

    #[test]
    fn the_order_is_that_of_the_counts_and_the_result_that_of_each_alone() {
        let embedding = random(14, 10, 7, 8, 4);
        for clustering in BOTH {
            let options = SegmentOptions::default()
                .with_cluster_counts([5, 2, 8, 3])
                .with_clustering(clustering)
                .with_dimensions(EmbeddingDimensions::Fixed(6));
            let pool = segmentation_pool(&embedding, 70, 50, &options).unwrap();
            assert_eq!(pool.iter().map(|s| s.k).collect::<Vec<_>>(), [5, 2, 8, 3]);
            assert_eq!(
                pool,
                segmentation_pool(&embedding, 70, 50, &options).unwrap()
            );
            for segmentation in &pool {
                let alone = segmentation_pool(
                    &embedding,
                    70,
                    50,
                    &options.clone().with_cluster_counts([segmentation.k]),
                )
                .unwrap();
                assert_eq!(alone[0], *segmentation);
            }
        }
    }

    #[test]
    fn the_tree_gives_no_more_segments_than_asked_for() {
        let options = SegmentOptions::default()
            .with_clustering(Clustering::Tree)
            .with_min_area(MinArea::Pixels(40));
        for segmentation in segmentation_pool(&random(16, 12, 8, 16, 9), 128, 96, &options).unwrap()
        {
            assert_eq!(segmentation.clusters, segmentation.k);
            assert!(
                segmentation.segments <= segmentation.k + 2,
                "{} of {}",
                segmentation.segments,
                segmentation.k
            );
        }
    }

    #[test]
    fn constant_features_and_a_single_pixel_give_one_segment() {
        let constant = Mat::from_fn(12, 3, |_, _| 1.0);
        let embedding = Embedding::from_features(constant.as_ref(), None, 4, 3, 8).unwrap();
        let pool = segmentation_pool(
            &embedding,
            40,
            30,
            &SegmentOptions::default().with_cluster_counts([2, 12]),
        )
        .unwrap();
        assert!(pool.iter().all(|s| (s.clusters, s.segments) == (1, 1)));
        let pixel =
            Embedding::from_features(Mat::from_fn(1, 2, |_, _| 1.0).as_ref(), None, 1, 1, 2)
                .unwrap();
        for clustering in BOTH {
            let options = SegmentOptions::default()
                .with_cluster_counts([1])
                .with_clustering(clustering);
            assert_eq!(
                segmentation_pool(&pixel, 5, 5, &options).unwrap()[0].segments,
                1
            );
        }
    }

    #[test]
    fn axes_move_the_border() {
        // Two columns of the grid; their border is midway between the pixels they lie at.
        let features = Mat::from_fn(2, 2, |i, c| f64::from(i == c));
        let embedding = Embedding::from_features(features.as_ref(), None, 2, 1, 2).unwrap();
        let border = |options: SegmentOptions| {
            let options = options
                .with_cluster_counts([2])
                .with_min_area(MinArea::Pixels(0));
            let pool = segmentation_pool(&embedding, 10, 1, &options).unwrap();
            let ids = pool[0].labels.ids().to_vec();
            ids.iter().filter(|id| **id == ids[0]).count()
        };
        assert_eq!(border(SegmentOptions::default()), 5);
        let row = GridAxis::spread(1, 1);
        let axis = GridAxis {
            positions: 2,
            stride: 4.0,
            offset: 0.5,
        };
        assert_eq!(border(SegmentOptions::default().with_axes(axis, row)), 3);
        for wrong in [
            GridAxis {
                positions: 3,
                ..axis
            },
            GridAxis {
                stride: 0.0,
                ..axis
            },
        ] {
            let options = SegmentOptions::default()
                .with_cluster_counts([2])
                .with_axes(wrong, row);
            assert!(segmentation_pool(&embedding, 10, 1, &options).is_err());
        }
    }

    #[test]
    fn refuses_what_it_cannot_do() {
        let embedding = quarters(4, 4);
        let pool = |counts: Vec<usize>, width| {
            segmentation_pool(
                &embedding,
                width,
                9,
                &SegmentOptions::default().with_cluster_counts(counts),
            )
        };
        assert!(matches!(pool(vec![], 9), Err(Error::NoClusterCounts)));
        assert!(matches!(
            pool(vec![3, 0], 9),
            Err(Error::ClusterCount {
                clusters: 0,
                positions: 16
            })
        ));
        assert!(matches!(
            pool(vec![17], 9),
            Err(Error::ClusterCount {
                clusters: 17,
                positions: 16
            })
        ));
        assert!(matches!(
            pool(vec![2], 0),
            Err(Error::LabelMapShape {
                width: 0,
                height: 9,
                ..
            })
        ));
        let options = SegmentOptions::default().with_restarts(0);
        assert!(matches!(
            segmentation_pool(&embedding, 9, 9, &options),
            Err(Error::SegmentOption { .. })
        ));
    }
}
