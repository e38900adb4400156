//! Which photograph and which truth belong together, in the layouts that people use.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::listing::{ending, entries, folder_named, innermost, picture_rank, stem};
use crate::error::{Error, Result};

/// Folders below that of the data that a split's two folders may lie in.
pub(super) const ROOTS: [&str; 4] = ["", "data", "BSDS500/data", "BSR/BSDS500/data"];
/// The folder of photographs, by its names.
const IMAGES: [&str; 2] = ["images", "imgs"];
/// The folder of truths, by its names: BSDS500's, and those of edge detectors' data sets.
const TRUTHS: [&str; 3] = ["groundTruth", "edge_maps", "gt"];

/// The files of a truth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum TruthFiles {
    /// All annotators in one `.mat` file.
    Mat(PathBuf),
    /// A picture an annotator.
    Pictures(Vec<PathBuf>),
}

impl TruthFiles {
    pub(super) fn paths(&self) -> Vec<PathBuf> {
        match self {
            Self::Mat(path) => vec![path.clone()],
            Self::Pictures(paths) => paths.clone(),
        }
    }
}

/// The folders of photographs and of truths of a split, or the places looked at.
pub(super) fn split_folders(root: &Path, split: &str) -> Result<(PathBuf, PathBuf)> {
    let roots = ROOTS.map(|below| root.join(below));
    for root in &roots {
        // A folder of edge detectors: BIPED/edges/imgs/test/rgbr.
        for parent in [root.clone(), folder_named(root, "edges")] {
            let below = |names: &[&str]| {
                let folders = names
                    .iter()
                    .map(|name| folder_named(&folder_named(&parent, name), split));
                folders.into_iter().find(|folder| folder.is_dir())
            };
            if let Some(images) = below(&IMAGES) {
                let usual = parent.join(TRUTHS[0]).join(split);
                return Ok((images, below(&TRUTHS).unwrap_or(usual)));
            }
        }
    }
    Err(Error::NoDataset {
        looked_for: roots
            .iter()
            .map(|root| root.join(IMAGES[0]).join(split))
            .collect(),
    })
}

/// The photograph of each id in a folder.
pub(super) fn photographs(folder: &Path) -> Result<BTreeMap<String, PathBuf>> {
    let mut photographs = BTreeMap::<String, PathBuf>::new();
    for path in entries(&entered(folder, &BTreeSet::new())?)? {
        let Some(id) = stem(&path).filter(|_| path.is_file() && is_picture(&path)) else {
            continue;
        };
        if let Some(first) = photographs.insert(id.to_owned(), path.clone()) {
            return Err(Error::AmbiguousImage {
                image: id.to_owned(),
                first,
                second: path,
            });
        }
    }
    if photographs.is_empty() {
        return Err(Error::EmptyFolder {
            path: folder.to_owned(),
            expected: "photographs (*.jpg, *.png)",
        });
    }
    Ok(photographs)
}

/// The truth of each id in a folder: `ID.mat`, or where there is none `ID.png`, `ID_K.png`, or pictures in a folder
/// `ID`. Files of ids without a photograph stand under their own names.
pub(super) fn truths(
    folder: &Path,
    ids: &BTreeSet<&str>,
    pictures: bool,
) -> Result<BTreeMap<String, TruthFiles>> {
    let mut found = BTreeMap::<String, TruthFiles>::new();
    let mut add = |id: &str, path: PathBuf| match found.get_mut(id) {
        Some(TruthFiles::Mat(_)) => {}
        Some(TruthFiles::Pictures(paths)) => paths.push(path),
        None => {
            found.insert(id.to_owned(), TruthFiles::Pictures(vec![path]));
        }
    };
    let folder = match pictures {
        true => entered(folder, ids)?,
        false => folder.to_owned(),
    };
    let mut mats = Vec::new();
    for path in entries(&folder)? {
        if path.is_dir() {
            let name = path.file_name().and_then(|name| name.to_str());
            let Some(id) = name.filter(|name| pictures && ids.contains(name)) else {
                continue;
            };
            for picture in entries(&path)? {
                if is_picture(&picture) {
                    add(id, picture);
                }
            }
            continue;
        }
        let Some(name) = stem(&path) else { continue };
        if is_mat(&path) {
            mats.push((name.to_owned(), path));
        } else if pictures && is_picture(&path) {
            let id = annotated(name).filter(|id| !ids.contains(name) && ids.contains(id));
            add(id.unwrap_or(name), path.clone());
        }
    }
    for (id, path) in mats {
        found.insert(id, TruthFiles::Mat(path));
    }
    Ok(found)
}

