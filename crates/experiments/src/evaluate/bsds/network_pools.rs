//! A network's segmentations of an image, each under its level.

use std::path::{Path, PathBuf};
use std::time::Instant;

use bench_bsds::{BsdsDataset, Level, Pool, Split};
use image::RgbImage;
use models::{
    ClusterChoice, DeepBoundaries, DeepNcuts, SegmentSeconds, TreeSettings, TrunkWeights,
    boundary_contours, joint_contours,
};
use pictures::read_upright;
use serde_json::{Value, json};

use super::level_names::{LevelNames, SHIFTS};
use super::settings::{LevelRule, counts};
use crate::error::{Context as _, Error, Result};
use crate::network_memory::Need;
use crate::recipe::CutModel;

/// Heights of a tree of contours, under [`LevelRule::Tree`].
const HEIGHTS: u32 = 99;

/// Images of the train split that the taps of an untrained network are scaled on.
const CALIBRATION_IMAGES: usize = 20;

/// A network, and the levels its segmentations are made at.
pub struct NetworkPools {
    network: DeepNcuts,
    /// Networks whose embeddings count too, under [`LevelRule::Tree`].
    others: Vec<DeepNcuts>,
    /// Superpixels follow its boundaries, under [`LevelRule::Tree`].
    boundaries: Option<DeepBoundaries>,
    rule: LevelRule,
    counts: Vec<usize>,
}

impl NetworkPools {
    /// Where the network chooses its clusters the rule is [`LevelRule::Auto`].
    pub fn new(
        network: DeepNcuts,
        clusters: Option<&ClusterChoice>,
        levels: Option<LevelRule>,
    ) -> Self {
        let asked = clusters.map(counts);
        let rule = match asked {
            Some(None) => LevelRule::Auto,
            _ => levels.unwrap_or(LevelRule::Clusters),
        };
        let counts = asked
            .flatten()
            .map_or((2..=16).collect(), <[usize]>::to_vec);
        Self {
            network,
            others: Vec::new(),
            boundaries: None,
            rule,
            counts,
        }
    }

    /// With networks whose embeddings count too.
    pub fn beside(self, others: Vec<DeepNcuts>) -> Self {
        Self { others, ..self }
    }

    /// With superpixels along the boundaries of a network.
    pub fn along(self, boundaries: Option<DeepBoundaries>) -> Self {
        Self { boundaries, ..self }
    }

    /// Refuses an image whose segmentation needs more memory than the system lets this process have.
    pub fn check_memory(&self, file: &Path, image: &RgbImage) -> Result<()> {
        let networks = [&self.network].into_iter().chain(&self.others);
        let need = Need::segmenting(networks).in_process(self.network.architecture().trunk);
        Ok(need.check_limit(file, image.dimensions())?)
    }

    /// The segmentations of an image, and the wall time of each part.
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
            LevelRule::Tree => self.pool_of_tree(image),
        }
    }

    /// Place t − min t + 1 holds the network's own choice plus t.
    fn pool_around_choice(&self, image: &RgbImage) -> Result<(Pool, SegmentSeconds)> {
        let around = ClusterChoice::Around(SHIFTS);
        let segmented = self.network.segment(image, &around)?;
        let maps = (1_u32..).zip(segmented.pool);
        let maps = maps.map(|(place, found)| (Level::Place(place), found.labels));
        Ok((Pool::from(maps.collect::<Vec<_>>()), segmented.seconds))
    }

    /// Cuts of the tree of contours at heights evenly between 0 and 1.
    fn pool_of_tree(&self, image: &RgbImage) -> Result<(Pool, SegmentSeconds)> {
        let networks: Vec<_> = [&self.network].into_iter().chain(&self.others).collect();
        let contours = match &self.boundaries {
            None => joint_contours(&networks, image, &TreeSettings::default())?,
            Some(network) => {
                let settings = TreeSettings::with_boundaries();
                let begin = Instant::now();
                let found = network.boundaries(image, settings.flips)?;
                let seconds = begin.elapsed().as_secs_f64();
                let found = found.probabilities();
                let mut contours = boundary_contours(&networks, image, found, None, &settings)?;
                contours.seconds.trunk += seconds;
                contours
            }
        };
        let cuts = (1..=HEIGHTS).map(|step| {
            let height = f64::from(step) / f64::from(HEIGHTS + 1);
            let segments = contours.tree.segment_of_pieces(height);
            (Level::Threshold(height), segments)
        });
        let pieces = contours.tree.pieces().clone();
        Ok((Pool::merged(pieces, cuts.collect()), contours.seconds))
    }

    /// The levels, for a record of settings.
    pub fn levels(&self) -> Value {
        match self.rule {
            LevelRule::Clusters => json!(self.counts),
            LevelRule::Auto => json!("auto"),
            LevelRule::Tree => json!("tree"),
        }
    }

    /// How levels are called.
    pub fn level_names(&self) -> LevelNames {
        match self.rule {
            LevelRule::Auto => LevelNames::AroundChoice,
            LevelRule::Clusters | LevelRule::Tree => LevelNames::Plain,
        }
    }
}

