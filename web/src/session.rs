//! A photograph on its way through the network, stage by stage.

use image::RgbImage;
use image::imageops::{flip_horizontal, thumbnail};
use models::{ClusterChoice, DeepNcuts, FeatureMaps, Precision, TreeSettings};
use pictures::{MemoryBudget, PictureFile, ReadOptions, Transparency, at_working_size};
use segmentation::LabelMap;
use training::{ScribbleStep, ScribbleTraining};

use crate::canvas::{Canvas, Style};
use crate::error::{Error, Result};
use crate::saved::{self, Form};
use crate::sight::Sight;

/// Pixels above which a photograph is made smaller before anything else.
const MOST_PIXELS: f64 = 12e6;
/// What reading a file may take: a module's memory never shrinks. Photographs of more than 33 megapixels are halved before
/// they are turned, which takes them twice.
const READ: ReadOptions = ReadOptions {
    memory: MemoryBudget::of_bytes(160 << 20),
    lenient: false,
    bytes_to_come: Some(5),
};
/// The seed of the untrained head, the same that training starts from.
const UNTRAINED_SEED: u64 = 1;

/// The head in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Head {
    /// The one that learned from people.
    Trained,
    /// The same layers as training found them: random.
    Untrained,
    /// The one that learned in the page.
    Taught,
}

impl Head {
    /// By its name on the page.
    ///
    /// # Errors
    /// [`Error::Argument`].
    pub fn named(name: &str) -> Result<Self> {
        match name {
            "trained" => Ok(Self::Trained),
            "untrained" => Ok(Self::Untrained),
            "taught" => Ok(Self::Taught),
            other => Err(Error::Argument {
                name: "head",
                expected: "trained, untrained or taught".to_owned(),
                found: other.to_owned(),
            }),
        }
    }
}

/// The network, trained and untrained, and one photograph.
#[derive(Clone)]
pub struct Session {
    trained: DeepNcuts,
    untrained: DeepNcuts,
    taught: Option<DeepNcuts>,
    scene: Option<Scene>,
}

/// A photograph, and the stages computed so far.
#[derive(Clone)]
struct Scene {
    /// Of its file.
    name: String,
    /// Upright, of 12 megapixels at most.
    full: RgbImage,
    /// Where nothing shows, at the full size; none where every pixel does.
    transparency: Option<Transparency>,
    /// The size that is segmented; none where that is the full one.
    working: Option<RgbImage>,
    straight: Option<FeatureMaps>,
    mirrored: Option<FeatureMaps>,
    sights: [Option<Sight>; 3],
    training: Option<Scribbled>,
}

#[derive(Clone)]
struct Scribbled {
    training: ScribbleTraining,
    strokes: Vec<u8>,
}

/// Sizes of a photograph that was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened {
    /// Width and height as its file has them, upright.
    pub original: (u32, u32),
    /// Width and height of the stored picture, which is saved at this size.
    pub full: (u32, u32),
    /// Width and height of the segmented picture.
    pub working: (u32, u32),
}

impl Scene {
    fn working(&self) -> &RgbImage {
        self.working.as_ref().unwrap_or(&self.full)
    }

    fn size(&self) -> (usize, usize) {
        let (width, height) = self.working().dimensions();
        (width as usize, height as usize)
    }

    /// Nothing shows of a picture of `image` where nothing shows of the file.
    fn showing(&self, mut canvas: Canvas, image: &RgbImage) -> Canvas {
        if let Some(transparency) = &self.transparency {
            canvas.clear(&transparency.at_size(image.dimensions()));
        }
        canvas
    }

    fn straight(&self) -> Result<&FeatureMaps> {
        self.straight.as_ref().ok_or(Error::TooEarly {
            expected: "the photograph's features",
        })
    }
}

impl Session {
    /// Loads a network file's bytes.
    ///
    /// # Errors
    /// Those of [`DeepNcuts::from_bytes`].
    pub fn new(weights: Vec<u8>) -> Result<Self> {
        let trained = DeepNcuts::from_bytes("the network's file", weights)?;
        let untrained = trained.with_new_head(UNTRAINED_SEED)?;
        Ok(Self {
            trained,
            untrained,
            taught: None,
            scene: None,
        })
    }

