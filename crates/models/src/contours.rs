//! From a photograph to one tree of contours.

use std::ops::RangeInclusive;
use web_time::Instant;

use image::RgbImage;
use image::imageops::flip_horizontal;
use ncuts::{ContourTree, LabelMap, MinArea, superpixels};

use crate::cut_settings::CutSettings;
use crate::deep_ncuts::DeepNcuts;
use crate::error::{Error, Result};
use crate::feature_maps::GridFeatures;
use crate::segmenter::{ClusterChoice, SegmentSeconds};

/// How a tree of contours is made.
///
/// The default values were chosen on fifty images of BSDS500's train split, with a network that had learned from the
/// other hundred and fifty.
#[derive(Clone, Debug, PartialEq)]
pub struct ContourSettings {
    /// Numbers of clusters that have a voice, as distances from the network's own choice for the image.
    pub shifts: RangeInclusive<i32>,
    /// Starts of each k-means, of which the best has a voice.
    pub restarts: usize,
    /// Whether the mirror image has a voice too, which costs as much again.
    pub flips: bool,
    /// Superpixels, whose borders are those of all segments.
    pub superpixels: usize,
    /// The smallest segment, as a fraction of the image.
    pub min_area: f64,
    /// The height that gives one segmentation where none is asked for.
    pub height: f64,
}

impl Default for ContourSettings {
    fn default() -> Self {
        Self {
            shifts: -6..=8,
            restarts: 10,
            flips: true,
            superpixels: 400,
            min_area: 0.002,
            height: 0.53,
        }
    }
}

impl ContourSettings {
    fn check(&self) -> Result<()> {
        let share = |name, value: f64| {
            let found = value.to_string();
            let expected = "a number from 0 to 1";
            (!(0.0..=1.0).contains(&value)).then_some((name, expected, found))
        };
        let empty =
            |name, empty: bool, expected| empty.then(|| (name, expected, "none".to_owned()));
        let wrong = empty("shifts", self.shifts.is_empty(), "at least one")
            .or_else(|| empty("restarts", self.restarts == 0, "1 or more"))
            .or_else(|| empty("superpixels", self.superpixels == 0, "1 or more"))
            .or_else(|| share("min_area", self.min_area))
            .or_else(|| share("height", self.height));
        match wrong {
            None => Ok(()),
            Some((name, expected, found)) => Err(Error::Setting {
                name,
                expected,
                found,
            }),
        }
    }
}

/// The contours of one photograph.
#[derive(Clone, Debug)]
pub struct Contours {
    /// All segmentations of the photograph, of any number of segments.
    pub tree: ContourTree,
    /// Soft rank of the affinity: how many segments the network is sure of.
    pub soft_rank: f64,
    /// What took how long; superpixels and the tree count as clustering.
    pub seconds: SegmentSeconds,
}

impl DeepNcuts {
    /// The tree of contours on which the segmentations of several numbers of clusters, of the photograph and of its
    /// mirror image, agree.
    ///
    /// ```text
    ///     photograph ─┬─► trunk, head, cut ─► k-means at k + t ──┐
    ///                 ├─► mirrored: the same, mirrored back ─────┤ majority in each ─► ContourTree
    ///                 └─► superpixels ───────────────────────────┘
    /// ```
    ///
    /// # Errors
    /// [`Error::Setting`] for settings outside their range; those of [`DeepNcuts::segment`].
    ///
    /// # Cost
    /// Twice that of all segmentations, and less than a tenth of a second for 481 × 321 pixels.
    pub fn contours(&self, image: &RgbImage, settings: &ContourSettings) -> Result<Contours> {
        joint_contours(&[self], image, settings)
    }

    /// As [`DeepNcuts::contours`], from the [`DeepNcuts::grid_features`] of the photograph and, to vote too, of its mirror
    /// image, which were computed before.
    ///
    /// # Errors
    /// As [`DeepNcuts::contours`].
    pub fn contours_of(
        &self,
        image: &RgbImage,
        straight: &GridFeatures,
        mirrored: Option<&GridFeatures>,
        settings: &ContourSettings,
    ) -> Result<Contours> {
        settings.check()?;
        let mut voices = Voices::default();
        voices.add(self, straight, image, settings, false)?;
        if let Some(mirrored) = mirrored {
            voices.add(self, mirrored, image, settings, true)?;
        }
        voices.agree(image, settings)
    }
}

/// As [`DeepNcuts::contours`], several networks voting together; the soft rank is the mean of theirs.
///
/// # Errors
/// [`Error::Setting`] for no network; those of [`DeepNcuts::contours`].
pub fn joint_contours(
    networks: &[&DeepNcuts],
    image: &RgbImage,
    settings: &ContourSettings,
) -> Result<Contours> {
    settings.check()?;
    let mirrored = settings.flips.then(|| flip_horizontal(image));
    let mut voices = Voices::default();
    for network in networks {
        let images = [(Some(image), false), (mirrored.as_ref(), true)];
        for (seen, is_mirrored) in images {
            let Some(seen) = seen else { continue };
            let begin = Instant::now();
            let grid = network.grid_features(seen)?;
            voices.seconds.trunk += begin.elapsed().as_secs_f64();
            voices.add(network, &grid, image, settings, is_mirrored)?;
        }
    }
    voices.agree(image, settings)
}