/// A trunk's own features, each tap divided by its RMS over the first images of the train split.
pub fn untrained(model: &CutModel, weights: &Path, data: &Path) -> Result<DeepNcuts> {
    let network = DeepNcuts::new(model.architecture(None), &TrunkWeights::File(weights), 0);
    let mut network = network
        .map_err(Error::of_training)
        .context("--trunk-weights")?;
    let need = Need::segmenting([&network]).in_process(model.trunk);
    let images = calibration_images(data)?;
    network.calibrate(images.iter().map(|path| {
        let image = read_upright(path)?;
        need.check_limit(path, image.dimensions())?;
        Ok::<_, Error>(image)
    }))?;
    Ok(network)
}

/// The files that [`untrained`] reads.
pub fn untrained_files(weights: &Path, data: &Path) -> Result<Vec<PathBuf>> {
    let mut files = calibration_images(data)?;
    files.push(weights.to_owned());
    Ok(files)
}

fn calibration_images(data: &Path) -> Result<Vec<PathBuf>> {
    let set = BsdsDataset::open(data, Split::Train)
        .context("--untrained scales its features on images of the train split")?;
    let count = set.len().min(CALIBRATION_IMAGES);
    Ok((0..count).map(|index| set.image_path(index)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use models::{BoundaryArchitecture, CutArchitecture, TrunkKind};

    fn network() -> DeepNcuts {
        let architecture = CutArchitecture::new(TrunkKind::Lite0, None);
        DeepNcuts::new(architecture, &TrunkWeights::Random, 3).unwrap()
    }

    fn photograph() -> RgbImage {
        RgbImage::from_fn(64, 48, |x, y| {
            image::Rgb([(5 * x) as u8, (9 * y) as u8, if x > y { 200 } else { 30 }])
        })
    }

    #[test]
    fn levels_are_the_numbers_asked_for() {
        let choice = ClusterChoice::Counts(vec![5, 2]);
        let pools = NetworkPools::new(network(), Some(&choice), None);
        let (pool, seconds) = pools.pool(&photograph()).unwrap();
        assert_eq!(pool.levels(), [Level::Clusters(5), Level::Clusters(2)]);
        assert!(seconds.trunk > 0.0);
        assert_eq!(pools.level_names(), LevelNames::Plain);
    }

    #[test]
    fn auto_has_the_same_levels_for_every_image() {
        let pools = NetworkPools::new(network(), Some(&ClusterChoice::Auto), None);
        let (pool, _) = pools.pool(&photograph()).unwrap();
        assert_eq!(
            pool.levels(),
            (1..=15).map(Level::Place).collect::<Vec<_>>()
        );
        assert_eq!(pools.level_names(), LevelNames::AroundChoice);
    }

    #[test]
    fn trees_may_follow_the_boundaries_of_a_network() {
        let architecture = BoundaryArchitecture::new(TrunkKind::Lite0);
        let boundaries = DeepBoundaries::new(architecture, &TrunkWeights::Random, 5).unwrap();
        let map = boundaries.boundaries(&photograph(), true).unwrap();
        let pools = || NetworkPools::new(network(), None, Some(LevelRule::Tree));
        let (plain, _) = pools().pool(&photograph()).unwrap();
        let (along, seconds) = pools().along(Some(boundaries)).pool(&photograph()).unwrap();
        assert_eq!(plain.levels(), along.levels());
        assert!(seconds.trunk > 0.0);
        // The pieces are those of the same map by hand.
        let settings = TreeSettings::with_boundaries();
        let network = network();
        let found = map.probabilities();
        let tree = boundary_contours(&[&network], &photograph(), found, None, &settings);
        let tree = tree.unwrap().tree;
        let cut = tree.segment_of_pieces(0.01);
        let by_hand = Pool::merged(tree.pieces().clone(), vec![(Level::Threshold(0.01), cut)]);
        let drawn = |pool: &Pool| {
            let drawn = bench_bsds::BoundaryPool::from_segmentations(pool).unwrap();
            format!("{:?}", drawn.map(0))
        };
        assert_eq!(drawn(&along), drawn(&by_hand));
        assert_ne!(drawn(&along), drawn(&plain));
    }
}
