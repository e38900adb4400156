//! Training on free-form regions with their classes.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use models::{
    Chain, FeatureCache, RegionBatch, RegionClassifier, RegionInput, RegionSeconds, RegionSet,
    RegionView, TrainableNetwork as _, fnv_1a,
};
use o2p::Region;
use serde::{Deserialize, Serialize};
use web_time::Instant;

use crate::calibration::CalibrationExamples;
use crate::config::TrainConfig;
use crate::error::{Error, Result};
use crate::region_measures::{RegionMeasures, measures};
use crate::sampler::Sample;
use crate::task::{StepContext, StepResult, Task, refuse_empty, settings_in_files};
use crate::trainer::first_step;

/// Regions that the scales of the trunk's taps, and the size of the pooled vectors, are measured on.
const CALIBRATION_REGIONS: usize = 200;

/// How regions are looked at while training.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RegionTraining {
    /// Shifts and zooms of a region whose features are cached, the region as it is among them; each mirrored and not.
    /// A trunk that learns from its first layer on sees another one in every sample.
    pub views: u32,
}

impl Default for RegionTraining {
    fn default() -> Self {
        Self { views: 2 }
    }
}

/// Classification of free-form regions.
pub struct RegionTask<'a> {
    set: &'a dyn RegionSet,
    settings: RegionTraining,
    /// The part of the trunk that is frozen, and the part that learns.
    halves: Option<(Chain, Option<Chain>)>,
    cache: Option<FeatureCache>,
    /// A folder of features that other trainings use too.
    shared_cache: Option<PathBuf>,
    /// Whether scales, μ and s stay as they are.
    calibrated: bool,
    regions: HashMap<(usize, u32, bool), Region>,
}

impl<'a> RegionTask<'a> {
    /// The task on these regions.
    pub fn new(set: &'a dyn RegionSet, settings: RegionTraining) -> Self {
        Self {
            set,
            settings,
            halves: None,
            cache: None,
            shared_cache: None,
            calibrated: false,
            regions: HashMap::new(),
        }
    }

    /// Caches the features of frozen layers in `folder` beyond this training, for any other that starts from the
    /// same ones on the same regions.
    pub fn sharing_cache(self, folder: &Path) -> Self {
        Self {
            shared_cache: Some(folder.to_path_buf()),
            ..self
        }
    }

    /// For a network that was trained before: scales, μ and s stay as they are.
    pub fn already_calibrated(self) -> Self {
        Self {
            calibrated: true,
            ..self
        }
    }

    /// The view of a sample, up to where learning begins.
    fn input(&mut self, network: &RegionClassifier, sample: &Sample) -> Result<RegionInput> {
        let (set, index, flipped) = (self.set, sample.example, sample.flipped);
        let below = self.halves.as_ref().map(|(below, _)| below);
        let Some(cache) = &mut self.cache else {
            let jitter = Some(sample.draw);
            return Ok(network.input(below, set, index, RegionView { jitter, flipped })?);
        };
        let variant = (sample.draw % u64::from(self.settings.views)) as u32;
        // By the region's name, as its file: a subset that shares the cache sees the same views.
        let words = format!("{} {variant}", set.id(index));
        let jitter = (variant > 0).then(|| fnv_1a(words.bytes()));
        let view = RegionView { jitter, flipped };
        let key = (index, variant, flipped);
        let known = self.regions.get(&key).cloned();
        let input = network.cached_input(below, (set, index, view), (cache, variant), known)?;
        self.regions
            .entry(key)
            .or_insert_with(|| input.region.clone());
        Ok(input)
    }

    /// Names the region of an error.
    fn of(&self, step: u64, sample: &Sample) -> impl Fn(Error) -> Error + use<> {
        Error::in_step(step, self.set.id(sample.example))
    }
}