/// The segmentations that have a voice.
#[derive(Debug, Default)]
struct Voices {
    maps: Vec<LabelMap>,
    /// Of each network, on the photograph itself.
    soft_ranks: Vec<f64>,
    seconds: SegmentSeconds,
}

impl Voices {
    /// What a network says of `image`, from features of it, or of its mirror image.
    fn add(
        &mut self,
        network: &DeepNcuts,
        grid: &GridFeatures,
        image: &RgbImage,
        settings: &ContourSettings,
        mirrored: bool,
    ) -> Result<()> {
        let cut = CutSettings {
            restarts: settings.restarts,
            ..network.architecture().cut
        };
        let choice = ClusterChoice::Around(settings.shifts.clone());
        let size = (image.width() as usize, image.height() as usize);
        let found = network.cut_by(grid, size, &choice, cut)?;
        self.seconds.layer += found.seconds.layer;
        self.seconds.clustering += found.seconds.clustering;
        let maps = found.pool.into_iter().map(|found| found.labels);
        if mirrored {
            self.maps.extend(maps.map(|labels| labels.flipped()));
        } else {
            self.soft_ranks.push(found.soft_rank);
            self.maps.extend(maps);
        }
        Ok(())
    }

    /// The tree on which all agree.
    fn agree(mut self, image: &RgbImage, settings: &ContourSettings) -> Result<Contours> {
        if self.maps.is_empty() {
            return Err(Error::Setting {
                name: "networks",
                expected: "at least one",
                found: "none".to_owned(),
            });
        }
        let begin = Instant::now();
        let (width, height) = (image.width() as usize, image.height() as usize);
        let (pieces, _) = superpixels(image.as_raw(), width, height, settings.superpixels)?;
        let maps: Vec<&LabelMap> = self.maps.iter().collect();
        let area = MinArea::Fraction(settings.min_area);
        let tree = ContourTree::over_pieces(&pieces, &maps, area)?;
        self.seconds.clustering += begin.elapsed().as_secs_f64();
        Ok(Contours {
            tree,
            soft_rank: self.soft_ranks.iter().sum::<f64>() / self.soft_ranks.len() as f64,
            seconds: self.seconds,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Architecture, TrunkKind, TrunkWeights};

    fn network() -> DeepNcuts {
        let architecture = Architecture::new(TrunkKind::Lite0, None);
        DeepNcuts::new(architecture, &TrunkWeights::Random, 3).unwrap()
    }

    fn photograph() -> RgbImage {
        RgbImage::from_fn(96, 64, |x, y| {
            let inside = (f64::from(x) - 40.0).hypot(f64::from(y) - 30.0) < 18.0;
            image::Rgb(if inside {
                [220, 40, 30]
            } else {
                [40, (2 * y) as u8, 160]
            })
        })
    }

    #[test]
    fn a_tree_serves_any_number_of_segments() {
        let settings = ContourSettings {
            superpixels: 60,
            ..ContourSettings::default()
        };
        let contours = network().contours(&photograph(), &settings).unwrap();
        assert!(contours.soft_rank > 0.0 && contours.seconds.trunk > 0.0);
        let (cut, segments) = contours.tree.cut_into(4);
        assert_eq!((cut.width(), cut.height(), segments), (96, 64, 4));
        // Who votes twice says nothing new.
        let network = network();
        let twice = joint_contours(&[&network, &network], &photograph(), &settings).unwrap();
        assert_eq!(twice.tree.cut_into(4).0, cut);
        // Features that were there before are as good.
        let image = photograph();
        let straight = network.grid_features(&image).unwrap();
        let mirrored = network.grid_features(&flip_horizontal(&image)).unwrap();
        let again = network.contours_of(&image, &straight, Some(&mirrored), &settings);
        let again = again.unwrap();
        assert_eq!(again.tree.cut_into(4).0, cut);
        assert_eq!(again.soft_rank, contours.soft_rank);
        assert!(joint_contours(&[], &photograph(), &settings).is_err());
    }

    #[test]
    fn settings_out_of_range_are_refused_by_name() {
        let fair = ContourSettings::default;
        let (from, to) = (1, 0);
        for (name, settings) in [
            (
                "superpixels",
                ContourSettings {
                    superpixels: 0,
                    ..fair()
                },
            ),
            (
                "shifts",
                ContourSettings {
                    shifts: from..=to,
                    ..fair()
                },
            ),
            (
                "min_area",
                ContourSettings {
                    min_area: f64::NAN,
                    ..fair()
                },
            ),
            (
                "height",
                ContourSettings {
                    height: 1.5,
                    ..fair()
                },
            ),
        ] {
            let refused = network().contours(&photograph(), &settings).unwrap_err();
            assert!(refused.to_string().contains(name), "{refused}");
        }
    }
}
