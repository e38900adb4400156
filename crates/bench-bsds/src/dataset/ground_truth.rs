//! The human segmentations of one image, from its `groundTruth` file.

use std::path::Path;

use segmentation::LabelMap;

use super::mat5::{IdMatrix, MatFile, View};
use super::truth_look::TruthLook;
use crate::error::{Error, Result, Size};
use crate::metrics::BoundaryMap;

/// One person's drawing on one image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Annotation {
    /// The segments.
    pub segmentation: LabelMap,
    /// The pixels on a boundary, row by row, where the file has them.
    pub boundaries: Option<Vec<bool>>,
}

impl Annotation {
    /// The boundaries that the file holds; where it has none, those between its segments, thinned, as in the
    /// files of BSDS500.
    ///
    /// # Errors
    /// [`Error::SizeMismatch`] where the boundaries have another number of pixels than the segments.
    pub fn boundary_map(&self) -> Result<BoundaryMap> {
        let segments = &self.segmentation;
        match &self.boundaries {
            Some(pixels) => BoundaryMap::new(segments.width(), segments.height(), pixels.clone()),
            None => Ok(BoundaryMap::between_segments(segments).thinned()),
        }
    }
}

/// Every annotation in a BSDS500 `.mat` file.
///
/// The file holds `groundTruth`, a cell array with one struct an annotator, or an array of such structs: `Segmentation`,
/// a matrix of segment ids from 1, and `Boundaries`, a matrix of the same size that is not zero on boundary pixels.
///
/// # Errors
/// [`Error::Io`]; [`Error::Mat`] for bytes that are not a MATLAB level 5 file; [`Error::MatVariable`] where
/// `groundTruth` is missing or differs from the above, also for a pixel of segment 0, which the official benchmark
/// cannot count; [`Error::SizeMismatch`] where two annotators differ in size; [`Error::NoAnnotations`].
pub fn read_ground_truth(path: &Path) -> Result<Vec<Annotation>> {
    annotations(path, &MatFile::read(path)?, false)
}

/// As [`read_ground_truth`], where segments may be counted from 0.
///
/// # Errors
/// As [`read_ground_truth`], except for a pixel of segment 0.
pub(super) fn read_from_zero(path: &Path) -> Result<Vec<Annotation>> {
    annotations(path, &MatFile::read(path)?, true)
}

/// As [`read_ground_truth`], out of a file's bytes; `path` names it in errors.
///
/// # Errors
/// As [`read_ground_truth`].
pub fn decode_ground_truth(path: &Path, bytes: &[u8]) -> Result<Vec<Annotation>> {
    annotations(path, &MatFile::parse(path, bytes)?, false)
}

/// The boundaries that each annotator drew, in a file of [`read_ground_truth`], which need not have a `Segmentation`
/// where it has `Boundaries`.
///
/// # Errors
/// As [`read_ground_truth`], except for a pixel of segment 0.
pub(super) fn read_ground_truth_boundaries(path: &Path) -> Result<(Vec<BoundaryMap>, TruthLook)> {
    boundaries(path, &MatFile::read(path)?)
}

/// The boundaries that each annotator drew, out of the bytes of a file of [`read_ground_truth`], which need not have a
/// `Segmentation` where it has `Boundaries`; `path` names it in errors.
///
/// # Errors
/// As [`read_ground_truth`], except for a pixel of segment 0.
pub fn decode_ground_truth_boundaries(path: &Path, bytes: &[u8]) -> Result<Vec<BoundaryMap>> {
    Ok(boundaries(path, &MatFile::parse(path, bytes)?)?.0)
}

fn annotations(path: &Path, file: &MatFile, from_zero: bool) -> Result<Vec<Annotation>> {
    let annotators = annotators(path, file)?;
    let read = annotators
        .iter()
        .map(|annotator| read_annotation(path, annotator, from_zero));
    let annotations: Vec<_> = read.collect::<Result<_>>()?;
    let sizes = annotations.iter().map(|read| size_of(&read.segmentation));
    check_alike(path, sizes)?;
    Ok(annotations)
}

/// The boundaries, and a look at the numbers of `Boundaries`.
fn boundaries(path: &Path, file: &MatFile) -> Result<(Vec<BoundaryMap>, TruthLook)> {
    let mut look = TruthLook::default();
    let maps = annotators(path, file)?.into_iter().map(|annotator| {
        let Some(drawn) = annotator.find_field("Boundaries")? else {
            let matrix = annotator.find_field("Segmentation")?.ok_or_else(|| {
                annotator.refuse(
                    "a field `Boundaries` or `Segmentation`",
                    annotator.field_names(),
                )
            })?;
            let segments = label_map(matrix.ids()?)?;
            return Ok(BoundaryMap::between_segments(&segments).thinned());
        };
        let (size, pixels) = drawn.nonzero()?;
        let map = BoundaryMap::new(size.width, size.height, pixels)?;
        look.drawn_between += drawn.between().unwrap_or(0);
        Ok(map)
    });
    let maps: Vec<_> = maps.collect::<Result<_>>()?;
    check_alike(path, maps.iter().map(BoundaryMap::size))?;
    Ok((maps, look))
}