    /// Opens a photograph, to be segmented at a longer side of `longest` pixels at most, 0 for any.
    ///
    /// # Errors
    /// Those of [`PictureFile`], and the photograph before stays open.
    pub fn open(&mut self, name: &str, bytes: &[u8], longest: u32) -> Result<Opened> {
        let file = PictureFile::from_bytes_with(name, bytes, READ)?;
        let photograph = file.photograph()?;
        let (image, original) = (photograph.pixels, photograph.file_size);
        let full = match within_pixels(image.dimensions()) {
            None => image,
            // Not by at_working_size, which would hold a copy in single precision.
            Some((width, height)) => thumbnail(&image, width, height),
        };
        let working = at_working_size(&full, longest);
        let opened = Opened {
            original,
            full: full.dimensions(),
            working: working.as_ref().unwrap_or(&full).dimensions(),
        };
        let transparency = photograph.transparency;
        self.scene = Some(Scene {
            name: name.to_owned(),
            transparency: transparency.map(|found| found.at_size(full.dimensions())),
            full,
            working,
            straight: None,
            mirrored: None,
            sights: [None, None, None],
            training: None,
        });
        Ok(opened)
    }

    fn scene(&self) -> Result<&Scene> {
        self.scene.as_ref().ok_or(Error::TooEarly {
            expected: "a photograph",
        })
    }

    fn scene_mut(&mut self) -> Result<&mut Scene> {
        self.scene.as_mut().ok_or(Error::TooEarly {
            expected: "a photograph",
        })
    }

    fn network(&self, head: Head) -> Result<&DeepNcuts> {
        match head {
            Head::Trained => Ok(&self.trained),
            Head::Untrained => Ok(&self.untrained),
            Head::Taught => self.taught.as_ref().ok_or(Error::TooEarly {
                expected: "a head that was taught in the page",
            }),
        }
    }

    /// The photograph at the size that is segmented, as transparent as its file.
    ///
    /// # Errors
    /// [`Error::TooEarly`].
    pub fn photograph(&self) -> Result<Canvas> {
        let scene = self.scene()?;
        let canvas = Canvas::of_photograph(scene.working());
        Ok(scene.showing(canvas, scene.working()))
    }

    /// Stage 1: the trunk's features, which both heads share; `on_step` gets the steps done and all of them.
    ///
    /// # Errors
    /// [`Error::TooEarly`]; a photograph too small for the trunk.
    pub fn find_features(&mut self, on_step: &mut dyn FnMut(usize, usize)) -> Result<()> {
        let working = self.scene()?.working();
        let maps = self.trained.trunk_features_watched(working, on_step)?;
        self.scene_mut()?.straight = Some(maps);
        Ok(())
    }

    /// Red, green and blue of every pixel at the size that is segmented: what another session needs for
    /// [`mirrored_features`](Self::mirrored_features).
    ///
    /// # Errors
    /// [`Error::TooEarly`].
    pub fn working_rgb(&self) -> Result<&[u8]> {
        Ok(self.scene()?.working().as_raw())
    }

    /// The trunk's features of the mirror image of such pixels.
    ///
    /// # Errors
    /// [`Error::Argument`] for pixels that do not fill the size; a photograph too small for the trunk.
    pub fn mirrored_features(&self, rgb: Vec<u8>, width: u32, height: u32) -> Result<FeatureMaps> {
        let found = rgb.len();
        let image = RgbImage::from_raw(width, height, rgb).ok_or_else(|| Error::Argument {
            name: "pixels",
            expected: format!("three bytes for each of {width} × {height}"),
            found: found.to_string(),
        })?;
        Ok(self.trained.trunk_features(&flip_horizontal(&image))?)
    }

    /// Takes the features of the mirror image, which another session found meanwhile.
    ///
    /// # Errors
    /// [`Error::TooEarly`] before stage 1; [`Error::Argument`] for maps of another size than the photograph's own.
    pub fn take_mirrored(&mut self, maps: FeatureMaps) -> Result<()> {
        let size = |maps: &FeatureMaps| (maps.channels(), maps.height(), maps.width());
        let (own, found) = (size(self.scene()?.straight()?), size(&maps));
        if own != found {
            return Err(Error::Argument {
                name: "mirrored features",
                expected: format!("channels, rows and columns {own:?}"),
                found: format!("{found:?}"),
            });
        }
        self.scene_mut()?.mirrored = Some(maps);
        Ok(())
    }

    /// Stage 2: a head's F, and the leading eigenvectors of its affinity.
    ///
    /// # Errors
    /// [`Error::TooEarly`]; those of normalised cuts.
    pub fn find_eigenvectors(&mut self, head: Head) -> Result<()> {
        let sight = Sight::new(self.network(head)?, self.scene()?.straight()?)?;
        self.scene_mut()?.sights[head as usize] = Some(sight);
        Ok(())
    }

