//! A folder of anybody's segmentations: which file, or files, belong to which image.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::boundary_pool::{BoundaryPool, read_boundaries};
use super::label_png::read_label_png;
use super::level::Level;
use super::mat_pool::read_segmentation_mat;
use super::pool::Pool;
use super::ucm::Thresholds;
use crate::error::{Error, Result};

/// Segmentations on disk, for the images of a dataset.
///
/// For the image `ID` one of
///
/// ```text
/// ID.png                   one label map, in place 1
/// ID_K.png  or  ID/K.png   a label map for each number of clusters K
/// ID.mat                   segs, or ucm2 cut at the thresholds
/// ID.labels.png, ID.kK.labels.png   the same as ID.png, ID_K.png, as `matbackprop segment --labels` writes them
/// ```
///
/// Label maps are read as [`read_label_png`] says, `.mat` files as [`read_segmentation_mat`] says. Other files, and
/// those of other images, are left alone.
#[derive(Clone, Debug)]
pub struct SegmentationFolder {
    images: Vec<(String, Source)>,
    thresholds: Thresholds,
}

#[derive(Clone, Debug)]
enum Source {
    Mat(PathBuf),
    Png(PathBuf),
    /// Label maps by number of clusters.
    Pngs(BTreeMap<u32, PathBuf>),
}

impl SegmentationFolder {
    /// The segmentations of the images `ids` in `folder`.
    ///
    /// # Errors
    /// [`Error::NoSegmentation`] for the first image, in order, without one; [`Error::AmbiguousSegmentation`] where an
    /// image has files of two of the forms, or two files of one level; [`Error::Io`].
    pub fn open(folder: impl AsRef<Path>, ids: &[String], thresholds: Thresholds) -> Result<Self> {
        let folder = folder.as_ref();
        let mut sources: BTreeMap<&str, Source> = BTreeMap::new();
        for path in entries(folder)? {
            let Some((name, form)) = name_and_form(&path) else {
                continue;
            };
            let known = |id: &str| ids.iter().find(|known| *known == id).map(String::as_str);
            let numbered = || {
                name.rsplit_once('_')
                    .or_else(|| name.rsplit_once(".k"))
                    .and_then(|(id, number)| Some((known(id)?, level_number(number)?)))
            };
            let (id, source) = match (form, known(name)) {
                (Form::Mat, Some(id)) => (id, Source::Mat(path)),
                (Form::Folder, Some(id)) => match pngs_below(&path)? {
                    pngs if pngs.is_empty() => continue,
                    pngs => (id, Source::Pngs(pngs)),
                },
                (Form::Png, Some(id)) => (id, Source::Png(path)),
                (Form::Png, None) => match numbered() {
                    Some((id, number)) => {
                        if let Some(Source::Pngs(pngs)) = sources.get_mut(id)
                            && pngs.values().all(|other| is_numbered(other, id))
                            && !pngs.contains_key(&number)
                        {
                            pngs.insert(number, path);
                            continue;
                        }
                        (id, Source::Pngs(BTreeMap::from([(number, path)])))
                    }
                    None => continue,
                },
                _ => continue,
            };
            if let Some(other) = sources.insert(id, source.clone()) {
                return Err(Error::AmbiguousSegmentation {
                    image: id.to_owned(),
                    first: other.first_path(),
                    second: source.first_path(),
                });
            }
        }
        let images = ids
            .iter()
            .map(|id| match sources.remove(id.as_str()) {
                Some(source) => Ok((id.clone(), source)),
                None => Err(Error::NoSegmentation {
                    folder: folder.to_owned(),
                    image: id.clone(),
                    expected: format!("{id}.png, {id}_K.png, {id}/K.png or {id}.mat"),
                }),
            })
            .collect::<Result<_>>()?;
        Ok(Self { images, thresholds })
    }

