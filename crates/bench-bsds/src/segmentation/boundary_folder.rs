//! A folder of anybody's soft boundary maps.

use std::path::{Path, PathBuf};

use super::boundary_pool::{BoundaryPool, read_boundaries};
use super::ucm::Thresholds;
use crate::error::{Error, Result};

/// Soft boundary maps on disk, a picture `ID.png` in grey of 8 or 16 bits for each image of a dataset.
///
/// White is strength 1. Other files, and those of other images, are left alone.
#[derive(Clone, Debug)]
pub struct BoundaryFolder {
    pictures: Vec<PathBuf>,
    thresholds: Thresholds,
}

impl BoundaryFolder {
    /// The maps of the images `ids` in `folder`, to be read at `thresholds`.
    ///
    /// # Errors
    /// [`Error::NoSegmentation`] for the first image, in order, without a map.
    pub fn open(folder: impl AsRef<Path>, ids: &[String], thresholds: Thresholds) -> Result<Self> {
        let folder = folder.as_ref();
        let picture = |id: &String| {
            let path = folder.join(format!("{id}.png"));
            if path.is_file() {
                return Ok(path);
            }
            Err(Error::NoSegmentation {
                folder: folder.to_owned(),
                image: id.clone(),
                expected: format!("{id}.png"),
            })
        };
        Ok(Self {
            pictures: ids.iter().map(picture).collect::<Result<_>>()?,
            thresholds,
        })
    }

    /// The picture of image `index`, in the order of the ids given to `open`.
    ///
    /// # Panics
    /// When there is no such image.
    pub fn file(&self, index: usize) -> &Path {
        &self.pictures[index]
    }

    /// The boundaries of image `index` at every threshold, thinned.
    ///
    /// # Errors
    /// As [`read_boundaries`].
    ///
    /// # Panics
    /// When there is no such image.
    pub fn boundaries(&self, index: usize) -> Result<BoundaryPool> {
        read_boundaries(&self.pictures[index], &self.thresholds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::segmentation::Level;

    #[test]
    fn a_picture_an_image_and_the_first_that_is_missing_is_named() {
        let folder = tempfile::tempdir().unwrap();
        image::GrayImage::from_raw(3, 1, vec![0, 100, 255])
            .unwrap()
            .save(folder.path().join("a.png"))
            .unwrap();
        std::fs::write(folder.path().join("b.mat"), "").unwrap();
        let open = |ids: &[&str]| {
            let ids: Vec<_> = ids.iter().map(|id| (*id).to_owned()).collect();
            BoundaryFolder::open(folder.path(), &ids, Thresholds::official(1)?)
        };
        let opened = open(&["a"]).unwrap();
        assert!(opened.file(0).ends_with("a.png"));
        let pool = opened.boundaries(0).unwrap();
        assert_eq!(pool.levels(), [Level::Threshold(0.5)]);
        assert_eq!(pool.map(0).pixels(), [false, false, true]);
        let error = open(&["a", "b"]).unwrap_err();
        assert!(
            error
                .to_string()
                .ends_with("expected b.png for image b, found none"),
            "{error}"
        );
    }
}
