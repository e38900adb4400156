//! Photographs that are not learned from, measured against human segmentations while a network learns.

use std::path::Path;
use std::time::Instant;

use bench_bsds::{BsdsDataset, ContingencyTable, Overlaps, Split};
use models::{ClusterChoice, DeepNcuts, FeatureCache, fnv_1a};
use segmentation::LabelMap;
use serde::Serialize;
use training::{Journal, TrainConfig, TrunkTraining};

use crate::counted::counted;
use crate::datasets::{TrainingSplit, of_file};
use crate::error::{Context as _, Error, Result};
use crate::observer::Observer;

/// Photographs that are measured, at most.
pub const VALIDATION_PHOTOGRAPHS: usize = 20;

/// A line of `val.jsonl`.
#[derive(Clone, Debug, Serialize)]
struct Record {
    /// Steps done.
    step: u64,
    /// Mean over the photographs of the [`average_covering`] of each, cut into as many segments as the network chooses:
    /// the average covering that `eval bsds --levels auto` calls `auto + 0`.
    mean_covering: f64,
    /// How many photographs.
    images: usize,
    /// Wall time of the measure.
    seconds: f64,
}

/// Settings of validation.
pub struct ValidationSettings<'a> {
    /// Folder of BSDS500.
    pub data: &'a Path,
    /// The images that are learned from.
    pub split: TrainingSplit,
    /// Steps between two measures, 0 for none; `None` for as often as checkpoints are written, where there is a val split
    /// that is not learned from.
    pub every: Option<u64>,
    /// Steps between two checkpoints.
    pub checkpoint_every: u64,
}

/// Evenly spaced photographs of the val split.
pub struct Validation {
    set: BsdsDataset,
    chosen: Vec<usize>,
    every: u64,
}

impl Validation {
    /// The validation that settings ask for; `None` for no measure.
    ///
    /// # Errors
    /// [`Error::Setting`] where val is learned from; those of a dataset that was asked for.
    pub fn asked(settings: &ValidationSettings<'_>) -> Result<Option<Self>> {
        let learned = settings.split != TrainingSplit::Train;
        let every = match settings.every {
            Some(0) => return Ok(None),
            Some(_) if learned => {
                return Err(Error::setting(
                    "--val-every: expected with --split train only, found val among the images to learn from",
                ));
            }
            None if learned => return Ok(None),
            asked => asked.unwrap_or(settings.checkpoint_every),
        };
        let set = match BsdsDataset::open(settings.data, Split::Val) {
            Err(bench_bsds::Error::NoDataset { .. }) if settings.every.is_none() => {
                return Ok(None);
            }
            opened => opened.context("--val-every: the val split of --data")?,
        };
        Ok(Some(Self {
            chosen: evenly_spaced(set.len(), VALIDATION_PHOTOGRAPHS),
            set,
            every,
        }))
    }

    /// Steps between two measures.
    pub fn every(&self) -> u64 {
        self.every
    }

    /// Takes up `val.jsonl` in a run's folder after `step`, or begins it where the training is a new one; features of a
    /// trunk that does not learn are kept beside those of the training, and may take their share of the disk again.
    pub fn open(
        self,
        (run, network): (&Path, &DeepNcuts),
        step: u64,
        new: bool,
        config: &TrainConfig,
    ) -> Result<OpenValidation> {
        let path = run.join("val.jsonl");
        if new && path.exists() {
            std::fs::remove_file(&path).map_err(Error::file(&path))?;
        }
        let cache = match config.trunk {
            TrunkTraining::Frozen => {
                let (cache, layers) = (run.join("cache"), network.trunk_digest());
                Some(FeatureCache::new(&cache, config.cache_bytes, layers)?)
            }
            _ => None,
        };
        Ok(OpenValidation {
            journal: Journal::open(&path, step)?,
            cache,
            photographs: self,
        })
    }
}

/// The photographs, and where their measures are written.
pub struct OpenValidation {
    photographs: Validation,
    cache: Option<FeatureCache>,
    journal: Journal,
}

