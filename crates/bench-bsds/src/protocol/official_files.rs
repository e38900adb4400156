//! The text files that the official benchmark leaves behind.

use super::boundaries::BoundaryEvaluation;
use super::evaluate::Evaluation;
use super::general_format::general;
use crate::error::Result;

/// A text file of the official kit: numbers in columns of ten places (`%10g` of C), a line a level or an image.
///
/// | file | a line | columns |
/// |---|---|---|
/// | `eval_cover.txt` | all | level of ODS, covering at ODS, OIS, Best |
/// | `eval_cover_img.txt` | image | place from 1, best level, covering of regions there, covering of segments |
/// | `eval_cover_th.txt` | level | level, covering |
/// | `eval_RI_VOI.txt` | all | level of ODS, PRI at ODS, OIS; level of ODS, VI at ODS, OIS |
/// | `eval_RI_VOI_thr.txt` | level | level, PRI, VI |
/// | `eval_bdry.txt` | all | level of ODS, R, P, F there; R, P, F at OIS; AP |
/// | `eval_bdry_img.txt` | image | place from 1, best level, R, P, F there |
/// | `eval_bdry_thr.txt` | level | level, R, P, F |
/// | `ID_ev1.txt` | level | level; boundary pixels drawn that are found, drawn; found that are drawn, found |
/// | `ID_ev2.txt` | level | level; pixels of regions covered, in all; of segments covered, in all |
/// | `ID_ev3.txt` | image | pixels of regions covered, each region at its best level |
/// | `ID_ev4.txt` | level | level, PRI, VI |
///
/// The official kit computes the first eight from the last four, and then takes those away. Images are in the order
/// measured; a level is the number in its name.
///
/// # Source
/// The benchmark published with Arbeláez, Maire, Fowlkes, Malik, TPAMI 33(5), 2011: `collect_eval_reg.m`,
/// `collect_eval_bdry.m`, `evaluation_reg_image.m`, `evaluation_bdry_image.m`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfficialFile {
    /// Its name.
    pub name: String,
    /// Its content.
    pub text: String,
}

impl OfficialFile {
    fn new(name: impl Into<String>, rows: impl Iterator<Item = Vec<f64>>) -> Self {
        let line = |row: Vec<f64>| {
            let columns: Vec<_> = row.into_iter().map(general).collect();
            columns.join(" ") + "\n"
        };
        Self {
            name: name.into(),
            text: rows.map(line).collect(),
        }
    }
}

impl Evaluation {
    /// The official kit's files of region measures, to the digit: those of all images, then `_ev2` to `_ev4` of each.
    ///
    /// # Errors
    /// As [`Evaluation::report_as_filed`], whose numbers these are.
    pub fn official_files(&self) -> Result<Vec<OfficialFile>> {
        let report = self.report_as_filed()?;
        let (covering, pri, vi) = (&report.covering, &report.pri, &report.vi);
        let covering = vec![
            covering.ods_level.value(),
            covering.ods,
            covering.ois,
            covering.best,
        ];
        let of_images = report.per_image.iter().zip(1_u32..).map(|(row, place)| {
            vec![
                f64::from(place),
                row.covering_level.value(),
                row.covering,
                row.covering_of_segments,
            ]
        });
        let others = vec![
            pri.ods_level.value(),
            pri.ods,
            pri.ois,
            vi.ods_level.value(),
            vi.ods,
            vi.ois,
        ];
        let levels = || report.per_level.iter();
        let covering_at = levels().map(|row| vec![row.level.value(), row.covering]);
        let others_at = levels().map(|row| vec![row.level.value(), row.pri, row.vi]);
        let mut files = vec![
            OfficialFile::new("eval_cover.txt", std::iter::once(covering)),
            OfficialFile::new("eval_cover_img.txt", of_images),
            OfficialFile::new("eval_cover_th.txt", covering_at),
            OfficialFile::new("eval_RI_VOI.txt", std::iter::once(others)),
            OfficialFile::new("eval_RI_VOI_thr.txt", others_at),
        ];
        for image in &self.images {
            let levels = || image.levels.iter();
            let covered = levels().map(|row| {
                vec![
                    row.level.value(),
                    row.covered,
                    image.region_pixels,
                    row.segments_covered,
                    row.segment_pixels,
                ]
            });
            let best = std::iter::once(vec![image.best_covered]);
            let others =
                levels().map(|row| vec![row.level.value(), row.rand_index, row.information]);
            files.extend([
                OfficialFile::new(format!("{}_ev2.txt", image.id), covered),
                OfficialFile::new(format!("{}_ev3.txt", image.id), best),
                OfficialFile::new(format!("{}_ev4.txt", image.id), others),
            ]);
        }
        Ok(files)
    }
}

