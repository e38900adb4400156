//! A training on small synthetic photographs: it learns, and it resumes to the bit.

mod slants;

use std::path::Path;

use image::RgbImage;
use models::{ClusterChoice, DeepNcuts};
use segmentation::LabelMap;
use slants::{HEIGHT, Slants, WIDTH, bytes_of, network};
use test_support::refused;
use training::{
    Annotations, CutMeasures, CutTask, CutTraining, Error, Optimiser, Progress, Result, Schedule,
    SegmentationSet, TrainConfig, Trainer, TrunkTraining,
};

type StepRecord = training::StepRecord<CutMeasures>;

fn config() -> TrainConfig {
    TrainConfig {
        epochs: 6,
        batch: 2,
        rate: 3e-3,
        checkpoint_every: 4,
        ..TrainConfig::default()
    }
}

fn task(set: &dyn SegmentationSet) -> CutTask<'_> {
    CutTask::new(set, CutTraining::default())
}

fn train(config: &TrainConfig, folder: &Path) -> (DeepNcuts, Vec<StepRecord>) {
    train_by(config, CutTraining::default(), folder)
}

fn train_by(config: &TrainConfig, cut: CutTraining, folder: &Path) -> (DeepNcuts, Vec<StepRecord>) {
    let set = Slants::new(5);
    let task = CutTask::new(&set, cut);
    let trainer = Trainer::start(network(), task, config.clone(), folder, |_, _| ()).unwrap();
    let mut records = Vec::new();
    let trained = trainer.run(|progress| {
        if let Progress::Step { record, .. } = progress {
            records.push(record.clone());
        }
        true
    });
    (trained.unwrap().unwrap(), records)
}

fn mean_loss(records: &[StepRecord]) -> f64 {
    records.iter().map(|record| record.loss).sum::<f64>() / records.len() as f64
}

#[test]
fn the_loss_falls_frozen_and_whole_under_every_rule() {
    let rules = [
        config(),
        TrainConfig {
            trunk: TrunkTraining::Whole,
            weight_decay: 1e-4,
            clip: 5.0,
            ..config()
        },
        TrainConfig {
            trunk: TrunkTraining::From("_blocks.2._expand_conv".into()),
            optimiser: Optimiser::Sgd { momentum: 0.9 },
            schedule: Schedule::Steps {
                every: 4,
                factor: 0.5,
            },
            rate: 1e-3,
            new_layer_multiplier: 10.0,
            averaging: 0.9,
            clip: 1.0,
            ..config()
        },
        TrainConfig {
            rate: 1e-3,
            ..config()
        },
    ];
    let hard = CutTraining {
        annotations: Annotations::One,
        criterion: CutTraining::HARD,
    };
    let smooth = CutTraining::default();
    for (config, cut) in rules.into_iter().zip([smooth, smooth, smooth, hard]) {
        let folder = tempfile::tempdir().unwrap();
        let (trained, records) = train_by(&config, cut, folder.path());
        assert_eq!(records.len(), 18);
        let (first, last) = (mean_loss(&records[..6]), mean_loss(&records[12..]));
        // The hard criterion moves by whole ranks; the others fall steadily.
        let bound = if cut.epsilon().is_some() { 0.97 } else { 1.02 };
        assert!(last < bound * first, "{config:?}: {first} {last}");
        assert!(
            records
                .iter()
                .all(|r| r.measures.target_rank >= 2.0 && r.gradient_norm.is_finite())
        );
        let loaded = DeepNcuts::load(&folder.path().join("network.safetensors")).unwrap();
        assert_eq!(bytes_of(&loaded), bytes_of(&trained));
        assert!(!folder.path().join("cache").exists());
        let lines = std::fs::read_to_string(folder.path().join("journal.jsonl")).unwrap();
        assert_eq!(lines.lines().count(), 18);
    }
}

