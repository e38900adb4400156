//! From a photograph to one tree of contours.

use image::RgbImage;
use image::imageops::flip_horizontal;
use segmentation::{MergeWeights, MinArea, PixelMask, SegmentationTree, SuperpixelGraph};
use web_time::Instant;

use super::network::DeepNcuts;
use super::segment::SegmentSeconds;
use crate::error::{Error, Result};
use crate::feature_maps::GridFeatures;

/// Columns of the embedding that regions are compared in, for networks whose cut takes as many as clusters.
const DIMENSIONS: usize = 16;

/// How a tree of contours is made.
///
/// The default values were chosen on fifty images of BSDS500's train split, with networks that had learned from the
/// other hundred and fifty.
#[derive(Clone, Debug, PartialEq)]
pub struct TreeSettings {
    /// Whether the mirror image is looked at too, which costs as much again.
    pub flips: bool,
    /// Superpixels, whose borders are those of all segments.
    pub superpixels: usize,
    /// How much embedding, colour and contrast count.
    pub weights: MergeWeights,
    /// The smallest segment, as a fraction of the image.
    pub min_area: f64,
    /// The height that gives one segmentation where none is asked for.
    pub height: f64,
}

impl Default for TreeSettings {
    fn default() -> Self {
        Self {
            flips: true,
            superpixels: 400,
            weights: MergeWeights::default(),
            min_area: 0.002,
            height: 0.41,
        }
    }
}

impl TreeSettings {
    /// Those for [`boundary_contours`]: pieces along learned boundaries, which count in place of contrast.
    pub fn with_boundaries() -> Self {
        Self {
            superpixels: 250,
            weights: MergeWeights::with_boundaries(),
            height: 0.43,
            ..Self::default()
        }
    }

    fn check(&self) -> Result<()> {
        let share = |name, value: f64| {
            let found = value.to_string();
            let expected = "a number from 0 to 1";
            (!(0.0..=1.0).contains(&value)).then_some((name, expected, found))
        };
        let none = (self.superpixels == 0).then(|| ("superpixels", "1 or more", "none".to_owned()));
        let wrong = none
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
    pub tree: SegmentationTree,
    /// Soft rank of the affinity: how many segments the network is sure of.
    pub soft_rank: f64,
    /// Wall time of each part; superpixels and the tree count as clustering.
    pub seconds: SegmentSeconds,
}

impl DeepNcuts {
    /// The tree of a photograph's contours: superpixels merge, the most alike first, by where they lie in the embedding of
    /// the photograph and in that of its mirror image, by their colours and by the contrast along their borders.
    ///
    /// ```text
    ///     photograph ─┬─► trunk, head, cut ─► embedding ──┐
    ///                 ├─► mirrored: the same ─────────────┤ views of the pieces ─► SegmentationTree
    ///                 └─► superpixels, colours, contrast ─┘
    /// ```
    ///
    /// # Errors
    /// [`Error::Setting`] for settings outside their range; those of trunk and cut.
    ///
    /// # Cost
    /// Twice trunk, head and matrix layer, and about a tenth of a second for 481 × 321 pixels.
    pub fn contours(&self, image: &RgbImage, settings: &TreeSettings) -> Result<Contours> {
        joint_contours(&[self], image, settings)
    }

