//! A head that draws boundaries, on small synthetic photographs: it learns, and it resumes to the bit.

mod slants;

use std::path::Path;

use models::{
    BoundaryArchitecture, BoundaryLevel, DeepBoundaries, TrainableNetwork as _, TrunkKind,
    TrunkWeights,
};
use slants::{Slants, bytes_of};
use training::{BoundaryMeasures, BoundaryTask, Error, Progress, TrainConfig, Trainer};

type StepRecord = training::StepRecord<BoundaryMeasures>;

fn config() -> TrainConfig {
    TrainConfig {
        epochs: 8,
        batch: 2,
        rate: 5e-3,
        warmup: 4,
        checkpoint_every: 4,
        ..TrainConfig::default()
    }
}

fn network() -> DeepBoundaries {
    let level = |layer: &str, reduction| BoundaryLevel {
        layers: vec![layer.to_owned()],
        reduction,
    };
    let architecture = BoundaryArchitecture {
        levels: vec![level("block0", 6), level("block2", 6), level("block4", 6)],
        merges: vec![6, 6],
        ..BoundaryArchitecture::new(TrunkKind::Lite0)
    };
    DeepBoundaries::new(architecture, &TrunkWeights::Random, 2).unwrap()
}

fn train(config: &TrainConfig, folder: &Path) -> (DeepBoundaries, Vec<StepRecord>) {
    let set = Slants::new(5);
    let task = BoundaryTask::new(&set);
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

#[test]
fn the_loss_falls_and_nothing_but_the_head_moves() {
    let folder = tempfile::tempdir().unwrap();
    let (trained, records) = train(&config(), folder.path());
    let mean = |records: &[StepRecord]| {
        records.iter().map(|record| record.loss).sum::<f64>() / records.len() as f64
    };
    assert_eq!(records.len(), 24);
    let (first, last) = (mean(&records[..6]), mean(&records[18..]));
    assert!(last < 0.8 * first, "{first} {last}");
    assert!(
        records
            .iter()
            .all(|record| record.measures.drawn_boundaries > 0.01)
    );
    let loaded = DeepBoundaries::load(&folder.path().join("network.safetensors")).unwrap();
    assert_eq!(bytes_of(&loaded), bytes_of(&trained));
    assert!(!folder.path().join("cache").exists());
    let (before, after) = (network(), trained);
    let tensors = |network: &DeepBoundaries| network.trunk().unwrap().parameters.values();
    assert_eq!(tensors(&before), tensors(&after));
}

#[test]
fn a_resumed_training_ends_at_the_same_bits() {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build();
    pool.unwrap().install(|| {
        let (whole, halves) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (expected, _) = train(&config(), whole.path());
        let set = Slants::new(5);
        let task = || BoundaryTask::new(&set);
        let trainer = Trainer::start(network(), task(), config(), halves.path(), |_, _| ());
        let stopped = trainer.unwrap().run(|progress| match progress {
            Progress::Step { record, .. } => record.step < 7,
            _ => true,
        });
        assert!(stopped.unwrap().is_none());
        let resumed = Trainer::resume(task(), config(), halves.path()).unwrap();
        assert_eq!(resumed.step(), 7);
        let resumed = resumed.run(|_| true).unwrap().unwrap();
        assert_eq!(bytes_of(&resumed), bytes_of(&expected));
    });
}

#[test]
fn damaged_features_are_made_again_and_other_sets_are_refused() {
    let (whole, damaged) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (expected, _) = train(&config(), whole.path());
    let set = Slants::new(5);
    let task = BoundaryTask::new(&set);
    let trainer = Trainer::start(network(), task, config(), damaged.path(), |_, _| ());
    let mut notices = Vec::new();
    let found = trainer.unwrap().run(|progress| {
        match progress {
            Progress::Notice { what } => notices.push(what.to_owned()),
            Progress::Step { record, .. } if record.step == 4 => {
                for entry in std::fs::read_dir(damaged.path().join("cache")).unwrap() {
                    let path = entry.unwrap().path();
                    let mut bytes = std::fs::read(&path).unwrap();
                    let middle = bytes.len() / 2;
                    bytes[middle] ^= 64;
                    std::fs::write(path, bytes).unwrap();
                }
            }
            _ => {}
        }
        true
    });
    assert_eq!(bytes_of(&found.unwrap().unwrap()), bytes_of(&expected));
    assert!(
        notices.iter().any(|notice| notice.contains("_level0")),
        "{notices:?}"
    );

    let others = Slants::new(4);
    let refused = Trainer::resume(BoundaryTask::new(&others), config(), damaged.path());
    let refused = refused.map(|_| ());
    assert!(
        matches!(
            refused,
            Err(Error::Checkpoint { .. } | Error::Setting { .. })
        ),
        "{refused:?}"
    );
}
