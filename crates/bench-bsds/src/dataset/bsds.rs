//! The folders of BSDS500: which images there are, and the files of each.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use image::RgbImage;
use pictures::{PictureFile, read_upright};
use segmentation::LabelMap;

use super::ground_truth::{Annotation, read_ground_truth, size_of};
use crate::error::{Error, Result, Size};

/// The three parts of BSDS500.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Split {
    /// 200 images to learn from.
    Train,
    /// 100 images to choose settings by.
    Val,
    /// 200 images for the final measure.
    Test,
}

impl fmt::Display for Split {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Train => "train",
            Self::Val => "val",
            Self::Test => "test",
        })
    }
}

impl FromStr for Split {
    type Err = String;

    fn from_str(word: &str) -> std::result::Result<Self, String> {
        match word {
            "train" => Ok(Self::Train),
            "val" => Ok(Self::Val),
            "test" => Ok(Self::Test),
            other => Err(format!("expected train, val or test, found {other}")),
        }
    }
}

/// Photographs with the human segmentations of each.
///
/// Images are numbered from 0 in the order of their ids (the file names without ending, compared as text).
/// Nothing but the two folders' lists is kept in memory.
///
/// ```no_run
/// use bench_bsds::{BsdsDataset, Split};
///
/// # fn main() -> bench_bsds::Result<()> {
/// let dataset = BsdsDataset::open("BSDS500", Split::Val)?;
/// let photograph = dataset.image(0)?;
/// for annotation in dataset.annotations(0)? {
///     assert_eq!(annotation.width(), photograph.width() as usize);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct BsdsDataset {
    images: PathBuf,
    ground_truth: PathBuf,
    ids: Vec<String>,
}

impl BsdsDataset {
    /// The images of one split, under `root`.
    ///
    /// Layouts: `images/SPLIT/*.jpg` and `groundTruth/SPLIT/*.mat` directly under `root`, or under `data`,
    /// `BSDS500/data` or `BSR/BSDS500/data` there (the official archive).
    ///
    /// # Errors
    /// [`Error::NoDataset`] with the folders tried; then as [`BsdsDataset::open_folders`].
    pub fn open(root: impl AsRef<Path>, split: Split) -> Result<Self> {
        let roots =
            ["", "data", "BSDS500/data", "BSR/BSDS500/data"].map(|below| root.as_ref().join(below));
        let images_of = |root: &PathBuf| root.join("images").join(split.to_string());
        match roots.iter().find(|root| images_of(root).is_dir()) {
            Some(root) => Self::open_folders(
                images_of(root),
                root.join("groundTruth").join(split.to_string()),
            ),
            None => Err(Error::NoDataset {
                looked_for: roots.iter().map(images_of).collect(),
            }),
        }
    }

    /// The images `ID.jpg` of one folder with the annotations `ID.mat` of another.
    ///
    /// # Errors
    /// [`Error::MissingPartner`] for the first id, in order, that has one of the two files only;
    /// [`Error::EmptyFolder`]; [`Error::Io`].
    pub fn open_folders(
        images: impl Into<PathBuf>,
        ground_truth: impl Into<PathBuf>,
    ) -> Result<Self> {
        let (images, ground_truth) = (images.into(), ground_truth.into());
        let photographs = ids_in(&images, "jpg")?;
        let annotations = ids_in(&ground_truth, "mat")?;
        if photographs.is_empty() {
            return Err(Error::EmptyFolder {
                path: images,
                expected: "photographs (*.jpg)",
            });
        }
        if let Some(id) = photographs.symmetric_difference(&annotations).next() {
            let image = images.join(format!("{id}.jpg"));
            let truth = ground_truth.join(format!("{id}.mat"));
            let (found, missing) = if photographs.contains(id) {
                (image, truth)
            } else {
                (truth, image)
            };
            return Err(Error::MissingPartner { found, missing });
        }
        Ok(Self {
            images,
            ground_truth,
            ids: photographs.into_iter().collect(),
        })
    }

    /// The number of images.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// False: a dataset without images does not open.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// The ids of all images, in order.
    pub fn ids(&self) -> &[String] {
        &self.ids
    }

    /// The file of photograph `index`.
    ///
    /// # Panics
    /// When there is no such image.
    pub fn image_path(&self, index: usize) -> PathBuf {
        self.images.join(format!("{}.jpg", self.ids[index]))
    }

    /// The file with the annotations of image `index`.
    ///
    /// # Panics
    /// When there is no such image.
    pub fn ground_truth_path(&self, index: usize) -> PathBuf {
        self.ground_truth.join(format!("{}.mat", self.ids[index]))
    }

    /// Photograph `index`.
    ///
    /// # Errors
    /// [`Error::Picture`].
    pub fn image(&self, index: usize) -> Result<RgbImage> {
        Ok(read_upright(&self.image_path(index))?)
    }

    /// Width and height of photograph `index`, upright, from its header alone.
    ///
    /// # Errors
    /// [`Error::Picture`].
    pub fn image_size(&self, index: usize) -> Result<Size> {
        let (width, height) = PictureFile::open(&self.image_path(index))?.size();
        Ok(Size {
            width: width as usize,
            height: height as usize,
        })
    }

    /// The human segmentations of image `index`, at least one.
    ///
    /// # Errors
    /// As [`read_ground_truth`], and [`Error::SizeMismatch`] where they differ from the photograph in size.
    pub fn annotations(&self, index: usize) -> Result<Vec<LabelMap>> {
        let drawn = self.drawn(index)?;
        Ok(drawn
            .into_iter()
            .map(|annotation| annotation.segmentation)
            .collect())
    }

