//! A training with validation: it sees the network that would be written, and changes no step.

mod slants;

use std::path::Path;

use slants::{Slants, bytes_of, network};
use training::{CutTask, CutTraining, Error, Progress, TrainConfig, Trainer};

type Training<'a> = Trainer<CutTask<'a>>;

#[test]
fn validation_sees_what_would_be_written_and_changes_nothing() {
    let config = TrainConfig {
        epochs: 6,
        batch: 2,
        averaging: 0.5,
        checkpoint_every: 4,
        ..TrainConfig::default()
    };
    let one_thread = rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .build()
        .unwrap();
    one_thread.install(|| {
        let set = Slants::new(5);
        let start = |folder: &Path| {
            let task = CutTask::new(&set, CutTraining::default());
            Training::start(network(), task, config.clone(), folder, |_, _| ()).unwrap()
        };
        let alone = tempfile::tempdir().unwrap();
        let expected = start(alone.path()).run(|_| true).unwrap().unwrap();

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        let trainer = start(path);
        let calibrated = bytes_of(trainer.network());
        let so_far = || Training::network_so_far(path).unwrap();
        let (mut seen, mut checkpoints) = (Vec::new(), Vec::new());
        let trained = trainer.run_with_validation(
            |progress| {
                if let Progress::Checkpoint { step } = progress {
                    let (network, found) = so_far();
                    assert_eq!(found, step);
                    checkpoints.push((step, bytes_of(&network)));
                }
                true
            },
            5,
            |step, network| {
                seen.push((step, bytes_of(network)));
                Ok(())
            },
        );
        let trained = bytes_of(&trained.unwrap().unwrap());
        assert_eq!(trained, bytes_of(&expected));
        let steps: Vec<u64> = seen.iter().map(|(step, _)| *step).collect();
        assert_eq!(steps, [0, 5, 10, 15, 18]);
        assert_eq!((&seen[0].1, &seen[4].1), (&calibrated, &trained));
        assert_ne!(seen[3].1, trained);
        let steps: Vec<u64> = checkpoints.iter().map(|(step, _)| *step).collect();
        assert_eq!(steps, [4, 8, 12, 16, 18]);
        assert_eq!(checkpoints[4].1, trained);
        // If the newest file is no checkpoint, the one before it is read. The error names a file that is none.
        let refused = Training::network_so_far(&path.join("absent")).err();
        assert!(matches!(refused, Some(Error::File { .. })));
        let network = path.join("network.safetensors");
        std::fs::copy(&network, path.join("checkpoint.safetensors")).unwrap();
        let so_far = Training::network_so_far(path).map(|(_, step)| step);
        assert!(matches!(so_far, Ok(16)));
        std::fs::copy(&network, path.join("checkpoint-16.safetensors")).unwrap();
        let refused = Training::network_so_far(path).err();
        assert!(matches!(
            refused,
            Some(Error::Checkpoint { what: "header", .. })
        ));
    });
}
