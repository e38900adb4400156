//! Precision and recall over thresholds, categories, sizes and numbers of detections, and their means.

use hotcoco::{COCOeval, EvalImg};

/// Python's `np.spacing(1)`, which keeps pycocotools from 0 / 0.
const SPACING: f64 = f64::EPSILON;

/// Precision P(r) and the largest recall; −1 where there is nothing to find.
pub(super) struct Curves {
    thresholds: usize,
    recalls: usize,
    categories: usize,
    sizes: usize,
    detections: usize,
    /// Threshold, recall, category, size, number of detections.
    precision: Vec<f64>,
    /// Threshold, category, size, number of detections.
    recall: Vec<f64>,
}

/// The numbers that a table is the means of, as pycocotools holds them.
///
/// # Conventions
/// Row by row; −1 where there is nothing to find. Thresholds are 0.50, 0.55 … 0.95, recalls 0, 0.01 … 1, categories those
/// listed by rising id, or one where all are taken for one; sizes all, small, medium, large.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DetectionCurves {
    /// How many thresholds, recalls, categories, sizes and numbers of detections there are.
    pub shape: [usize; 5],
    /// Precision by threshold, recall, category, size and number of detections.
    pub precision: Vec<f64>,
    /// The largest recall by threshold, category, size and number of detections.
    pub recall: Vec<f64>,
}

/// A mean over some of the numbers.
#[derive(Clone, Copy)]
pub(super) struct Slice {
    /// One threshold, or all.
    pub threshold: Option<usize>,
    /// One category, or all.
    pub category: Option<usize>,
    /// All, small, medium, large.
    pub size: usize,
    /// Index of the number of detections.
    pub detections: usize,
}

impl Curves {
    /// Of an evaluation that has been accumulated.
    pub fn of(evaluation: &COCOeval) -> Self {
        let mut curves = Self::empty(evaluation);
        if let Some(accumulated) = evaluation.accumulated() {
            curves.precision.clone_from(&accumulated.precision);
            curves.recall.clone_from(&accumulated.recall);
        }
        curves
    }

    fn empty(evaluation: &COCOeval) -> Self {
        let params = &evaluation.params;
        let categories = if params.use_cats {
            params.cat_ids.len()
        } else {
            1
        };
        let (thresholds, recalls) = (params.iou_thrs.len(), params.rec_thrs.len());
        let (sizes, detections) = (params.area_ranges.len(), params.max_dets.len());
        let each = thresholds * categories * sizes * detections;
        Self {
            thresholds,
            recalls,
            categories,
            sizes,
            detections,
            precision: vec![-1.0; each * recalls],
            recall: vec![-1.0; each],
        }
    }

    /// Of an evaluation that has run, with detections that match one of the annotations `zero` taken for false ones: what
    /// pycocotools makes of the id 0, its mark for "not matched".
    pub fn without(evaluation: &COCOeval, zero: &[u64]) -> Self {
        let mut curves = Self::empty(evaluation);
        let params = &evaluation.params;
        for category in 0..curves.categories {
            for (size, range) in params.area_ranges.iter().enumerate() {
                let wanted = |cell: &&EvalImg| {
                    let of_category =
                        !params.use_cats || cell.category_id == params.cat_ids[category];
                    of_category && cell.area_rng == range.range
                };
                let cells: Vec<_> = evaluation
                    .eval_imgs()
                    .iter()
                    .flatten()
                    .filter(wanted)
                    .collect();
                let wanted: usize = cells.iter().map(|cell| cell.num_gt_in_denominator()).sum();
                if wanted == 0 {
                    continue;
                }
                for (place, most) in params.max_dets.iter().enumerate() {
                    let ranked = Ranked::of(&cells, *most);
                    for threshold in 0..curves.thresholds {
                        let outcomes = ranked.outcomes(evaluation, threshold, range.range, zero);
                        let (precision, recall) = curve(&outcomes, wanted, &params.rec_thrs);
                        for (at, value) in precision.into_iter().enumerate() {
                            let index =
                                curves.precision_index(threshold, at, category, size, place);
                            curves.precision[index] = value;
                        }
                        let index = curves.recall_index(threshold, category, size, place);
                        curves.recall[index] = recall;
                    }
                }
            }
        }
        curves
    }

