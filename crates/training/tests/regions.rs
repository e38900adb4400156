//! Region classifiers on small synthetic crops: they learn separable classes, have correct gradients, and resume to
//! the bit.

mod patterns;

use std::path::Path;

use models::{
    ClassifierLayout, FeatureCache, O2pOptions, RegionArchitecture, RegionClassifier, RegionCrop,
    RegionFeatures, RegionPooling, RegionSet, RegionView, Result, TrunkKind, TrunkWeights,
};
use patterns::{Patterns, SIDE};
use test_support::refused;
use training::{
    Error, Progress, RegionMeasures, RegionTask, RegionTraining, StepRecord, TrainConfig, Trainer,
    TrunkTraining, can_resume,
};

fn given(pooling: RegionPooling, masked: bool) -> RegionArchitecture {
    RegionArchitecture {
        format: RegionArchitecture::FORMAT,
        features: RegionFeatures::Given { channels: 2 },
        side: SIDE,
        reduction: None,
        masked,
        pooling,
        classifier: ClassifierLayout::default(),
        classes: vec!["alike".into(), "opposed".into()],
    }
}

fn on_lite0(pooling: RegionPooling, reduction: Option<usize>) -> RegionArchitecture {
    RegionArchitecture {
        features: RegionFeatures::trunk(TrunkKind::Lite0, &["expand1".into()]),
        reduction,
        classifier: ClassifierLayout {
            hidden: vec![8],
            input_dropout: 0.1,
            dropout: 0.2,
        },
        ..given(pooling, true)
    }
}

fn second_order() -> RegionPooling {
    RegionPooling::SecondOrder(O2pOptions::default())
}

fn config() -> TrainConfig {
    TrainConfig {
        epochs: 8,
        batch: 4,
        rate: 1e-2,
        warmup: 1,
        checkpoint_every: 5,
        ..TrainConfig::default()
    }
}

fn network(architecture: RegionArchitecture) -> RegionClassifier {
    RegionClassifier::new(architecture, &TrunkWeights::Random, 3).unwrap()
}

fn train(
    architecture: RegionArchitecture,
    set: &Patterns,
    config: &TrainConfig,
    folder: &Path,
) -> (RegionClassifier, Vec<StepRecord<RegionMeasures>>) {
    let task = RegionTask::new(set, RegionTraining::default());
    let network = network(architecture);
    let trainer = Trainer::start(network, task, config.clone(), folder, |_, _| ()).unwrap();
    let mut records = Vec::new();
    let trained = trainer.run(|progress| {
        if let Progress::Step { record, .. } = progress {
            records.push(record.clone());
        }
        true
    });
    (trained.unwrap().unwrap(), records)
}

fn error_on(network: &RegionClassifier, set: &Patterns) -> f64 {
    let wrong =
        (0..set.len()).filter(|&i| network.classify(set, i).unwrap().ranked()[0] != set.class(i));
    wrong.count() as f64 / set.len() as f64
}

#[test]
fn second_moments_of_the_mask_separate_classes_that_means_and_boxes_do_not() {
    let set = Patterns::new(40);
    let errors: Vec<f64> = [
        (second_order(), true),
        (RegionPooling::Average, true),
        (second_order(), false),
    ]
    .into_iter()
    .map(|(pooling, masked)| {
        let folder = tempfile::tempdir().unwrap();
        let rule = TrainConfig {
            epochs: 20,
            ..config()
        };
        let (trained, records) = train(given(pooling, masked), &set, &rule, folder.path());
        assert_eq!(records.len(), 200);
        let spectral = records[0].measures.smallest_eigenvalue.is_some();
        assert_eq!(spectral, pooling == second_order());
        let loaded = RegionClassifier::load(&folder.path().join("network.safetensors")).unwrap();
        assert_eq!(
            loaded.classify(&set, 1).unwrap().probabilities,
            trained.classify(&set, 1).unwrap().probabilities
        );
        error_on(&trained, &set)
    })
    .collect();
    assert_eq!(errors[0], 0.0, "{errors:?}");
    assert!(errors[1] > 0.15 && errors[2] > 0.15, "{errors:?}");
}

#[test]
fn stripes_are_learned_through_every_part_of_the_trunk() {
    let set = Patterns::new(12);
    let parts = [
        TrunkTraining::Frozen,
        TrunkTraining::From("_blocks.1._expand_conv".into()),
        TrunkTraining::Whole,
    ];
    for trunk in parts {
        for (pooling, reduction) in [
            (second_order(), Some(6)),
            (RegionPooling::Average, None),
            (RegionPooling::Flatten, Some(3)),
        ] {
            let rule = TrainConfig {
                trunk: trunk.clone(),
                rate: 3e-3,
                clip: 5.0,
                ..config()
            };
            let folder = tempfile::tempdir().unwrap();
            let (_, records) = train(on_lite0(pooling, reduction), &set, &rule, folder.path());
            let mean = |records: &[StepRecord<RegionMeasures>]| {
                records.iter().map(|r| r.loss).sum::<f64>() / records.len() as f64
            };
            let parts = records[1].measures.parts;
            assert!(parts.trunk > 0.0 && parts.layer > 0.0 && parts.head > 0.0);
            assert!(parts.crop + parts.trunk + parts.layer + parts.head < records[1].seconds);
            let (first, last) = (mean(&records[..3]), mean(&records[records.len() - 3..]));
            assert!(last < first, "{trunk:?} {pooling:?}: {first} {last}");
            assert!(!folder.path().join("cache").exists());
        }
    }
}