impl OpenValidation {
    /// Measures a network, and writes a line. Features of a trunk that does not learn pass through half precision, as those
    /// of the training do.
    ///
    /// # Cost
    /// A segmentation a photograph; where the trunk does not learn it sees each photograph once.
    pub fn measure(
        &mut self,
        step: u64,
        network: &DeepNcuts,
        observer: &mut dyn Observer,
    ) -> training::Result<()> {
        let begin = Instant::now();
        observer.begin("val", self.photographs.chosen.len() as u64);
        let coverings = self.coverings(network, observer);
        observer.end();
        let coverings = coverings?;
        let record = Record {
            step,
            mean_covering: coverings.iter().sum::<f64>() / coverings.len() as f64,
            images: coverings.len(),
            seconds: begin.elapsed().as_secs_f64(),
        };
        self.journal.write(&record)?;
        observer.message(&format!(
            "after step {}: average covering {:.3} of {} of val, {:.1} s",
            record.step,
            record.mean_covering,
            counted(record.images, "photograph"),
            record.seconds
        ));
        Ok(())
    }

    fn coverings(
        &mut self,
        network: &DeepNcuts,
        observer: &mut dyn Observer,
    ) -> training::Result<Vec<f64>> {
        let total = self.photographs.chosen.len();
        let mut coverings = Vec::with_capacity(total);
        for place in 0..total {
            coverings.push(self.covering(self.photographs.chosen[place], network)?);
            // The line of the measure says the rest.
            if place + 1 < total {
                observer.advance(place as u64 + 1, &String::new);
            }
        }
        Ok(coverings)
    }

    fn covering(&mut self, index: usize, network: &DeepNcuts) -> training::Result<f64> {
        let set = &self.photographs.set;
        let truth = set.ground_truth_path(index);
        let annotations = set
            .annotations(index)
            .map_err(|error| of_file(truth.clone(), error))?;
        let compute = || {
            let image = set.image(index);
            network.trunk_features(&image.map_err(|error| of_file(set.image_path(index), error))?)
        };
        let maps = match &mut self.cache {
            Some(cache) => {
                let name = format!("val_{}", set.ids()[index]);
                // A photograph that cannot be read is refused where it is looked at.
                let contents = || {
                    let bytes = std::fs::read(set.image_path(index));
                    bytes.map_or(0, |bytes| fnv_1a(bytes.into_iter()))
                };
                cache.features((&name, contents), network.trunk_channels(), compute)?
            }
            None => compute()?,
        };
        let size = annotations
            .first()
            .map_or((0, 0), |first| (first.width(), first.height()));
        let grid = network.head_features(&maps)?;
        let cut = network.cut(&grid, size, &ClusterChoice::Auto)?;
        average_covering(&cut.pool[0].labels, &annotations)
            .map_err(|error| of_file(truth, error).into())
    }
}

/// Covering of each annotator's segments by a segmentation, and the mean over annotators:
///
/// ```text
/// C̄(S) = 1/m Σₐ Σⱼ |Rₐⱼ| maxᵢ O(Sᵢ, Rₐⱼ) / Σⱼ |Rₐⱼ|          O: intersection over union
/// ```
///
/// # Errors
/// [`bench_bsds::Error::SizeMismatch`].
pub fn average_covering(
    segmentation: &LabelMap,
    annotations: &[LabelMap],
) -> bench_bsds::Result<f64> {
    let mut sum = 0.0;
    for annotation in annotations {
        sum += Overlaps::new(&ContingencyTable::new(segmentation, annotation)?).covering();
    }
    Ok(sum / annotations.len().max(1) as f64)
}

/// Places of at most `count` of `total`, evenly spaced, the first among them.
pub fn evenly_spaced(total: usize, count: usize) -> Vec<usize> {
    let count = count.min(total);
    (0..count).map(|i| i * total / count).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_spread_and_no_more_than_there_are() {
        assert_eq!(evenly_spaced(100, 4), [0, 25, 50, 75]);
        assert_eq!(evenly_spaced(5, 3), [0, 1, 3]);
        assert_eq!(evenly_spaced(2, 20), [0, 1]);
        assert!(evenly_spaced(0, 3).is_empty() && evenly_spaced(3, 0).is_empty());
    }

    #[test]
    fn average_covering_by_hand() {
        let map = |ids: &[u32]| LabelMap::new(4, 1, ids.to_vec()).unwrap();
        // One matches exactly; halves of the other's whole overlap it by a half.
        let annotations = [map(&[1, 1, 2, 2]), map(&[1, 1, 1, 1])];
        let covering = average_covering(&map(&[0, 0, 5, 5]), &annotations).unwrap();
        assert_eq!(covering, 0.75);
        let other = LabelMap::new(2, 2, vec![1; 4]).unwrap();
        assert!(average_covering(&other, &annotations).is_err());
    }
}