    /// The human segmentations of image `index`, with the boundaries that the file holds.
    ///
    /// # Errors
    /// As [`BsdsDataset::annotations`].
    pub fn drawn(&self, index: usize) -> Result<Vec<Annotation>> {
        let path = self.ground_truth_path(index);
        let drawn = read_ground_truth(&path)?;
        let expected = self.image_size(index)?;
        match drawn
            .iter()
            .map(|annotation| size_of(&annotation.segmentation))
            .find(|size| *size != expected)
        {
            Some(found) => Err(Error::SizeMismatch {
                name: path.display().to_string(),
                expected,
                found,
            }),
            None => Ok(drawn),
        }
    }
}

/// The names, without ending, of all files in a folder that end in `.ending`.
fn ids_in(folder: &Path, ending: &str) -> Result<BTreeSet<String>> {
    let io = |source| Error::Io {
        path: folder.to_owned(),
        source,
    };
    let mut ids = BTreeSet::new();
    for entry in std::fs::read_dir(folder).map_err(io)? {
        let path = entry.map_err(io)?.path();
        if path.extension().is_some_and(|found| found == ending)
            && let Some(id) = path.file_stem().and_then(|stem| stem.to_str())
        {
            ids.insert(id.to_owned());
        }
    }
    Ok(ids)
}

#[cfg(test)]
mod tests {
    use test_support::refused;

    use super::super::mat5::written::{Writer, cells, file, structs, uint16};
    use super::*;

    const WRITER: Writer = Writer::Little;

    fn write_image(path: &Path, width: u32, height: u32) {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        RgbImage::new(width, height).save(path).unwrap();
    }

    fn write_truth(path: &Path, sides: [i32; 2]) {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let ids = vec![1; (sides[0] * sides[1]) as usize];
        let annotator = structs(
            WRITER,
            "",
            &[("Segmentation", uint16(WRITER, "", &sides, &ids))],
        );
        std::fs::write(
            path,
            file(WRITER, &[cells(WRITER, "groundTruth", &[annotator])]),
        )
        .unwrap();
    }

    #[test]
    fn opens_both_layouts_and_orders_ids_as_text() {
        for below in ["", "BSDS500/data"] {
            let folder = tempfile::tempdir().unwrap();
            let root = folder.path().join(below);
            for id in ["9", "10"] {
                write_image(&root.join(format!("images/val/{id}.jpg")), 3, 2);
                write_truth(&root.join(format!("groundTruth/val/{id}.mat")), [2, 3]);
            }
            std::fs::write(root.join("images/val/Thumbs.db"), "").unwrap();
            let dataset = BsdsDataset::open(folder.path(), Split::Val).unwrap();
            assert_eq!(dataset.ids(), ["10", "9"]);
            assert_eq!((dataset.len(), dataset.is_empty()), (2, false));
            assert_eq!(dataset.image(1).unwrap().dimensions(), (3, 2));
            assert_eq!(dataset.annotations(0).unwrap()[0].width(), 3);
            let error = BsdsDataset::open(folder.path(), Split::Test).unwrap_err();
            assert!(
                matches!(error, Error::NoDataset { ref looked_for } if looked_for.len() == 4),
                "{error}"
            );
        }
    }

    #[test]
    fn names_both_files_of_a_broken_pair() {
        let folder = tempfile::tempdir().unwrap();
        let (images, truth) = (folder.path().join("i"), folder.path().join("t"));
        write_image(&images.join("1.jpg"), 1, 1);
        write_truth(&truth.join("1.mat"), [1, 1]);
        write_truth(&truth.join("2.mat"), [1, 1]);
        match BsdsDataset::open_folders(&images, &truth).unwrap_err() {
            Error::MissingPartner { found, missing } => {
                assert_eq!(
                    (found, missing),
                    (truth.join("2.mat"), images.join("2.jpg"))
                );
            }
            other => panic!("{other}"),
        }
        write_image(&images.join("0.jpg"), 1, 1);
        let error = BsdsDataset::open_folders(&images, &truth).unwrap_err();
        assert!(
            matches!(error, Error::MissingPartner { missing, .. } if missing == truth.join("0.mat"))
        );
    }

    #[test]
    fn refuses_empty_folders_and_differing_sizes() {
        let folder = tempfile::tempdir().unwrap();
        let (images, truth) = (folder.path().join("i"), folder.path().join("t"));
        refused! { BsdsDataset::open_folders(&images, &truth) => Error::Io { .. } }
        std::fs::create_dir_all(&images).unwrap();
        std::fs::create_dir_all(&truth).unwrap();
        refused! { BsdsDataset::open_folders(&images, &truth) => Error::EmptyFolder { .. } }
        write_image(&images.join("1.jpg"), 3, 2);
        write_truth(&truth.join("1.mat"), [3, 2]);
        let error = BsdsDataset::open_folders(&images, &truth)
            .unwrap()
            .annotations(0)
            .unwrap_err();
        assert!(
            error
                .to_string()
                .ends_with("1.mat: expected 3 × 2 pixels, found 2 × 3"),
            "{error}"
        );
        std::fs::write(images.join("1.jpg"), "no picture").unwrap();
        let dataset = BsdsDataset::open_folders(&images, &truth).unwrap();
        refused! {
            dataset.image(0) => Error::Picture(_),
            dataset.image_size(0) => Error::Picture(_),
        }
    }

    #[test]
    fn a_split_has_one_word() {
        for split in [Split::Train, Split::Val, Split::Test] {
            assert_eq!(split.to_string().parse(), Ok(split));
        }
        assert_eq!(
            "valid".parse::<Split>(),
            Err("expected train, val or test, found valid".to_owned())
        );
    }
}