impl Task for RegionTask<'_> {
    type Network = RegionClassifier;
    type Measures = RegionMeasures;

    fn check(&self) -> Result<()> {
        refuse_empty(self.set.len(), "at least one region")?;
        if self.settings.views > 0 {
            return Ok(());
        }
        Err(Error::Setting {
            name: "views",
            expected: "1 or more",
            found: "none".to_owned(),
        })
    }

    fn settings(&self) -> String {
        settings_in_files(&self.settings)
    }

    fn examples(&self) -> usize {
        self.set.len()
    }

    fn id(&self, index: usize) -> &str {
        self.set.id(index)
    }

    fn digest(&self, index: usize) -> u64 {
        self.set.digest(index).unwrap_or(0)
    }

    fn take_notices(&mut self) -> Vec<String> {
        let cache = self.cache.as_mut();
        cache.map_or_else(Vec::new, FeatureCache::take_notices)
    }

    fn calibrate(
        &mut self,
        network: &mut RegionClassifier,
        _: &TrainConfig,
        observer: &mut dyn FnMut(usize, usize),
    ) -> Result<()> {
        if self.calibrated {
            return Ok(());
        }
        let set = self.set;
        let mut examples = CalibrationExamples::new(set.len(), CALIBRATION_REGIONS);
        let is_of_data = |error: &Error| matches!(error, Error::Unreadable { .. });
        network.calibrate(|network| {
            let whole = network.trunk().map(|trunk| &trunk.chain);
            let input = |index| Ok(network.input(whole, set, index, RegionView::PLAIN)?);
            let inputs = examples.read(observer, is_of_data, input).collect();
            examples.conclude(inputs)
        })
    }

    fn open(
        &mut self,
        network: &RegionClassifier,
        config: &TrainConfig,
        cache: &Path,
        sharers: usize,
    ) -> Result<()> {
        let first = first_step(config, network)?;
        self.halves = network.trunk().map(|trunk| trunk.chain.split(first));
        let frozen = self.halves.as_ref();
        let frozen = frozen.is_some_and(|(below, _)| !below.is_empty());
        let below = self.halves.as_ref().map(|(below, _)| below);
        let shared = self.shared_cache.as_ref().zip(below);
        let shared = shared.and_then(|(folder, below)| network.cache_folder(folder, below));
        let folder = shared.unwrap_or_else(|| cache.to_path_buf());
        let layers = below.and_then(|below| network.layers_digest(below));
        self.cache = frozen
            .then(|| FeatureCache::new(&folder, config.cache_bytes, layers.unwrap_or(0)))
            .transpose()?
            .map(|cache| cache.shared_by(sharers));
        Ok(())
    }

    fn step(
        &mut self,
        network: &RegionClassifier,
        at: &StepContext<'_>,
    ) -> Result<StepResult<RegionMeasures>> {
        let begin = Instant::now();
        let mut inputs = Vec::with_capacity(at.samples.len());
        for sample in at.samples {
            let input = self.input(network, sample);
            inputs.push(input.map_err(self.of(at.number, sample))?);
        }
        let crop = inputs.iter().map(|input| input.crop_seconds).sum::<f64>();
        let below = begin.elapsed().as_secs_f64() - crop;
        let classes: Vec<usize> = at
            .samples
            .iter()
            .map(|sample| self.set.class(sample.example))
            .collect();
        let seeds: Vec<u64> = at.samples.iter().map(|sample| sample.dropout).collect();
        let batch = RegionBatch {
            inputs: &inputs,
            classes: &classes,
            seeds: &seeds,
            learning: self.halves.as_ref().and_then(|(_, above)| above.as_ref()),
            hook: at.hook,
        };
        let step = network.step(&batch).map_err(|error| match error {
            models::Error::InBatch { place, source } => {
                self.of(at.number, &at.samples[place])((*source).into())
            }
            error => error.into(),
        })?;
        let parts = RegionSeconds {
            crop,
            trunk: step.seconds.trunk + below,
            ..step.seconds
        };
        Ok(StepResult {
            loss: step.loss,
            measures: measures(&step.probabilities, &classes, &step.reports, parts),
            gradients: step.gradients,
        })
    }

    fn close(&mut self) -> Result<()> {
        let cache = self.cache.take().filter(|_| self.shared_cache.is_none());
        Ok(cache.map_or(Ok(()), FeatureCache::remove)?)
    }
}

#[cfg(test)]
mod tests {
    // Trainings by a GPU that decomposes, and by several ranks, compared with those of one processor.

    use std::path::Path;
    use std::rc::Rc;

    use image::RgbImage;
    use segmentation::GridAxis;

    use super::*;
    use crate::distributed::Ranks;
    use crate::{Progress, RegionTraining, TrainConfig, Trainer};
    use models::{
        ClassifierLayout, Descriptors, Device, FeatureMaps, O2pOptions, RegionArchitecture,
        RegionCrop, RegionFeatures, RegionPooling, RegionView, SpectralMap, TrunkWeights,
    };

    const CHANNELS: usize = 4;
    const SIDE: usize = 6;

    /// Regions whose descriptors vary in other directions in the one class than in the other.
    struct Grids(Vec<String>);

    impl RegionSet for Grids {
        fn len(&self) -> usize {
            self.0.len()
        }

        fn id(&self, index: usize) -> &str {
            &self.0[index]
        }

        fn class(&self, index: usize) -> usize {
            index % 2
        }

        fn crop(&self, _: usize, _: RegionView, side: u32) -> models::Result<RegionCrop> {
            Ok(RegionCrop {
                image: RgbImage::new(side, side),
                mask: vec![true; (side * side) as usize],
                frame: [0, 0, side, side],
            })
        }

