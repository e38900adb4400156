//! A report for people.

use std::fmt::Write as _;

use bench_bsds::{BoundaryReport, Level, Report};

/// `k 7`, `threshold 0.15` or `place 2`.
pub fn level_in_words(level: &Level) -> String {
    match level {
        Level::Place(_) => format!("place {level}"),
        Level::Clusters(_) => format!("k {level}"),
        Level::Threshold(threshold) => format!("threshold {threshold:.4}"),
    }
}

/// A line a measure.
pub fn table(title: &str, report: &Report, level: &dyn Fn(&Level) -> String) -> String {
    let (covering, average) = (&report.covering, &report.average_covering);
    let annotator = &average.best_annotator;
    let rows = [
        (
            "covering",
            covering.ods,
            covering.ois,
            Some(covering.best),
            &covering.ods_level,
        ),
        (
            "probabilistic Rand index",
            report.pri.ods,
            report.pri.ois,
            None,
            &report.pri.ods_level,
        ),
        (
            "variation of information",
            report.vi.ods,
            report.vi.ois,
            None,
            &report.vi.ods_level,
        ),
        (
            "average covering",
            average.ods,
            average.ois,
            None,
            &average.ods_level,
        ),
        (
            "best annotator's covering",
            annotator.ods,
            annotator.ois,
            None,
            &annotator.ods_level,
        ),
    ];
    let mut text = format!(
        "{title}\n{:<26}{:>8}{:>8}{:>8}  level of ODS",
        "", "ODS", "OIS", "Best"
    );
    for (name, ods, ois, best, at) in rows {
        let best = best.map_or(String::new(), |best| format!("{best:.4}"));
        // Writing to a text does not fail.
        let _ = write!(
            text,
            "\n{name:<26}{ods:>8.4}{ois:>8.4}{best:>8}  {}",
            level(at)
        );
    }
    text + "\nHigher is better, but for the variation of information, in bits."
}

/// The boundary measure, in the manner of [`table`].
pub fn boundary_lines(report: &BoundaryReport) -> String {
    let (ods, ois) = (&report.ods, &report.ois);
    format!(
        "boundary F                {:>8.4}{:>8.4}          recall {:.4}, precision {:.4} at ODS; average precision {:.4}",
        ods.f, ois.f, ods.recall, ods.precision, report.average_precision
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use bench_bsds::{Evaluation, Pool};
    use ncuts::LabelMap;

    #[test]
    fn a_perfect_segmentation_by_hand() {
        let map = || LabelMap::new(4, 1, vec![1, 1, 2, 2]).unwrap();
        let mut evaluation = Evaluation::default();
        let pool = Pool::from(vec![(Level::Clusters(2), map())]);
        evaluation.push("a", &[map()], &pool).unwrap();
        let text = table("one image", &evaluation.report().unwrap(), &level_in_words);
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

    #[test]
    fn levels_in_words() {
        let words =
            [Level::Place(2), Level::Threshold(1.0 / 3.0)].map(|level| level_in_words(&level));
        assert_eq!(words, ["place 2", "threshold 0.3333"]);
    }
}
