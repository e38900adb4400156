//! The layer as a rule on stacks: pictures in batches, for frameworks of tensors.

use crate::affinity::NcutsCotangents;
use crate::criterion::Criterion;
use crate::error::Error;
use crate::indicator::Indicator;
use crate::layer::{NcutsForward, NcutsLayer};
use faer::{Mat, MatRef, Scale};
use matbackprop_core::stack::{Forward, Saved, Shape, Shapes, StackRule};
use matbackprop_core::{Error as RuleError, ensure_finite, ensure_matrix, ensure_shape};

const OP: &str = "normalised cuts";

/// [`NcutsLayer`] on every picture of a stack.
///
/// ```text
/// forward   J, and ∂J/∂F, ∂J/∂Λ for the way back
/// vjp       F̄ = J̄ ∂J/∂F,  Λ̄ = J̄ ∂J/∂Λ
/// jvp       J̇ = ⟨∂J/∂F, Ḟ⟩ + ⟨∂J/∂Λ, Λ̇⟩
/// ```
///
/// # Shapes
/// Inputs F, n × d; labels, m × n: a row an annotation; with [`metric`](Self::metric) Λ, d × d. Output J, 1 × 1. Kept: ∂J/∂F,
/// n × d, and ∂J/∂Λ, d × d; NaN where it is beyond the numbers, and the way back says so.
///
/// # Conventions
/// Labels are any finite numbers; positions of equal numbers are a segment. Their cotangent is zero. The symmetric part of Λ
/// counts, and its cotangent is symmetric.
///
/// # Errors
/// Those of [`NcutsLayer`]: of the core as they are, others as [`OtherRule`](RuleError::OtherRule).
///
/// # Cost
/// That of the layer's `forward` and `vjp` together; the way back is a product.
///
/// # Example
/// ```
/// # fn main() -> Result<(), matbackprop_core::Error> {
/// use matbackprop_core::stack::{Stack, Stacked};
/// use ncuts::NcutsRule;
///
/// // Two pictures of four pixels; each annotation joins the first two and the last two.
/// let features = Stack::from_fn(2, (4, 2), |b, i, j| if i / 2 == j { 1.0 } else { 0.2 * (1 + b) as f64 });
/// let labels = Stack::from_fn(2, (1, 4), |_, _, i| (i / 2) as f64);
/// let rule = Stacked::new(NcutsRule::default());
/// let inputs = [features.as_ref(), labels.as_ref()];
/// let forward = rule.forward(&inputs)?;
/// let ones = Stack::from_fn(2, (1, 1), |_, _, _| 1.0);
/// let bars = rule.vjp(&inputs, &forward.kept(), &[Some(ones.as_ref())])?;
/// assert_eq!(bars[0].as_ref().shape(), (4, 2));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct NcutsRule {
    /// How the ranges are compared.
    pub criterion: Criterion,
    /// Is Λ a third input? Else it is the identity.
    pub metric: bool,
}

/// The place of the labels among the inputs; F is before them, Λ behind.
const LABELS: usize = 1;