#[test]
fn a_resumed_training_ends_at_the_same_bits() {
    let config = TrainConfig {
        averaging: 0.5,
        trunk: TrunkTraining::From("_blocks.1._project_conv".into()),
        ..config()
    };
    let one_thread = rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .build()
        .unwrap();
    one_thread.install(|| {
        let whole = tempfile::tempdir().unwrap();
        let (expected, records) = train(&config, whole.path());

        let halves = tempfile::tempdir().unwrap();
        let set = Slants::new(5);
        let trainer = Trainer::start(
            network(),
            task(&set),
            config.clone(),
            halves.path(),
            |_, _| (),
        )
        .unwrap();
        let stopped = trainer.run(|progress| match progress {
            Progress::Step { record, .. } => record.step < 7,
            _ => true,
        });
        assert!(stopped.unwrap().is_none());
        let resumed = Trainer::resume(task(&set), config.clone(), halves.path()).unwrap();
        assert_eq!(resumed.step(), 7);
        let resumed = resumed.run(|_| true).unwrap().unwrap();
        assert_eq!(bytes_of(&resumed), bytes_of(&expected));

        let lines = std::fs::read_to_string(halves.path().join("journal.jsonl")).unwrap();
        let losses: Vec<f64> = lines
            .lines()
            .map(|line| serde_json::from_str::<StepRecord>(line).unwrap().loss)
            .collect();
        assert_eq!(
            losses,
            records.iter().map(|record| record.loss).collect::<Vec<_>>()
        );
    });
}

#[test]
fn a_training_is_not_overwritten_nor_resumed_under_other_settings() {
    let folder = tempfile::tempdir().unwrap();
    let config = TrainConfig {
        epochs: 1,
        ..config()
    };
    train(&config, folder.path());
    let set = Slants::new(5);
    let again = Trainer::start(
        network(),
        task(&set),
        config.clone(),
        folder.path(),
        |_, _| (),
    );
    let other = TrainConfig {
        rate: 1.0,
        ..config.clone()
    };
    let empty = Slants::new(0);
    refused! {
        again => Error::Setting { name: "training folder", .. },
        Trainer::resume(task(&set), other, folder.path()) => Error::Checkpoint { what: "setting", .. },
        Trainer::resume(task(&empty), config, folder.path()) => Error::Setting { name: "training set", .. },
    }
}

#[test]
fn a_training_stopped_at_its_first_step_resumes_on_its_own_images_alone() {
    let folder = tempfile::tempdir().unwrap();
    let config = TrainConfig {
        epochs: 1,
        checkpoint_every: 1000,
        ..config()
    };
    let set = Slants::new(5);
    let trainer = Trainer::start(
        network(),
        task(&set),
        config.clone(),
        folder.path(),
        |_, _| (),
    )
    .unwrap();
    // A crash: the journal has a line, and no checkpoint was due yet.
    let crashed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        trainer.run(|_| panic!("the machine stops here"))
    }));
    assert!(crashed.is_err());
    let resumed = Trainer::resume(task(&set), config.clone(), folder.path()).unwrap();
    assert_eq!(resumed.step(), 0);
    assert!(resumed.run(|_| true).unwrap().is_some());
    let others = Slants::new(4);
    let refused = Trainer::resume(task(&others), config, folder.path()).map(|_| ());
    assert!(matches!(
        refused,
        Err(Error::Checkpoint {
            what: "training set",
            ..
        })
    ));
}

/// The photographs of a set, one of which got another pixel.
struct Retouched(Slants);

impl SegmentationSet for Retouched {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn id(&self, index: usize) -> &str {
        self.0.id(index)
    }

    fn image(&self, index: usize) -> Result<RgbImage> {
        let mut image = self.0.image(index)?;
        if index == 3 {
            image.get_pixel_mut(0, 0).0[0] ^= 1;
        }
        Ok(image)
    }

    fn annotations(&self, index: usize) -> Result<Vec<LabelMap>> {
        self.0.annotations(index)
    }
}

#[test]
fn a_training_knows_the_contents_of_its_examples() {
    let folder = tempfile::tempdir().unwrap();
    let (before, now) = (Slants::new(5), Retouched(Slants::new(5)));
    let trainer = Trainer::start(network(), task(&before), config(), folder.path(), |_, _| ());
    assert!(trainer.unwrap().run(|_| false).unwrap().is_none());
    let refused = Trainer::resume(task(&now), config(), folder.path()).map(|_| ());
    let words = refused.unwrap_err().to_string();
    assert!(words.contains("other contents of slant3;"), "{words}");
    let config = TrainConfig {
        changed_data: true,
        ..config()
    };
    let resumed = Trainer::resume(task(&now), config.clone(), folder.path()).unwrap();
    assert_eq!(resumed.changed_data().unwrap(), "other contents of slant3");
    assert!(resumed.run(|_| false).unwrap().is_none());
    // From here on they are the training's own.
    let again = Trainer::resume(task(&now), config, folder.path()).unwrap();
    assert_eq!(again.changed_data(), None);
}

