//! Symmetric matrices as vectors, their signed root and unit length: a rule on stacks, for frameworks of tensors.

use crate::error::Error;
use crate::signed_square_root::SignedSquareRoot;
use crate::unit_norm::UnitNorm;
use crate::vech::{symmetric_from_vech, vech};
use faer::{Mat, MatRef};
use matbackprop_core::stack::{Forward, Saved, Shape, Shapes, StackRule};
use matbackprop_core::{Error as RuleError, ensure_shape};

const OP: &str = "vech";

/// z of every symmetric matrix of a stack: [`vech`], then [`SignedSquareRoot`] and [`UnitNorm`] where asked for.
///
/// ```text
/// forward   y = vech C,  r = sign(y) (√(|y| + δ) − √δ),  z = r / ‖r‖
/// vjp       z̄ → r̄ → ȳ → C̄ = vech⁻¹ ȳ, symmetric
/// ```
///
/// # Shapes
/// Input C, d × d, symmetric; output z, 1 × d (d + 1) / 2. Nothing is kept: the way back costs no more than the way forth.
///
/// # Errors
/// Those of [`vech`], [`SignedSquareRoot`] and [`UnitNorm`].
///
/// # Example
/// ```
/// # fn main() -> Result<(), matbackprop_core::Error> {
/// use matbackprop_core::stack::{Stack, Stacked};
/// use o2p::VechRule;
///
/// let c = Stack::from_fn(1, (2, 2), |_, i, j| (1 + i + j) as f64);
/// let rule = VechRule { signed_square_root: None, unit_norm: false };
/// let z = Stacked::new(rule).forward(&[c.as_ref()])?.outputs.remove(0);
/// assert_eq!(z.numbers(), [1.0, 2.0 * 2f64.sqrt(), 3.0]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VechRule {
    /// δ of the signed square root, where there is one.
    pub signed_square_root: Option<f64>,
    /// Each vector is brought to length one.
    pub unit_norm: bool,
}

impl Default for VechRule {
    /// A signed root with δ = 10⁻³, and length one.
    fn default() -> Self {
        Self {
            signed_square_root: Some(1e-3),
            unit_norm: true,
        }
    }
}

/// What is made of one matrix, step by step.
struct Steps {
    root: Option<SignedSquareRoot>,
    unit: Option<UnitNorm>,
    value: Vec<f64>,
}

impl VechRule {
    fn steps(&self, c: MatRef<'_, f64>) -> Result<Steps, Error> {
        let mut value = vech(c)?;
        let root = self.signed_square_root;
        let root = root.map(|delta| SignedSquareRoot::forward(&value, delta));
        let root = root.transpose()?;
        if let Some(root) = &root {
            value = root.value().to_vec();
        }
        let unit = self.unit_norm.then(|| UnitNorm::forward(&value));
        let unit = unit.transpose()?;
        if let Some(unit) = &unit {
            value = unit.value().to_vec();
        }
        Ok(Steps { root, unit, value })
    }
}

impl Steps {
    fn vjp(&self, mut bar: Vec<f64>) -> Result<Mat<f64>, Error> {
        if let Some(unit) = &self.unit {
            bar = unit.vjp(&bar)?;
        }
        if let Some(root) = &self.root {
            bar = root.vjp(&bar)?;
        }
        symmetric_from_vech(&bar)
    }

    fn jvp(&self, dot: MatRef<'_, f64>) -> Result<Vec<f64>, Error> {
        let mut along = vech(dot)?;
        if let Some(root) = &self.root {
            along = root.jvp(&along)?;
        }
        if let Some(unit) = &self.unit {
            along = unit.jvp(&along)?;
        }
        Ok(along)
    }
}