/// The structs of all annotators, at least one.
fn annotators<'a>(path: &Path, file: &'a MatFile) -> Result<Vec<View<'a>>> {
    let Some(truth) = file.find("groundTruth") else {
        return Err(Error::MatVariable {
            path: path.to_owned(),
            variable: "groundTruth".to_owned(),
            expected: "a cell array of annotations".to_owned(),
            found: file.names(),
        });
    };
    let found = if truth.is_struct() {
        truth.elements()?
    } else {
        let cells = truth.cells()?;
        let elements = cells
            .iter()
            .map(View::elements)
            .collect::<Result<Vec<_>>>()?;
        elements.into_iter().flatten().collect()
    };
    if found.is_empty() {
        return Err(Error::NoAnnotations {
            image: path.display().to_string(),
        });
    }
    Ok(found)
}

/// Refuses annotators of two sizes.
fn check_alike(path: &Path, mut sizes: impl Iterator<Item = Size>) -> Result<()> {
    let Some(expected) = sizes.next() else {
        return Ok(());
    };
    match sizes.find(|size| *size != expected) {
        Some(found) => Err(Error::SizeMismatch {
            name: path.display().to_string(),
            expected,
            found,
        }),
        None => Ok(()),
    }
}

fn read_annotation(path: &Path, annotator: &View<'_>, from_zero: bool) -> Result<Annotation> {
    let drawn = annotator.find_field("Boundaries")?;
    let field = match (annotator.find_field("Segmentation")?, &drawn) {
        (Some(field), _) => field,
        (None, Some(_)) => {
            let path = path.to_owned();
            return Err(Error::BoundariesAlone { path });
        }
        (None, None) => annotator.field("Segmentation")?,
    };
    let mut matrix = field.ids()?;
    if matrix.ids.contains(&0) {
        if !from_zero {
            let found = "0: for ids counted from 0 add --labels-from-zero";
            return Err(field.refuse("segment ids from 1", found));
        }
        // The measures take 0 for no segment of a truth: all move up by one.
        if matrix.ids.contains(&u32::MAX) {
            return Err(field.refuse("segment ids below 4294967295", u32::MAX.to_string()));
        }
        matrix.ids.iter_mut().for_each(|id| *id += 1);
    }
    let segmentation = label_map(matrix)?;
    let expected = size_of(&segmentation);
    let boundaries = match drawn {
        None => None,
        Some(field) => {
            let (found, pixels) = field.nonzero()?;
            if found != expected {
                return Err(field.refuse(format!("{expected} pixels"), found.to_string()));
            }
            Some(pixels)
        }
    };
    Ok(Annotation {
        segmentation,
        boundaries,
    })
}

fn label_map(matrix: IdMatrix) -> Result<LabelMap> {
    Ok(LabelMap::new(matrix.width, matrix.height, matrix.ids)?)
}

/// Width and height of a label map.
pub(crate) fn size_of(map: &LabelMap) -> Size {
    Size {
        width: map.width(),
        height: map.height(),
    }
}

#[cfg(test)]
mod tests {
    use test_support::refused;

    use super::super::mat5::written::{Writer, cells, double, file, struct_array, structs, uint16};
    use super::*;

    const WRITER: Writer = Writer::Little;

    fn parse(variable: &str, annotators: &[Vec<u8>]) -> Result<Vec<Annotation>> {
        let bytes = file(WRITER, &[cells(WRITER, variable, annotators)]);
        decode_ground_truth(Path::new("7.mat"), &bytes)
    }

    fn annotator(sides: [i32; 2], ids: &[u16]) -> Vec<u8> {
        structs(
            WRITER,
            "",
            &[("Segmentation", uint16(WRITER, "", &sides, ids))],
        )
    }

    #[test]
    fn reads_segments_and_boundaries_of_every_annotator() {
        let with_boundaries = structs(
            WRITER,
            "",
            &[
                ("Segmentation", uint16(WRITER, "", &[2, 2], &[1, 1, 2, 2])),
                (
                    "Boundaries",
                    double(WRITER, "", &[2, 2], &[0.0, 1.0, 0.0, 1.0]),
                ),
            ],
        );
        let read = parse(
            "groundTruth",
            &[with_boundaries, annotator([2, 2], &[1, 1, 1, 1])],
        )
        .unwrap();
        assert_eq!(read.len(), 2);
        assert_eq!(read[0].segmentation.ids(), [1, 2, 1, 2]);
        assert_eq!(read[0].boundaries, Some(vec![false, false, true, true]));
        assert_eq!(read[1].boundaries, None);
        let drawn = |index: usize| read[index].boundary_map().unwrap().pixels().to_vec();
        assert_eq!(drawn(0), [false, false, true, true]);
        assert_eq!(drawn(1), [false; 4]);
    }

