//! A folder of anybody's segmentations: which file, or files, belong to which image.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use segmentation::LabelMap;

use super::boundary_pool::{BoundaryPool, read_boundaries};
use super::label_png::read_label_png;
use super::level::Level;
use super::mat_pool::read_segmentation_mat;
use super::pool::Pool;
use super::ucm::Thresholds;
use crate::dataset::{ending, entries, found_instead, innermost, npy};
use crate::error::{Error, Result};

/// Segmentations on disk, for the images of a dataset.
///
/// For the image `ID` one of
///
/// ```text
/// ID.png                   one label map, in place 1
/// ID_K.png  or  ID/K.png   a label map for each number of clusters K
/// ID.mat                   segs, or ucm2 cut at the thresholds
/// ID.npy                   a NumPy array of ids, one label map, in place 1
/// ID.labels.png, ID.kK.labels.png   the same as ID.png, ID_K.png, as `matbackprop segment --labels` writes them
/// ```
///
/// Label maps are read as [`read_label_png`] says, `.mat` files as [`read_segmentation_mat`] says. Endings may be in
/// capitals. A folder that holds one folder and no file of these is entered. Other files, those whose name begins with
/// a dot, and those of other images, are left alone.
#[derive(Clone, Debug)]
pub struct SegmentationFolder {
    images: Vec<(String, Source)>,
    thresholds: Thresholds,
    zero_is_segment: bool,
}

#[derive(Clone, Debug)]
enum Source {
    Mat(PathBuf),
    Png(PathBuf),
    Npy(PathBuf),
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
        let folder = entered(folder.as_ref(), ids);
        let mut sources = sources(&folder, ids)?;
        let some = !sources.is_empty();
        let images = ids
            .iter()
            .map(|id| match sources.remove(id.as_str()) {
                Some(source) => Ok((id.clone(), source)),
                None => Err(none(&folder, id, some)),
            })
            .collect::<Result<_>>()?;
        Ok(Self {
            images,
            thresholds,
            zero_is_segment: false,
        })
    }

    /// The images among `ids` that have no segmentation in `folder`, each with the error that
    /// [`SegmentationFolder::open`] would name.
    ///
    /// # Errors
    /// As [`SegmentationFolder::open`], except for those.
    pub fn missing(folder: impl AsRef<Path>, ids: &[String]) -> Result<Vec<(usize, Error)>> {
        let folder = entered(folder.as_ref(), ids);
        let sources = sources(&folder, ids)?;
        let missing = ids.iter().enumerate();
        let missing = missing.filter(|(_, id)| !sources.contains_key(id.as_str()));
        Ok(missing
            .map(|(index, id)| (index, none(&folder, id, !sources.is_empty())))
            .collect())
    }

    /// The same segmentations, where id 0 is a segment in `segs` of `.mat` files too: for labels counted from 0. The
    /// official benchmark counts it to no segment.
    pub fn with_zero_as_segment(self) -> Self {
        Self {
            zero_is_segment: true,
            ..self
        }
    }

    /// The files that belong to image `index`, in the order of the ids given to `open`: one, or one a number of clusters.
    ///
    /// # Panics
    /// When there is no such image.
    pub fn files(&self, index: usize) -> Vec<&Path> {
        match &self.images[index].1 {
            Source::Mat(path) | Source::Png(path) | Source::Npy(path) => vec![path],
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
            Source::Mat(path) => {
                let pool = read_segmentation_mat(path, &self.thresholds)?;
                Ok(match self.zero_is_segment {
                    true => pool.with_zero_as_segment(),
                    false => pool,
                })
            }
            Source::Npy(path) => Ok(Pool::from(vec![(Level::Place(1), read_label_npy(path)?)])),
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
            Source::Png(_) | Source::Npy(_) | Source::Pngs(_) => {
                BoundaryPool::from_segmentations(pool)
            }
        }
    }
}

impl Source {
    fn first_path(&self) -> PathBuf {
        match self {
            Self::Mat(path) | Self::Png(path) | Self::Npy(path) => path.clone(),
            Self::Pngs(pngs) => pngs.values().next().cloned().unwrap_or_default(),
        }
    }
}

