//! From a photograph to segmentations.

use std::ops::RangeInclusive;
use web_time::Instant;

use image::RgbImage;
use ncuts::Embedding;
use segmentation::{Segmentation, segmentation_pool};
use serde::{Deserialize, Serialize};

use super::network::DeepNcuts;
use crate::error::{Error, Result};
use crate::feature_maps::GridFeatures;

/// Singular values that the soft rank sees: past these a network is sure of nothing.
const SPECTRUM: usize = 32;

/// How many clusters are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClusterChoice {
    /// One number, which the network chooses by its soft rank.
    Auto,
    /// A segmentation for each of these numbers.
    Counts(Vec<usize>),
    /// A segmentation for each of the network's choice plus t, held in the rule's range: some may be alike.
    Around(RangeInclusive<i32>),
}

/// Wall seconds of a segmentation's parts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SegmentSeconds {
    /// Trunk and head.
    pub trunk: f64,
    /// The matrix layer: degrees, normalisation, leading singular vectors.
    pub layer: f64,
    /// k-means, assignment at full size, connected pieces.
    pub clustering: f64,
}

/// Segmentations of one photograph.
#[derive(Clone, Debug)]
pub struct Segmented {
    /// One for each number of clusters, in the order asked for.
    pub pool: Vec<Segmentation>,
    /// Soft rank of the affinity: how many segments the network is sure of.
    pub soft_rank: f64,
    /// Leading eigenvalues σ² of the normalised affinity D^{−½} W D^{−½}, nonincreasing, the first 1; 32 at most, and
    /// where they are fewer the others are zero.
    pub eigenvalues: Vec<f64>,
    /// Wall time of each part.
    pub seconds: SegmentSeconds,
}

impl DeepNcuts {
    /// Segments a photograph.
    ///
    /// # Errors
    /// [`Error::ImageTooSmall`]; [`Error::Setting`] for no or zero clusters, or more than the
    /// features' grid has positions; those of normalised cuts for features without a cut.
    pub fn segment(&self, image: &RgbImage, clusters: &ClusterChoice) -> Result<Segmented> {
        let begin = Instant::now();
        let grid = self.grid_features(image)?;
        let trunk = begin.elapsed().as_secs_f64();
        let size = (image.width() as usize, image.height() as usize);
        let mut segmented = self.cut(&grid, size, clusters)?;
        segmented.seconds.trunk = trunk;
        Ok(segmented)
    }

    /// Segmentations of `width × height` pixels, the image's own size, from its
    /// [`DeepNcuts::grid_features`].
    ///
    /// # Errors
    /// As [`DeepNcuts::segment`].
    pub fn cut(
        &self,
        grid: &GridFeatures,
        size: (usize, usize),
        clusters: &ClusterChoice,
    ) -> Result<Segmented> {
        let (width, height) = size;
        let settings = self.architecture().cut;
        let rule = self.architecture().clusters;
        let positions = grid.width * grid.height;
        if let ClusterChoice::Counts(counts) = clusters {
            let fits = |k: &usize| (1..=positions).contains(k);
            if counts.is_empty() || !counts.iter().all(fits) {
                let expected = "one or more numbers from 1 to the positions of the features' grid";
                let found = format!("{counts:?}, with {positions} positions");
                return Err(Error::Setting {
                    name: "clusters",
                    expected,
                    found,
                });
            }
        }
        let begin = Instant::now();
        let wanted = match clusters {
            ClusterChoice::Auto | ClusterChoice::Around(_) => rule.most,
            ClusterChoice::Counts(counts) => counts.iter().copied().max().unwrap_or(1),
        };
        let (embedding, soft_rank) = self.embedding(grid, settings.dimensions.unwrap_or(wanted))?;
        let layer = begin.elapsed().as_secs_f64();

        let begin = Instant::now();
        let spectrum = seen(&embedding).iter();
        let eigenvalues = spectrum.map(|sigma| sigma * sigma).collect();
        let chosen = |shift: i32| rule.clusters(soft_rank, f64::from(shift)).min(positions);
        let counts = match clusters {
            ClusterChoice::Auto => vec![chosen(0)],
            ClusterChoice::Counts(counts) => counts.clone(),
            ClusterChoice::Around(shifts) => shifts.clone().map(chosen).collect(),
        };
        let mut distinct = counts.clone();
        distinct.sort_unstable();
        distinct.dedup();
        let [column, row] = self.grid_axes(height, width)?;
        let options = settings.options(&distinct).with_axes(column, row);
        let found = segmentation_pool(&embedding, width, height, &options)?;
        let of_count = |k: &usize| found[distinct.partition_point(|other| other < k)].clone();
        let pool = counts.iter().map(of_count).collect();
        let clustering = begin.elapsed().as_secs_f64();
        let seconds = SegmentSeconds {
            trunk: 0.0,
            layer,
            clustering,
        };
        Ok(Segmented {
            pool,
            soft_rank,
            eigenvalues,
            seconds,
        })
    }

    /// The embedding of features, in at least `dimensions` columns where there are as many, and its soft rank.
    ///
    /// # Errors
    /// Those of normalised cuts for features without a cut.
    pub(crate) fn embedding(
        &self,
        grid: &GridFeatures,
        dimensions: usize,
    ) -> Result<(Embedding, f64)> {
        let dimensions = dimensions.max(SPECTRUM).min(grid.width * grid.height);
        let features = grid.features.as_ref();
        let embedding =
            Embedding::from_features(features, None, grid.width, grid.height, dimensions)?;
        let soft_rank = self.architecture().clusters.soft_rank(seen(&embedding));
        Ok((embedding, soft_rank))
    }
}

/// The singular values that the soft rank sees.
fn seen(embedding: &Embedding) -> &[f64] {
    let spectrum = embedding.spectrum();
    &spectrum[..spectrum.len().min(SPECTRUM)]
}