/// The id of `ID_K` or `ID-K`, K a number.
fn annotated(name: &str) -> Option<&str> {
    let (id, number) = name.rsplit_once(['_', '-'])?;
    let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    digits.then_some(id)
}

fn is_picture(path: &Path) -> bool {
    picture_rank(path).is_some()
}

fn is_mat(path: &Path) -> bool {
    ending(path).is_some_and(|ending| ending == "mat")
}

/// The folder, or the only one in it where no file of it is wanted and that one is no image's.
fn entered(folder: &Path, ids: &BTreeSet<&str>) -> Result<PathBuf> {
    // The error of a folder that is absent names it.
    entries(folder)?;
    let of_image = |path: &Path| {
        let name = path.file_name().and_then(|name| name.to_str());
        name.is_some_and(|name| ids.contains(name))
    };
    Ok(innermost(folder, |path| {
        is_picture(path) || is_mat(path) || of_image(path)
    }))
}

#[cfg(test)]
mod tests {
    use super::super::listing::tests::folder_with;
    use super::*;

    #[test]
    fn splits_are_found_in_the_layouts_of_others() {
        for (files, images, truths) in [
            (
                ["images/val/1.jpg", "groundTruth/val/1.mat"],
                "images/val",
                "groundTruth/val",
            ),
            (
                ["Images/val/1.jpg", "GroundTruth/val/1.mat"],
                "Images/val",
                "GroundTruth/val",
            ),
            (
                ["data/imgs/val/1.jpg", "data/gt/val/1.png"],
                "data/imgs/val",
                "data/gt/val",
            ),
            (
                [
                    "edges/imgs/val/rgbr/1.jpg",
                    "edges/edge_maps/val/rgbr/1.png",
                ],
                "edges/imgs/val",
                "edges/edge_maps/val",
            ),
            (
                [
                    "BSR/BSDS500/data/images/val/1.jpg",
                    "BSR/BSDS500/data/groundTruth/val/1.mat",
                ],
                "BSR/BSDS500/data/images/val",
                "BSR/BSDS500/data/groundTruth/val",
            ),
            (
                [
                    "data/edges/imgs/val/1.jpg",
                    "data/edges/edge_maps/val/1.png",
                ],
                "data/edges/imgs/val",
                "data/edges/edge_maps/val",
            ),
            (
                [
                    "BSDS500/data/edges/images/val/1.webp",
                    "BSDS500/data/edges/gt/val/1.png",
                ],
                "BSDS500/data/edges/images/val",
                "BSDS500/data/edges/gt/val",
            ),
        ] {
            let folder = folder_with(&files);
            let found = split_folders(folder.path(), "val").unwrap();
            assert!(
                found.0.ends_with(images) && found.1.ends_with(truths),
                "{found:?}"
            );
            assert_eq!(photographs(&found.0).unwrap().len(), 1);
        }
    }

    #[test]
    fn truths_are_files_and_stacks() {
        let folder = folder_with(&[
            "1.mat",
            "1.png",
            "2.png",
            "3_1.png",
            "3_2.png",
            "3_10.png",
            "4/0.png",
            "4/1.png",
            "4/._1.png",
            "5_1.png",
            "6-1.PNG",
            "9.txt",
            "._1.mat",
        ]);
        let ids = BTreeSet::from(["1", "2", "3", "4", "5_1", "6"]);
        let found = truths(folder.path(), &ids, true).unwrap();
        let count = |id: &str| found[id].paths().len();
        assert!(matches!(found["1"], TruthFiles::Mat(_)));
        assert_eq!(
            (count("2"), count("3"), count("4"), count("5_1"), count("6")),
            (1, 3, 2, 1, 1)
        );
        assert_eq!(found.len(), 6);
        // The only image's folder is not entered.
        let folder_of_one = folder_with(&["4/0.png", "4/1.png"]);
        let found = truths(folder_of_one.path(), &BTreeSet::from(["4"]), true).unwrap();
        assert_eq!(found["4"].paths().len(), 2);
        let mats = truths(folder.path(), &ids, false).unwrap();
        assert_eq!(mats.keys().collect::<Vec<_>>(), ["1"]);
    }

    #[test]
    fn a_photograph_twice_is_refused() {
        let folder = folder_with(&["1.jpg", "1.PNG"]);
        let error = photographs(folder.path()).unwrap_err();
        assert!(matches!(error, Error::AmbiguousImage { .. }), "{error}");
        let folder = folder_with(&["Thumbs.db", "._1.jpg"]);
        let error = photographs(folder.path()).unwrap_err().to_string();
        assert!(
            error.ends_with("expected photographs (*.jpg, *.png), found none"),
            "{error}"
        );
    }
}
