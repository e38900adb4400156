//! The human segmentations of one image, from its `groundTruth` file.

use std::path::Path;

use segmentation::LabelMap;

use super::mat5::{MatFile, View};
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
/// The file holds `groundTruth`, a cell array with one struct an annotator: `Segmentation`, a matrix of segment ids
/// from 1, and `Boundaries`, a matrix of the same size that is not zero on boundary pixels.
///
/// # Errors
/// [`Error::Io`]; [`Error::Mat`] for bytes that are not a MATLAB level 5 file; [`Error::MatVariable`] where
/// `groundTruth` is missing or differs from the above, also for a pixel of segment 0, which the official benchmark
/// cannot count; [`Error::SizeMismatch`] where two annotators differ in size; [`Error::NoAnnotations`].
pub fn read_ground_truth(path: &Path) -> Result<Vec<Annotation>> {
    from_file(path, &MatFile::read(path)?)
}

/// As [`read_ground_truth`], out of a file's bytes; `path` names it in errors.
///
/// # Errors
/// As [`read_ground_truth`].
pub fn decode_ground_truth(path: &Path, bytes: &[u8]) -> Result<Vec<Annotation>> {
    from_file(path, &MatFile::parse(path, bytes)?)
}

fn from_file(path: &Path, file: &MatFile) -> Result<Vec<Annotation>> {
    let Some(truth) = file.find("groundTruth") else {
        return Err(Error::MatVariable {
            path: path.to_owned(),
            variable: "groundTruth".to_owned(),
            expected: "a cell array of annotations".to_owned(),
            found: file.names(),
        });
    };
    let annotations: Vec<_> = truth
        .cells()?
        .iter()
        .map(read_annotation)
        .collect::<Result<_>>()?;
    let Some(first) = annotations.first() else {
        return Err(Error::NoAnnotations {
            image: path.display().to_string(),
        });
    };
    let expected = size_of(&first.segmentation);
    match annotations
        .iter()
        .map(|annotation| size_of(&annotation.segmentation))
        .find(|size| *size != expected)
    {
        Some(found) => Err(Error::SizeMismatch {
            name: path.display().to_string(),
            expected,
            found,
        }),
        None => Ok(annotations),
    }
}

fn read_annotation(cell: &View<'_>) -> Result<Annotation> {
    let field = cell.field("Segmentation")?;
    let matrix = field.ids()?;
    if matrix.ids.contains(&0) {
        return Err(field.refuse("segment ids from 1", "0"));
    }
    let segmentation = LabelMap::new(matrix.width, matrix.height, matrix.ids)?;
    let expected = size_of(&segmentation);
    let boundaries = match cell.find_field("Boundaries")? {
        None => None,
        Some(field) => {
            let (found, reals) = field.reals()?;
            if found != expected {
                return Err(field.refuse(format!("{expected} pixels"), found.to_string()));
            }
            Some(reals.into_iter().map(|real| real != 0.0).collect())
        }
    };
    Ok(Annotation {
        segmentation,
        boundaries,
    })
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

    use super::super::mat5::written::{Writer, cells, double, file, structs, uint16};
    use super::*;

    const WRITER: Writer = Writer::Little;

    fn parse(variable: &str, annotators: &[Vec<u8>]) -> Result<Vec<Annotation>> {
        let bytes = file(WRITER, &[cells(WRITER, variable, annotators)]);
        from_file(
            Path::new("7.mat"),
            &MatFile::parse(Path::new("7.mat"), &bytes)?,
        )
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
            "7.mat: variable `groundTruth{1}.Segmentation`: expected segment ids from 1, found 0"
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
