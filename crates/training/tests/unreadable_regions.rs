//! Regions whose data break in the middle of an epoch.

mod patterns;

use std::sync::atomic::{AtomicUsize, Ordering};

use models::{
    ClassifierLayout, Descriptors, Error, RegionArchitecture, RegionClassifier, RegionCrop,
    RegionFeatures, RegionPooling, RegionSet, RegionView, Result, TrunkWeights,
};
use patterns::{Patterns, SIDE};
use training::{Progress, RegionTask, RegionTraining, TrainConfig, Trainer};

/// The part that breaks.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Broken {
    Photograph,
    Mask,
    Descriptors,
}

/// Regions of which one can be read so many times and no more.
struct Breaking {
    patterns: Patterns,
    what: Broken,
    times: AtomicUsize,
}

const BAD: usize = 2;

impl Breaking {
    fn new(what: Broken, times: usize) -> Self {
        Self {
            patterns: Patterns::new(6),
            what,
            times: AtomicUsize::new(times),
        }
    }

    /// Whether reading `what` of a region fails this time.
    fn fails(&self, index: usize, what: Broken) -> bool {
        let less = |left: usize| left.checked_sub(1);
        let (set, get) = (Ordering::SeqCst, Ordering::SeqCst);
        index == BAD && what == self.what && self.times.fetch_update(set, get, less).is_err()
    }
}

fn cut_short() -> Error {
    Error::File {
        path: "2.bin".into(),
        source: std::io::Error::other("it was cut short"),
    }
}

impl RegionSet for Breaking {
    fn len(&self) -> usize {
        self.patterns.len()
    }

    fn id(&self, index: usize) -> &str {
        self.patterns.id(index)
    }

    fn class(&self, index: usize) -> usize {
        self.patterns.class(index)
    }

    fn crop(&self, index: usize, view: RegionView, side: u32) -> Result<RegionCrop> {
        if self.fails(index, Broken::Photograph) {
            return Err(cut_short());
        }
        let mut crop = self.patterns.crop(index, view, side)?;
        if self.fails(index, Broken::Mask) {
            crop.mask.fill(false);
        }
        Ok(crop)
    }

    /// Not one of the times that a region is read.
    fn digest(&self, index: usize) -> Result<u64> {
        self.patterns.digest(index)
    }

    fn descriptors(&self, index: usize, crop: &RegionCrop) -> Result<Descriptors> {
        if self.fails(index, Broken::Descriptors) {
            return Err(cut_short());
        }
        self.patterns.descriptors(index, crop)
    }
}

/// Lines on examples left out, regions of all steps, and how it ended.
fn train(set: &Breaking, unreadable: f64) -> (Vec<String>, Vec<String>, training::Result<bool>) {
    let folder = tempfile::tempdir().unwrap();
    let architecture = RegionArchitecture {
        format: RegionArchitecture::FORMAT,
        features: RegionFeatures::Given { channels: 2 },
        side: SIDE,
        reduction: None,
        masked: true,
        pooling: RegionPooling::Average,
        classifier: ClassifierLayout::default(),
        classes: vec!["alike".into(), "opposed".into()],
    };
    let config = TrainConfig {
        epochs: 4,
        batch: 3,
        unreadable,
        ..TrainConfig::default()
    };
    let network = RegionClassifier::new(architecture, &TrunkWeights::Random, 3).unwrap();
    let task = RegionTask::new(set, RegionTraining::default());
    let trainer = Trainer::start(network, task, config, folder.path(), |_, _| ()).unwrap();
    let (mut reported, mut seen) = (Vec::new(), Vec::new());
    let trained = trainer.run(|event| {
        match event {
            Progress::LeftOut { name, why, count } => {
                reported.push(format!("{name}, {count}: {why}"))
            }
            Progress::Step { record, .. } => seen.extend(record.images.clone()),
            _ => {}
        }
        true
    });
    (reported, seen, trained.map(|network| network.is_some()))
}

#[test]
fn a_region_that_breaks_between_epochs_is_left_out_and_named_once() {
    for what in [Broken::Photograph, Broken::Mask, Broken::Descriptors] {
        // Once for the calibration, twice in an epoch each.
        let set = Breaking::new(what, 3);
        let (reported, seen, trained) = train(&set, 0.2);
        assert!(trained.unwrap(), "{what:?}");
        assert_eq!(reported.len(), 1, "{what:?}: {reported:?}");
        let why = if what == Broken::Mask {
            "region"
        } else {
            "2.bin: it was cut short"
        };
        assert!(
            reported[0].starts_with("region2, 1: ") && reported[0].contains(why),
            "{reported:?}"
        );
        // Of four visits two came to pass.
        assert_eq!(seen.len(), 4 * 6 - 2, "{what:?}");
        let bad = seen.iter().filter(|name| *name == "region2");
        assert_eq!(bad.count(), 2, "{what:?}");
    }
}

#[test]
fn more_than_the_share_ends_the_training_and_names_the_region() {
    for what in [Broken::Photograph, Broken::Mask, Broken::Descriptors] {
        let (_, _, trained) = train(&Breaking::new(what, 2), 0.1);
        let words = trained.unwrap_err().to_string();
        let expected =
            "expected at most 10 % of 6 examples that cannot be read, found 1; the last: step ";
        assert!(
            words.starts_with(expected) && words.contains("region2"),
            "{what:?}: {words}"
        );
    }
}
