//! From a photograph to one tree of contours.

use std::ops::RangeInclusive;
use std::time::Instant;

use image::RgbImage;
use image::imageops::flip_horizontal;
use ncuts::{ContourTree, LabelMap, MinArea, superpixels};

use crate::cut_settings::CutSettings;
use crate::deep_ncuts::DeepNcuts;
use crate::error::{Error, Result};
use crate::segmenter::{ClusterChoice, SegmentSeconds, Segmented};

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

    /// The segmentations that have a voice.
    fn voices(&self, image: &RgbImage, settings: &ContourSettings) -> Result<Segmented> {
        let cut = CutSettings {
            restarts: settings.restarts,
            ..self.architecture().cut
        };
        let choice = ClusterChoice::Around(settings.shifts.clone());
        self.segment_by(image, &choice, cut)
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
    let mut maps: Vec<LabelMap> = Vec::new();
    let (mut soft_rank, mut seconds) = (0.0, SegmentSeconds::default());
    let mut add = |more: SegmentSeconds| {
        seconds.trunk += more.trunk;
        seconds.layer += more.layer;
        seconds.clustering += more.clustering;
    };
    for network in networks {
        let straight = network.voices(image, settings)?;
        soft_rank += straight.soft_rank / networks.len() as f64;
        add(straight.seconds);
        maps.extend(straight.pool.into_iter().map(|found| found.labels));
        if let Some(mirrored) = &mirrored {
            let back = network.voices(mirrored, settings)?;
            add(back.seconds);
            maps.extend(back.pool.iter().map(|found| found.labels.flipped()));
        }
    }
    if maps.is_empty() {
        return Err(Error::Setting {
            name: "networks",
            expected: "at least one",
            found: "none".to_owned(),
        });
    }
    let begin = Instant::now();
    let (width, height) = (image.width() as usize, image.height() as usize);
    let (pieces, _) = superpixels(image.as_raw(), width, height, settings.superpixels)?;
    let maps: Vec<&LabelMap> = maps.iter().collect();
    let area = MinArea::Fraction(settings.min_area);
    let tree = ContourTree::over_pieces(&pieces, &maps, area)?;
    seconds.clustering += begin.elapsed().as_secs_f64();
    Ok(Contours {
        tree,
        soft_rank,
        seconds,
    })
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
