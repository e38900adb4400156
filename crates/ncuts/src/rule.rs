//! The layer as a rule on stacks: pictures in batches, for frameworks of tensors.

use crate::criterion::Criterion;
use crate::error::Error;
use crate::indicator::Indicator;
use crate::layer::NcutsLayer;
use faer::{Mat, MatRef, Scale};
use matbackprop_core::stack::{Forward, Saved, Shape, Shapes, StackRule};
use matbackprop_core::{Error as RuleError, ensure_finite, ensure_matrix, ensure_shape};

const OP: &str = "normalised cuts";

/// [`NcutsLayer`] on every picture of a stack, without Λ.
///
/// ```text
/// forward   J, and ∂J/∂F for the way back
/// vjp       F̄ = J̄ ∂J/∂F
/// jvp       J̇ = ⟨∂J/∂F, Ḟ⟩
/// ```
///
/// # Shapes
/// Inputs F, n × d, and labels, m × n: a row an annotation. Output J, 1 × 1. Kept: ∂J/∂F, n × d; NaN where it is beyond the
/// numbers, and the way back says so.
///
/// # Conventions
/// Labels are any finite numbers; positions of equal numbers are a segment. Their cotangent is zero.
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
}

impl NcutsRule {
    fn layer(&self) -> NcutsLayer {
        NcutsLayer::new(self.criterion)
    }

    /// ∂J/∂F: what was kept, or where that is beyond the numbers its error.
    fn gradient(&self, saved: Saved<'_>) -> Result<Mat<f64>, RuleError> {
        let kept = saved.kept[0];
        if ensure_finite(OP, kept).is_ok() {
            return Ok(kept.to_owned());
        }
        let indicators = indicators(saved.inputs[1])?;
        let forward = self.layer().forward(saved.inputs[0], None, &indicators);
        let cotangents = forward.and_then(|forward| forward.vjp(1.0));
        Ok(cotangents.map_err(as_rule_error)?.features)
    }
}

