//! How an embedding is made into segmentations.

use crate::error::{Error, Result};
use crate::grid_axis::GridAxis;
use crate::grid_vectors::GridVectors;
use crate::points::EmbeddingScaling;

/// The clustering of the rows of an embedding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Clustering {
    /// k-means for each number of clusters by itself: clusters may lie anywhere in the image, and are split into their pieces afterwards.
    KMeans,
    /// One tree of neighbouring regions, cut at each number: connected segments, nested from one number to the next, at nearly no cost.
    Tree,
}

/// How many columns of the embedding the clustering sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EmbeddingDimensions {
    /// As many as clusters; the tree, being one for all, takes the largest number.
    SameAsK,
    /// So many for every number of clusters, or all there are.
    Fixed(usize),
}

/// The smallest piece that stays by itself.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum MinArea {
    /// A number of pixels.
    Pixels(usize),
    /// A fraction of the image, from 0 to 1, rounded up.
    Fraction(f64),
}

impl MinArea {
    /// The area in pixels, for an image of so many.
    pub fn pixels(self, image: usize) -> usize {
        match self {
            Self::Pixels(pixels) => pixels,
            Self::Fraction(fraction) => (fraction * image as f64).ceil() as usize,
        }
    }
}

/// How an embedding is made into segmentations.
///
/// ```
/// use segmentation::{Clustering, MinArea, SegmentOptions};
/// let options = SegmentOptions::default().with_cluster_counts(2..=6).with_clustering(Clustering::Tree).with_min_area(MinArea::Pixels(40));
/// assert_eq!(options.cluster_counts, [2, 3, 4, 5, 6]);
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct SegmentOptions {
    /// The numbers of clusters, one segmentation each: 2 to 16 by default.
    pub cluster_counts: Vec<usize>,
    /// The maker of clusters: k-means by default.
    pub clustering: Clustering,
    /// The columns it sees: as many as clusters by default.
    pub dimensions: EmbeddingDimensions,
    /// Their weights: all alike by default.
    pub scaling: EmbeddingScaling,
    /// Starts of each k-means, of which the best is kept: 4 by default.
    pub restarts: usize,
    /// The seed of the starts: 0 by default.
    pub seed: u64,
    /// The smallest piece: a thousandth of the image by default.
    pub min_area: MinArea,
    /// Where the grid's columns and rows lie in the image: spread over it in equal cells by default.
    pub axes: Option<[GridAxis; 2]>,
}

impl Default for SegmentOptions {
    fn default() -> Self {
        Self {
            cluster_counts: (2..=16).collect(),
            clustering: Clustering::KMeans,
            dimensions: EmbeddingDimensions::SameAsK,
            scaling: EmbeddingScaling::Unit,
            restarts: 4,
            seed: 0,
            min_area: MinArea::Fraction(0.001),
            axes: None,
        }
    }
}

impl SegmentOptions {
    /// Sets the numbers of clusters: a range, or a list.
    #[must_use]
    pub fn with_cluster_counts(self, cluster_counts: impl IntoIterator<Item = usize>) -> Self {
        Self {
            cluster_counts: cluster_counts.into_iter().collect(),
            ..self
        }
    }

    /// Sets the clustering method.
    #[must_use]
    pub fn with_clustering(self, clustering: Clustering) -> Self {
        Self { clustering, ..self }
    }

    /// Sets the columns of the embedding.
    #[must_use]
    pub fn with_dimensions(self, dimensions: EmbeddingDimensions) -> Self {
        Self { dimensions, ..self }
    }

    /// Sets the weights of the columns.
    #[must_use]
    pub fn with_scaling(self, scaling: EmbeddingScaling) -> Self {
        Self { scaling, ..self }
    }

    /// Sets the number of starts of each k-means.
    #[must_use]
    pub fn with_restarts(self, restarts: usize) -> Self {
        Self { restarts, ..self }
    }

    /// Sets the seed.
    #[must_use]
    pub fn with_seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// Sets the smallest piece.
    #[must_use]
    pub fn with_min_area(self, min_area: MinArea) -> Self {
        Self { min_area, ..self }
    }

    /// Sets where the columns and rows of the grid lie.
    #[must_use]
    pub fn with_axes(self, column: GridAxis, row: GridAxis) -> Self {
        Self {
            axes: Some([column, row]),
            ..self
        }
    }

    /// Every option is in its range; the numbers of clusters are checked against the grid elsewhere.
    pub(crate) fn check(&self) -> Result<()> {
        let refuse = |expected, found| Err(Error::SegmentOption { expected, found });
        match (self.min_area, self.dimensions, self.scaling) {
            _ if self.restarts == 0 => refuse("at least one restart", 0.0),
            (MinArea::Fraction(fraction), _, _) if !(0.0..=1.0).contains(&fraction) => {
                refuse("a smallest area from 0 to 1 of the image", fraction)
            }
            (_, EmbeddingDimensions::Fixed(0), _) => refuse("at least one dimension", 0.0),
            (_, _, EmbeddingScaling::SingularValue(power)) if !power.is_finite() => {
                refuse("a finite power of the singular values", power)
            }
            (_, _, EmbeddingScaling::Confidence { epsilon })
                if !(epsilon.is_finite() && epsilon > 0.0) =>
            {
                refuse("an epsilon above 0", epsilon)
            }
            _ => Ok(()),
        }
    }

    /// Where the grid's columns and rows lie in an image of this size.
    ///
    /// # Errors
    /// Axes that are not sound, or not those of this grid.
    pub(crate) fn axes_in(
        &self,
        vectors: &GridVectors<'_>,
        width: usize,
        height: usize,
    ) -> Result<[GridAxis; 2]> {
        let positions = [vectors.grid_width(), vectors.grid_height()];
        let Some(axes) = self.axes else {
            let spread = |positions, pixels| GridAxis::spread(positions, pixels);
            return Ok([spread(positions[0], width), spread(positions[1], height)]);
        };
        for (axis, positions) in axes.iter().zip(positions) {
            axis.check()?;
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
}

/// At least one count, each from 1 to the number of positions.
///
/// # Errors
/// [`Error::NoClusterCounts`] for an empty list, [`Error::ClusterCount`] for a count out of range.
pub fn check_cluster_counts(cluster_counts: &[usize], positions: usize) -> Result<()> {
    if cluster_counts.is_empty() {
        return Err(Error::NoClusterCounts);
    }
    match cluster_counts.iter().find(|k| **k == 0 || **k > positions) {
        Some(clusters) => Err(Error::ClusterCount {
            clusters: *clusters,
            positions,
        }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn areas_round_up() {
        assert_eq!(MinArea::Fraction(0.001).pixels(321 * 481), 155);
        assert_eq!(
            (
                MinArea::Fraction(0.0).pixels(9),
                MinArea::Pixels(7).pixels(9)
            ),
            (0, 7)
        );
    }

    #[test]
    fn refuses_options_out_of_range() {
        let good = SegmentOptions::default();
        assert!(good.check().is_ok());
        let bad = [
            good.clone().with_restarts(0),
            good.clone().with_min_area(MinArea::Fraction(1.5)),
            good.clone().with_min_area(MinArea::Fraction(f64::NAN)),
            good.clone().with_dimensions(EmbeddingDimensions::Fixed(0)),
            good.clone()
                .with_scaling(EmbeddingScaling::Confidence { epsilon: 0.0 }),
            good.with_scaling(EmbeddingScaling::SingularValue(f64::INFINITY)),
        ];
        for options in bad {
            assert!(
                matches!(options.check(), Err(Error::SegmentOption { .. })),
                "{options:?}"
            );
        }
    }
}
