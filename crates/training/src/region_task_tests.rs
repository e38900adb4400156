//! Trainings by a GPU that decomposes, and by several ranks, held against those of one processor.

use std::path::Path;
use std::rc::Rc;

use image::RgbImage;
use segmentation::GridAxis;

use super::*;
use crate::distributed::Ranks;
use crate::{Progress, RegionTraining, TrainConfig, Trainer};
use models::{
    ClassifierLayout, Descriptors, Device, FeatureMaps, RegionArchitecture, RegionCrop,
    RegionFeatures, RegionPooling, RegionView, SecondOrder, TrunkWeights,
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
        pooling: RegionPooling::SecondOrder(SecondOrder {
            epsilon: 0.1,
            ..SecondOrder::default()
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
    let trainer = Trainer::start_among(&ranks, network, task, config, folder, |_, _| ()).unwrap();
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
fn ranks_drop_what_one_process_drops() {
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

/// What is learned does not depend on who decomposes.
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