impl StackRule for VechRule {
    fn op(&self) -> &'static str {
        OP
    }

    fn shapes(&self, inputs: &[Shape]) -> Result<Shapes, RuleError> {
        let (rows, columns) = inputs[0];
        if rows == 0 || columns == 0 {
            return Err(RuleError::Empty {
                op: OP,
                rows,
                columns,
            });
        }
        if rows != columns {
            return Err(RuleError::NotSquare {
                op: OP,
                rows,
                columns,
            });
        }
        Ok(Shapes {
            outputs: vec![(1, rows * (rows + 1) / 2)],
            kept: Vec::new(),
        })
    }

    fn takes_symmetric(&self) -> bool {
        true
    }

    fn forward(&self, inputs: &[MatRef<'_, f64>]) -> Result<Forward, RuleError> {
        let steps = self.steps(inputs[0]).map_err(as_rule_error)?;
        Ok(Forward {
            outputs: vec![row(&steps.value)],
            kept: Vec::new(),
        })
    }

    fn vjp(
        &self,
        saved: Saved<'_>,
        bars: &[Option<MatRef<'_, f64>>],
    ) -> Result<Vec<Mat<f64>>, RuleError> {
        let c = saved.inputs[0];
        let Some(bar) = bars[0] else {
            return Ok(vec![Mat::zeros(c.nrows(), c.ncols())]);
        };
        ensure_shape(OP, bar, (1, c.nrows() * (c.nrows() + 1) / 2))?;
        let bar = bar.row(0).iter().copied().collect();
        let back = self.steps(c).and_then(|steps| steps.vjp(bar));
        Ok(vec![back.map_err(as_rule_error)?])
    }

    fn jvp(
        &self,
        saved: Saved<'_>,
        dots: &[Option<MatRef<'_, f64>>],
    ) -> Result<Vec<Mat<f64>>, RuleError> {
        let c = saved.inputs[0];
        let Some(dot) = dots[0] else {
            return Ok(vec![Mat::zeros(1, c.nrows() * (c.nrows() + 1) / 2)]);
        };
        ensure_shape(OP, dot, c.shape())?;
        let along = self.steps(c).and_then(|steps| steps.jvp(dot));
        Ok(vec![row(&along.map_err(as_rule_error)?)])
    }
}

fn row(y: &[f64]) -> Mat<f64> {
    Mat::from_fn(1, y.len(), |_, i| y[i])
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
    use crate::{O2pLayer, O2pOptions, Region};
    use matbackprop_core::gradcheck::{
        GradientCheck, check_jvp, check_vjp, gaussian, symmetric_with_spectrum,
    };
    use matbackprop_core::{GramFunction, Log, Ridge};
    use test_support::refused;

    const RULES: [VechRule; 3] = [
        VechRule {
            signed_square_root: None,
            unit_norm: false,
        },
        VechRule {
            signed_square_root: Some(0.1),
            unit_norm: false,
        },
        VechRule {
            signed_square_root: Some(1e-3),
            unit_norm: true,
        },
    ];

    #[test]
    fn agrees_with_finite_differences() {
        let c = symmetric_with_spectrum(&[3.0, 1.0, -1.0, 0.5], 3);
        for rule in RULES {
            let inputs = [c.as_ref()];
            let saved = Saved {
                inputs: &inputs,
                kept: &[],
            };
            let of_c = |c: MatRef<'_, f64>| Ok(rule.forward(&[c])?.outputs.remove(0));
            let back = |bar: MatRef<'_, f64>| Ok(rule.vjp(saved, &[Some(bar)])?.remove(0));
            check_vjp::<RuleError>(of_c, back, c.as_ref(), &GradientCheck::symmetric()).unwrap();
            let ahead = |dot: MatRef<'_, f64>| Ok(rule.jvp(saved, &[Some(dot)])?.remove(0));
            check_jvp::<RuleError>(of_c, ahead, c.as_ref(), &GradientCheck::symmetric()).unwrap();
        }
    }

    #[test]
    fn behind_a_logarithm_it_is_the_layer() {
        let features = gaussian(12, 5, 3);
        let layer = O2pLayer::new(O2pOptions {
            normalised: false,
            signed_square_root: Some(1e-3),
            unit_norm: true,
            ..O2pOptions::default()
        });
        let region = [Region::all(12).unwrap()];
        let pooled = layer.forward(features.as_ref(), None, &region).unwrap();
        let log = Ridge::new(Log, 1e-3).unwrap();
        let log = GramFunction::forward(features.as_ref(), log).unwrap();
        let c = log.value().to_owned();
        let own = RULES[2].forward(&[c.as_ref()]).unwrap();
        assert!((&own.outputs[0] - pooled.outputs()).norm_max() < 1e-14);
        let bar = gaussian(1, 15, 4);
        let inputs = [c.as_ref()];
        let saved = Saved {
            inputs: &inputs,
            kept: &[],
        };
        let c_bar = RULES[2].vjp(saved, &[Some(bar.as_ref())]).unwrap();
        let features_bar = log.vjp(c_bar[0].as_ref()).unwrap();
        let expected = pooled.vjp(bar.as_ref()).unwrap().features;
        let error = (features_bar - &expected).norm_max();
        assert!(error < 1e-13 * (1.0 + expected.norm_max()), "{error:e}");
    }

    #[test]
    fn zero_stays_zero_and_has_a_finite_way_back() {
        let zero = Mat::<f64>::zeros(3, 3);
        let own = RULES[2].forward(&[zero.as_ref()]).unwrap();
        assert_eq!(own.outputs[0].norm_max(), 0.0);
        let inputs = [zero.as_ref()];
        let saved = Saved {
            inputs: &inputs,
            kept: &[],
        };
        let bar = gaussian(1, 6, 4);
        let back = RULES[2].vjp(saved, &[Some(bar.as_ref())]).unwrap();
        assert_eq!(back[0].norm_max(), 0.0);
    }

    #[test]
    fn refuses_what_has_no_triangle() {
        let c = symmetric_with_spectrum(&[3.0, 1.0], 3);
        let not_positive = VechRule {
            signed_square_root: Some(0.0),
            unit_norm: false,
        };
        refused! {
            RULES[0].shapes(&[(2, 3)]) => RuleError::NotSquare { .. },
            RULES[0].shapes(&[(0, 0)]) => RuleError::Empty { .. },
            not_positive.forward(&[c.as_ref()]) => RuleError::NotPositive { .. },
        }
    }
}