    /// The numbers of categories at these places, −1 for those without annotations.
    pub fn of_categories(&self, places: &[Option<usize>]) -> DetectionCurves {
        let (mut precision, mut recall) = (Vec::new(), Vec::new());
        let pairs = || (0..self.sizes).flat_map(|a| (0..self.detections).map(move |m| (a, m)));
        for t in 0..self.thresholds {
            for r in 0..self.recalls {
                for place in places {
                    let number =
                        |k: usize, (a, m)| self.precision[self.precision_index(t, r, k, a, m)];
                    precision.extend(pairs().map(|pair| place.map_or(-1.0, |k| number(k, pair))));
                }
            }
            for place in places {
                let number = |k: usize, (a, m)| self.recall[self.recall_index(t, k, a, m)];
                recall.extend(pairs().map(|pair| place.map_or(-1.0, |k| number(k, pair))));
            }
        }
        DetectionCurves {
            shape: [
                self.thresholds,
                self.recalls,
                places.len(),
                self.sizes,
                self.detections,
            ],
            precision,
            recall,
        }
    }

    fn precision_index(&self, t: usize, r: usize, k: usize, a: usize, m: usize) -> usize {
        (((t * self.recalls + r) * self.categories + k) * self.sizes + a) * self.detections + m
    }

    fn recall_index(&self, t: usize, k: usize, a: usize, m: usize) -> usize {
        ((t * self.categories + k) * self.sizes + a) * self.detections + m
    }

    /// Mean of P(r) over recalls, and over thresholds and categories unless one is asked for.
    pub fn mean_precision(&self, slice: Slice) -> Option<f64> {
        let mut numbers = Vec::new();
        for t in some_or_all(slice.threshold, self.thresholds) {
            for r in 0..self.recalls {
                for k in some_or_all(slice.category, self.categories) {
                    let index = self.precision_index(t, r, k, slice.size, slice.detections);
                    numbers.push(self.precision[index]);
                }
            }
        }
        mean(numbers)
    }

    /// Mean of the largest recall, as [`Curves::mean_precision`].
    pub fn mean_recall(&self, slice: Slice) -> Option<f64> {
        let mut numbers = Vec::new();
        for t in some_or_all(slice.threshold, self.thresholds) {
            for k in some_or_all(slice.category, self.categories) {
                numbers.push(self.recall[self.recall_index(t, k, slice.size, slice.detections)]);
            }
        }
        mean(numbers)
    }
}

fn some_or_all(one: Option<usize>, all: usize) -> std::ops::Range<usize> {
    one.map_or(0..all, |one| one..one + 1)
}

/// The mean of what there is, summed as numpy sums.
fn mean(mut numbers: Vec<f64>) -> Option<f64> {
    numbers.retain(|number| *number > -1.0);
    (!numbers.is_empty()).then(|| pairwise_sum(&numbers) / numbers.len() as f64)
}

/// The sum in numpy's order, so that means agree to the last bit: eight sums side by side up to 128 numbers, halves beyond.
fn pairwise_sum(numbers: &[f64]) -> f64 {
    const LANES: usize = 8;
    const BLOCK: usize = 128;
    let count = numbers.len();
    if count < LANES {
        return numbers.iter().fold(0.0, |sum, number| sum + number);
    }
    if count > BLOCK {
        let half = count / 2 / LANES * LANES;
        return pairwise_sum(&numbers[..half]) + pairwise_sum(&numbers[half..]);
    }
    let mut lanes = [0.0; LANES];
    lanes.copy_from_slice(&numbers[..LANES]);
    let blocks = numbers[LANES..].chunks_exact(LANES);
    let rest = blocks.remainder();
    for block in blocks {
        for (lane, number) in lanes.iter_mut().zip(block) {
            *lane += number;
        }
    }
    let [a, b, c, d, e, f, g, h] = lanes;
    let sum = ((a + b) + (c + d)) + ((e + f) + (g + h));
    rest.iter().fold(sum, |sum, number| sum + number)
}

/// The detections of one category and size, by falling score.
struct Ranked<'a> {
    /// The cell, and the place in it.
    detections: Vec<(&'a EvalImg, usize)>,
}

