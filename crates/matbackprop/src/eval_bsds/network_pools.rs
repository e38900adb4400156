//! A network's segmentations of an image, each under its level.

use std::path::Path;

use anyhow::{Context, Result};
use bench_bsds::{BsdsDataset, Level, Pool, Split};
use image::RgbImage;
use models::{ClusterChoice, DeepNcuts, SegmentSeconds, TrunkWeights};

use super::table;
use crate::arguments::{ClusterArgument, LevelRule};
use crate::cut_recipe::CutModel;
use crate::failure::of_settings;

/// Clusters fewer and more than the network's own choice, under [`LevelRule::Auto`].
const SHIFTS: std::ops::RangeInclusive<i32> = -6..=8;

/// Images of the train split that the taps of an untrained network are scaled on.
const CALIBRATION_IMAGES: usize = 20;

/// A network, and the levels its segmentations are made at.
pub struct NetworkPools {
    network: DeepNcuts,
    rule: LevelRule,
    counts: Vec<usize>,
}

impl NetworkPools {
    /// `--k auto` is `--levels auto`.
    pub fn new(network: DeepNcuts, k: Option<&ClusterArgument>, levels: Option<LevelRule>) -> Self {
        let asked = k.map(ClusterArgument::counts);
        let rule = match asked {
            Some(None) => LevelRule::Auto,
            _ => levels.unwrap_or(LevelRule::Clusters),
        };
        let counts = asked
            .flatten()
            .map_or((2..=16).collect(), <[usize]>::to_vec);
        Self {
            network,
            rule,
            counts,
        }
    }

    /// The segmentations of an image, and what took how long.
    pub fn pool(&self, image: &RgbImage) -> Result<(Pool, SegmentSeconds)> {
        match self.rule {
            LevelRule::Clusters => {
                let choice = ClusterChoice::Counts(self.counts.clone());
                let segmented = self.network.segment(image, &choice)?;
                let maps = segmented.pool.into_iter();
                let maps = maps.map(|found| (Level::Clusters(found.k as u32), found.labels));
                Ok((Pool::from(maps.collect::<Vec<_>>()), segmented.seconds))
            }
            LevelRule::Auto => self.pool_around_choice(image),
        }
    }

    /// Place t − min t + 1 holds the network's own choice plus t.
    fn pool_around_choice(&self, image: &RgbImage) -> Result<(Pool, SegmentSeconds)> {
        let size = (image.width() as usize, image.height() as usize);
        let begin = std::time::Instant::now();
        let grid = self.network.grid_features(image)?;
        let trunk = begin.elapsed().as_secs_f64();
        let chosen = self.network.cut(&grid, size, &ClusterChoice::Auto)?;
        let (rule, positions) = (
            self.network.architecture().clusters,
            grid.width * grid.height,
        );
        let ks: Vec<usize> = SHIFTS
            .map(|t| rule.clusters(chosen.soft_rank, f64::from(t)).min(positions))
            .collect();
        let mut counts = ks.clone();
        counts.dedup();
        let mut segmented = self
            .network
            .cut(&grid, size, &ClusterChoice::Counts(counts))?;
        segmented.seconds.trunk = trunk;
        let maps = ks.iter().zip(1_u32..).filter_map(|(k, place)| {
            let found = segmented.pool.iter().find(|found| found.k == *k)?;
            Some((Level::Place(place), found.labels.clone()))
        });
        Ok((Pool::from(maps.collect::<Vec<_>>()), segmented.seconds))
    }

    /// `k 7`, or `auto + 2`.
    pub fn level_in_words(&self, level: &Level) -> String {
        match (self.rule, level) {
            (LevelRule::Auto, Level::Place(place)) => {
                let t = *place as i32 - 1 + SHIFTS.start();
                format!("auto {} {}", if t < 0 { '-' } else { '+' }, t.abs())
            }
            _ => table::level_in_words(level),
        }
    }
}

/// A trunk's own features, each tap divided by its RMS over the first images of the train split.
pub fn untrained(model: &CutModel, weights: &Path, data: &Path) -> Result<DeepNcuts> {
    let network = DeepNcuts::new(model.architecture(None), &TrunkWeights::File(weights), 0);
    let mut network = network.map_err(of_settings).context("--trunk-weights")?;
    let set = BsdsDataset::open(data, Split::Train)
        .context("--untrained scales its features on images of the train split")?;
    let images = (0..set.len().min(CALIBRATION_IMAGES))
        .map(|index| models::read_image(&set.image_path(index)));
    network.calibrate(images)?;
    Ok(network)
}

#[cfg(test)]
mod tests {
    use super::*;
    use models::{Architecture, TrunkKind};

    fn network() -> DeepNcuts {
        let architecture = Architecture::new(TrunkKind::Lite0, None);
        DeepNcuts::new(architecture, &TrunkWeights::Random, 3).unwrap()
    }

    fn photograph() -> RgbImage {
        RgbImage::from_fn(64, 48, |x, y| {
            image::Rgb([(5 * x) as u8, (9 * y) as u8, if x > y { 200 } else { 30 }])
        })
    }

    #[test]
    fn levels_are_the_numbers_asked_for() {
        let argument = "5,2".parse().unwrap();
        let pools = NetworkPools::new(network(), Some(&argument), None);
        let (pool, seconds) = pools.pool(&photograph()).unwrap();
        assert_eq!(pool.levels(), [Level::Clusters(5), Level::Clusters(2)]);
        assert!(seconds.trunk > 0.0);
        assert_eq!(pools.level_in_words(&Level::Clusters(5)), "k 5");
    }

    #[test]
    fn auto_has_the_same_levels_for_every_image() {
        let argument = "auto".parse().unwrap();
        let pools = NetworkPools::new(network(), Some(&argument), None);
        let (pool, _) = pools.pool(&photograph()).unwrap();
        assert_eq!(
            pool.levels(),
            (1..=15).map(Level::Place).collect::<Vec<_>>()
        );
        assert_eq!(pools.level_in_words(&Level::Place(7)), "auto + 0");
        assert_eq!(pools.level_in_words(&Level::Place(1)), "auto - 6");
    }
}