    /// As [`DeepNcuts::contours`], from the [`DeepNcuts::grid_features`] of the photograph and, to be looked at too, of its
    /// mirror image, which were computed before; `on_step` gets the parts of the work done and all of them.
    ///
    /// # Errors
    /// As [`DeepNcuts::contours`].
    pub fn contours_of(
        &self,
        image: &RgbImage,
        straight: &GridFeatures,
        mirrored: Option<&GridFeatures>,
        settings: &TreeSettings,
        on_step: &mut dyn FnMut(usize, usize),
    ) -> Result<Contours> {
        let total = if mirrored.is_some() { 4 } else { 3 };
        let mut views = Views::of(image, None, None, settings)?;
        on_step(1, total);
        views.add(self, straight, image, false)?;
        on_step(2, total);
        if let Some(mirrored) = mirrored {
            views.add(self, mirrored, image, true)?;
            on_step(3, total);
        }
        let contours = views.tree(settings)?;
        on_step(total, total);
        Ok(contours)
    }
}

/// As [`DeepNcuts::contours`], the views of several networks counting alike; the soft rank is the mean of theirs.
///
/// # Errors
/// [`Error::Setting`] for no network; those of [`DeepNcuts::contours`].
pub fn joint_contours(
    networks: &[&DeepNcuts],
    image: &RgbImage,
    settings: &TreeSettings,
) -> Result<Contours> {
    contours_within(networks, image, None, None, settings)
}

/// As [`joint_contours`], of the pixels that a mask keeps: pieces, their rows, colours and merges come from these alone.
///
/// The networks see all of the image: what the mask leaves out should be filled before, and be of no content.
///
/// # Errors
/// Those of [`joint_contours`]; [`Error::Segmentation`] for a mask of another size, or of too many parts.
pub fn masked_contours(
    networks: &[&DeepNcuts],
    image: &RgbImage,
    mask: &PixelMask,
    settings: &TreeSettings,
) -> Result<Contours> {
    contours_within(networks, image, Some(mask), None, settings)
}

/// As [`joint_contours`], or [`masked_contours`] with a mask, of pieces along learned boundaries: how sure one is at each
/// pixel of the photograph, from 0 to 1, row by row. [`TreeSettings::with_boundaries`] has the settings for it.
///
/// # Errors
/// Those of [`masked_contours`]; [`Error::Segmentation`] for another number of boundaries, or one outside its range.
///
/// # Cost
/// As [`joint_contours`].
pub fn boundary_contours(
    networks: &[&DeepNcuts],
    image: &RgbImage,
    boundaries: &[f32],
    mask: Option<&PixelMask>,
    settings: &TreeSettings,
) -> Result<Contours> {
    contours_within(networks, image, mask, Some(boundaries), settings)
}

fn contours_within(
    networks: &[&DeepNcuts],
    image: &RgbImage,
    mask: Option<&PixelMask>,
    boundaries: Option<&[f32]>,
    settings: &TreeSettings,
) -> Result<Contours> {
    if networks.is_empty() {
        return Err(Error::Setting {
            name: "networks",
            expected: "at least one",
            found: "none".to_owned(),
        });
    }
    let mut views = Views::of(image, mask, boundaries, settings)?;
    let mirrored = settings.flips.then(|| flip_horizontal(image));
    for network in networks {
        let images = [(Some(image), false), (mirrored.as_ref(), true)];
        for (seen, is_mirrored) in images {
            let Some(seen) = seen else { continue };
            let begin = Instant::now();
            let grid = network.grid_features(seen)?;
            views.seconds.trunk += begin.elapsed().as_secs_f64();
            views.add(network, &grid, image, is_mirrored)?;
        }
    }
    views.tree(settings)
}

/// A photograph's pieces, seen by one network after the other.
struct Views {
    pieces: SuperpixelGraph,
    /// Of each network, on the photograph itself.
    soft_ranks: Vec<f64>,
    seconds: SegmentSeconds,
}

impl Views {
    fn of(
        image: &RgbImage,
        mask: Option<&PixelMask>,
        boundaries: Option<&[f32]>,
        settings: &TreeSettings,
    ) -> Result<Self> {
        settings.check()?;
        let begin = Instant::now();
        let (width, height) = (image.width() as usize, image.height() as usize);
        let (rgb, count) = (image.as_raw(), settings.superpixels);
        let pieces = match (boundaries, mask) {
            (Some(boundaries), _) => {
                SuperpixelGraph::of_boundaries(rgb, boundaries, width, height, count, mask)?
            }
            (None, None) => SuperpixelGraph::of_photograph(rgb, width, height, count)?,
            (None, Some(mask)) => {
                SuperpixelGraph::of_masked_photograph(rgb, width, height, count, mask)?
            }
        };
        let seconds = SegmentSeconds {
            clustering: begin.elapsed().as_secs_f64(),
            ..SegmentSeconds::default()
        };
        Ok(Self {
            pieces,
            soft_ranks: Vec::new(),
            seconds,
        })
    }

    /// Adds a network's embedding of `image`, from features of it, or of its mirror image.
    fn add(
        &mut self,
        network: &DeepNcuts,
        grid: &GridFeatures,
        image: &RgbImage,
        mirrored: bool,
    ) -> Result<()> {
        let begin = Instant::now();
        let cut = network.architecture().cut;
        let dimensions = cut.dimensions.unwrap_or(DIMENSIONS);
        let (embedding, soft_rank) = network.embedding(grid, dimensions)?;
        self.seconds.layer += begin.elapsed().as_secs_f64();
        if !mirrored {
            self.soft_ranks.push(soft_rank);
        }
        let begin = Instant::now();
        let (width, height) = (image.width() as usize, image.height() as usize);
        let [column, row] = network.grid_axes(height, width)?;
        let options = cut.options(&[dimensions]).with_axes(column, row);
        self.pieces.add_view(&embedding, &options, mirrored)?;
        self.seconds.clustering += begin.elapsed().as_secs_f64();
        Ok(())
    }

