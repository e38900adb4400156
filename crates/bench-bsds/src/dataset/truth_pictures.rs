//! Truths as pictures, as edge detectors' data sets have them: a picture an annotator, or one of all.

use std::path::{Path, PathBuf};

use segmentation::LabelMap;

use super::ground_truth::{Annotation, size_of};
use super::truth_look::TruthLook;
use crate::error::{Error, Result, Size};
use crate::metrics::BoundaryMap;
use crate::segmentation::{read_label_png, read_picture};

/// What the pictures of a truth hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TruthPictures {
    /// Boundaries, white on black.
    #[default]
    Boundaries,
    /// Boundaries, black on white.
    Inverted,
    /// Label maps: a number a segment.
    Labels,
}

/// How truths are read.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct TruthReading {
    /// What the pictures of a truth hold.
    pub pictures: TruthPictures,
    /// A pixel of a picture is a boundary where it is brighter than this, as a share of white: 0 for every pixel that is
    /// not black, as the benchmark reads `Boundaries`.
    pub above: f64,
    /// Whether `Segmentation` in `.mat` files may count segments from 0.
    pub from_zero: bool,
}

/// The boundaries in each picture, not thinned, as those of `.mat` files are not.
pub(super) fn boundaries(
    paths: &[PathBuf],
    reading: &TruthReading,
) -> Result<(Vec<BoundaryMap>, TruthLook)> {
    let mut look = TruthLook::default();
    let mut maps = Vec::with_capacity(paths.len());
    for path in paths {
        let (size, strengths) = read_picture(path)?;
        check_size(paths, path, maps.first().map(BoundaryMap::size), size)?;
        // A mask written as 0 and 1.
        let white = strengths.iter().copied().fold(0.0, f64::max);
        let between = strengths
            .iter()
            .filter(|strength| 0.0 < **strength && **strength < white);
        let between = between.count() as u64;
        let set = |strength: &f64| match reading.pictures {
            TruthPictures::Inverted => 1.0 - strength > reading.above,
            _ => *strength > reading.above,
        };
        let map = BoundaryMap::new(size.width, size.height, strengths.iter().map(set).collect())?;
        look.add(&TruthLook {
            pixels: strengths.len() as u64,
            boundaries: map.count() as u64,
            between,
            drawn_between: 0,
        });
        maps.push(map);
    }
    Ok((maps, look))
}

/// The segments in each picture.
pub(super) fn labels(paths: &[PathBuf]) -> Result<Vec<Annotation>> {
    let mut annotations = Vec::<Annotation>::with_capacity(paths.len());
    for path in paths {
        let map = read_label_png(path)?;
        let first = annotations
            .first()
            .map(|first| size_of(&first.segmentation));
        check_size(paths, path, first, size_of(&map))?;
        // Ids from 0 or not: truths are counted from 1.
        let (compacted, _) = map.compacted();
        let ids = compacted.ids().iter().map(|id| id + 1).collect();
        annotations.push(Annotation {
            segmentation: LabelMap::new(map.width(), map.height(), ids)?,
            boundaries: None,
        });
    }
    Ok(annotations)
}

fn check_size(paths: &[PathBuf], path: &Path, first: Option<Size>, found: Size) -> Result<()> {
    match first {
        Some(expected) if expected != found => Err(Error::SizeMismatch {
            name: format!("{}, beside {}", path.display(), paths[0].display()),
            expected,
            found,
        }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use test_support::refused;

    use super::*;

    fn pictures(levels: &[&[u8]]) -> (tempfile::TempDir, Vec<PathBuf>) {
        let folder = tempfile::tempdir().unwrap();
        let paths = levels.iter().enumerate().map(|(index, levels)| {
            let path = folder.path().join(format!("7_{index}.png"));
            let grey = image::GrayImage::from_raw(levels.len() as u32, 1, levels.to_vec());
            grey.unwrap().save(&path).unwrap();
            path
        });
        let paths = paths.collect();
        (folder, paths)
    }

    #[test]
    fn a_pixel_that_is_not_black_is_a_boundary() {
        let (_folder, paths) = pictures(&[&[0, 255, 0, 51], &[0, 1, 1, 0]]);
        let plain = TruthReading::default();
        let (maps, look) = boundaries(&paths, &plain).unwrap();
        assert_eq!(maps[0].pixels(), [false, true, false, true]);
        assert_eq!(maps[1].pixels(), [false, true, true, false]);
        assert_eq!((look.pixels, look.boundaries, look.between), (8, 4, 1));
        let half = TruthReading {
            above: 0.5,
            ..plain
        };
        assert_eq!(boundaries(&paths, &half).unwrap().0[0].count(), 1);
        let inverted = TruthReading {
            pictures: TruthPictures::Inverted,
            ..plain
        };
        let (maps, _) = boundaries(&paths[..1], &inverted).unwrap();
        assert_eq!(maps[0].pixels(), [true, false, true, true]);
    }

    #[test]
    fn labels_are_segments_whatever_their_numbers() {
        let (_folder, paths) = pictures(&[&[0, 0, 9, 9], &[7, 7, 7, 8]]);
        let read = labels(&paths).unwrap();
        assert_eq!(read[0].segmentation.ids(), [1, 1, 2, 2]);
        assert_eq!(read[1].segmentation.ids(), [1, 1, 1, 2]);
        let (_folder, paths) = pictures(&[&[0, 0, 9], &[7, 7]]);
        refused! {
            labels(&paths) => Error::SizeMismatch { .. },
            boundaries(&paths, &TruthReading::default()) => Error::SizeMismatch { .. },
        }
    }
}