/// The folder, or the only one in it where nothing of it is a segmentation.
fn entered(folder: &Path, ids: &[String]) -> PathBuf {
    innermost(folder, |path| match name_and_form(path) {
        Some((name, Form::Folder)) => ids.iter().any(|id| id == name),
        Some(_) => true,
        None => false,
    })
}

/// Which files belong to which image.
fn sources<'a>(folder: &Path, ids: &'a [String]) -> Result<BTreeMap<&'a str, Source>> {
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
            (Form::Npy, Some(id)) => (id, Source::Npy(path)),
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
    Ok(sources)
}

/// `some`: whether other images have one.
fn none(folder: &Path, id: &str, some: bool) -> Error {
    Error::NoSegmentation {
        folder: folder.to_owned(),
        image: id.to_owned(),
        expected: format!("{id}.png, {id}_K.png, {id}/K.png, {id}.npy or {id}.mat"),
        found: found_instead(folder, id),
        others: some,
    }
}

enum Form {
    Png,
    Npy,
    Mat,
    Folder,
}

/// A file's name without its ending, and its form.
fn name_and_form(path: &Path) -> Option<(&str, Form)> {
    if path.is_dir() {
        return Some((path.file_name()?.to_str()?, Form::Folder));
    }
    let form = match ending(path)?.as_str() {
        "png" => Form::Png,
        "npy" => Form::Npy,
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

/// The label map in a NumPy array.
fn read_label_npy(path: &Path) -> Result<LabelMap> {
    let bytes = std::fs::read(path).map_err(|source| Error::Io {
        path: path.to_owned(),
        source,
    })?;
    let matrix = npy::decode(path, &bytes)?;
    let id = |real: f64| {
        let id = real as u32;
        let whole = f64::from(id) == real;
        whole.then_some(id).ok_or_else(|| Error::Npy {
            path: path.to_owned(),
            expected: "segment ids from 0 to 4294967295".to_owned(),
            found: match real.fract() == 0.0 {
                true => real.to_string(),
                false => format!("{real}; soft boundary maps are measured by --pb"),
            },
        })
    };
    let ids = matrix.values.into_iter().map(id).collect::<Result<_>>()?;
    Ok(LabelMap::new(matrix.size.width, matrix.size.height, ids)?)
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
            if name.to_ascii_lowercase().ends_with(".png") {
                image::GrayImage::from_pixel(2, 1, image::Luma([value as u8]))
                    .save_with_format(path, image::ImageFormat::Png)
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
    fn finds_arrays_capitals_and_a_folder_inside_and_no_hidden_file() {
        let folder = folder_with(&["results/a.PNG", "results/._a.png", "results/._b.npy"]);
        let array = npy::written("<i4", false, "1, 2", &[0, 0, 0, 0, 7, 0, 0, 0]);
        std::fs::write(folder.path().join("results/b.npy"), array).unwrap();
        let opened = open(&folder, &["a", "b"]).unwrap();
        assert_eq!(opened.pool(0).unwrap().levels(), [Level::Place(1)]);
        let pool = opened.pool(1).unwrap();
        assert_eq!(pool.label_map(0).unwrap().ids(), [0, 7]);
        assert!(!pool.zero_is_unlabelled());
        let array = npy::written("<f4", false, "1, 1", &0.5_f32.to_le_bytes());
        std::fs::write(folder.path().join("results/b.npy"), array).unwrap();
        let error = open(&folder, &["b"])
            .unwrap()
            .pool(0)
            .unwrap_err()
            .to_string();
        let expected = "b.npy: expected segment ids from 0 to 4294967295, found 0.5; soft boundary maps are measured by --pb";
        assert!(error.ends_with(expected), "{error}");
        let ids = ["a", "b", "c"].map(str::to_owned);
        let missing = SegmentationFolder::missing(folder.path(), &ids).unwrap();
        assert!(matches!(missing[..], [(2, Error::NoSegmentation { .. })]));
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
                .ends_with("expected b.png, b_K.png, b/K.png, b.npy or b.mat for image b, found none; the folder holds 1 .png file; --max-unreadable SHARE leaves such images out"),
            "{error}"
        );
        let error = open(&folder_with(&["a.jpg"]), &["a"])
            .unwrap_err()
            .to_string();
        assert!(error.ends_with("for image a, found a.jpg"), "{error}");
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
