//! From a region to the input of the learning part: crop, frozen trunk or descriptors, the region on their grid.

use std::path::{Path, PathBuf};

use o2p::Region;
use segmentation::GridAxis;
use web_time::Instant;

use super::network::RegionClassifier;
use crate::device::{DeviceMaps, GridMaps};
use crate::error::{Error, Result};
use crate::feature_cache::FeatureCache;
use crate::feature_maps::FeatureMaps;
use crate::network::Network;
use crate::region_architecture::RegionFeatures;
use crate::region_pooling::RegionPooling;
use crate::region_set::{RegionCrop, RegionSet, RegionView};
use crate::region_weights::covered_region;
use crate::trunk::{Chain, Mode};

/// The input of the learning part of a network.
#[derive(Clone, Debug)]
pub struct RegionInput {
    /// Of the frozen part of the trunk, or descriptors.
    pub maps: FeatureMaps,
    /// How much of each position's cell the region covers.
    pub region: Region,
    /// Wall time of cropping alone.
    pub crop_seconds: f64,
}

impl RegionClassifier {
    /// A view of a region, up to where `below` ends: the part of the trunk that does not learn.
    ///
    /// # Errors
    /// [`Error::Unreadable`] for the region's own data; those of the trunk.
    pub fn input(
        &self,
        below: Option<&Chain>,
        set: &dyn RegionSet,
        index: usize,
        view: RegionView,
    ) -> Result<RegionInput> {
        let begin = Instant::now();
        let unreadable = |error| Error::unreadable(index, set.id(index))(error);
        let crop = set.crop(index, view, self.architecture.side);
        let crop = crop.map_err(unreadable)?;
        let crop_seconds = begin.elapsed().as_secs_f64();
        crop.check(self.architecture.side)?;
        let (maps, axes, repeats) = match (&self.architecture.features, &self.trunk, below) {
            (RegionFeatures::Trunk { recipe, .. }, Some(trunk), Some(below)) => {
                let values = trunk.parameters.values();
                let input = DeviceMaps::Host(recipe.planes(&crop.image));
                let device = trunk.parameters.device();
                let input = GridMaps::alone(input);
                let maps = device.forward(below, input, &values, Mode::Inference, &mut |_| {})?;
                let maps = FeatureMaps::from_planes(maps.into_planes()?);
                (maps, self.trunk_axes(trunk)?, 1)
            }
            _ => {
                let given = set.descriptors(index, &crop).map_err(|error| match error {
                    // No fault of this one's data: there are none for any.
                    error @ Error::NoDescriptors { .. } => error,
                    error => unreadable(error),
                })?;
                let repeats = given.maps.height() / given.axes[1].positions.max(1);
                (given.maps, given.axes, repeats)
            }
        };
        let positions = axes[0].positions * axes[1].positions * repeats;
        let region = self.region(&crop, axes, positions, repeats);
        let region = region.map_err(unreadable)?;
        Ok(RegionInput {
            maps,
            region,
            crop_seconds,
        })
    }

    /// As [`RegionClassifier::input`], the features taken from the cache, or computed and added to it,
    /// under the region's name and the number of its variant. The region is `known` where it was met before.
    ///
    /// # Errors
    /// As [`RegionClassifier::input`]; [`Error::File`] where the cache's folder takes no more.
    pub fn cached_input(
        &self,
        below: Option<&Chain>,
        (set, index, view): (&dyn RegionSet, usize, RegionView),
        (cache, variant): (&mut FeatureCache, u32),
        known: Option<Region>,
    ) -> Result<RegionInput> {
        let name = cached_name(set.id(index), variant, view.flipped);
        let mut computed = None;
        let compute = || -> Result<FeatureMaps> {
            let input = self.input(below, set, index, view)?;
            computed = Some((input.region, input.crop_seconds));
            Ok(input.maps)
        };
        let channels = below.map_or(0, Chain::output_channels);
        // A photograph that cannot be read is refused where it is looked at.
        let contents = || set.digest(index).unwrap_or(0);
        let maps = cache.features((&name, contents), channels, compute)?;
        let (region, crop_seconds) = match (computed, known) {
            (Some(computed), _) => computed,
            (None, Some(region)) => (region, 0.0),
            (None, None) => {
                let begin = Instant::now();
                let found = self.region_of(set, index, view)?;
                let region = found.ok_or(Error::NoDescriptors {
                    id: set.id(index).to_owned(),
                })?;
                (region, begin.elapsed().as_secs_f64())
            }
        };
        Ok(RegionInput {
            maps,
            region,
            crop_seconds,
        })
    }

    /// The folder inside `folder` that caches features of `below`, for all networks whose trunk begins in the same way.
    pub fn cache_folder(&self, folder: &Path, below: &Chain) -> Option<PathBuf> {
        let digest = self.layers_digest(below)?;
        Some(folder.join(format!("{digest:016x}")))
    }

    /// A digest of the layers `below` and of what they look at; `None` for networks without a trunk.
    pub fn layers_digest(&self, below: &Chain) -> Option<u64> {
        let RegionFeatures::Trunk { recipe, .. } = &self.architecture.features else {
            return None;
        };
        let trunk = self.trunk.as_ref()?;
        let input = format!("{} {recipe:?}", self.architecture.side);
        Some(below.digest(&trunk.parameters.values(), &input))
    }

    /// The cache under `folder` of this network's trunk features of regions, shared with trainings that froze the
    /// same trunk and with any network that has it; at most `bytes` on disk. `None` for networks without a trunk.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn feature_cache(&self, folder: &Path, bytes: u64) -> Result<Option<FeatureCache>> {
        let trunk = self.trunk.as_ref().map(|trunk| &trunk.chain);
        let own = trunk.and_then(|trunk| {
            let layers = self.layers_digest(trunk)?;
            Some((self.cache_folder(folder, trunk)?, layers))
        });
        own.map(|(own, layers)| FeatureCache::new(&own, bytes, layers))
            .transpose()
    }

    /// A view's region alone, where its features are at hand.
    fn region_of(
        &self,
        set: &dyn RegionSet,
        index: usize,
        view: RegionView,
    ) -> Result<Option<Region>> {
        let Some(trunk) = &self.trunk else {
            return Ok(None);
        };
        let crop = set.crop(index, view, self.architecture.side);
        let crop = crop.map_err(Error::unreadable(index, set.id(index)))?;
        crop.check(self.architecture.side)?;
        let axes = self.trunk_axes(trunk)?;
        let positions = axes[0].positions * axes[1].positions;
        let region = self.region(&crop, axes, positions, 1);
        region
            .map(Some)
            .map_err(Error::unreadable(index, set.id(index)))
    }

    fn trunk_axes(&self, trunk: &Network) -> Result<[GridAxis; 2]> {
        let side = self.architecture.side as usize;
        trunk.chain.output_axes((3, side, side))
    }

    fn region(
        &self,
        crop: &RegionCrop,
        axes: [GridAxis; 2],
        positions: usize,
        repeats: usize,
    ) -> Result<Region> {
        let side = self.architecture.side as usize;
        match (&self.architecture.pooling, self.architecture.masked) {
            (RegionPooling::Flatten, _) => Ok(Region::all(positions)?),
            (_, true) => covered_region(&crop.mask, side, axes, repeats),
            (_, false) => covered_region(&crop.frame_bitmap(), side, axes, repeats),
        }
    }
}

/// The name of a region's view in a cache.
fn cached_name(id: &str, variant: u32, flipped: bool) -> String {
    let side = if flipped { "mirrored" } else { "upright" };
    format!("{id}_{variant}_{side}")
}
