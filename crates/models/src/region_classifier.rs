//! Trunk → pooling of a free-form region → classifier: DeepO2P and its first-order baselines.

use std::path::{Path, PathBuf};
use web_time::Instant;

use o2p::{Region, SpectralReport};
use serde::{Deserialize, Serialize};

use crate::backend::Planes;
use crate::device::Device;
use crate::error::{Error, Result};
use crate::feature_cache::FeatureCache;
use crate::feature_maps::FeatureMaps;
use crate::network::{Network, TrunkWeights};
use crate::parameters::{Parameters, check_weight_count};
use crate::region_architecture::{RegionArchitecture, RegionFeatures};
use crate::region_pooling::{Pooled, RegionPooling};
use crate::region_set::{RegionCrop, RegionSet, RegionView};
use crate::region_weights::covered_region;
use crate::softmax::SoftmaxLoss;
use crate::trainable_network::{TrainableNetwork, described};
use crate::trunk::{Chain, Mode};
use crate::weights::{Precision, TensorOut, TensorSource as _, WeightsFile};

/// A network that classifies a free-form region.
///
/// ```text
/// crop → trunk → taps on one grid → (reduction) → F, n × d → pooling → z → (z − μ) s → classifier → p
/// ```
///
/// # Conventions
/// μ, the mean of z, and s = 1 / (its deviation), one number for all, are measured on training regions before the
/// first step and kept: the logarithm's outputs are far from zero. Taps are scaled to RMS one in the same way.
#[derive(Clone, Debug)]
pub struct RegionClassifier {
    architecture: RegionArchitecture,
    pub(crate) trunk: Option<Network>,
    pub(crate) reduction: Option<Network>,
    pub(crate) classifier: Network,
    /// μ.
    pub(crate) centre: Vec<f32>,
    /// s.
    pub(crate) spread: f32,
}

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
    /// A network whose layers above the trunk are new.
    ///
    /// # Errors
    /// An unknown layer or setting; a missing or misshapen tensor of the trunk's file, by name.
    pub fn new(
        architecture: RegionArchitecture,
        weights: &TrunkWeights<'_>,
        seed: u64,
    ) -> Result<Self> {
        Self::build(architecture, |part, layers| match (part, weights) {
            (Part::Trunk, TrunkWeights::File(path)) => {
                Parameters::from_source(layers, &WeightsFile::open(path)?)
            }
            // Independent seeds.
            (part, _) => Ok(Parameters::random(layers, seed ^ part as u64)),
        })
    }

    /// A network that [`RegionClassifier::save`] wrote.
    ///
    /// # Errors
    /// [`Error::File`], [`Error::NotSafetensors`], [`Error::NotANetwork`], a tensor's by name.
    pub fn load(path: &Path) -> Result<Self> {
        Self::from_file(&WeightsFile::open(path)?)
    }

    /// A network out of a file's bytes; `origin` names it in errors.
    ///
    /// # Errors
    /// As [`RegionClassifier::load`].
    pub fn from_bytes(origin: &str, bytes: Vec<u8>) -> Result<Self> {
        Self::from_file(&WeightsFile::from_bytes(origin.to_owned(), bytes)?)
    }

    fn from_file(file: &WeightsFile) -> Result<Self> {
        Self::from_described(file, &file.metadata("matbackprop").unwrap_or_default())
    }

    /// The same network, all its layers on `device`.
    pub fn on_device(mut self, device: &Device) -> Self {
        self.set_device(device);
        self
    }

    fn build(
        architecture: RegionArchitecture,
        parameters: impl Fn(Part, Vec<crate::NamedLayer>) -> Result<Parameters>,
    ) -> Result<Self> {
        architecture.check()?;
        let network = |part, (chain, layers): (Chain, Vec<_>)| -> Result<Network> {
            check_weight_count(&layers)?;
            let parameters = parameters(part, layers)?;
            Ok(Network { chain, parameters })
        };
        let side = architecture.side as usize;
        let (trunk, channels, positions) = match &architecture.features {
            RegionFeatures::Trunk { kind, taps, .. } => {
                let taps: Vec<_> = taps
                    .iter()
                    .map(|tap| (tap.layer.clone(), tap.scale))
                    .collect();
                let trunk = network(Part::Trunk, kind.chain(&taps)?)?;
                let [columns, rows] = trunk.chain.output_axes((3, side, side))?;
                let channels = trunk.channels();
                (Some(trunk), channels, columns.positions * rows.positions)
            }
            RegionFeatures::Given { channels } => (None, *channels, 1),
        };
        let reduction = architecture
            .reduction_chain(channels)
            .map(|chain| network(Part::Reduction, chain))
            .transpose()?;
        let channels = architecture.reduction.unwrap_or(channels);
        let outputs = architecture.pooling.outputs(channels, positions);
        let layers = architecture
            .classifier
            .chain(outputs, architecture.classes.len())?;
        Ok(Self {
            trunk,
            reduction,
            classifier: network(Part::Classifier, layers)?,
            centre: vec![0.0; outputs],
            spread: 1.0,
            architecture,
        })
    }

    /// Writes the network, whole or not at all.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn save(&self, path: &Path, precision: Precision) -> Result<()> {
        self.write(path, precision)
    }

    /// Its architecture.
    pub fn architecture(&self) -> &RegionArchitecture {
        &self.architecture
    }

    /// Numbers in the trunk and above it.
    pub fn parameter_count(&self) -> (usize, usize) {
        let count = |parts: Vec<&Network>| parts.iter().map(|part| part.parameters.count()).sum();
        (count(self.trunk.iter().collect()), count(self.new_layers()))
    }

    /// Takes the scales of the trunk's taps.
    pub(crate) fn set_tap_scales(&mut self, scales: &[f32]) {
        if let RegionFeatures::Trunk { taps, .. } = &mut self.architecture.features {
            for (tap, scale) in taps.iter_mut().zip(scales) {
                tap.scale = *scale;
            }
        }
        if let Some(trunk) = &mut self.trunk {
            for (tap, scale) in trunk.chain.taps.iter_mut().zip(scales) {
                tap.scale = *scale;
            }
        }
    }

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
                let input = recipe.planes(&crop.image);
                let device = trunk.parameters.device();
                let maps = device.forward(below, input, &values, Mode::Inference)?;
                (FeatureMaps::from_planes(maps), self.trunk_axes(trunk)?, 1)
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
        let maps = cache.features(&name, channels, compute)?;
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
        let RegionFeatures::Trunk { recipe, .. } = &self.architecture.features else {
            return None;
        };
        let trunk = self.trunk.as_ref()?;
        let input = format!("{} {recipe:?}", self.architecture.side);
        let digest = below.digest(&trunk.parameters.values(), &input);
        Some(folder.join(format!("{digest:016x}")))
    }

    /// The cache under `folder` of this network's trunk features of regions, shared with trainings that froze the
    /// same trunk and with any network that has it; at most `bytes` on disk. `None` for networks without a trunk.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn feature_cache(&self, folder: &Path, bytes: u64) -> Result<Option<FeatureCache>> {
        let trunk = self.trunk.as_ref();
        let own = trunk.and_then(|trunk| self.cache_folder(folder, &trunk.chain));
        own.map(|own| FeatureCache::new(&own, bytes)).transpose()
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

    fn trunk_axes(&self, trunk: &Network) -> Result<[segmentation::GridAxis; 2]> {
        let side = self.architecture.side as usize;
        trunk.chain.output_axes((3, side, side))
    }

    fn region(
        &self,
        crop: &RegionCrop,
        axes: [segmentation::GridAxis; 2],
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

    /// z from the trunk's output, straight through.
    pub(crate) fn pooled(&self, input: &RegionInput) -> Result<(Pooled, Vec<f64>)> {
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
    pub(crate) fn standardised(&self, batch: &[Vec<f64>]) -> Vec<f32> {
        let standard = |place: usize| {
            let centre = f64::from(self.centre[place]);
            let spread = f64::from(self.spread);
            batch
                .iter()
                .map(move |z| ((z[place] - centre) * spread) as f32)
        };
        (0..self.centre.len()).flat_map(standard).collect()
    }

    /// Classifies a region.
    ///
    /// # Errors
    /// Those of the set, the trunk and the pooling; [`Error::Setting`] where descriptors do not fit the network.
    pub fn classify(&self, set: &dyn RegionSet, index: usize) -> Result<Classified> {
        self.classify_cached(set, index, None)
    }

    /// As [`RegionClassifier::classify`], the trunk's features taken from a cache where they are in it, and kept there
    /// where not. They pass through half precision, as those of a frozen trunk do in training.
    ///
    /// # Errors
    /// Those of [`RegionClassifier::classify`]; [`Error::File`] where the cache's folder takes no more.
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

    /// Refuses descriptors of another length than the network's.
    pub(crate) fn check_channels(&self, maps: &FeatureMaps) -> Result<()> {
        match &self.architecture.features {
            RegionFeatures::Given { channels } if *channels != maps.channels() => {
                Err(Error::Setting {
                    name: "descriptors",
                    expected: "as many numbers as the network takes",
                    found: format!("{} for {channels}", maps.channels()),
                })
            }
            _ => Ok(()),
        }
    }
}

/// The name of a region's view in a cache.
fn cached_name(id: &str, variant: u32, flipped: bool) -> String {
    let side = if flipped { "mirrored" } else { "upright" };
    format!("{id}_{variant}_{side}")
}

/// Which part a seed is for.
#[derive(Clone, Copy)]
enum Part {
    Trunk = 0,
    Reduction = 0x2ED0,
    Classifier = 0x5EED,
}

/// Names of μ and s in files.
const CENTRE: &str = "standard.centre";
const SPREAD: &str = "standard.spread";

impl TrainableNetwork for RegionClassifier {
    fn description(&self) -> Result<String> {
        described(&self.architecture)
    }

    fn from_described(file: &WeightsFile, description: &str) -> Result<Self> {
        let refused = |found: String| Error::NotANetwork {
            origin: file.origin().to_owned(),
            found,
        };
        let architecture: RegionArchitecture =
            serde_json::from_str(description).map_err(|error| refused(error.to_string()))?;
        architecture
            .check()
            .map_err(|error| refused(error.to_string()))?;
        let mut network = Self::build(architecture, |_, layers| {
            Parameters::from_source(layers, file)
        })?;
        network.centre = file.tensor(CENTRE, &[network.centre.len()])?;
        network.spread = file.tensor(SPREAD, &[1])?[0];
        Ok(network)
    }

    fn trunk(&self) -> Option<&Network> {
        self.trunk.as_ref()
    }

    fn trunk_mut(&mut self) -> Option<&mut Network> {
        self.trunk.as_mut()
    }

    fn new_layers(&self) -> Vec<&Network> {
        self.reduction.iter().chain([&self.classifier]).collect()
    }

    fn new_layers_mut(&mut self) -> Vec<&mut Network> {
        let reduction = self.reduction.iter_mut();
        reduction.chain([&mut self.classifier]).collect()
    }

    fn measured(&self) -> Vec<TensorOut> {
        let tensor = |name: &str, values: Vec<f32>| TensorOut {
            name: name.to_owned(),
            shape: vec![values.len()],
            values,
        };
        vec![
            tensor(CENTRE, self.centre.clone()),
            tensor(SPREAD, vec![self.spread]),
        ]
    }
}
