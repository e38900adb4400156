//! A report for people.

use std::fmt::Write as _;

use bench_bsds::{BoundaryReport, Level, Measure, Report};

use super::report::BsdsReport;

/// A measure of regions: its name, ODS, OIS, Best where it has one, and the level of ODS.
pub struct Row {
    pub name: &'static str,
    pub ods: f64,
    pub ois: f64,
    pub best: Option<f64>,
    pub level: Level,
}

/// The measures of regions, in the order they are shown.
pub fn rows(report: &Report) -> [Row; 5] {
    let (covering, average) = (&report.covering, &report.average_covering);
    let row = |name, measure: &Measure| Row {
        name,
        ods: measure.ods,
        ois: measure.ois,
        best: None,
        level: measure.ods_level,
    };
    [
        Row {
            name: "covering",
            ods: covering.ods,
            ois: covering.ois,
            best: Some(covering.best),
            level: covering.ods_level,
        },
        row("probabilistic Rand index", &report.pri),
        row("variation of information", &report.vi),
        Row {
            name: "average covering",
            ods: average.ods,
            ois: average.ois,
            best: None,
            level: average.ods_level,
        },
        row("best annotator's covering", &average.best_annotator),
    ]
}

impl BsdsReport {
    /// A line a measure, for people.
    pub fn table(&self) -> String {
        let mut text = format!(
            "{}\n{:<26}{:>8}{:>8}{:>8}  level of ODS",
            self.title, "", "ODS", "OIS", "Best"
        );
        for row in self.regions.iter().flat_map(rows) {
            let best = row.best.map_or(String::new(), |best| format!("{best:.4}"));
            // Writing to a text does not fail.
            let _ = write!(
                text,
                "\n{:<26}{:>8.4}{:>8.4}{best:>8}  {}",
                row.name,
                row.ods,
                row.ois,
                self.names.of(&row.level)
            );
        }
        if self.regions.is_some() {
            text += "\nHigher is better, except for the variation of information, in bits.";
        }
        if let Some(boundaries) = &self.boundaries {
            text = text + "\n" + &boundary_line(boundaries);
        }
        text
    }
}

/// The boundary measure, in the manner of [`BsdsReport::table`].
fn boundary_line(report: &BoundaryReport) -> String {
    let (ods, ois) = (&report.ods, &report.ois);
    format!(
        "boundary F                {:>8.4}{:>8.4}          recall {:.4}, precision {:.4} at ODS; average precision {:.4}",
        ods.f, ois.f, ods.recall, ods.precision, report.average_precision
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::bsds::level_names::LevelNames;
    use crate::evaluate::bsds::timing::Timing;
    use bench_bsds::{Evaluation, Pool};
    use segmentation::LabelMap;

    #[test]
    fn a_perfect_segmentation_by_hand() {
        let map = || LabelMap::new(4, 1, vec![1, 1, 2, 2]).unwrap();
        let mut evaluation = Evaluation::default();
        let pool = Pool::from(vec![(Level::Clusters(2), map())]);
        evaluation.push("a", &[map()], &pool).unwrap();
        let report = BsdsReport {
            title: "one image".to_owned(),
            images: 1,
            regions: Some(evaluation.report().unwrap()),
            boundaries: None,
            names: LevelNames::Plain,
            timing: Timing::default(),
            remarks: Vec::new(),
            left_out: Vec::new(),
        };
        let text = report.table();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[0], "one image");
        assert_eq!(
            lines[2],
            "covering                    1.0000  1.0000  1.0000  k 2"
        );
        assert_eq!(
            lines[4],
            "variation of information    0.0000  0.0000          k 2"
        );
    }
}