    /// Stage 3: the tree of contours on which many segmentations agree, of the photograph and of its mirror image;
    /// `on_step` gets the steps done and all of them. Where the mirror image was not looked at yet, its features come first and
    /// count as much as the rest.
    ///
    /// # Errors
    /// [`Error::TooEarly`]; those of normalised cuts.
    pub fn find_segments(
        &mut self,
        head: Head,
        on_step: &mut dyn FnMut(usize, usize),
    ) -> Result<()> {
        let looks = self.scene()?.mirrored.is_none();
        if looks {
            let mirrored = flip_horizontal(self.scene()?.working());
            let mut half = |done, total| on_step(done, 2 * total);
            let maps = self.trained.trunk_features_watched(&mirrored, &mut half)?;
            self.scene_mut()?.mirrored = Some(maps);
        }
        let mut rest = |done, total| match looks {
            true => on_step(total + done, 2 * total),
            false => on_step(done, total),
        };
        let scene = self.scene()?;
        let network = self.network(head)?;
        let mirrored = scene.mirrored.as_ref();
        let mirrored_grid = mirrored
            .map(|maps| network.head_features(maps))
            .transpose()?;
        let settings = TreeSettings::default();
        let contours = network.contours_of(
            scene.working(),
            self.sight(head)?.grid(),
            mirrored_grid.as_ref(),
            &settings,
            &mut rest,
        )?;
        if let Some(sight) = &mut self.scene_mut()?.sights[head as usize] {
            sight.set_contours(contours);
        }
        Ok(())
    }

    /// The results of a head on the photograph.
    ///
    /// # Errors
    /// [`Error::TooEarly`] before stage 2.
    pub fn sight(&self, head: Head) -> Result<&Sight> {
        self.scene()?.sights[head as usize]
            .as_ref()
            .ok_or(Error::TooEarly {
                expected: "the eigenvectors",
            })
    }

    /// The pieces that the tree merges, at the size that is segmented; the number of pieces where nothing shows.
    ///
    /// # Errors
    /// [`Error::TooEarly`] before stage 3.
    pub fn pieces(&self, head: Head) -> Result<LabelMap> {
        let tree = &self.sight(head)?.contours()?.tree;
        let scene = self.scene()?;
        let size = scene.working().dimensions();
        let transparency = scene.transparency.as_ref().map(|all| all.at_size(size));
        let count = tree.most_segments();
        saved::segments(tree.pieces(), count, size, transparency.as_ref())
    }

    /// A cut of the tree as a picture: at the size that was segmented, or the full one.
    ///
    /// # Errors
    /// [`Error::TooEarly`] before stage 3.
    pub fn paint(&self, head: Head, segments: usize, style: Style, full: bool) -> Result<Canvas> {
        let (labels, _) = self.sight(head)?.cut(segments)?;
        let scene = self.scene()?;
        let image = if full { &scene.full } else { scene.working() };
        let canvas = Canvas::of_segments(image, &labels, style)?;
        Ok(scene.showing(canvas, image))
    }

    /// An object of chosen pieces, cut out at the full size.
    ///
    /// # Errors
    /// [`Error::TooEarly`] before stage 3.
    pub fn cut_out(&self, head: Head, chosen: &[u32]) -> Result<Canvas> {
        let object = self.object(head, chosen)?;
        Ok(Canvas::of_object(&self.scene()?.full, &object))
    }

    /// A file of an object of chosen pieces at the full size; without pieces, of all segments of a cut.
    ///
    /// # Errors
    /// [`Error::TooEarly`] before stage 3.
    pub fn file(&self, head: Head, segments: usize, chosen: &[u32], form: Form) -> Result<Vec<u8>> {
        let scene = self.scene()?;
        if !chosen.is_empty() {
            return saved::file(&scene.name, &self.object(head, chosen)?, 1, form);
        }
        let (labels, segments) = self.sight(head)?.cut(segments)?;
        let (size, transparency) = (scene.full.dimensions(), scene.transparency.as_ref());
        let labels = saved::segments(&labels, segments, size, transparency)?;
        saved::file(&scene.name, &labels, segments, form)
    }

    fn object(&self, head: Head, chosen: &[u32]) -> Result<LabelMap> {
        let scene = self.scene()?;
        let pieces = self.sight(head)?.contours()?.tree.pieces();
        saved::object(
            pieces,
            chosen,
            scene.full.dimensions(),
            scene.transparency.as_ref(),
        )
    }

    /// Begins to train the head on strokes of a pen: a label a pixel of the size that is segmented, 0 for none. Answers
    /// how many positions of the grid are marked, and with how many labels.
    ///
    /// # Errors
    /// [`Error::TooEarly`] before stage 1; those of [`ScribbleTraining::new`].
    pub fn begin_training(
        &mut self,
        strokes: Vec<u8>,
        from: Head,
        rate: f64,
    ) -> Result<(usize, usize)> {
        let scene = self.scene()?;
        let maps = scene.straight()?.clone();
        let network = self.network(from)?;
        let training = ScribbleTraining::new(network, maps, &strokes, scene.size(), rate)?;
        let marked = training.marked();
        self.scene_mut()?.training = Some(Scribbled { training, strokes });
        Ok(marked)
    }