impl StackRule for NcutsRule {
    fn op(&self) -> &'static str {
        OP
    }

    fn inputs(&self) -> usize {
        2
    }

    fn shapes(&self, inputs: &[Shape]) -> Result<Shapes, RuleError> {
        let [(n, d), (m, labelled)] = [inputs[0], inputs[1]];
        if n * d * m == 0 {
            let (rows, columns) = if n * d == 0 { (n, d) } else { (m, labelled) };
            return Err(RuleError::Empty {
                op: OP,
                rows,
                columns,
            });
        }
        if labelled != n {
            return Err(RuleError::ShapeMismatch {
                op: "labels of normalised cuts",
                expected: (m, n),
                found: (m, labelled),
            });
        }
        Ok(Shapes {
            outputs: vec![(1, 1)],
            kept: vec![(n, d)],
        })
    }

    fn forward(&self, inputs: &[MatRef<'_, f64>]) -> Result<Forward, RuleError> {
        let features = inputs[0];
        let indicators = indicators(inputs[1])?;
        let forward = self.layer().forward(features, None, &indicators);
        let forward = forward.map_err(as_rule_error)?;
        let gradient = forward.vjp(1.0).map(|cotangents| cotangents.features);
        let (n, d) = features.shape();
        Ok(Forward {
            outputs: vec![Mat::full(1, 1, forward.loss())],
            kept: vec![gradient.unwrap_or_else(|_| Mat::full(n, d, f64::NAN))],
        })
    }

    fn vjp(
        &self,
        saved: Saved<'_>,
        bars: &[Option<MatRef<'_, f64>>],
    ) -> Result<Vec<Mat<f64>>, RuleError> {
        let [features, labels] = [0, 1].map(|input| saved.inputs[input]);
        let of_labels = Mat::zeros(labels.nrows(), labels.ncols());
        let Some(bar) = bars[0] else {
            return Ok(vec![
                Mat::zeros(features.nrows(), features.ncols()),
                of_labels,
            ]);
        };
        ensure_shape(OP, bar, (1, 1))?;
        ensure_finite(OP, bar)?;
        let of_features = Scale(bar[(0, 0)]) * self.gradient(saved)?;
        if ensure_finite(OP, of_features.as_ref()).is_err() {
            return Err(RuleError::Overflow { op: OP });
        }
        Ok(vec![of_features, of_labels])
    }

    fn jvp(
        &self,
        saved: Saved<'_>,
        dots: &[Option<MatRef<'_, f64>>],
    ) -> Result<Vec<Mat<f64>>, RuleError> {
        let Some(dot) = dots[0] else {
            return Ok(vec![Mat::zeros(1, 1)]);
        };
        ensure_shape(OP, dot, saved.inputs[0].shape())?;
        ensure_finite(OP, dot)?;
        let gradient = self.gradient(saved)?;
        let columns = gradient.col_iter().zip(dot.col_iter());
        let along: f64 = columns.map(|(x, y)| x.transpose() * y).sum();
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
        let [features, labels] = [0, 1].map(|input| saved.inputs[input]);
        let (n, d) = features.shape();
        let bar = bars[0].map_or(0.0, |bar| bar[(0, 0)]);
        let z = z[0].map_or_else(|| Mat::zeros(n, d), |z| z.to_owned());
        let indicators = indicators(labels)?;
        let forward = self.layer().forward(features, None, &indicators);
        let second = forward.and_then(|forward| forward.vjp_of_vjp(bar, z.as_ref(), None));
        let second = second.map_err(as_rule_error)?;
        Ok(vec![
            Mat::full(1, 1, second.loss_bar_bar),
            second.features,
            Mat::zeros(labels.nrows(), labels.ncols()),
        ])
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

    #[test]
    fn every_picture_has_the_loss_and_the_gradient_of_the_layer() {
        let (features, labels) = pictures();
        let hard = Criterion::HardProjector {
            rank_tolerance: RankTolerance::default(),
        };
        for criterion in [Criterion::default(), hard] {
            let rule = Stacked::new(NcutsRule { criterion });
            let inputs = [features.as_ref(), labels.as_ref()];
            let forward = rule.forward(&inputs).unwrap();
            let bars = Stack::from_fn(PICTURES, (1, 1), |b, _, _| 1.5 - b as f64);
            let back = rule.vjp(&inputs, &forward.kept(), &[Some(bars.as_ref())]);
            let back = back.unwrap();
            let along = rule.jvp(&inputs, &forward.kept(), &[Some(features.as_ref()), None]);
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
                let layer = NcutsLayer::new(criterion).forward(own.as_ref(), None, &annotations);
                let layer = layer.unwrap();
                let loss = forward.outputs[0].as_ref().entry(b, 0, 0);
                assert!((loss - layer.loss()).abs() < 1e-13, "{loss}");
                let expected = layer.vjp(1.5 - b as f64).unwrap().features;
                let error = (matrix(&back[0], b) - &expected).norm_max();
                assert!(error <= 1e-13 * expected.norm_max(), "{error:e}");
                // J does not depend on the size of F.
                assert!(along[0].as_ref().entry(b, 0, 0).abs() < 1e-12);
            }
            assert!(back[1].numbers().iter().all(|x| *x == 0.0));
        }
    }

    #[test]
    fn the_second_order_is_that_of_the_layer() {
        let (features, labels) = pictures();
        let inputs = [matrix(&features, 0), matrix(&labels, 0)];
        let inputs = [inputs[0].as_ref(), inputs[1].as_ref()];
        let rule = NcutsRule::default();
        let kept = rule.forward(&inputs).unwrap().kept;
        let kept = [kept[0].as_ref()];
        let saved = Saved {
            inputs: &inputs,
            kept: &kept,
        };
        let z = gaussian(9, 4, 5);
        let bar = Mat::full(1, 1, 2.0);
        let second = rule.vjp_of_vjp(saved, &[Some(bar.as_ref())], &[Some(z.as_ref()), None]);
        let second = second.unwrap();
        let along = rule.jvp(saved, &[Some(z.as_ref()), None]).unwrap();
        assert!((second[0][(0, 0)] - along[0][(0, 0)]).abs() < 1e-12);
        // Differences of 2 ∂J/∂F along Z.
        let gradient_at = |step: f64| {
            let moved = inputs[0] + Scale(step) * &z;
            rule.forward(&[moved.as_ref(), inputs[1]])
                .unwrap()
                .kept
                .remove(0)
        };
        let step = 1e-5;
        let expected = Scale(1.0 / step) * (gradient_at(step) - gradient_at(-step));
        let error = (&second[1] - &expected).norm_max();
        assert!(error < 1e-7 * expected.norm_max(), "{error:e}");
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
        let lenient = rule.on_failure(OnFailure::Nan);
        let forward = lenient.forward(&[negative.as_ref(), labels.as_ref()]);
        let forward = forward.unwrap();
        assert_eq!(forward.failures.len(), PICTURES);
        assert!(forward.outputs[0].numbers().iter().all(|x| x.is_nan()));
    }
}