        fn descriptors(&self, index: usize, crop: &RegionCrop) -> models::Result<Descriptors> {
            let wave = |channel: usize, place: usize| {
                let speed = 1 + channel + CHANNELS * (index % 2);
                (0.7 * (speed * place + index) as f32).sin()
            };
            let places = SIDE * SIDE;
            let values: Vec<f32> = (0..CHANNELS)
                .flat_map(|channel| (0..places).map(move |place| wave(channel, place)))
                .collect();
            let axis = GridAxis::spread(SIDE, crop.image.width() as usize);
            Ok(Descriptors {
                maps: FeatureMaps::new(CHANNELS, SIDE, SIDE, values)?,
                axes: [axis; 2],
            })
        }
    }

    /// Losses of a training, and how many matrices a GPU decomposed in each step.
    fn losses(device: &Device, ranks: Ranks, dropout: f32, folder: &Path) -> Vec<(f64, u64)> {
        let architecture = RegionArchitecture {
            format: RegionArchitecture::FORMAT,
            features: RegionFeatures::Given { channels: CHANNELS },
            side: 24,
            reduction: None,
            masked: true,
            pooling: RegionPooling::SecondOrder(O2pOptions {
                map: SpectralMap::Log { epsilon: 0.1 },
                ..O2pOptions::default()
            }),
            classifier: ClassifierLayout {
                hidden: vec![6],
                input_dropout: dropout,
                dropout,
            },
            classes: vec!["slow".into(), "fast".into()],
        };
        let set = Grids((0..8).map(|index| format!("grid{index}")).collect());
        let network = RegionClassifier::new(architecture, &TrunkWeights::Random, 3).unwrap();
        let task = RegionTask::new(&set, RegionTraining::default());
        let config = TrainConfig {
            epochs: 10,
            batch: 4,
            rate: 1e-2,
            warmup: 1,
            ..TrainConfig::default()
        };
        let (ranks, network) = (Rc::new(ranks), network.on_device(device));
        let trainer =
            Trainer::start_among(&ranks, network, task, config, folder, |_, _| ()).unwrap();
        let mut losses = Vec::new();
        let trained = trainer.run(|event| {
            if let Progress::Step { record, .. } = event {
                let decomposed = record.transfers.map_or(0, |transfers| transfers.decomposed);
                losses.push((record.loss, decomposed));
            }
            true
        });
        assert!(trained.unwrap().is_some());
        Rc::into_inner(ranks).unwrap().finalize().unwrap();
        losses
    }

    fn losses_on(device: &Device) -> Vec<(f64, u64)> {
        let folder = tempfile::tempdir().unwrap();
        losses(device, Ranks::alone(), 0.0, folder.path())
    }

    #[test]
    fn ranks_drop_as_one_process() {
        let (device, folder) = (Device::default(), tempfile::tempdir().unwrap());
        let one = losses(&device, Ranks::alone(), 0.3, folder.path());
        assert_eq!(one.len(), 20);
        assert_ne!(one, losses_on(&device));
        let shared = tempfile::tempdir().unwrap();
        let several = Ranks::as_threads(3, |ranks| {
            losses(&Device::default(), ranks, 0.3, shared.path())
        });
        for ((one, _), (three, _)) in one.iter().zip(&several[0]) {
            assert!((one - three).abs() < 1e-5, "{one} {three}");
        }
    }

    /// The result does not depend on the eigenvalue solver.
    fn takes_the_steps_of_the_processor(device: &Device, decomposed: u64) {
        let (expected, found) = (losses_on(&Device::default()), losses_on(device));
        assert_eq!(found.len(), 20);
        assert!(found[19].0 < 0.5 * found[0].0, "{found:?}");
        for ((expected, none), (found, count)) in expected.into_iter().zip(found) {
            assert!(
                (found / expected - 1.0).abs() < 1e-4,
                "{found} and {expected}"
            );
            assert_eq!((none, count), (0, decomposed));
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_gpu_that_decomposes_takes_the_same_steps() {
        let name = "region_task::tests::a_gpu_that_decomposes_takes_the_same_steps";
        gpu::stand_ins::run_among(name, || {
            let card = gpu::Gpu::open(0).unwrap();
            takes_the_steps_of_the_processor(&Device::tensors_on_cpu_beside(Some(card)), 4);
        });
    }

    #[cfg(feature = "cuda")]
    #[test]
    #[ignore = "needs an NVIDIA GPU, fast in double precision, its driver and cuSOLVER"]
    fn cuda_decomposes_and_takes_the_same_steps() {
        let device = Device::open(models::DeviceChoice::Cuda(0)).unwrap();
        takes_the_steps_of_the_processor(&device, 4);
    }
}
