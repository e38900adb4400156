//! The folders of BSDS500: which images there are, and the files of each.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use image::RgbImage;
use pictures::{PictureFile, read_upright};
use segmentation::LabelMap;

use super::ground_truth::{
    Annotation, read_from_zero, read_ground_truth, read_ground_truth_boundaries, size_of,
};
use super::layout::{TruthFiles, photographs, split_folders, truths};
use super::listing::found_instead;
use super::seg_file;
use super::truth_look::TruthLook;
use super::truth_pictures::{self, TruthPictures, TruthReading};
use crate::error::{Error, Result, Size};
use crate::metrics::BoundaryMap;

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
    ids: Vec<String>,
    files: Vec<Files>,
    left_out: Vec<MissingPartner>,
    truth: TruthReading,
}

/// The files of one image.
#[derive(Clone, Debug)]
struct Files {
    image: PathBuf,
    truth: TruthFiles,
}

/// A photograph without a truth, or the other way round.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingPartner {
    /// The image's id.
    pub id: String,
    /// The file that is there.
    pub found: PathBuf,
    /// The file that is not.
    pub missing: PathBuf,
}

impl BsdsDataset {
    /// The images of one split, under `root`.
    ///
    /// Layouts: `images/SPLIT` and `groundTruth/SPLIT` directly under `root`, or under `data`, `BSDS500/data` or
    /// `BSR/BSDS500/data` there (the official archive). `imgs`, and `edge_maps` or `gt`, are read as edge detectors'
    /// data sets name them, also below `edges`; `human/color` or `human/gray` of BSDS300, where there are none. Names of folders may be in other letters of case.
    ///
    /// # Errors
    /// [`Error::NoDataset`] with the folders tried; then as [`BsdsDataset::open_folders`].
    pub fn open(root: impl AsRef<Path>, split: Split) -> Result<Self> {
        Self::open_leaving_out(root, split, 0.0)
    }

    /// As [`BsdsDataset::open`], where up to a share of the images may lack one of their files: they are left out, and
    /// [`BsdsDataset::left_out`] names them.
    ///
    /// # Errors
    /// As [`BsdsDataset::open`]; [`Error::TooManyMissing`].
    pub fn open_leaving_out(root: impl AsRef<Path>, split: Split, share: f64) -> Result<Self> {
        let (images, truths) = split_folders(root.as_ref(), &split.to_string())?;
        Self::of_folders(&images, &truths, share)
    }

    /// The photographs `ID.jpg` (or `.png`, `.jpeg`, …, in letters of any case) of one folder with the truths of
    /// another:
    ///
    /// ```text
    /// ID.mat                         annotators as in BSDS500
    /// ID.png                         one picture of boundaries, or of segments
    /// ID_K.png, ID-K.png, ID/*.png   one an annotator
    /// ID.seg, USER/ID.seg            one an annotator, as in BSDS300
    /// ```
    ///
    /// Where there is an `ID.mat` it is read, and no picture. A folder that holds one folder and no such file is
    /// entered; names that begin with a dot are passed over.
    ///
    /// # Errors
    /// [`Error::MissingPartner`] for the first id, in order, that has one of the two files only;
    /// [`Error::EmptyFolder`]; [`Error::AmbiguousImage`]; [`Error::Io`].
    pub fn open_folders(
        images: impl Into<PathBuf>,
        ground_truth: impl Into<PathBuf>,
    ) -> Result<Self> {
        Self::of_folders(&images.into(), &ground_truth.into(), 0.0)
    }

