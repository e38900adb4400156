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
    /// A `.seg` file an annotator, as in BSDS300.
    Segs(Vec<PathBuf>),
}

impl TruthFiles {
    pub(super) fn paths(&self) -> Vec<PathBuf> {
        match self {
            Self::Mat(path) => vec![path.clone()],
            Self::Pictures(paths) | Self::Segs(paths) => paths.clone(),
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
                let truths = below(&TRUTHS).or_else(|| human(&parent));
                return Ok((images, truths.unwrap_or(usual)));
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

/// The truths of BSDS300, those of all splits in one folder: on photographs in colour, or where there are none in grey.
fn human(parent: &Path) -> Option<PathBuf> {
    let human = folder_named(parent, "human");
    let shown = ["color", "gray"].map(|shown| folder_named(&human, shown));
    shown
        .into_iter()
        .chain([human])
        .find(|folder| folder.is_dir())
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
/// `ID`, or where there are none `ID.seg`, and `USER/ID.seg` of BSDS300. Files of ids without a photograph stand under
/// their own names, but `.seg` files, which lie in one folder for all splits, are passed over.
pub(super) fn truths(
    folder: &Path,
    ids: &BTreeSet<&str>,
    pictures: bool,
) -> Result<BTreeMap<String, TruthFiles>> {
    let mut found = BTreeMap::<String, TruthFiles>::new();
    let mut add = |id: &str, path: PathBuf| match found.get_mut(id) {
        Some(TruthFiles::Pictures(paths)) => paths.push(path),
        Some(_) => {}
        None => {
            found.insert(id.to_owned(), TruthFiles::Pictures(vec![path]));
        }
    };
    let folder = match pictures {
        true => entered(folder, ids)?,
        false => folder.to_owned(),
    };
    let (mut mats, mut segs) = (Vec::new(), BTreeMap::<String, Vec<PathBuf>>::new());
    for path in entries(&folder)? {
        if path.is_dir() {
            let name = path.file_name().and_then(|name| name.to_str());
            let Some(id) = name.filter(|name| pictures && ids.contains(name)) else {
                for (id, path) in segs_of(entries(&path)?, ids) {
                    segs.entry(id).or_default().push(path);
                }
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
        } else if is_seg(&path) {
            for (id, path) in segs_of(vec![path], ids) {
                segs.entry(id).or_default().push(path);
            }
        } else if pictures && is_picture(&path) {
            let id = annotated(name).filter(|id| !ids.contains(name) && ids.contains(id));
            add(id.unwrap_or(name), path.clone());
        }
    }
    for (id, path) in mats {
        found.insert(id, TruthFiles::Mat(path));
    }
    for (id, paths) in segs {
        found.entry(id).or_insert(TruthFiles::Segs(paths));
    }
    Ok(found)
}

/// The `.seg` files among these that belong to an image, each with its id.
fn segs_of(paths: Vec<PathBuf>, ids: &BTreeSet<&str>) -> Vec<(String, PathBuf)> {
    let segs = paths.into_iter().filter(|path| is_seg(path));
    let of_image = segs.filter_map(|path| Some((stem(&path)?.to_owned(), path)));
    of_image
        .filter(|(id, _)| ids.contains(id.as_str()))
        .collect()
}

fn is_seg(path: &Path) -> bool {
    ending(path).is_some_and(|ending| ending == "seg")
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
        is_picture(path) || is_mat(path) || is_seg(path) || of_image(path)
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
    fn truths_of_bsds300_lie_below_their_users() {
        let folder = folder_with(&[
            "images/test/3.jpg",
            "images/test/7.jpg",
            "images/train/5.jpg",
            "human/color/1102/3.seg",
            "human/color/1102/5.seg",
            "human/color/1107/3.seg",
            "human/color/1107/7.SEG",
            "human/gray/1102/3.seg",
        ]);
        let (images, human) = split_folders(folder.path(), "test").unwrap();
        assert!(images.ends_with("images/test") && human.ends_with("human/color"));
        let ids = BTreeSet::from(["3", "7"]);
        let found = truths(&human, &ids, true).unwrap();
        let counts = found
            .iter()
            .map(|(id, files)| (id.as_str(), files.paths().len()));
        assert_eq!(counts.collect::<Vec<_>>(), [("3", 2), ("7", 1)]);
        assert!(matches!(found["3"], TruthFiles::Segs(_)));
        // The folder of an only user, and no folder at all.
        let flat = folder_with(&["1102/3.seg", "1102/9.seg"]);
        assert_eq!(truths(flat.path(), &ids, true).unwrap().len(), 1);
        let flat = folder_with(&["3.seg", "7.seg", "7.mat"]);
        let found = truths(flat.path(), &ids, true).unwrap();
        assert!(matches!(found["7"], TruthFiles::Mat(_)) && found.len() == 2);
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
