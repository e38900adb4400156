//! A folder of anybody's soft boundary maps.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::boundary_pool::{BoundaryPool, read_boundaries_with};
use super::soft_map::{SoftLook, SoftReading};
use super::ucm::Thresholds;
use crate::dataset::{ending, entries, found_instead, innermost, picture_rank, stem};
use crate::error::{Error, Result};

/// Soft boundary maps on disk, a file for each image of a dataset.
///
/// For the image `ID` one of
///
/// ```text
/// ID.png, ID.jpg, …       grey of 8 or 16 bits, white is strength 1
/// ID.npy                  a NumPy array
/// ID.mat                  a matrix, or segs, or ucm2
/// ID_WORD.png, …          the same, where no file is named ID alone: RCF's ID_ss.png, ID.boundaries.png of `segment`
/// ```
///
/// A PNG goes before a NumPy array, that before a `.mat` file, that before other pictures. A folder that holds one
/// folder and no map is entered. Other files, and those of other images, are left alone.
#[derive(Clone, Debug)]
pub struct BoundaryFolder {
    files: Vec<PathBuf>,
    thresholds: Thresholds,
    reading: SoftReading,
}

impl BoundaryFolder {
    /// The maps of the images `ids` in `folder`, to be read at `thresholds`.
    ///
    /// # Errors
    /// [`Error::NoSegmentation`] for the first image, in order, without a map; [`Error::AmbiguousSegmentation`] for one
    /// with maps of two words and none of its name alone; [`Error::Io`].
    pub fn open(folder: impl AsRef<Path>, ids: &[String], thresholds: Thresholds) -> Result<Self> {
        let maps = Maps::listed(folder.as_ref())?;
        let files = ids.iter().map(|id| maps.of_image(id, ids));
        Ok(Self {
            files: files.collect::<Result<_>>()?,
            thresholds,
            reading: SoftReading::default(),
        })
    }

    /// The images among `ids` that have no map in `folder`, each with the error that [`BoundaryFolder::open`] would name.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn missing(folder: impl AsRef<Path>, ids: &[String]) -> Result<Vec<(usize, Error)>> {
        let maps = Maps::listed(folder.as_ref())?;
        let found = ids.iter().enumerate();
        let missing = found.filter_map(|(index, id)| Some((index, maps.of_image(id, ids).err()?)));
        Ok(missing.collect())
    }

    /// The same maps, their numbers read in another way.
    pub fn with_reading(self, reading: SoftReading) -> Self {
        Self { reading, ..self }
    }

    /// The file of image `index`, in the order of the ids given to `open`.
    ///
    /// # Panics
    /// When there is no such image.
    pub fn file(&self, index: usize) -> &Path {
        &self.files[index]
    }

    /// The boundaries of image `index` at every threshold, thinned.
    ///
    /// # Errors
    /// As [`read_boundaries`](crate::read_boundaries).
    ///
    /// # Panics
    /// When there is no such image.
    pub fn boundaries(&self, index: usize) -> Result<BoundaryPool> {
        Ok(self.boundaries_with_look(index)?.0)
    }

    /// The same with a look at the numbers; `None` where they are label maps.
    ///
    /// # Errors
    /// As [`BoundaryFolder::boundaries`].
    ///
    /// # Panics
    /// When there is no such image.
    pub fn boundaries_with_look(&self, index: usize) -> Result<(BoundaryPool, Option<SoftLook>)> {
        read_boundaries_with(&self.files[index], &self.thresholds, &self.reading)
    }
}

/// The maps of a folder, by their names without ending.
struct Maps {
    folder: PathBuf,
    by_stem: BTreeMap<String, PathBuf>,
}

/// How names of pictures end that `segment` writes beside its maps.
const NO_MAPS: [&str; 3] = [".overlay", ".segments", ".labels"];

/// The place of a map's ending, the preferred first.
fn rank(path: &Path) -> Option<usize> {
    match ending(path)?.as_str() {
        "png" => Some(0),
        "npy" => Some(1),
        "mat" => Some(2),
        _ => picture_rank(path).map(|place| 3 + place),
    }
}

impl Maps {
    fn listed(folder: &Path) -> Result<Self> {
        let folder = innermost(folder, |path| rank(path).is_some());
        let mut by_stem = BTreeMap::<String, PathBuf>::new();
        for path in entries(&folder)? {
            let (Some(stem), Some(place)) = (stem(&path), rank(&path)) else {
                continue;
            };
            if !path.is_file() || NO_MAPS.iter().any(|end| stem.ends_with(end)) {
                continue;
            }
            let before = by_stem.get(stem).and_then(|path| rank(path));
            if before.is_none_or(|before| place < before) {
                by_stem.insert(stem.to_owned(), path);
            }
        }
        Ok(Self { folder, by_stem })
    }