    fn of_folders(images: &Path, ground_truth: &Path, share: f64) -> Result<Self> {
        let mut photographs = photographs(images)?;
        let known: BTreeSet<_> = photographs.keys().map(String::as_str).collect();
        let mut truths = truths(ground_truth, &known, images != ground_truth)?;
        let known: BTreeSet<String> = photographs.keys().chain(truths.keys()).cloned().collect();
        let (mut ids, mut files, mut left_out) = (Vec::new(), Vec::new(), Vec::new());
        let count = known.len();
        for id in known {
            let (found, missing) = match (photographs.remove(&id), truths.remove(&id)) {
                (Some(image), Some(truth)) => {
                    files.push(Files { image, truth });
                    ids.push(id);
                    continue;
                }
                (Some(image), None) => (image, ground_truth.join(format!("{id}.mat"))),
                (None, Some(truth)) => {
                    let found = truth.paths().swap_remove(0);
                    (found, images.join(format!("{id}.jpg")))
                }
                (None, None) => continue,
            };
            left_out.push(MissingPartner { id, found, missing });
        }
        let most = (share * count as f64).floor() as usize;
        if let Some(first) = left_out.first()
            && (left_out.len() > most || ids.is_empty())
        {
            let MissingPartner { id, found, missing } = first.clone();
            let instead = found_instead(missing.parent().unwrap_or(&missing), &id);
            let first = Error::MissingPartner {
                found,
                missing,
                instead,
            };
            return Err(match most {
                0 => first,
                _ => Error::TooManyMissing {
                    most,
                    images: count,
                    found: left_out.len(),
                    first: Box::new(first),
                },
            });
        }
        Ok(Self {
            ids,
            files,
            left_out,
            truth: TruthReading::default(),
        })
    }

    /// The same images, their truths read in another way.
    pub fn with_truth(self, truth: TruthReading) -> Self {
        Self { truth, ..self }
    }

    /// The images whose ids `keep` says, in their order.
    pub fn keeping(self, keep: impl Fn(&str) -> bool) -> Self {
        let pairs = self.ids.into_iter().zip(self.files);
        let (ids, files) = pairs.filter(|(id, _)| keep(id)).unzip();
        Self { ids, files, ..self }
    }

    /// The images that were left out, in order.
    pub fn left_out(&self) -> &[MissingPartner] {
        &self.left_out
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
        self.files[index].image.clone()
    }

    /// The file with the annotations of image `index`: the first, where each annotator has one.
    ///
    /// # Panics
    /// When there is no such image.
    pub fn ground_truth_path(&self, index: usize) -> PathBuf {
        self.ground_truth_files(index).swap_remove(0)
    }