    /// One step of the training.
    ///
    /// # Errors
    /// [`Error::TooEarly`]; those of [`ScribbleTraining::step`].
    pub fn train(&mut self) -> Result<ScribbleStep> {
        match &mut self.scene_mut()?.training {
            Some(scribbled) => Ok(scribbled.training.step()?),
            None => Err(Error::TooEarly {
                expected: "strokes to train on",
            }),
        }
    }

    /// Makes the head as it stands the taught one, for this photograph and the next ones.
    ///
    /// # Errors
    /// [`Error::TooEarly`] before a training.
    pub fn keep_taught(&mut self) -> Result<()> {
        let Some(Scribbled { training, .. }) = &self.scene()?.training else {
            return Err(Error::TooEarly {
                expected: "strokes to train on",
            });
        };
        let network = training.network().clone();
        self.take_taught(network);
        Ok(())
    }

    /// The file of the taught head alone, in single precision: the trunk is the network's.
    ///
    /// # Errors
    /// [`Error::TooEarly`].
    pub fn taught_file(&self) -> Result<Vec<u8>> {
        Ok(self.network(Head::Taught)?.head_file(Precision::Single)?)
    }

    /// Takes the head of such a file as the taught one.
    ///
    /// # Errors
    /// Those of [`DeepNcuts::with_head_of`], and the head before stays.
    pub fn load_taught(&mut self, name: &str, bytes: Vec<u8>) -> Result<()> {
        let network = self.trained.with_head_of(name, bytes)?;
        self.take_taught(network);
        Ok(())
    }

    fn take_taught(&mut self, network: DeepNcuts) {
        self.taught = Some(network);
        // What the head before found is out of date.
        if let Some(scene) = &mut self.scene {
            scene.sights[Head::Taught as usize] = None;
        }
    }

    /// The segmentation of the head as it stands, and the pen's label of each segment, 0 where no stroke went.
    ///
    /// # Errors
    /// [`Error::TooEarly`]; those of normalised cuts.
    pub fn scribbled_labels(&self) -> Result<Vec<u8>> {
        let scene = self.scene()?;
        let Some(Scribbled { training, strokes }) = &scene.training else {
            return Err(Error::TooEarly {
                expected: "strokes to train on",
            });
        };
        let network = training.network();
        let grid = network.head_features(training.maps())?;
        let (_, labels) = training.marked();
        let found = network.cut(&grid, scene.size(), &ClusterChoice::Counts(vec![labels]))?;
        Ok(found
            .pool
            .first()
            .map_or_else(Vec::new, |found| label_of_segments(&found.labels, strokes)))
    }
}

/// The size at which so many pixels are within the limit; none where they are.
fn within_pixels((width, height): (u32, u32)) -> Option<(u32, u32)> {
    let pixels = f64::from(width) * f64::from(height);
    let scale = (MOST_PIXELS / pixels).sqrt();
    let scaled = |side: u32| ((f64::from(side) * scale).floor() as u32).max(1);
    (pixels > MOST_PIXELS).then(|| (scaled(width), scaled(height)))
}

/// Every pixel by the label that most strokes on its segment have; of equal ones the smallest.
fn label_of_segments(segments: &LabelMap, strokes: &[u8]) -> Vec<u8> {
    let (compacted, count) = segments.compacted();
    let mut votes = vec![[0_u32; 256]; count];
    for (segment, label) in compacted.ids().iter().zip(strokes) {
        votes[*segment as usize][usize::from(*label)] += 1;
    }
    let winner = |votes: &[u32; 256]| {
        let most = votes[1..].iter().copied().max().unwrap_or(0);
        let place = votes[1..].iter().position(|count| *count == most);
        match (most, place) {
            (0, _) | (_, None) => 0,
            (_, Some(place)) => place as u8 + 1,
        }
    };
    let winners: Vec<u8> = votes.iter().map(winner).collect();
    let ids = compacted.ids().iter();
    ids.map(|segment| winners[*segment as usize]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twelve_megapixels_pass_and_more_are_made_smaller() {
        assert_eq!(within_pixels((4000, 3000)), None);
        assert_eq!(within_pixels((8000, 6000)), Some((4000, 3000)));
        assert_eq!(within_pixels((30_000, 1000)), Some((18_973, 632)));
    }

    #[test]
    fn a_segment_is_named_by_most_of_its_strokes() {
        let segments = LabelMap::new(4, 2, vec![5, 5, 9, 9, 5, 5, 9, 7]).unwrap();
        let strokes = [0, 3, 1, 2, 3, 1, 0, 0];
        let found = label_of_segments(&segments, &strokes);
        assert_eq!(found, [3, 3, 1, 1, 3, 3, 1, 0]);
    }
}
