//! Trainings by ranks that are threads, held against one by one process.

use std::path::Path;
use std::rc::Rc;

use super::*;
use crate::distributed::Ranks;
use crate::test_halves::{Halves, network};
use crate::{
    CutMeasures, CutTask, CutTraining, Optimiser, Progress, RegionMeasures, StepRecord,
    TrainConfig, TrunkTraining,
};

fn config(trunk: TrunkTraining) -> TrainConfig {
    TrainConfig {
        epochs: 5,
        batch: 4,
        optimiser: Optimiser::Adam,
        rate: 1e-3,
        warmup: 5,
        trunk,
        averaging: 0.5,
        ..TrainConfig::default()
    }
}

/// What a rank of a training is left with: its steps, and the bytes of its network or what went wrong.
type Left = (
    Vec<StepRecord<CutMeasures>>,
    std::result::Result<u64, String>,
);

fn train(ranks: Ranks, set: &Halves, config: &TrainConfig, folder: &Path) -> Left {
    train_on(&models::Device::default(), ranks, set, config, folder)
}

fn train_on(
    device: &models::Device,
    ranks: Ranks,
    set: &Halves,
    config: &TrainConfig,
    folder: &Path,
) -> Left {
    let ranks = Rc::new(ranks);
    let task = CutTask::new(set, CutTraining::default());
    let (network, config) = (network().on_device(device), config.clone());
    let mut records = Vec::new();
    let trained = Trainer::start_among(&ranks, network, task, config, folder, |_, _| ()).and_then(
        |trainer| {
            trainer.run(|event| {
                if let Progress::Step { record, .. } = event {
                    records.push(record.clone());
                }
                true
            })
        },
    );
    let digest = trained.map(|network| {
        let tensors = network.expect("nobody stops it").tensors_out().into_iter();
        fnv_1a(
            tensors
                .flat_map(|tensor| tensor.values)
                .flat_map(f32::to_le_bytes),
        )
    });
    Rc::into_inner(ranks).unwrap().finalize().unwrap();
    (records, digest.map_err(|error| error.to_string()))
}

/// Every rank's.
fn train_by(size: usize, set: &Halves, config: &TrainConfig) -> Vec<Left> {
    let folder = tempfile::tempdir().unwrap();
    let left = if size == 1 {
        vec![train(Ranks::alone(), set, config, folder.path())]
    } else {
        Ranks::as_threads(size, |ranks| train(ranks, set, config, folder.path()))
    };
    let cache = folder.path().join("cache");
    assert!(!cache.exists() || left[0].1.is_err());
    left
}

fn assert_alike(one: &[StepRecord<CutMeasures>], several: &[StepRecord<CutMeasures>]) {
    assert_eq!(one.len(), several.len());
    for (one, several) in one.iter().zip(several) {
        assert_eq!(one.images, several.images);
        let (a, b) = (&one.measures, &several.measures);
        assert!((a.target_rank - b.target_rank).abs() < 1e-12);
        assert_eq!(a.dropped_segments, b.dropped_segments);
        assert!(
            (one.loss - several.loss).abs() < 1e-5,
            "{one:?} {several:?}"
        );
    }
}

