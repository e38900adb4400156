//! How a network's embedding is cut.

use segmentation::{EmbeddingDimensions, EmbeddingScaling, MinArea, SegmentOptions};
use serde::{Deserialize, Serialize};

/// How a network's embedding is made into segmentations.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CutSettings {
    /// Columns of the embedding that clustering sees; `None` for as many as clusters.
    pub dimensions: Option<usize>,
    /// Columns are weighted by their confidence σ² / (σ² + ε), rows keep their length; `None` for
    /// rows of unit length.
    pub epsilon: Option<f64>,
    /// Starts of each k-means.
    pub restarts: usize,
    /// Smallest piece, as a fraction of the image.
    pub min_area: f64,
}

impl CutSettings {
    /// For a trained network: sixteen columns, weighted by confidence.
    pub const TRAINED: Self = Self {
        dimensions: Some(16),
        epsilon: Some(1e-4),
        restarts: 10,
        min_area: 0.005,
    };

    /// For features that never saw the criterion: the classical rows of unit length.
    pub const UNTRAINED: Self = Self {
        dimensions: None,
        epsilon: None,
        restarts: 10,
        min_area: 0.005,
    };

    pub(crate) fn is_sound(&self) -> bool {
        self.dimensions.is_none_or(|dimensions| dimensions > 0)
            && self
                .epsilon
                .is_none_or(|epsilon| epsilon.is_finite() && epsilon > 0.0)
            && self.restarts > 0
            && (0.0..=1.0).contains(&self.min_area)
    }

    /// The options of `ncuts`, for these numbers of clusters.
    pub fn options(&self, counts: &[usize]) -> SegmentOptions {
        let scaling = match self.epsilon {
            Some(epsilon) => EmbeddingScaling::Confidence { epsilon },
            None => EmbeddingScaling::Unit,
        };
        let dimensions = match self.dimensions {
            Some(dimensions) => EmbeddingDimensions::Fixed(dimensions),
            None => EmbeddingDimensions::SameAsK,
        };
        SegmentOptions::default()
            .with_cluster_counts(counts.iter().copied())
            .with_dimensions(dimensions)
            .with_scaling(scaling)
            .with_restarts(self.restarts)
            .with_min_area(MinArea::Fraction(self.min_area))
    }
}