    /// The files that belong to image `index`, in the order of the ids given to `open`: one, or one a number of clusters.
    ///
    /// # Panics
    /// When there is no such image.
    pub fn files(&self, index: usize) -> Vec<&Path> {
        match &self.images[index].1 {
            Source::Mat(path) | Source::Png(path) => vec![path],
            Source::Pngs(pngs) => pngs.values().map(PathBuf::as_path).collect(),
        }
    }

    /// The pool of image `index`, in the order of the ids given to `open`.
    ///
    /// # Errors
    /// Those of [`read_label_png`] and [`read_segmentation_mat`].
    ///
    /// # Panics
    /// When there is no such image.
    pub fn pool(&self, index: usize) -> Result<Pool> {
        match &self.images[index].1 {
            Source::Mat(path) => read_segmentation_mat(path, &self.thresholds),
            Source::Png(path) => Ok(Pool::from(vec![(Level::Place(1), read_label_png(path)?)])),
            Source::Pngs(pngs) => {
                let maps = pngs
                    .iter()
                    .map(|(number, path)| Ok((Level::Clusters(*number), read_label_png(path)?)));
                Ok(Pool::from(maps.collect::<Result<Vec<_>>>()?))
            }
        }
    }

    /// The boundaries of image `index`, whose segmentations are `pool`: those of contour maps are the contours
    /// themselves, as the official benchmark has it, those of label maps lie between the segments.
    ///
    /// # Errors
    /// As [`read_boundaries`] and [`BoundaryPool::from_segmentations`].
    ///
    /// # Panics
    /// When there is no such image.
    pub fn boundaries(&self, index: usize, pool: &Pool) -> Result<BoundaryPool> {
        match &self.images[index].1 {
            Source::Mat(path) => read_boundaries(path, &self.thresholds),
            Source::Png(_) | Source::Pngs(_) => BoundaryPool::from_segmentations(pool),
        }
    }
}

impl Source {
    fn first_path(&self) -> PathBuf {
        match self {
            Self::Mat(path) | Self::Png(path) => path.clone(),
            Self::Pngs(pngs) => pngs.values().next().cloned().unwrap_or_default(),
        }
    }
}

enum Form {
    Png,
    Mat,
    Folder,
}

/// A file's name without its ending, and its form.
fn name_and_form(path: &Path) -> Option<(&str, Form)> {
    if path.is_dir() {
        return Some((path.file_name()?.to_str()?, Form::Folder));
    }
    let form = match path.extension()?.to_str()? {
        "png" => Form::Png,
        "mat" => Form::Mat,
        _ => return None,
    };
    let stem = path.file_stem()?.to_str()?;
    Some((stem.strip_suffix(".labels").unwrap_or(stem), form))
}

/// A number as it is written: digits alone.
fn level_number(text: &str) -> Option<u32> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        text.parse().ok()
    } else {
        None
    }
}

/// Whether a path is `ID_K.png` or `ID.kK.labels.png`, not `ID.png` or `ID/K.png`.
fn is_numbered(path: &Path, id: &str) -> bool {
    let stem = path
        .file_stem()
        .and_then(|stem| stem.to_str())
        .unwrap_or_default();
    stem.strip_prefix(id)
        .is_some_and(|rest| rest.starts_with('_') || rest.starts_with(".k"))
}

/// The files `K.png` of a folder, by number.
fn pngs_below(folder: &Path) -> Result<BTreeMap<u32, PathBuf>> {
    let mut pngs = BTreeMap::new();
    for path in entries(folder)? {
        let Some((name, Form::Png)) = name_and_form(&path) else {
            continue;
        };
        let Some(number) = level_number(name) else {
            continue;
        };
        if let Some(first) = pngs.insert(number, path.clone()) {
            // 2.png beside 02.png.
            let image = folder
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            return Err(Error::AmbiguousSegmentation {
                image,
                first,
                second: path,
            });
        }
    }
    Ok(pngs)
}