    #[test]
    fn numbers_between_are_looked_at() {
        let truth = |numbers: &[f64]| {
            let drawn = double(WRITER, "", &[1, numbers.len() as i32], numbers);
            let annotator = structs(WRITER, "", &[("Boundaries", drawn)]);
            let bytes = file(WRITER, &[cells(WRITER, "groundTruth", &[annotator])]);
            let path = Path::new("x.mat");
            boundaries(path, &MatFile::parse(path, &bytes).unwrap()).unwrap()
        };
        let (maps, look) = truth(&[0.0, 0.4, 1.0, 0.0]);
        assert_eq!(maps[0].pixels(), [false, true, true, false]);
        assert_eq!(look.drawn_between, 1);
        assert_eq!(truth(&[0.0, 255.0, 255.0]).1, TruthLook::default());
    }

    #[test]
    fn boundaries_alone_and_arrays_of_structs_are_read() {
        let path = Path::new("7.mat");
        let line = |at: usize| {
            let pixels: Vec<f64> = (0..4).map(|pixel| f64::from(pixel == at)).collect();
            double(WRITER, "", &[1, 4], &pixels)
        };
        let one = |at| structs(WRITER, "", &[("boundaries", line(at))]);
        let cell = cells(WRITER, "groundTruth", &[one(1), one(2)]);
        let array = struct_array(WRITER, "groundTruth", &["Boundaries"], &[line(1), line(2)]);
        let single = structs(WRITER, "groundTruth", &[("Boundaries", line(1))]);
        for (element, annotators) in [(cell, 2), (array, 2), (single, 1)] {
            let bytes = file(WRITER, &[element]);
            let maps = decode_ground_truth_boundaries(path, &bytes).unwrap();
            assert_eq!(maps.len(), annotators);
            for (at, map) in maps.iter().enumerate() {
                assert!(map.pixels()[1 + at] && map.count() == 1);
            }
            refused! {
                decode_ground_truth(path, &bytes) => Error::BoundariesAlone { .. }
            }
        }
        // Both fields in an array: two values a struct.
        let ids = |ids: [u16; 4]| uint16(WRITER, "", &[1, 4], &ids);
        let values = [ids([1, 1, 2, 2]), line(1), ids([1, 2, 2, 2]), line(0)];
        let array = struct_array(
            WRITER,
            "groundTruth",
            &["Segmentation", "Boundaries"],
            &values,
        );
        let read = decode_ground_truth(path, &file(WRITER, &[array])).unwrap();
        assert_eq!(read[1].segmentation.ids(), [1, 2, 2, 2]);
        assert_eq!(read[1].boundaries, Some(vec![true, false, false, false]));
        let other = structs(WRITER, "", &[("Edges", line(1))]);
        let bytes = file(WRITER, &[cells(WRITER, "groundTruth", &[other])]);
        let error = decode_ground_truth_boundaries(path, &bytes)
            .unwrap_err()
            .to_string();
        let words = "expected a field `Boundaries` or `Segmentation`, found `Edges`";
        assert!(error.ends_with(words), "{error}");
    }

    #[test]
    fn segments_from_zero_are_moved_up() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("7.mat");
        let annotator = annotator([1, 3], &[0, 0, 1]);
        std::fs::write(
            &path,
            file(WRITER, &[cells(WRITER, "groundTruth", &[annotator])]),
        )
        .unwrap();
        refused! { read_ground_truth(&path) => Error::MatVariable { .. } }
        let read = read_from_zero(&path).unwrap();
        assert_eq!(read[0].segmentation.ids(), [1, 1, 2]);
        let maps = read_ground_truth_boundaries(&path).unwrap();
        assert_eq!(maps.0[0].pixels(), [false, true, false]);
    }

    #[test]
    fn refuses_what_the_benchmark_cannot_count() {
        let message = |result: Result<Vec<Annotation>>| result.unwrap_err().to_string();
        assert_eq!(
            message(parse("segs", &[])),
            "7.mat: variable `groundTruth`: expected a cell array of annotations, found `segs`"
        );
        assert_eq!(
            message(parse("groundTruth", &[])),
            "image 7.mat: expected at least one annotation, found none"
        );
        assert_eq!(
            message(parse("groundTruth", &[annotator([1, 2], &[1, 0])])),
            "7.mat: variable `groundTruth{1}.Segmentation`: expected segment ids from 1, found 0: for ids counted from 0 \
             add --labels-from-zero"
        );
        assert_eq!(
            message(parse(
                "groundTruth",
                &[annotator([1, 2], &[1, 1]), annotator([2, 1], &[1, 1])]
            )),
            "7.mat: expected 2 × 1 pixels, found 1 × 2"
        );
        let wrong = structs(
            WRITER,
            "",
            &[
                ("Segmentation", uint16(WRITER, "", &[1, 1], &[1])),
                ("Boundaries", uint16(WRITER, "", &[1, 2], &[0, 0])),
            ],
        );
        assert!(
            message(parse("groundTruth", &[wrong]))
                .contains("Boundaries`: expected 1 × 1 pixels, found 2 × 1")
        );
        refused! { read_ground_truth(Path::new("no such folder/7.mat")) => Error::Io { .. } }
    }
}