    /// Every file with annotations of image `index`.
    ///
    /// # Panics
    /// When there is no such image.
    pub fn ground_truth_files(&self, index: usize) -> Vec<PathBuf> {
        self.files[index].truth.paths()
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
    /// As [`read_ground_truth`], and [`Error::MapSize`] where they differ from the photograph in size.
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
    /// As [`BsdsDataset::annotations`]; [`Error::BoundariesAlone`] for a truth without segments.
    pub fn drawn(&self, index: usize) -> Result<Vec<Annotation>> {
        let drawn = match &self.files[index].truth {
            TruthFiles::Mat(path) if self.truth.from_zero => read_from_zero(path)?,
            TruthFiles::Mat(path) => read_ground_truth(path)?,
            TruthFiles::Pictures(paths) if self.truth.pictures == TruthPictures::Labels => {
                truth_pictures::labels(paths)?
            }
            TruthFiles::Segs(paths) => seg_file::annotations(paths)?,
            TruthFiles::Pictures(paths) => {
                let path = paths[0].clone();
                return Err(Error::BoundariesAlone { path });
            }
        };
        let sizes = drawn
            .iter()
            .map(|annotation| size_of(&annotation.segmentation));
        self.check_sizes(index, sizes)?;
        Ok(drawn)
    }

    /// Whether the truth of image `index` is read from pictures as label maps.
    ///
    /// # Panics
    /// When there is no such image.
    pub fn truth_is_label_pictures(&self, index: usize) -> bool {
        let pictures = matches!(self.files[index].truth, TruthFiles::Pictures(_));
        pictures && self.truth.pictures == TruthPictures::Labels
    }

    /// The boundaries that people drew on image `index`, at least one map, and a look at their numbers. A truth
    /// without segments is enough.
    ///
    /// # Errors
    /// As [`BsdsDataset::annotations`], except for a pixel of segment 0.
    pub fn drawn_boundaries(&self, index: usize) -> Result<(Vec<BoundaryMap>, Option<TruthLook>)> {
        let (maps, look) = match &self.files[index].truth {
            TruthFiles::Mat(path) => {
                let (maps, look) = read_ground_truth_boundaries(path)?;
                (maps, (look != TruthLook::default()).then_some(look))
            }
            TruthFiles::Pictures(paths) if self.truth.pictures == TruthPictures::Labels => {
                let drawn = truth_pictures::labels(paths)?;
                let maps = drawn.iter().map(Annotation::boundary_map);
                (maps.collect::<Result<_>>()?, None)
            }
            TruthFiles::Segs(paths) => {
                let drawn = seg_file::annotations(paths)?;
                let maps = drawn.iter().map(Annotation::boundary_map);
                (maps.collect::<Result<_>>()?, None)
            }
            TruthFiles::Pictures(paths) => {
                let (maps, look) = truth_pictures::boundaries(paths, &self.truth)?;
                (maps, Some(look))
            }
        };
        self.check_sizes(index, maps.iter().map(BoundaryMap::size))?;
        Ok((maps, look))
    }

    /// Refuses a truth of another size than its photograph.
    fn check_sizes(&self, index: usize, mut sizes: impl Iterator<Item = Size>) -> Result<()> {
        let expected = self.image_size(index)?;
        match sizes.find(|size| *size != expected) {
            Some(found) => Err(Error::MapSize {
                path: self.ground_truth_path(index),
                expected,
                found,
            }),
            None => Ok(()),
        }
    }
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
    fn photographs_are_upright_as_their_tags_say() {
        let folder = tempfile::tempdir().unwrap();
        let (images, truth) = (folder.path().join("i"), folder.path().join("t"));
        write_image(&images.join("1.jpg"), 24, 16);
        write_truth(&truth.join("1.mat"), [24, 16]);
        let plain = std::fs::read(images.join("1.jpg")).unwrap();
        // A quarter turn: then 16 columns and 24 rows, as the truth has.
        let exif = b"\xFF\xE1\0\x22Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0";
        let turned = [&plain[..2], exif, &plain[2..]].concat();
        std::fs::write(images.join("1.jpg"), turned).unwrap();
        let dataset = BsdsDataset::open_folders(&images, &truth).unwrap();
        assert_eq!(dataset.image(0).unwrap().dimensions(), (16, 24));
        assert_eq!(dataset.annotations(0).unwrap()[0].width(), 16);
        // Without the tag, photograph and truth differ in size.
        std::fs::write(images.join("1.jpg"), plain).unwrap();
        let dataset = BsdsDataset::open_folders(&images, &truth).unwrap();
        assert_eq!(dataset.image(0).unwrap().dimensions(), (24, 16));
        assert!(dataset.annotations(0).is_err());
    }

    #[test]
    fn pictures_of_any_ending_and_truths_as_pictures() {
        let folder = tempfile::tempdir().unwrap();
        let (images, truth) = (folder.path().join("i"), folder.path().join("t"));
        write_image(&images.join("1.PNG"), 3, 1);
        write_image(&images.join("2.jpeg"), 3, 1);
        // By content: a PNG under the name of a JPEG.
        std::fs::rename(images.join("1.PNG"), images.join("1.JPG")).unwrap();
        std::fs::write(images.join("._1.jpg"), [0, 5, 22, 7]).unwrap();
        std::fs::create_dir_all(truth.join("2")).unwrap();
        let grey = |levels: [u8; 3]| image::GrayImage::from_raw(3, 1, levels.to_vec()).unwrap();
        grey([0, 255, 0]).save(truth.join("1.png")).unwrap();
        grey([0, 255, 0]).save(truth.join("2/a.png")).unwrap();
        grey([0, 0, 255]).save(truth.join("2/b.png")).unwrap();
        let dataset = BsdsDataset::open_folders(&images, &truth).unwrap();
        assert_eq!(dataset.ids(), ["1", "2"]);
        assert_eq!(dataset.image(0).unwrap().dimensions(), (3, 1));
        assert_eq!(dataset.ground_truth_files(1).len(), 2);
        let (maps, look) = dataset.drawn_boundaries(1).unwrap();
        assert_eq!(
            (maps.len(), maps[1].pixels()),
            (2, &[false, false, true][..])
        );
        assert_eq!(look.unwrap().boundaries, 2);
        refused! { dataset.annotations(1) => Error::BoundariesAlone { .. } }
        let labels = dataset.with_truth(TruthReading {
            pictures: TruthPictures::Labels,
            ..TruthReading::default()
        });
        assert_eq!(labels.annotations(0).unwrap()[0].ids(), [1, 2, 1]);
        grey([0, 0, 0]).save(truth.join("1_2.png")).unwrap();
        RgbImage::new(2, 1).save(truth.join("2/c.png")).unwrap();
        let dataset = BsdsDataset::open_folders(&images, &truth).unwrap();
        assert_eq!(dataset.ground_truth_files(0).len(), 2);
        refused! { dataset.drawn_boundaries(1) => Error::SizeMismatch { .. } }
    }

    #[test]
    fn images_without_a_partner_are_left_out_by_name_up_to_a_share() {
        let folder = tempfile::tempdir().unwrap();
        let below = |kind: &str| folder.path().join(kind).join("val");
        for id in ["1", "2", "3", "4"] {
            write_image(&below("images").join(format!("{id}.jpg")), 1, 1);
            write_truth(&below("groundTruth").join(format!("{id}.mat")), [1, 1]);
        }
        std::fs::remove_file(below("images").join("2.jpg")).unwrap();
        let open = |share| BsdsDataset::open_leaving_out(folder.path(), Split::Val, share);
        let dataset = open(0.25).unwrap();
        assert_eq!(dataset.ids(), ["1", "3", "4"]);
        assert_eq!(dataset.left_out()[0].id, "2");
        let kept = dataset.clone().keeping(|id| id != "3");
        assert_eq!(kept.ids(), ["1", "4"]);
        assert!(kept.image_path(1).ends_with("4.jpg"));
        assert_eq!(dataset.left_out()[0].missing, below("images").join("2.jpg"));
        refused! { open(0.2) => Error::MissingPartner { .. } }
        std::fs::remove_file(below("groundTruth").join("4.mat")).unwrap();
        refused! { open(0.25) => Error::TooManyMissing { most: 1, images: 4, found: 2, .. } }
        let words = open(0.25).unwrap_err().to_string();
        assert!(
            words.contains("1 of 4 images may be left out, found 2"),
            "{words}"
        );
        assert!(words.contains("2.mat"), "{words}");
    }

    #[test]
    fn names_both_files_of_a_broken_pair() {
        let folder = tempfile::tempdir().unwrap();
        let (images, truth) = (folder.path().join("i"), folder.path().join("t"));
        write_image(&images.join("1.jpg"), 1, 1);
        write_truth(&truth.join("1.mat"), [1, 1]);
        write_truth(&truth.join("2.mat"), [1, 1]);
        match BsdsDataset::open_folders(&images, &truth).unwrap_err() {
            Error::MissingPartner {
                found,
                missing,
                instead,
            } => {
                assert_eq!(
                    (found, missing),
                    (truth.join("2.mat"), images.join("2.jpg"))
                );
                assert_eq!(instead, "none; the folder holds 1 .jpg file");
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
                .contains("1.mat: expected 3 × 2 pixels, as the photograph has, found 2 × 3"),
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