/// Everything in a folder, in the order of names.
fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let io = |source| Error::Io {
        path: folder.to_owned(),
        source,
    };
    let entries = std::fs::read_dir(folder).map_err(io)?;
    let mut paths = entries
        .map(|entry| Ok(entry.map_err(io)?.path()))
        .collect::<Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use test_support::refused;

    use super::*;

    fn folder_with(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (value, name) in files.iter().enumerate() {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            if name.ends_with(".png") {
                image::GrayImage::from_pixel(2, 1, image::Luma([value as u8]))
                    .save(path)
                    .unwrap();
            } else {
                std::fs::write(path, "").unwrap();
            }
        }
        folder
    }

    fn open(folder: &tempfile::TempDir, ids: &[&str]) -> Result<SegmentationFolder> {
        let ids: Vec<String> = ids.iter().map(|id| (*id).to_owned()).collect();
        SegmentationFolder::open(folder.path(), &ids, Thresholds::official(3)?)
    }

    #[test]
    fn finds_every_form_by_the_ids() {
        let folder = folder_with(&[
            "a.png", "b_2.png", "b_10.png", "c/4.png", "c/3.png", "c/c.txt", "d.png", "b_x.png",
            "n.txt",
        ]);
        let opened = open(&folder, &["a", "b", "c"]).unwrap();
        let levels = |index| opened.pool(index).unwrap().levels();
        assert_eq!(levels(0), [Level::Place(1)]);
        assert_eq!(levels(1), [Level::Clusters(2), Level::Clusters(10)]);
        assert_eq!(levels(2), [Level::Clusters(3), Level::Clusters(4)]);
        let files = [0, 1, 2].map(|index| opened.files(index).len());
        assert_eq!(files, [1, 2, 2]);
        // The map under each level is the one of that name.
        assert_eq!(opened.pool(1).unwrap().label_map(1).unwrap().ids(), [2, 2]);
        assert_eq!(opened.pool(2).unwrap().label_map(0).unwrap().ids(), [4, 4]);
    }

    #[test]
    fn finds_what_the_command_line_writes() {
        let folder = folder_with(&[
            "a.labels.png",
            "a.overlay.png",
            "b.k2.labels.png",
            "b.k10.labels.png",
            "b.k2.segments.png",
        ]);
        let opened = open(&folder, &["a", "b"]).unwrap();
        assert_eq!(opened.pool(0).unwrap().levels(), [Level::Place(1)]);
        let levels = opened.pool(1).unwrap().levels();
        assert_eq!(levels, [Level::Clusters(2), Level::Clusters(10)]);
        assert_eq!(opened.pool(1).unwrap().label_map(0).unwrap().ids(), [2, 2]);
    }

    #[test]
    fn an_id_with_an_underscore_is_itself() {
        let folder = folder_with(&["a.png", "a_2.png"]);
        let opened = open(&folder, &["a", "a_2"]).unwrap();
        assert_eq!(opened.pool(0).unwrap().levels(), [Level::Place(1)]);
        assert_eq!(opened.pool(1).unwrap().label_map(0).unwrap().ids(), [1, 1]);
    }

    #[test]
    fn refuses_an_image_without_or_with_two_sources() {
        let error = open(&folder_with(&["a.png"]), &["a", "b"]).unwrap_err();
        assert!(
            error
                .to_string()
                .ends_with("expected b.png, b_K.png, b/K.png or b.mat for image b, found none"),
            "{error}"
        );
        for files in [
            ["a.png", "a.mat"],
            ["a.png", "a_2.png"],
            ["a/1.png", "a.mat"],
            ["a_2.png", "a/2.png"],
            ["a_2.png", "a_02.png"],
            ["a/2.png", "a/02.png"],
        ] {
            let error = open(&folder_with(&files), &["a"]).unwrap_err();
            assert!(
                matches!(error, Error::AmbiguousSegmentation { .. }),
                "{files:?}: {error}"
            );
        }
        let folder = folder_with(&["a.mat"]);
        let missing =
            SegmentationFolder::open("no such folder", &[], Thresholds::official(1).unwrap());
        refused! { open(&folder, &["a"]).unwrap().pool(0) => Error::Mat { .. } }
        assert!(matches!(missing, Err(Error::Io { .. })));
    }
}