/// The gradient that the journal shows against the fall of the loss along it: one step of plain descent.
#[test]
fn the_gradient_through_everything_is_the_loss_slope() {
    let set = Patterns::new(4);
    let loss_after = |rate: f64| {
        let folder = tempfile::tempdir().unwrap();
        let mut architecture = on_lite0(second_order(), Some(5));
        architecture.classifier.input_dropout = 0.0;
        architecture.classifier.dropout = 0.0;
        let rule = TrainConfig {
            epochs: 2,
            flips: false,
            rate,
            trunk: TrunkTraining::From("_blocks.1._expand_conv".into()),
            optimiser: training::Optimiser::Sgd { momentum: 0.0 },
            schedule: training::Schedule::Constant,
            ..config()
        };
        let task = RegionTask::new(&set, RegionTraining { views: 1 });
        let network = network(architecture);
        let trainer = Trainer::start(network, task, rule, folder.path(), |_, _| ()).unwrap();
        let mut steps = Vec::new();
        let observe = |progress: Progress<'_, RegionMeasures>| {
            if let Progress::Step { record, .. } = progress {
                steps.push((record.loss, record.gradient_norm));
            }
            true
        };
        trainer.run(observe).unwrap();
        (steps[0], steps[1].0)
    };
    // L(w − η g) = L − η ‖g‖² + O(η²); two rates take the square away.
    let ((loss, norm), _) = loss_after(1e-9);
    let rate = 1e-3 / (norm * norm);
    let fall = |rate: f64| (loss - loss_after(rate).1) / rate;
    let slope = 2.0 * fall(rate) - fall(2.0 * rate);
    assert!(
        (slope / (norm * norm) - 1.0).abs() < 0.05,
        "{slope} {}",
        norm * norm
    );
}

