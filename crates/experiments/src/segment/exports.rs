//! Files of a segmentation for other programs.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use pictures::{CocoMasks, SegmentExport, at_full_size};
use segmentation::{Adjacency, LabelMap, SegmentationTree, adjacency};

use crate::error::{Error, Result};
use crate::files::Staged;

/// A file for other programs, one for each segmentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Export {
    /// COCO JSON with run lengths.
    Coco,
    /// COCO JSON with polygons; run lengths for segments with holes.
    CocoPolygons,
    /// Outlines as GeoJSON, in pixels, y downwards.
    Geojson,
    /// Outlines as SVG.
    Svg,
    /// Segment numbers as a NumPy array, height × width.
    Npy,
    /// A black-and-white PNG for each segment, in a folder.
    Masks,
    /// Neighbours, their borders' lengths and strengths, as CSV.
    Adjacency,
}

impl Export {
    /// All kinds.
    pub const ALL: [Self; 7] = [
        Self::Coco,
        Self::CocoPolygons,
        Self::Geojson,
        Self::Svg,
        Self::Npy,
        Self::Masks,
        Self::Adjacency,
    ];

    /// The name on the command line, and in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Coco => "coco",
            Self::CocoPolygons => "coco-polygons",
            Self::Geojson => "geojson",
            Self::Svg => "svg",
            Self::Npy => "npy",
            Self::Masks => "masks",
            Self::Adjacency => "adjacency",
        }
    }

    /// The end of the file's name: `coffee.coco.json`.
    pub fn ending(self) -> &'static str {
        match self {
            Self::Coco => "coco.json",
            Self::CocoPolygons => "coco-polygons.json",
            Self::Geojson => "geojson",
            Self::Svg => "svg",
            Self::Npy => "npy",
            Self::Masks => "masks",
            Self::Adjacency => "adjacency.csv",
        }
    }
}

/// The files of one segmentation.
#[derive(Default)]
pub struct Exported {
    /// Their places, by their names on the command line.
    pub places: BTreeMap<String, PathBuf>,
    /// The pictures in the folder of masks.
    masks: Vec<PathBuf>,
}

impl Exported {
    /// Writes the files beside their places; `pairs` finds the neighbours, where they are asked for.
    pub fn stage(
        staged: &mut Staged,
        export: &SegmentExport<'_>,
        kinds: &[Export],
        place: impl Fn(&str) -> PathBuf,
        pairs: impl Fn() -> Result<Vec<Adjacency>>,
    ) -> Result<Self> {
        let mut exported = Self::default();
        for kind in kinds {
            let path = place(kind.ending());
            match kind {
                Export::Coco => {
                    let file = export.coco(CocoMasks::RunLengths);
                    staged.bytes(path.clone(), &serde_json::to_vec(&file)?)?;
                }
                Export::CocoPolygons => {
                    let file = export.coco(CocoMasks::Polygons);
                    staged.bytes(path.clone(), &serde_json::to_vec(&file)?)?;
                }
                Export::Geojson => {
                    staged.bytes(path.clone(), &serde_json::to_vec(&export.geojson())?)?;
                }
                Export::Svg => staged.bytes(path.clone(), export.svg().as_bytes())?,
                Export::Npy => staged.bytes(path.clone(), &export.npy())?,
                Export::Adjacency => {
                    let table = export.adjacency_csv(&pairs()?);
                    staged.bytes(path.clone(), table.as_bytes())?;
                }
                Export::Masks => {
                    for (number, mask) in export.masks() {
                        let file = path.join(format!("{number:04}.png"));
                        staged.picture(file.clone(), &mask)?;
                        exported.masks.push(file);
                    }
                }
            }
            exported.places.insert(kind.name().to_owned(), path);
        }
        Ok(exported)
    }

    /// Removes masks of an earlier call, once the new ones are in their places.
    pub fn tidy(&self) -> Result<()> {
        match self.masks.first().and_then(|mask| mask.parent()) {
            Some(folder) => remove_other_masks(folder, &self.masks).map_err(Error::file(folder)),
            None => Ok(()),
        }
    }
}

/// The neighbours among the segments, at the photograph's size. The strength of a border is the height of the tree at which
/// its two sides merge.
pub fn neighbours(
    tree: &SegmentationTree,
    labels: &LabelMap,
    segments: usize,
) -> Result<Vec<Adjacency>> {
    let size = (labels.width() as u32, labels.height() as u32);
    let pieces = at_full_size(tree.pieces(), size)?;
    let between = tree.heights_between();
    let mut known = HashMap::new();
    let strength = |p: usize, q: usize| {
        let (a, b) = (pieces.ids()[p], pieces.ids()[q]);
        let pair = (a.min(b), a.max(b));
        *known.entry(pair).or_insert_with(|| between(pair.0, pair.1))
    };
    Ok(adjacency(labels, segments, strength))
}

/// Removes the masks of an earlier call that had more segments.
fn remove_other_masks(folder: &Path, written: &[PathBuf]) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        let is_number = stem
            .is_some_and(|stem| stem.len() >= 4 && stem.bytes().all(|byte| byte.is_ascii_digit()));
        let is_mask = is_number && path.extension().is_some_and(|end| end == "png");
        if is_mask && !written.contains(&path) {
            std::fs::remove_file(path)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_of_an_earlier_call_go_and_other_files_stay() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["0000.png", "0001.png", "0002.png", "notes.png", "12.png"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let written = [folder.path().join("0000.png")];
        remove_other_masks(folder.path(), &written).unwrap();
        let mut left: Vec<_> = std::fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        left.sort();
        assert_eq!(left, ["0000.png", "12.png", "notes.png"]);
    }
}