#[test]
fn ranks_take_the_steps_of_one_process() {
    // Steps of 4, 4 and 1 of nine images: the last has no example for one of two ranks, or for two of three.
    let set = Halves::new(9, None);
    for trunk in [TrunkTraining::Frozen, TrunkTraining::Whole] {
        let config = TrainConfig {
            epochs: 7,
            ..config(trunk)
        };
        let one = train_by(1, &set, &config);
        assert_eq!(one[0].0.len(), 21);
        for size in [2, 3] {
            let several = train_by(size, &set, &config);
            assert_alike(&one[0].0, &several[0].0);
            // All ranks end with the same bytes.
            let first = several[0].1.as_ref().unwrap();
            assert!(
                several
                    .iter()
                    .all(|(_, digest)| digest.as_ref() == Ok(first))
            );
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn ranks_with_a_gpu_each_take_the_steps_of_one_process() {
    let name = "shared_step::tests::ranks_with_a_gpu_each_take_the_steps_of_one_process";
    gpu::stand_ins::run_among(name, || {
        let set = Halves::new(9, None);
        let config = config(TrunkTraining::Whole);
        let tensors = models::Device::tensors_on_cpu();
        let alone = tempfile::tempdir().unwrap();
        let one = train_on(&tensors, Ranks::alone(), &set, &config, alone.path());
        // A GPU each: over them. Two ranks on one: not.
        for cards in [[0, 1], [1, 1]] {
            let folder = tempfile::tempdir().unwrap();
            let several = Ranks::as_threads(2, |ranks| {
                let card = gpu::Gpu::open(cards[ranks.rank()]).unwrap();
                let device = models::Device::tensors_on_cpu_beside(Some(card));
                let over = ranks.sum_over_gpus(&device).unwrap();
                (over, train_on(&device, ranks, &set, &config, folder.path()))
            });
            assert!(
                several
                    .iter()
                    .all(|(over, _)| *over == (cards[0] != cards[1]))
            );
            let several: Vec<_> = several.into_iter().map(|(_, left)| left).collect();
            assert_alike(&one.0, &several[0].0);
            assert_eq!(
                several[0].1.as_ref().unwrap(),
                several[1].1.as_ref().unwrap()
            );
        }
    });
}

#[test]
fn what_one_rank_cannot_read_is_left_out_on_all() {
    let set = Halves::new(8, Some(5));
    let config = TrainConfig {
        unreadable: 0.2,
        ..config(TrunkTraining::Frozen)
    };
    let one = train_by(1, &set, &config);
    let several = train_by(2, &set, &config);
    assert_alike(&one[0].0, &several[0].0);
    let strict = TrainConfig {
        unreadable: 0.1,
        ..config
    };
    for (_, told) in train_by(2, &set, &strict) {
        let told = told.unwrap_err();
        assert!(
            told.starts_with("expected at most 10 % of 8 examples"),
            "{told}"
        );
        assert!(
            told.contains("halves5") && told.contains("cut short"),
            "{told}"
        );
    }
}

#[test]
fn what_fails_on_one_rank_stops_all() {
    let mut set = Halves::new(8, None);
    set.bare = Some(3);
    let config = config(TrunkTraining::Whole);
    let told: Vec<String> = train_by(3, &set, &config)
        .into_iter()
        .map(|(_, told)| told.unwrap_err())
        .collect();
    let own = told
        .iter()
        .position(|told| !told.starts_with("rank "))
        .unwrap();
    assert!(
        told[own].contains("at least one human segmentation an image"),
        "{told:?}"
    );
    for (rank, other) in told.iter().enumerate() {
        assert!(
            rank == own || *other == format!("rank {own}: {}", told[own]),
            "{told:?}"
        );
    }
}

#[test]
fn a_rank_without_work_is_refused() {
    let config = config(TrunkTraining::Frozen);
    let set = Halves::new(8, None);
    for (_, told) in train_by(5, &set, &config) {
        let told = told.unwrap_err();
        assert_eq!(
            told,
            "batch: expected an example a rank or more, found 4 for 5 ranks"
        );
    }
}

#[test]
fn numbers_that_are_not_finite_on_one_rank_are_so_on_all() {
    let parts = |failures: [Option<RankFailure>; 3]| {
        failures.map(|failure| RankStatus {
            examples: 1,
            loss: 0,
            measures: CutMeasures::default(),
            failure,
        })
    };
    let unreadable = || RankFailure::Unreadable {
        index: 4,
        name: "d".to_owned(),
        why: "cut short".to_owned(),
    };
    let decided = |failures, rank| {
        let statuses = parts(failures);
        let (found, failure) = worst(&statuses).unwrap();
        assert_eq!(found, rank);
        failure.on_all::<()>(found, None, || ())
    };
    assert!(worst(&parts([None, None, None])).is_none());
    assert!(
        decided([None, Some(RankFailure::NotFinite), None], 1)
            .unwrap()
            .is_none()
    );
    let failures = [
        Some(RankFailure::NotFinite),
        Some(unreadable()),
        Some(unreadable()),
    ];
    let told = decided(failures, 1).unwrap_err().to_string();
    assert_eq!(told, "d: rank 1: cut short");
    let other = || Some(RankFailure::Other("full".to_owned()));
    let told = decided([Some(unreadable()), other(), other()], 1).unwrap_err();
    assert_eq!(told.to_string(), "rank 1: full");
}

#[test]
fn measures_of_parts_are_those_of_all() {
    let part = |similarity_rank, dropped_segments| CutMeasures {
        similarity_rank,
        target_rank: 2.0,
        dropped_segments,
    };
    let joined = CutMeasures::joined(&[(3, part(4.0, 1)), (1, part(8.0, 2))]);
    assert_eq!(joined, part(5.0, 3));
    let part = |training_error, smallest, crop| RegionMeasures {
        training_error,
        smallest_eigenvalue: Some(smallest),
        condition: Some(1.0 / smallest),
        fewer_than_channels: Some(training_error),
        parts: models::RegionSeconds {
            crop,
            ..models::RegionSeconds::default()
        },
    };
    let joined = RegionMeasures::joined(&[(1, part(1.0, 0.25, 2.0)), (3, part(0.0, 0.5, 1.0))]);
    assert_eq!(joined, part(0.25, 0.25, 2.0));
}