    fn of_image(&self, id: &str, ids: &[String]) -> Result<PathBuf> {
        if let Some(path) = self.by_stem.get(id) {
            return Ok(path.clone());
        }
        let from_here = self.by_stem.range(id.to_owned()..);
        let beginning = from_here.take_while(|(stem, _)| stem.starts_with(id));
        let mut with_word = beginning.filter(|(stem, _)| {
            stem[id.len()..].starts_with(['_', '-', '.']) && !ids.contains(stem)
        });
        match (with_word.next(), with_word.next()) {
            (Some((_, path)), None) => Ok(path.clone()),
            (Some((_, first)), Some((_, second))) => Err(Error::AmbiguousSegmentation {
                image: id.to_owned(),
                first: first.clone(),
                second: second.clone(),
            }),
            (None, _) => Err(Error::NoSegmentation {
                folder: self.folder.clone(),
                image: id.to_owned(),
                expected: format!("{id}.png, {id}.npy, {id}.mat or {id}.jpg"),
                found: found_instead(&self.folder, id),
                others: ids.iter().any(|id| self.by_stem.contains_key(id)),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::segmentation::Level;

    fn folder_with(names: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in names {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            let grey = image::GrayImage::from_raw(3, 1, vec![0, 100, 255]).unwrap();
            grey.save_with_format(path, image::ImageFormat::Png)
                .unwrap();
        }
        folder
    }

    fn open(folder: &tempfile::TempDir, ids: &[&str]) -> Result<BoundaryFolder> {
        let ids: Vec<_> = ids.iter().map(|id| (*id).to_owned()).collect();
        BoundaryFolder::open(folder.path(), &ids, Thresholds::official(1)?)
    }

    #[test]
    fn a_picture_an_image_and_the_first_that_is_missing_is_named() {
        let folder = folder_with(&["a.png", "c.txt.png"]);
        let opened = open(&folder, &["a"]).unwrap();
        assert!(opened.file(0).ends_with("a.png"));
        let pool = opened.boundaries(0).unwrap();
        assert_eq!(pool.levels(), [Level::Threshold(0.5)]);
        assert_eq!(pool.map(0).pixels(), [false, false, true]);
        let error = open(&folder, &["a", "b"]).unwrap_err().to_string();
        let words = "expected b.png, b.npy, b.mat or b.jpg for image b, found none; the folder holds 2 .png files; --max-unreadable SHARE leaves such images out";
        assert!(error.ends_with(words), "{error}");
        let ids = ["a", "b"].map(str::to_owned);
        let missing = BoundaryFolder::missing(folder.path(), &ids).unwrap();
        assert!(matches!(missing[..], [(1, Error::NoSegmentation { .. })]));
    }

    #[test]
    fn of_several_files_the_map_is_taken() {
        // RCF and PiDiNet: a sheet of all outputs as JPEG beside the map.
        let folder = folder_with(&["a.jpg", "a.png", "b.JPG", "b.MAT", "._a.png", "c_ss.png"]);
        let opened = open(&folder, &["a", "b", "c"]).unwrap();
        let names = [0, 1, 2].map(|index| opened.file(index).file_name().unwrap().to_owned());
        assert_eq!(names, ["a.png", "b.MAT", "c_ss.png"]);
        // What `segment --boundaries` writes.
        let written = ["overlay", "segments", "labels", "boundaries"];
        let written = written.map(|kind| format!("a.{kind}.png"));
        let folder = folder_with(&written.each_ref().map(String::as_str));
        let opened = open(&folder, &["a"]).unwrap();
        assert!(opened.file(0).ends_with("a.boundaries.png"));
        let nested = folder_with(&["fused/a.PNG"]);
        assert!(
            open(&nested, &["a"])
                .unwrap()
                .file(0)
                .ends_with("fused/a.PNG")
        );
        // The word of another image's name is no word.
        let folder = folder_with(&["a_2.png", "a_2_ss.png"]);
        let opened = open(&folder, &["a_2"]).unwrap();
        assert!(opened.file(0).ends_with("a_2.png"));
        let error = open(&folder_with(&["a_ms.png", "a_ss.png"]), &["a"]).unwrap_err();
        assert!(
            matches!(error, Error::AmbiguousSegmentation { .. }),
            "{error}"
        );
    }
}