/// Whether a detection is a true one, a false one, or neither.
#[derive(Clone, Copy, PartialEq)]
enum Outcome {
    Found,
    False,
    Ignored,
}

impl<'a> Ranked<'a> {
    fn of(cells: &[&'a EvalImg], most: usize) -> Self {
        let of_cell =
            |cell: &'a EvalImg| (0..cell.dt_scores.len().min(most)).map(move |at| (cell, at));
        let mut detections: Vec<_> = cells.iter().flat_map(|cell| of_cell(cell)).collect();
        // Stable, as numpy's mergesort: equal scores stay in the order of their images.
        detections.sort_by(|a, b| b.0.dt_scores[b.1].total_cmp(&a.0.dt_scores[a.1]));
        Self { detections }
    }

    fn outcomes(
        &self,
        evaluation: &COCOeval,
        threshold: usize,
        [least, largest]: [f64; 2],
        zero: &[u64],
    ) -> Vec<Outcome> {
        let outcome = |(cell, at): &(&EvalImg, usize)| {
            let place = (threshold, *at);
            let matched = cell.dt_matched[place];
            let taken_back = matched && zero.binary_search(&cell.dt_matches[place]).is_ok();
            let area = || {
                let detection = evaluation.coco_dt().get_ann(cell.dt_ids[*at]);
                detection
                    .and_then(|detection| detection.area)
                    .unwrap_or(0.0)
            };
            let beside = taken_back && !(least..=largest).contains(&area());
            match (cell.dt_ignore[place] || beside, matched && !taken_back) {
                (true, _) => Outcome::Ignored,
                (false, true) => Outcome::Found,
                (false, false) => Outcome::False,
            }
        };
        self.detections.iter().map(outcome).collect()
    }
}

/// P(r) at every recall, and the largest recall.
fn curve(outcomes: &[Outcome], wanted: usize, recalls: &[f64]) -> (Vec<f64>, f64) {
    let (mut found, mut wrong) = (0.0, 0.0);
    let points = outcomes.iter().map(|outcome| {
        match outcome {
            Outcome::Found => found += 1.0,
            Outcome::False => wrong += 1.0,
            Outcome::Ignored => {}
        }
        (found / wanted as f64, found / (wrong + found + SPACING))
    });
    let (reached, mut precision): (Vec<f64>, Vec<f64>) = points.unzip();
    for at in (1..precision.len()).rev() {
        if precision[at] > precision[at - 1] {
            precision[at - 1] = precision[at];
        }
    }
    let at_recall = |recall: &f64| {
        let first = reached.partition_point(|reached| reached < recall);
        precision.get(first).copied().unwrap_or(0.0)
    };
    let sampled = recalls.iter().map(at_recall).collect();
    (sampled, reached.last().copied().unwrap_or(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_as_numpy_does() {
        // A large number first: one by one, the small ones vanish against it.
        let numbers = |count: usize| {
            let mut numbers = vec![1e-16; count];
            numbers[0] = 1.0;
            numbers
        };
        assert_eq!(pairwise_sum(&[]), 0.0);
        assert_eq!(pairwise_sum(&numbers(7)), 1.0);
        assert!(pairwise_sum(&numbers(128)) > 1.0);
        assert!(pairwise_sum(&numbers(1000)) > pairwise_sum(&numbers(128)));
        assert_eq!(mean(vec![-1.0, 0.25, 0.75]), Some(0.5));
        assert_eq!(mean(vec![-1.0]), None);
    }

    #[test]
    fn a_curve_by_hand() {
        use Outcome::{False, Found, Ignored};
        let recalls = [0.0, 0.5, 0.51, 1.0];
        let (precision, recall) = curve(&[Found, Ignored, False, Found], 2, &recalls);
        assert_eq!(recall, 1.0);
        let third = 2.0 / (3.0 + SPACING);
        assert_eq!(
            precision,
            [1.0 / (1.0 + SPACING), 1.0 / (1.0 + SPACING), third, third]
        );
        assert_eq!(curve(&[], 2, &recalls), (vec![0.0; 4], 0.0));
        assert_eq!(curve(&[False], 1, &[0.0]), (vec![0.0], 0.0));
    }
}
