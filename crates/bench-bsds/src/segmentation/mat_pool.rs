//! Segmentations in `.mat` files: label maps (`segs`), or a contour map (`ucm2`).

use std::path::Path;

use segmentation::LabelMap;

use super::level::Level;
use super::pool::Pool;
use super::ucm::{Thresholds, Ucm};
use crate::dataset::mat5::{MatFile, View};
use crate::error::{Error, Result};

/// The segmentations in a `.mat` file, as the official benchmark reads them.
///
/// - `segs`, a cell array of label maps: levels 1, 2, … in order; id 0 marks pixels of no segment. A matrix of
///   height × width is one label map, one of height × width × N is N of them, beyond what the benchmark reads.
/// - `ucm2`, a contour map at double size: one level for each of `thresholds`.
///
/// Where both are present `segs` is read.
///
/// # Errors
/// [`Error::Io`]; [`Error::Mat`] for bytes that are not a MATLAB level 5 file; [`Error::MatVariable`] where neither
/// variable is there or one is not as above.
pub fn read_segmentation_mat(path: &Path, thresholds: &Thresholds) -> Result<Pool> {
    from_file(path, &MatFile::read(path)?, thresholds)
}

/// As [`read_segmentation_mat`], out of a file's bytes; `path` names it in errors.
///
/// # Errors
/// As [`read_segmentation_mat`].
pub fn decode_segmentation_mat(path: &Path, bytes: &[u8], thresholds: &Thresholds) -> Result<Pool> {
    from_file(path, &MatFile::parse(path, bytes)?, thresholds)
}

fn from_file(path: &Path, file: &MatFile, thresholds: &Thresholds) -> Result<Pool> {
    match segmentations(path, file)? {
        MatSegmentations::Maps(pool) => Ok(pool),
        MatSegmentations::Contours(ucm) => ucm.pool(thresholds),
    }
}

/// The content of a `.mat` file.
pub(super) enum MatSegmentations {
    /// `segs`.
    Maps(Pool),
    /// `ucm2`.
    Contours(Ucm),
}