impl NcutsRule {
    fn run(&self, inputs: &[MatRef<'_, f64>]) -> Result<NcutsForward, RuleError> {
        let indicators = indicators(inputs[LABELS])?;
        let layer = NcutsLayer::new(self.criterion);
        let forward = layer.forward(inputs[0], inputs.get(2).copied(), &indicators);
        forward.map_err(as_rule_error)
    }

    /// ∂J/∂F, and ∂J/∂Λ where it is an input: what was kept, or where that is beyond the numbers its error.
    fn gradients(&self, saved: Saved<'_>) -> Result<Vec<Mat<f64>>, RuleError> {
        if saved
            .kept
            .iter()
            .all(|kept| ensure_finite(OP, *kept).is_ok())
        {
            return Ok(saved.kept.iter().map(|kept| kept.to_owned()).collect());
        }
        let cotangents = self.run(saved.inputs)?.vjp(1.0);
        Ok(listed(cotangents.map_err(as_rule_error)?))
    }
}

/// The cotangents in their order.
fn listed(cotangents: NcutsCotangents) -> Vec<Mat<f64>> {
    let NcutsCotangents { features, lambda } = cotangents;
    std::iter::once(features).chain(lambda).collect()
}

/// One for each input: zeros for the labels, between F and Λ.
fn with_zeros_for_labels(mut bars: Vec<Mat<f64>>, inputs: &[MatRef<'_, f64>]) -> Vec<Mat<f64>> {
    bars.insert(LABELS, zeros(inputs[LABELS]));
    bars
}

fn zeros(like: MatRef<'_, f64>) -> Mat<f64> {
    Mat::zeros(like.nrows(), like.ncols())
}

impl StackRule for NcutsRule {
    fn op(&self) -> &'static str {
        OP
    }

    fn inputs(&self) -> usize {
        2 + usize::from(self.metric)
    }

    fn shapes(&self, inputs: &[Shape]) -> Result<Shapes, RuleError> {
        let [(n, d), (m, labelled)] = [inputs[0], inputs[LABELS]];
        if n * d * m == 0 {
            let (rows, columns) = if n * d == 0 { (n, d) } else { (m, labelled) };
            return Err(RuleError::Empty {
                op: OP,
                rows,
                columns,
            });
        }
        let mismatch = |op, expected, found| RuleError::ShapeMismatch {
            op,
            expected,
            found,
        };
        if labelled != n {
            let op = "labels of normalised cuts";
            return Err(mismatch(op, (m, n), (m, labelled)));
        }
        let mut kept = vec![(n, d)];
        if let Some(&metric) = inputs.get(2) {
            if metric != (d, d) {
                return Err(mismatch("Λ of normalised cuts", (d, d), metric));
            }
            kept.push(metric);
        }
        Ok(Shapes {
            outputs: vec![(1, 1)],
            kept,
        })
    }

    fn forward(&self, inputs: &[MatRef<'_, f64>]) -> Result<Forward, RuleError> {
        let forward = self.run(inputs)?;
        let kept = forward.vjp(1.0).map(listed).unwrap_or_else(|_| {
            let beyond = |x: &MatRef<'_, f64>| Mat::full(x.nrows(), x.ncols(), f64::NAN);
            inputs.iter().step_by(2).map(beyond).collect()
        });
        Ok(Forward {
            outputs: vec![Mat::full(1, 1, forward.loss())],
            kept,
        })
    }

    fn vjp(
        &self,
        saved: Saved<'_>,
        bars: &[Option<MatRef<'_, f64>>],
    ) -> Result<Vec<Mat<f64>>, RuleError> {
        let Some(bar) = bars[0] else {
            return Ok(saved.inputs.iter().map(|input| zeros(*input)).collect());
        };
        ensure_shape(OP, bar, (1, 1))?;
        ensure_finite(OP, bar)?;
        let gradients = self.gradients(saved)?.into_iter();
        let bars: Vec<_> = gradients.map(|g| Scale(bar[(0, 0)]) * g).collect();
        if bars.iter().any(|x| ensure_finite(OP, x.as_ref()).is_err()) {
            return Err(RuleError::Overflow { op: OP });
        }
        Ok(with_zeros_for_labels(bars, saved.inputs))
    }

    fn jvp(
        &self,
        saved: Saved<'_>,
        dots: &[Option<MatRef<'_, f64>>],
    ) -> Result<Vec<Mat<f64>>, RuleError> {
        let mut along = 0.0;
        if dots.iter().step_by(2).any(Option::is_some) {
            let inputs = saved.inputs.iter().zip(dots).step_by(2);
            for ((input, dot), gradient) in inputs.zip(self.gradients(saved)?) {
                let Some(dot) = dot else { continue };
                ensure_shape(OP, *dot, input.shape())?;
                ensure_finite(OP, *dot)?;
                let columns = gradient.col_iter().zip(dot.col_iter());
                along += columns.map(|(x, y)| x.transpose() * y).sum::<f64>();
            }
        }
        if !along.is_finite() {
            return Err(RuleError::Overflow { op: OP });
        }
        Ok(vec![Mat::full(1, 1, along)])
    }

    fn vjp_of_vjp(
        &self,
        saved: Saved<'_>,
        bars: &[Option<MatRef<'_, f64>>],
        z: &[Option<MatRef<'_, f64>>],
    ) -> Result<Vec<Mat<f64>>, RuleError> {
        let bar = bars[0].map_or(0.0, |bar| bar[(0, 0)]);
        let of_features = z[0].map_or_else(|| zeros(saved.inputs[0]), |z| z.to_owned());
        let of_metric = z.get(2).copied().flatten();
        let forward = self.run(saved.inputs)?;
        let second = forward.vjp_of_vjp(bar, of_features.as_ref(), of_metric);
        let second = second.map_err(as_rule_error)?;
        let of_inputs = std::iter::once(second.features).chain(second.lambda);
        let of_inputs = with_zeros_for_labels(of_inputs.collect(), saved.inputs);
        let bar_bar = Mat::full(1, 1, second.loss_bar_bar);
        Ok(std::iter::once(bar_bar).chain(of_inputs).collect())
    }
}

/// A row an annotation: the numbers of each, from zero in their order, are its segments.
fn indicators(labels: MatRef<'_, f64>) -> Result<Vec<Indicator>, RuleError> {
    ensure_matrix(OP, labels)?;
    let rows = labels.row_iter().map(|row| {
        let ids: Vec<f64> = row.iter().copied().collect();
        let mut names = ids.clone();
        names.sort_unstable_by(f64::total_cmp);
        names.dedup();
        let place = |id: &f64| names.partition_point(|name| name < id) as u32;
        let assignment = ids.iter().map(place).collect();
        Indicator::from_assignment(assignment, names.len()).map_err(as_rule_error)
    });
    rows.collect()
}

fn as_rule_error(error: Error) -> RuleError {
    match error {
        Error::Rule(error) => error,
        other => RuleError::OtherRule {
            op: OP,
            message: other.to_string(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use matbackprop_core::RankTolerance;
    use matbackprop_core::gradcheck::gaussian;
    use matbackprop_core::stack::{OnFailure, Stack, Stacked};
    use test_support::refused;

    const PICTURES: usize = 3;

    /// Features that are not negative, and two annotations of each picture, named by odd numbers.
    fn pictures() -> (Stack<f64>, Stack<f64>) {
        let features = Stack::from_fn(PICTURES, (9, 4), |b, i, j| {
            gaussian(9, 4, 7 + b as u64)[(i, j)].abs() + 0.1
        });
        let labels = Stack::from_fn(PICTURES, (2, 9), |b, m, i| {
            [-3.0, 17.0, 0.5][(i / (2 + m) + b) % 3]
        });
        (features, labels)
    }

    fn matrix(stack: &Stack<f64>, b: usize) -> Mat<f64> {
        let (rows, columns) = stack.as_ref().shape();
        Mat::from_fn(rows, columns, |i, j| stack.as_ref().entry(b, i, j))
    }

    /// A Λ for each picture.
    fn metrics() -> Stack<f64> {
        let near_identity = |b, i, j| if i == j { 1.0 } else { 0.1 * b as f64 };
        Stack::from_fn(PICTURES, (4, 4), near_identity)
    }

    #[test]
    fn every_picture_has_the_loss_and_the_gradient_of_the_layer() {
        let (features, labels) = pictures();
        let metrics = metrics();
        let hard = Criterion::HardProjector {
            rank_tolerance: RankTolerance::default(),
        };
        for (criterion, metric) in [Criterion::default(), hard]
            .into_iter()
            .flat_map(|criterion| [false, true].map(|metric| (criterion, metric)))
        {
            let rule = Stacked::new(NcutsRule { criterion, metric });
            let inputs = [features.as_ref(), labels.as_ref(), metrics.as_ref()];
            let inputs = &inputs[..2 + usize::from(metric)];
            let forward = rule.forward(inputs).unwrap();
            let bars = Stack::from_fn(PICTURES, (1, 1), |b, _, _| 1.5 - b as f64);
            let back = rule.vjp(inputs, &forward.kept(), &[Some(bars.as_ref())]);
            let back = back.unwrap();
            // J depends on the size of neither F nor Λ.
            let dots = [Some(features.as_ref()), None, Some(metrics.as_ref())];
            let along = rule.jvp(inputs, &forward.kept(), &dots[..inputs.len()]);
            let along = along.unwrap();
            for b in 0..PICTURES {
                let numbers = matrix(&labels, b);
                let annotations = [0, 1].map(|m| {
                    let segment = |i| match numbers[(m, i)] {
                        x if x < 0.0 => 0,
                        0.5 => 1,
                        _ => 2,
                    };
                    Indicator::from_assignment((0..9).map(segment).collect(), 3).unwrap()
                });
                let own = matrix(&features, b);
                let own_metric = metric.then(|| matrix(&metrics, b));
                let own_metric = own_metric.as_ref().map(Mat::as_ref);
                let layer = NcutsLayer::new(criterion);
                let layer = layer.forward(own.as_ref(), own_metric, &annotations);
                let layer = layer.unwrap();
                let loss = forward.outputs[0].as_ref().entry(b, 0, 0);
                assert!((loss - layer.loss()).abs() < 1e-13, "{loss}");
                let expected = listed(layer.vjp(1.5 - b as f64).unwrap());
                for (found, expected) in back.iter().step_by(2).zip(&expected) {
                    let error = (matrix(found, b) - expected).norm_max();
                    assert!(error <= 1e-13 * expected.norm_max(), "{error:e}");
                }
                assert!(along[0].as_ref().entry(b, 0, 0).abs() < 1e-12);
            }
            assert!(back[1].numbers().iter().all(|x| *x == 0.0));
        }
    }

    #[test]
    fn the_second_order_is_that_of_the_layer() {
        let (features, labels) = pictures();
        let [features, labels, metric] =
            [&features, &labels, &metrics()].map(|stack| matrix(stack, 1));
        let inputs = [features.as_ref(), labels.as_ref(), metric.as_ref()];
        let rule = NcutsRule {
            metric: true,
            ..NcutsRule::default()
        };
        let kept = rule.forward(&inputs).unwrap().kept;
        let kept = [kept[0].as_ref(), kept[1].as_ref()];
        let saved = Saved {
            inputs: &inputs,
            kept: &kept,
        };
        let (z, m) = (gaussian(9, 4, 5), gaussian(4, 4, 6));
        let m = &m + m.transpose();
        let along = [Some(z.as_ref()), None, Some(m.as_ref())];
        let bar = Mat::full(1, 1, 2.0);
        let second = rule.vjp_of_vjp(saved, &[Some(bar.as_ref())], &along);
        let second = second.unwrap();
        let slope = rule.jvp(saved, &along).unwrap();
        assert!((second[0][(0, 0)] - slope[0][(0, 0)]).abs() < 1e-12);
        // Differences of 2 ∂J/∂F and 2 ∂J/∂Λ along (Z, M).
        let gradients_at = |step: f64| {
            let (moved, metric) = (inputs[0] + Scale(step) * &z, inputs[2] + Scale(step) * &m);
            let moved = [moved.as_ref(), inputs[1], metric.as_ref()];
            rule.forward(&moved).unwrap().kept
        };
        let step = 1e-5;
        let differences = gradients_at(step).into_iter().zip(gradients_at(-step));
        for ((ahead, behind), found) in differences.zip(second[1..].iter().step_by(2)) {
            let expected = Scale(1.0 / step) * (ahead - behind);
            let error = (found - &expected).norm_max();
            assert!(error < 1e-7 * expected.norm_max(), "{error:e}");
        }
    }

    #[test]
    fn refuses_what_is_no_picture() {
        let (features, labels) = pictures();
        let rule = Stacked::new(NcutsRule::default());
        let fewer = Stack::from_fn(PICTURES, (1, 8), |_, _, _| 0.0);
        let none = Stack::<f64>::zeros(PICTURES, (0, 9));
        let nan = Stack::from_fn(PICTURES, (1, 9), |_, _, _| f64::NAN);
        let negative = Stack::from_fn(PICTURES, (9, 4), |_, i, _| if i == 0 { -1.0 } else { 1.0 });
        let forward = |features: &Stack<f64>, labels: &Stack<f64>| {
            rule.forward(&[features.as_ref(), labels.as_ref()])
        };
        refused! {
            forward(&features, &fewer) => RuleError::ShapeMismatch { .. },
            forward(&features, &none) => RuleError::Empty { .. },
            forward(&features, &nan) => RuleError::InStack { index: 0, .. },
            forward(&negative, &labels) => RuleError::InStack { source, .. } if source.to_string().contains("positive degree"),
        }
        let with_metric = Stacked::new(NcutsRule {
            metric: true,
            ..NcutsRule::default()
        });
        let too_small = Stack::<f64>::zeros(PICTURES, (3, 3));
        let inputs = [features.as_ref(), labels.as_ref(), too_small.as_ref()];
        refused! {
            with_metric.forward(&inputs) => RuleError::ShapeMismatch { expected: (4, 4), .. },
        }
        let lenient = rule.on_failure(OnFailure::Nan);
        let forward = lenient.forward(&[negative.as_ref(), labels.as_ref()]);
        let forward = forward.unwrap();
        assert_eq!(forward.failures.len(), PICTURES);
        assert!(forward.outputs[0].numbers().iter().all(|x| x.is_nan()));
    }
}
