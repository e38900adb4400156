//! Predicted classes against true ones.

use serde::{Deserialize, Serialize};

/// Counts of regions: a row a true class, a column a predicted one. Written as the list of its rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "Vec<Vec<u64>>", try_from = "Vec<Vec<u64>>")]
pub struct Confusion {
    classes: usize,
    counts: Vec<u64>,
}

impl Confusion {
    /// A table that has counted no region yet.
    pub fn new(classes: usize) -> Self {
        Self {
            classes,
            counts: vec![0; classes * classes],
        }
    }

    /// Counts one region.
    ///
    /// # Panics
    /// For a number that is no class, here and below.
    pub fn record(&mut self, truth: usize, predicted: usize) {
        let at = self.index(truth, predicted);
        self.counts[at] += 1;
    }

    /// Adds the counts of other regions.
    ///
    /// # Panics
    /// When they have another number of classes.
    pub fn merge(&mut self, other: &Self) {
        assert_eq!(
            self.classes, other.classes,
            "expected confusions of as many classes"
        );
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
    }

    /// The number of classes.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// Regions of class `truth` that were taken for `predicted`.
    pub fn count(&self, truth: usize, predicted: usize) -> u64 {
        self.counts[self.index(truth, predicted)]
    }

    /// All counts of class `truth`.
    pub fn row(&self, truth: usize) -> &[u64] {
        let start = self.index(truth, 0);
        &self.counts[start..start + self.classes]
    }

    /// Regions of class `truth`.
    pub fn examples(&self, truth: usize) -> u64 {
        self.row(truth).iter().sum()
    }

    /// Regions of class `truth` that were taken for another.
    pub fn errors(&self, truth: usize) -> u64 {
        self.examples(truth) - self.count(truth, truth)
    }

    /// All regions.
    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The share of regions taken for another class; `None` without a region.
    pub fn top1_error(&self) -> Option<f64> {
        let errors = (0..self.classes).map(|truth| self.errors(truth)).sum();
        share(errors, self.total())
    }

    /// The same of each class; `None` for a class without a region.
    pub fn per_class_error(&self) -> Vec<Option<f64>> {
        (0..self.classes)
            .map(|truth| share(self.errors(truth), self.examples(truth)))
            .collect()
    }

    /// The mean over the classes that have a region: rare classes weigh as much as frequent ones.
    pub fn mean_class_error(&self) -> Option<f64> {
        let errors: Vec<f64> = self.per_class_error().into_iter().flatten().collect();
        (!errors.is_empty()).then(|| errors.iter().sum::<f64>() / errors.len() as f64)
    }

    fn index(&self, truth: usize, predicted: usize) -> usize {
        assert!(
            truth < self.classes && predicted < self.classes,
            "expected classes below {}, found {truth} and {predicted}",
            self.classes
        );
        truth * self.classes + predicted
    }
}

impl From<Confusion> for Vec<Vec<u64>> {
    fn from(confusion: Confusion) -> Self {
        (0..confusion.classes)
            .map(|truth| confusion.row(truth).to_vec())
            .collect()
    }
}

impl TryFrom<Vec<Vec<u64>>> for Confusion {
    type Error = String;

    fn try_from(rows: Vec<Vec<u64>>) -> Result<Self, String> {
        let classes = rows.len();
        match rows.iter().find(|row| row.len() != classes) {
            Some(row) => Err(format!(
                "expected rows of {classes} counts, found {}",
                row.len()
            )),
            None => Ok(Self {
                classes,
                counts: rows.concat(),
            }),
        }
    }
}

fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Class 0 right 3 of 4 times, class 1 never of 2, class 2 without a region.
    fn hand() -> Confusion {
        let mut confusion = Confusion::new(3);
        for predicted in [0, 0, 0, 2] {
            confusion.record(0, predicted);
        }
        confusion.record(1, 0);
        confusion.record(1, 2);
        confusion
    }

    #[test]
    fn errors_by_hand() {
        let confusion = hand();
        assert_eq!(confusion.row(0), [3, 0, 1]);
        assert_eq!((confusion.count(1, 2), confusion.count(2, 1)), (1, 0));
        assert_eq!((confusion.total(), confusion.classes()), (6, 3));
        assert_eq!(confusion.top1_error(), Some(0.5));
        assert_eq!(confusion.per_class_error(), [Some(0.25), Some(1.0), None]);
        assert_eq!(confusion.mean_class_error(), Some(0.625));
    }

    #[test]
    fn nothing_has_no_error() {
        let empty = Confusion::new(2);
        assert_eq!(empty.top1_error(), None);
        assert_eq!(empty.mean_class_error(), None);
        assert_eq!(empty.per_class_error(), [None, None]);
        assert_eq!(Confusion::new(0).top1_error(), None);
    }

    #[test]
    fn merged_counts_are_those_of_all_regions() {
        let mut twice = hand();
        twice.merge(&hand());
        assert_eq!(twice.total(), 12);
        assert_eq!(twice.top1_error(), hand().top1_error());
        let mut none = Confusion::new(3);
        none.merge(&hand());
        assert_eq!(none, hand());
    }

    #[test]
    fn is_written_row_by_row() {
        let text = serde_json::to_string(&hand()).unwrap();
        assert_eq!(text, "[[3,0,1],[1,0,1],[0,0,0]]");
        assert_eq!(serde_json::from_str::<Confusion>(&text).unwrap(), hand());
        let error = serde_json::from_str::<Confusion>("[[1,2],[3]]").unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("expected rows of 2 counts, found 1")
        );
    }

    #[test]
    #[should_panic(expected = "expected classes below 3, found 0 and 3")]
    fn a_class_that_is_none_is_our_own_mistake() {
        hand().record(0, 3);
    }

    #[test]
    #[should_panic(expected = "expected confusions of as many classes")]
    fn other_classes_do_not_merge() {
        hand().merge(&Confusion::new(2));
    }
}