pub(super) fn segmentations(path: &Path, file: &MatFile) -> Result<MatSegmentations> {
    if let Some(segs) = file.find("segs") {
        let matrices = match segs.is_numbers() {
            true => segs.stacked_ids()?,
            false => {
                let cells = segs.cells()?;
                cells.iter().map(View::ids).collect::<Result<_>>()?
            }
        };
        let maps: Vec<_> = matrices
            .into_iter()
            .zip(1..)
            .map(|(matrix, number)| {
                let map = LabelMap::new(matrix.width, matrix.height, matrix.ids)?;
                Ok((Level::Place(number), map))
            })
            .collect::<Result<_>>()?;
        if maps.is_empty() {
            return Err(segs.refuse("at least one label map", "an empty cell array"));
        }
        return Ok(MatSegmentations::Maps(
            Pool::from(maps).with_zero_unlabelled(),
        ));
    }
    let Some(ucm2) = file.find("ucm2") else {
        return Err(Error::MatVariable {
            path: path.to_owned(),
            variable: "segs or ucm2".to_owned(),
            expected: "a cell array of label maps, or a contour map at double size".to_owned(),
            found: format!("{}; soft boundary maps are measured by --pb", file.names()),
        });
    };
    let (size, strengths) = ucm2.reals()?;
    if size.width < 2 || size.height < 2 {
        return Err(ucm2.refuse(
            "a contour map at double size, at least 2 × 2",
            size.to_string(),
        ));
    }
    Ok(MatSegmentations::Contours(Ucm::new(
        size.width,
        size.height,
        strengths,
    )?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::mat5::written::{Writer, cells, double, file, structs, uint16};

    const WRITER: Writer = Writer::Little;

    fn parse(element: Vec<u8>) -> Result<Pool> {
        let path = Path::new("7.mat");
        let file = MatFile::parse(path, &file(WRITER, &[element]))?;
        from_file(path, &file, &Thresholds::official(1)?)
    }

    #[test]
    fn reads_segs_of_any_class() {
        let maps = [
            uint16(WRITER, "", &[2, 1], &[1, 2]),
            double(WRITER, "", &[2, 1], &[0.0, 3.0]),
        ];
        let pool = parse(cells(WRITER, "segs", &maps)).unwrap();
        assert_eq!(pool.levels(), [Level::Place(1), Level::Place(2)]);
        assert_eq!(
            pool.label_map(1).unwrap(),
            LabelMap::new(1, 2, vec![0, 3]).unwrap()
        );
        assert!(pool.zero_is_unlabelled());
    }

    #[test]
    fn a_matrix_is_a_label_map_and_three_axes_are_a_stack() {
        // By columns: the rows 1 1 2 and 1 3 2.
        let pool = parse(uint16(WRITER, "segs", &[2, 3], &[1, 1, 1, 3, 2, 2])).unwrap();
        assert_eq!(pool.levels(), [Level::Place(1)]);
        let rows = LabelMap::new(3, 2, vec![1, 1, 2, 1, 3, 2]).unwrap();
        assert_eq!(pool.label_map(0).unwrap(), rows);
        assert!(pool.zero_is_unlabelled());
        let both = [1, 1, 1, 3, 2, 2, 7, 8, 7, 7, 7, 7];
        let pool = parse(uint16(WRITER, "segs", &[2, 3, 2], &both)).unwrap();
        assert_eq!(pool.levels(), [Level::Place(1), Level::Place(2)]);
        assert_eq!(pool.label_map(0).unwrap(), rows);
        assert_eq!(pool.label_map(1).unwrap().ids(), [7, 7, 7, 8, 7, 7]);
        let message = |sides: &[i32], ids: &[u16]| {
            let error = parse(uint16(WRITER, "segs", sides, ids)).unwrap_err();
            error.to_string()
        };
        assert!(message(&[1, 1, 1, 2], &[1, 1]).ends_with("found dimensions [1, 1, 1, 2]"));
        assert!(message(&[0, 2], &[]).ends_with("found dimensions [0, 2]"));
    }

    #[test]
    fn labels_from_zero_are_seen_in_every_class() {
        use crate::dataset::mat5::written::matrix;
        use crate::segmentation::ZeroLook;
        // Four numbers 0, 0, 1, 1 as int8, uint8, int32, single and double.
        let whole = |code: u32, bytes: Vec<u8>| {
            let mut element = [code.to_le_bytes(), (bytes.len() as u32).to_le_bytes()].concat();
            element.extend(bytes);
            element.resize(element.len().next_multiple_of(8), 0);
            element
        };
        let small = |code: u8| vec![code, 0, 4, 0, 0, 0, 1, 1];
        let cases = [
            (8, small(1)),
            (9, small(2)),
            (
                12,
                whole(5, [0_i32, 0, 1, 1].map(i32::to_le_bytes).concat()),
            ),
            (
                7,
                whole(7, [0_f32, 0.0, 1.0, 1.0].map(f32::to_le_bytes).concat()),
            ),
            (
                6,
                whole(9, [0_f64, 0.0, 1.0, 1.0].map(f64::to_le_bytes).concat()),
            ),
            // A double that is stored in bytes, as MATLAB packs whole numbers.
            (6, small(2)),
        ];
        for (class, content) in cases {
            let map = matrix(WRITER, class, "", &[1, 4], &content);
            let pool = parse(cells(WRITER, "segs", &[map])).unwrap();
            let look = ZeroLook::at(&pool).unwrap();
            assert_eq!((look.zeros, look.pixels), (2, 4), "class {class}");
            let counted = pool.with_zero_as_segment();
            assert_eq!(counted.label_map(0).unwrap().ids(), [0, 0, 1, 1]);
            assert!(!counted.zero_is_unlabelled());
        }
    }

    #[test]
    fn cuts_a_contour_map() {
        // Two pixels, one over the other; a contour of 0.6 between, stored by columns.
        let strengths = [0.0, 0.0, 0.6, 0.0, 0.0].repeat(3);
        let pool = parse(double(WRITER, "ucm2", &[5, 3], &strengths)).unwrap();
        assert_eq!(pool.levels(), [Level::Threshold(0.5)]);
        assert_eq!(
            pool.label_map(0).unwrap(),
            LabelMap::new(1, 2, vec![1, 2]).unwrap()
        );
    }

    #[test]
    fn refuses_other_variables() {
        let message = |element| parse(element).unwrap_err().to_string();
        assert!(
            message(uint16(WRITER, "ucm", &[1, 1], &[1]))
                .ends_with("at double size, found `ucm`; soft boundary maps are measured by --pb")
        );
        assert!(
            message(cells(WRITER, "segs", &[]))
                .ends_with("at least one label map, found an empty cell array")
        );
        assert!(
            message(structs(
                WRITER,
                "segs",
                &[("map", uint16(WRITER, "", &[1, 1], &[1]))]
            ))
            .ends_with("`segs`: expected a cell array, found a struct")
        );
        assert!(
            message(double(WRITER, "ucm2", &[1, 5], &[0.0; 5]))
                .ends_with("at least 2 × 2, found 5 × 1")
        );
    }
}