    fn tree(mut self, settings: &TreeSettings) -> Result<Contours> {
        let begin = Instant::now();
        let area = MinArea::Fraction(settings.min_area);
        let tree = SegmentationTree::new(&self.pieces, &settings.weights, area)?;
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
    use crate::{CutArchitecture, TrunkKind, TrunkWeights};

    fn network() -> DeepNcuts {
        let architecture = CutArchitecture::new(TrunkKind::Lite0, None);
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
        let settings = TreeSettings {
            superpixels: 60,
            ..TreeSettings::default()
        };
        let contours = network().contours(&photograph(), &settings).unwrap();
        assert!(contours.soft_rank > 0.0 && contours.seconds.trunk > 0.0);
        let (cut, segments) = contours.tree.cut_into(4);
        assert_eq!((cut.width(), cut.height(), segments), (96, 64, 4));
        // The same network twice adds nothing.
        let network = network();
        let twice = joint_contours(&[&network, &network], &photograph(), &settings).unwrap();
        assert_eq!(twice.tree.cut_into(4).0, cut);
        // Features computed before give the same tree.
        let image = photograph();
        let straight = network.grid_features(&image).unwrap();
        let mirrored = network.grid_features(&flip_horizontal(&image)).unwrap();
        let mut steps = Vec::new();
        let mut watch = |done, total| steps.push((done, total));
        let again = network.contours_of(&image, &straight, Some(&mirrored), &settings, &mut watch);
        let again = again.unwrap();
        assert_eq!(steps, [(1, 4), (2, 4), (3, 4), (4, 4)]);
        assert_eq!(again.tree.cut_into(4).0, cut);
        assert_eq!(again.soft_rank, contours.soft_rank);
        assert!(joint_contours(&[], &photograph(), &settings).is_err());
    }

    #[test]
    fn a_mask_of_all_pixels_changes_nothing_and_one_of_another_size_is_refused() {
        let (network, image, settings) = (network(), photograph(), TreeSettings::default());
        let all = PixelMask::new(96, 64, vec![true; 96 * 64]).unwrap();
        let plain = network.contours(&image, &settings).unwrap().tree;
        let masked = masked_contours(&[&network], &image, &all, &settings).unwrap();
        assert_eq!(masked.tree.contours(), plain.contours());
        let small = PixelMask::new(9, 6, vec![true; 54]).unwrap();
        assert!(masked_contours(&[&network], &image, &small, &settings).is_err());
    }

    #[test]
    fn pieces_follow_learned_boundaries() {
        let (network, image) = (network(), photograph());
        // The disk of the photograph, as a network would draw it, and a line that is not in its colours.
        let boundaries: Vec<f32> = (0..96 * 64)
            .map(|pixel| {
                let (x, y) = (f64::from(pixel % 96), f64::from(pixel / 96));
                let disk = ((x - 40.0).hypot(y - 30.0) - 18.0).abs() < 1.0;
                f32::from(u8::from(disk || x == 75.0)) * 0.8
            })
            .collect();
        let settings = TreeSettings {
            superpixels: 40,
            ..TreeSettings::with_boundaries()
        };
        let found = boundary_contours(&[&network], &image, &boundaries, None, &settings).unwrap();
        let (cut, segments) = found.tree.cut_into(3);
        assert_eq!(segments, 3);
        let at = |x: usize, y: usize| cut.at(x, y);
        assert!(at(40, 30) != at(10, 30) && at(66, 10) == at(10, 30) && at(90, 10) != at(10, 30));
        let few = boundary_contours(&[&network], &image, &[0.0; 9], None, &settings);
        assert!(few.is_err());
    }

    #[test]
    fn settings_out_of_range_are_refused_by_name() {
        let fair = TreeSettings::default;
        for (name, settings) in [
            (
                "superpixels",
                TreeSettings {
                    superpixels: 0,
                    ..fair()
                },
            ),
            (
                "colour",
                TreeSettings {
                    weights: MergeWeights {
                        colour_scale: 0.0,
                        ..MergeWeights::default()
                    },
                    ..fair()
                },
            ),
            (
                "min_area",
                TreeSettings {
                    min_area: f64::NAN,
                    ..fair()
                },
            ),
            (
                "height",
                TreeSettings {
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