#[test]
fn two_trainings_do_not_share_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let set = Slants::new(5);
    let start = || Trainer::start(network(), task(&set), config(), folder.path(), |_, _| ());
    let first = start().unwrap();
    refused! {
        start().map(|_| ()) => Error::Locked { .. },
        Trainer::resume(task(&set), config(), folder.path()).map(|_| ()) => Error::Locked { .. },
    }
    assert!(first.run(|_| true).unwrap().is_some());
    assert!(!training::was_begun(folder.path()));
}

#[test]
fn damaged_features_are_made_again_to_the_same_bytes() {
    let (whole, damaged) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (expected, _) = train(&config(), whole.path());
    let set = Slants::new(5);
    let trainer = Trainer::start(network(), task(&set), config(), damaged.path(), |_, _| ());
    let mut notices = Vec::new();
    let found = trainer.unwrap().run(|progress| {
        match progress {
            Progress::Notice { what } => notices.push(what.to_owned()),
            Progress::Step { record, .. } if record.step == 4 => {
                let cache = std::fs::read_dir(damaged.path().join("cache")).unwrap();
                for entry in cache {
                    let path = entry.unwrap().path();
                    let mut bytes = std::fs::read(&path).unwrap();
                    let middle = bytes.len() / 2;
                    bytes[middle] ^= 64;
                    std::fs::write(&path, bytes).unwrap();
                }
            }
            _ => {}
        }
        true
    });
    assert_eq!(bytes_of(&found.unwrap().unwrap()), bytes_of(&expected));
    assert!(
        !notices.is_empty() && notices.iter().all(|notice| notice.contains("damaged")),
        "{notices:?}"
    );
}

/// Annotations of another size than the photograph.
struct Misfits(Slants);

impl SegmentationSet for Misfits {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn id(&self, index: usize) -> &str {
        self.0.id(index)
    }

    fn image(&self, index: usize) -> Result<RgbImage> {
        self.0.image(index)
    }

    fn annotations(&self, _: usize) -> Result<Vec<LabelMap>> {
        let (width, height) = (HEIGHT as usize, WIDTH as usize);
        Ok(vec![LabelMap::new(width, height, vec![0; width * height])?])
    }
}

#[test]
fn an_annotation_of_another_size_is_an_error_that_names_step_and_image() {
    let set = Misfits(Slants::new(1));
    for trunk in [TrunkTraining::Whole, TrunkTraining::Frozen] {
        let folder = tempfile::tempdir().unwrap();
        let config = TrainConfig { trunk, ..config() };
        let trainer =
            Trainer::start(network(), task(&set), config, folder.path(), |_, _| ()).unwrap();
        let message = trainer.run(|_| true).map(|_| ()).unwrap_err().to_string();
        assert!(
            message.starts_with("step 1, image slant0: annotation: expected"),
            "{message}"
        );
    }
}

#[test]
fn a_full_cache_changes_speed_and_nothing_else() {
    let config = TrainConfig {
        epochs: 2,
        ..config()
    };
    let run = |cache_bytes| {
        let folder = tempfile::tempdir().unwrap();
        bytes_of(
            &train(
                &TrainConfig {
                    cache_bytes,
                    ..config.clone()
                },
                folder.path(),
            )
            .0,
        )
    };
    assert_eq!(run(0), run(1 << 30));
}

#[test]
fn a_trained_network_cuts_along_the_border() {
    let folder = tempfile::tempdir().unwrap();
    let (network, _) = train(
        &TrainConfig {
            epochs: 20,
            ..config()
        },
        folder.path(),
    );
    let image = Slants::new(5).image(1).unwrap();
    let cut = network
        .segment(&image, &ClusterChoice::Counts(vec![2]))
        .unwrap();
    let labels = &cut.pool[0].labels;
    let agree = (0..WIDTH * HEIGHT)
        .filter(|i| {
            let (x, y) = (i % WIDTH, i / WIDTH);
            let one = labels.at(x as usize, y as usize) == labels.at(63, 0);
            one == Slants::side(1, x, y)
        })
        .count();
    assert!(agree as u32 > WIDTH * HEIGHT * 9 / 10, "{agree}");
    let auto = network.segment(&image, &ClusterChoice::Auto).unwrap();
    assert!(auto.soft_rank > 0.9 && auto.pool.len() == 1);
    let refused = network.segment(&image, &ClusterChoice::Counts(vec![0]));
    assert!(matches!(
        refused,
        Err(models::Error::Setting {
            name: "clusters",
            ..
        })
    ));
}
