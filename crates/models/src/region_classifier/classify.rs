//! From the input of a region to the probabilities of its classes.

use o2p::SpectralReport;
use serde::{Deserialize, Serialize};
use web_time::Instant;

use super::input::RegionInput;
use super::network::RegionClassifier;
use crate::backend::Planes;
use crate::error::Result;
use crate::feature_cache::FeatureCache;
use crate::region_pooling::Pooled;
use crate::region_set::{RegionSet, RegionView};
use crate::softmax::SoftmaxLoss;

/// Wall time of each part: forward for a region, forward and backward for the regions of a step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RegionSeconds {
    /// Decoding the photograph, cropping, resizing.
    pub crop: f64,
    /// The trunk or its cached features, or the descriptors; and the region on their grid.
    pub trunk: f64,
    /// The reduction and the pooling; while the trunk learns, the reduction counts with it.
    pub layer: f64,
    /// The classifier.
    pub head: f64,
}

/// The classification of one region.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Classified {
    /// A probability a class.
    pub probabilities: Vec<f64>,
    /// The report of the spectral map, where there is one.
    pub report: Option<SpectralReport>,
    /// Wall time of each part.
    pub seconds: RegionSeconds,
}

impl Classified {
    /// Classes, the likeliest first.
    pub fn ranked(&self) -> Vec<usize> {
        let mut classes: Vec<usize> = (0..self.probabilities.len()).collect();
        let p = &self.probabilities;
        classes.sort_by(|&a, &b| p[b].total_cmp(&p[a]).then(a.cmp(&b)));
        classes
    }
}

impl RegionClassifier {
    /// Classifies a region.
    ///
    /// # Errors
    /// Those of the set, the trunk and the pooling; [`Error::Setting`](crate::Error::Setting) where descriptors do not fit the network.
    pub fn classify(&self, set: &dyn RegionSet, index: usize) -> Result<Classified> {
        self.classify_cached(set, index, None)
    }

    /// As [`RegionClassifier::classify`], the trunk's features taken from a cache where they are in it, and kept there
    /// where not. They pass through half precision, as those of a frozen trunk do in training.
    ///
    /// # Errors
    /// Those of [`RegionClassifier::classify`]; [`Error::File`](crate::Error::File) where the cache's folder takes no more.
    pub fn classify_cached(
        &self,
        set: &dyn RegionSet,
        index: usize,
        cache: Option<&mut FeatureCache>,
    ) -> Result<Classified> {
        let whole = self.trunk.as_ref().map(|trunk| &trunk.chain);
        let begin = Instant::now();
        let view = RegionView::PLAIN;
        let input = match cache {
            None => self.input(whole, set, index, view)?,
            Some(cache) => self.cached_input(whole, (set, index, view), (cache, 0), None)?,
        };
        self.check_channels(&input.maps)?;
        let at_layer = begin.elapsed().as_secs_f64();
        let (pooled, z) = self.pooled(&input)?;
        let at_head = begin.elapsed().as_secs_f64();
        let values = self.standardised(&[z]);
        let planes = Planes::from_contiguous(values.len(), 1, 1, 0, &values);
        let logits = self.classifier.infer(planes)?;
        // The loss of any class gives the probabilities of all.
        let softmax = SoftmaxLoss::forward(logits.values(), &[0])?;
        Ok(Classified {
            probabilities: softmax.probabilities().to_vec(),
            report: pooled.report(),
            seconds: RegionSeconds {
                crop: input.crop_seconds,
                trunk: at_layer - input.crop_seconds,
                layer: at_head - at_layer,
                head: begin.elapsed().as_secs_f64() - at_head,
            },
        })
    }

    /// z from the trunk's output, straight through.
    pub(super) fn pooled(&self, input: &RegionInput) -> Result<(Pooled, Vec<f64>)> {
        let features = match &self.reduction {
            None => input.maps.grid_features(),
            Some(reduction) => reduction.infer(input.maps.planes())?.grid_features(),
        };
        Pooled::forward(
            &self.architecture.pooling,
            features.features.as_ref(),
            &input.region,
        )
    }

    /// (z − μ) s for each z of a batch: D × 1 × B.
    pub(super) fn standardised(&self, batch: &[Vec<f64>]) -> Vec<f32> {
        let standard = |place: usize| {
            let centre = f64::from(self.centre[place]);
            let spread = f64::from(self.spread);
            batch
                .iter()
                .map(move |z| ((z[place] - centre) * spread) as f32)
        };
        (0..self.centre.len()).flat_map(standard).collect()
    }
}