impl BoundaryEvaluation {
    /// The official kit's files of the boundary measure: those of all images, then `_ev1` of each.
    ///
    /// # Errors
    /// As [`BoundaryEvaluation::report`].
    pub fn official_files(&self) -> Result<Vec<OfficialFile>> {
        let report = self.report()?;
        let (ods, ois) = (report.ods, report.ois);
        let together = vec![
            report.ods_level,
            ods.recall,
            ods.precision,
            ods.f,
            ois.recall,
            ois.precision,
            ois.f,
            report.average_precision,
        ];
        let of_images = report.per_image.iter().zip(1_u32..).map(|(row, place)| {
            let score = row.score;
            vec![
                f64::from(place),
                row.level,
                score.recall,
                score.precision,
                score.f,
            ]
        });
        let levels = report.per_level.iter().map(|row| {
            let score = row.score;
            vec![row.level.value(), score.recall, score.precision, score.f]
        });
        let mut files = vec![
            OfficialFile::new("eval_bdry.txt", std::iter::once(together)),
            OfficialFile::new("eval_bdry_img.txt", of_images),
            OfficialFile::new("eval_bdry_thr.txt", levels),
        ];
        for image in &self.images {
            let counted = image.levels.iter().map(|row| {
                let counts = row.counts;
                let pixels = [
                    counts.drawn_matched,
                    counts.drawn,
                    counts.found_matched,
                    counts.found,
                ];
                let level = std::iter::once(row.level.value());
                level.chain(pixels.map(|count| count as f64)).collect()
            });
            files.push(OfficialFile::new(format!("{}_ev1.txt", image.id), counted));
        }
        Ok(files)
    }
}

#[cfg(test)]
mod tests {
    use segmentation::LabelMap;

    use super::*;
    use crate::metrics::BoundaryMap;
    use crate::segmentation::{BoundaryPool, Level, Pool};

    #[test]
    fn one_image_by_hand() {
        let map = |ids: &[u32]| LabelMap::new(4, 1, ids.to_vec()).unwrap();
        let pool = Pool::from(vec![(Level::Clusters(2), map(&[0, 0, 0, 1]))]);
        let mut regions = Evaluation::default();
        regions.push("7", &[map(&[1, 1, 2, 2])], &pool).unwrap();
        let files = regions.official_files().unwrap();
        let names: Vec<_> = files.iter().map(|file| file.name.as_str()).collect();
        assert_eq!(
            names,
            [
                "eval_cover.txt",
                "eval_cover_img.txt",
                "eval_cover_th.txt",
                "eval_RI_VOI.txt",
                "eval_RI_VOI_thr.txt",
                "7_ev2.txt",
                "7_ev3.txt",
                "7_ev4.txt"
            ]
        );
        // Regions at 2/3 and 1/2 of two pixels each; segments of 3 and 1 at 2/3 and 1/2.
        let texts: Vec<_> = files.iter().map(|file| file.text.as_str()).collect();
        assert_eq!(texts[0], "         2   0.583333   0.583333   0.583333\n");
        assert_eq!(texts[1], "         1          2   0.583333      0.625\n");
        assert_eq!(
            texts[5],
            "         2    2.33333          4        2.5          4\n"
        );
        assert_eq!(texts[6], "   2.33333\n");
        // Of six pairs three are alike in both; 3/4 · h(1/3) + 1/2 bits.
        assert_eq!(texts[7], "         2        0.5    1.18872\n");

        let drawn = BoundaryMap::new(4, 1, vec![false, true, false, true]).unwrap();
        let mut boundaries = BoundaryEvaluation::default();
        let found = BoundaryPool::from_segmentations(&pool).unwrap();
        boundaries.push("7", &[drawn], &found).unwrap();
        let files = boundaries.official_files().unwrap();
        let names: Vec<_> = files.iter().map(|file| file.name.as_str()).collect();
        assert_eq!(
            names,
            [
                "eval_bdry.txt",
                "eval_bdry_img.txt",
                "eval_bdry_thr.txt",
                "7_ev1.txt"
            ]
        );
        // The reach of so small a picture is less than a pixel: 2 is met by nothing.
        assert_eq!(
            files[3].text,
            "         2          0          2          0          1\n"
        );
        assert_eq!(
            files[2].text,
            "         2          0          0          0\n"
        );
    }
}