#[test]
fn degenerate_regions_stay_finite() {
    let set = Patterns {
        degenerate: true,
        ..Patterns::new(8)
    };
    for trunk in [TrunkTraining::Frozen, TrunkTraining::Whole] {
        for centred in [false, true] {
            let pooling = RegionPooling::SecondOrder(O2pOptions {
                centred,
                signed_square_root: centred.then_some(1e-3),
                unit_norm: centred,
                ..O2pOptions::default()
            });
            let rule = TrainConfig {
                trunk: trunk.clone(),
                clip: 1.0,
                ..config()
            };
            let folder = tempfile::tempdir().unwrap();
            let architecture = on_lite0(pooling, Some(6));
            let (trained, records) = train(architecture, &set, &rule, folder.path());
            for record in &records {
                assert!(record.loss.is_finite() && record.gradient_norm.is_finite());
                let measures = record.measures;
                assert!(measures.smallest_eigenvalue.unwrap() > 0.0);
                assert!(measures.condition.unwrap() >= 1.0);
            }
            assert!(
                records
                    .iter()
                    .any(|r| r.measures.fewer_than_channels.unwrap() > 0.0)
            );
            let p = trained.classify(&set, 2).unwrap().probabilities;
            assert!((p.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        }
    }
}

#[test]
fn a_stopped_training_goes_on_to_the_same_bytes() {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build();
    pool.unwrap().install(|| {
        let set = Patterns::new(8);
        let rule = TrainConfig {
            trunk: TrunkTraining::From("_blocks.1._expand_conv".into()),
            epochs: 3,
            ..config()
        };
        let architecture = || on_lite0(second_order(), Some(5));
        let (whole, halves) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        train(architecture(), &set, &rule, whole.path());
        let task = || RegionTask::new(&set, RegionTraining::default());
        let begun = Trainer::start(
            network(architecture()),
            task(),
            rule.clone(),
            halves.path(),
            |_, _| (),
        );
        let stop = |progress: Progress<'_, _>| match progress {
            Progress::Step { record, .. } => record.step < 3,
            _ => true,
        };
        assert!(begun.unwrap().run(stop).unwrap().is_none());
        assert!(can_resume(halves.path()));
        let other = RegionTask::new(&set, RegionTraining { views: 3 });
        let refused = Trainer::resume(other, rule.clone(), halves.path()).map(|_| ());
        assert!(matches!(
            refused,
            Err(Error::Checkpoint { what: "task", .. })
        ));
        let resumed = Trainer::resume(task(), rule.clone(), halves.path()).unwrap();
        assert_eq!(resumed.step(), 3);
        resumed.run(|_| true).unwrap().unwrap();
        let bytes = |folder: &Path| std::fs::read(folder.join("network.safetensors")).unwrap();
        assert!(bytes(whole.path()) == bytes(halves.path()));
    });
}

#[test]
fn invalid_settings_are_refused() {
    let mut single = given(RegionPooling::Average, true);
    single.classes.truncate(1);
    let mut flat = given(RegionPooling::Average, true);
    flat.side = 0;
    let mut none = given(RegionPooling::Average, true);
    none.reduction = Some(0);
    let new = |architecture| RegionClassifier::new(architecture, &TrunkWeights::Random, 1);
    let set = Patterns::new(2);
    let mut long = given(RegionPooling::Average, true);
    long.features = RegionFeatures::Given { channels: 3 };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("network");
    std::fs::write(&path, b"no network").unwrap();
    let trained = TrainConfig {
        trunk: TrunkTraining::Whole,
        ..config()
    };
    let task = RegionTask::new(&set, RegionTraining::default());
    let started = Trainer::start(
        network(given(RegionPooling::Average, true)),
        task,
        trained,
        folder.path(),
        |_, _| (),
    );
    refused! {
        new(single) => models::Error::Setting { name: "classes", .. },
        new(flat) => models::Error::Setting { name: "side", .. },
        new(none) => models::Error::Setting { name: "reduction", .. },
        network(long).classify(&set, 0) => models::Error::Setting { name: "descriptors", .. },
        RegionClassifier::load(&path) => models::Error::NotSafetensors { .. },
        started => Error::Setting { .. },
    }
}

/// The same regions in another order: as a subset or another split of the same data changes their places.
struct Reversed(Patterns);

impl RegionSet for Reversed {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn id(&self, index: usize) -> &str {
        self.0.id(self.0.len() - 1 - index)
    }

    fn class(&self, index: usize) -> usize {
        self.0.class(self.0.len() - 1 - index)
    }

    fn crop(&self, index: usize, view: RegionView, side: u32) -> Result<RegionCrop> {
        self.0.crop(self.0.len() - 1 - index, view, side)
    }
}

#[test]
fn a_shared_cache_changes_no_number_whatever_the_order() {
    let set = Reversed(Patterns::new(8));
    let shared = tempfile::tempdir().unwrap();
    let run = |set: &dyn RegionSet, cache: Option<&Path>| {
        let folder = tempfile::tempdir().unwrap();
        let mut task = RegionTask::new(set, RegionTraining { views: 3 });
        if let Some(cache) = cache {
            task = task.sharing_cache(cache);
        }
        let architecture = on_lite0(second_order(), None);
        let trainer = Trainer::start(
            network(architecture),
            task.already_calibrated(),
            config(),
            folder.path(),
            |_, _| (),
        );
        let mut losses = Vec::new();
        let observe = |progress: Progress<'_, RegionMeasures>| {
            if let Progress::Step { record, .. } = progress {
                losses.push(record.loss);
            }
            true
        };
        trainer.unwrap().run(observe).unwrap().unwrap();
        losses
    };
    let alone = run(&set, None);
    run(&set.0, Some(shared.path()));
    assert_eq!(std::fs::read_dir(shared.path()).unwrap().count(), 1);
    assert_eq!(run(&set, Some(shared.path())), alone);
}

#[test]
fn kept_features_classify_as_they_did_when_they_were_kept() {
    let set = Patterns::new(4);
    let folder = tempfile::tempdir().unwrap();
    let network = network(on_lite0(second_order(), Some(3)));
    let mut cache = network.feature_cache(folder.path(), 1 << 20).unwrap();
    let classify = |cache: Option<&mut FeatureCache>, index: usize| {
        let said = network.classify_cached(&set, index, cache).unwrap();
        said.probabilities
    };
    for index in 0..set.len() {
        let first = classify(cache.as_mut(), index);
        assert_eq!(classify(cache.as_mut(), index), first);
        // Half precision stands between them.
        let straight = classify(None, index);
        let apart = first.iter().zip(&straight).map(|(a, b)| (a - b).abs());
        assert!(apart.fold(0.0, f64::max) < 1e-2, "{first:?} {straight:?}");
    }
    let own = std::fs::read_dir(folder.path()).unwrap().next().unwrap();
    let kept = std::fs::read_dir(own.unwrap().path()).unwrap().count();
    assert_eq!(kept, set.len());

    let descriptors = RegionClassifier::new(given(second_order(), true), &TrunkWeights::Random, 3);
    let cache = descriptors.unwrap().feature_cache(folder.path(), 1 << 20);
    assert!(cache.unwrap().is_none());
}
