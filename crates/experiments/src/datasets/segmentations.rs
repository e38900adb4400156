//! BSDS500 as models are trained on it.

use bench_bsds::{BsdsDataset, MissingPartner, Split};
use image::RgbImage;
use models::{HumanBoundaries, TrunkKind, fnv_1a};
use segmentation::LabelMap;
use training::{SegmentationSet, TrunkTraining};

use super::file_digests::FileDigests;
use crate::network_memory::Need;
use crate::observer::Observer;

/// Which images of BSDS500 are learned from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TrainingSplit {
    /// 200 images.
    Train,
    /// 100 images.
    Val,
    /// Both.
    Trainval,
}

/// Splits of BSDS500, one after the other.
pub struct BsdsTrainingSet {
    splits: Vec<BsdsDataset>,
    digests: FileDigests,
    /// Of learning from an image, where it is known.
    need: Option<Need>,
}

impl BsdsTrainingSet {
    /// The images of `split` below `root`; up to a share of each part may lack one of their files, and is left out.
    ///
    /// # Errors
    /// Those of [`BsdsDataset::open_leaving_out`].
    pub fn open(
        root: &std::path::Path,
        split: TrainingSplit,
        share: f64,
    ) -> bench_bsds::Result<Self> {
        let splits: &[Split] = match split {
            TrainingSplit::Train => &[Split::Train],
            TrainingSplit::Val => &[Split::Val],
            TrainingSplit::Trainval => &[Split::Train, Split::Val],
        };
        let splits = splits
            .iter()
            .map(|split| BsdsDataset::open_leaving_out(root, *split, share));
        Ok(Self {
            splits: splits.collect::<Result<_, _>>()?,
            digests: FileDigests::default(),
            need: None,
        })
    }

    /// With images refused that need more memory than the system lets this process have.
    pub(crate) fn with_need(self, trunk: TrunkKind, learns: &TrunkTraining) -> Self {
        let need = Need::learning(trunk, learns).in_process(trunk);
        Self {
            need: Some(need),
            ..self
        }
    }

    /// Digests of its files.
    pub(crate) fn digests(&self) -> &FileDigests {
        &self.digests
    }

    /// The images that were left out.
    pub fn left_out(&self) -> impl Iterator<Item = &MissingPartner> {
        self.splits.iter().flat_map(|split| split.left_out())
    }

    /// Tells an observer which images were left out.
    pub(crate) fn warn_of_left_out(&self, observer: &mut dyn Observer) {
        for partner in self.left_out() {
            let (found, missing) = (partner.found.display(), partner.missing.display());
            observer.warning(&format!(
                "image {} is left out: expected {missing} beside {found}, found none",
                partner.id
            ));
        }
    }

    /// The split that holds image `index`, and its place there.
    fn place(&self, mut index: usize) -> (&BsdsDataset, usize) {
        for split in &self.splits {
            if index < split.len() {
                return (split, index);
            }
            index -= split.len();
        }
        panic!("expected an image of the set, found one {index} places behind its end");
    }
}

impl SegmentationSet for BsdsTrainingSet {
    fn len(&self) -> usize {
        self.splits.iter().map(BsdsDataset::len).sum()
    }

    fn id(&self, index: usize) -> &str {
        let (split, index) = self.place(index);
        &split.ids()[index]
    }

    fn image(&self, index: usize) -> training::Result<RgbImage> {
        let (split, index) = self.place(index);
        let path = split.image_path(index);
        let image = split.image(index);
        let image = image.and_then(|image| {
            let mut need = self.need.iter();
            need.try_for_each(|need| need.check_limit(&path, image.dimensions()))?;
            Ok(image)
        });
        image.map_err(|error| of_file(path, error).into())
    }

    fn annotations(&self, index: usize) -> training::Result<Vec<LabelMap>> {
        let (split, index) = self.place(index);
        split
            .annotations(index)
            .map_err(|error| of_file(split.ground_truth_path(index), error).into())
    }

    /// The boundaries of its file.
    fn boundaries(&self, index: usize) -> training::Result<HumanBoundaries> {
        let (split, index) = self.place(index);
        let drawn = split.drawn_boundaries(index);
        let (maps, _) = drawn.map_err(|error| of_file(split.ground_truth_path(index), error))?;
        let size = maps.first().map(bench_bsds::BoundaryMap::size);
        let (width, height) = size.map_or((0, 0), |size| (size.width, size.height));
        let maps = maps.iter().map(|map| map.pixels().to_vec());
        Ok(HumanBoundaries::new(width, height, maps.collect())?)
    }

    /// The bytes of its files.
    fn digest(&self, index: usize) -> training::Result<u64> {
        let (split, index) = self.place(index);
        let mut files = vec![split.image_path(index)];
        files.extend(split.ground_truth_files(index));
        let mut all = Vec::new();
        for path in files {
            let digest = self.digests.of(&path);
            let digest = digest.map_err(|source| training::Error::File { path, source })?;
            all.extend(digest.to_le_bytes());
        }
        Ok(fnv_1a(all.into_iter()))
    }
}

/// An error of a file of the dataset, as an error of a training.
pub(crate) fn of_file(path: std::path::PathBuf, error: bench_bsds::Error) -> models::Error {
    // The path stands in front of the message already.
    let message = error.to_string();
    let message = message
        .strip_prefix(&format!("{}: ", path.display()))
        .unwrap_or(&message);
    models::Error::File {
        path,
        source: std::io::Error::other(message.to_owned()),
    }
}
