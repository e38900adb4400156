//! The trace of a function of a symmetric matrix.

use super::domain;
use super::scalar_function::ScalarFunction;
use crate::decompose::symmetric_eigen;
use crate::error::{Error, Result};
use crate::guard::{
    ensure_finite_values, ensure_shape, number_within_range, values_within_range, within_range,
};
use crate::products::spectral_product;
use crate::symmetric::scaled_symmetric;
use faer::{Mat, MatRef};

const OP: &str = "trace of a function";

/// t = tr f(A) = Σ f(λᵢ) of a symmetric A = V Λ Vᵀ; the log-determinant for f = log.
///
/// ```text
/// forward   t = Σ f(λᵢ)
/// vjp       Ā = t̄ f′(A) = t̄ V f′(Λ) Vᵀ
/// jvp       ṫ = ⟨f′(A), Ȧ⟩ = Σ f′(λᵢ) (VᵀȦV)ᵢᵢ
/// ```
///
/// # Shapes
/// A, Ā: n × n, symmetric; t: a number.
///
/// # Conventions
/// As [`MatrixFunction`](crate::MatrixFunction). No two eigenvalues are compared, so neither gaps nor divided
/// differences occur.
///
/// # Errors
/// As [`MatrixFunction`](crate::MatrixFunction), at first order.
///
/// # Cost
/// O(n³) time; n² + n numbers stored.
///
/// # Example
/// ```
/// # fn main() -> Result<(), matbackprop_core::Error> {
/// use faer::mat;
/// use matbackprop_core::{Log, TraceFunction};
///
/// // log det A, whose gradient is A⁻¹.
/// let log_det = TraceFunction::forward(mat![[2.0, 1.0], [1.0, 2.0]].as_ref(), Log)?;
/// assert!((log_det.value() - 3f64.ln()).abs() < 1e-15);
/// let a_bar = log_det.vjp(3.0)?;
/// assert!((a_bar - mat![[2.0, -1.0], [-1.0, 2.0]]).norm_max() < 1e-14);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct TraceFunction<F> {
    values: Vec<f64>,
    vectors: Mat<f64>,
    value: f64,
    function: F,
}

impl<F: ScalarFunction> TraceFunction<F> {
    /// tr f of A.
    ///
    /// # Errors
    /// See [`TraceFunction`].
    pub fn forward(a: MatRef<'_, f64>, function: F) -> Result<Self> {
        let (a, scale) = scaled_symmetric(OP, a)?;
        let (values, vectors) = symmetric_eigen(OP, a.as_ref())?;
        let values = values.iter().map(|value| value * scale).collect();
        let values = domain::onto_edge(&function, values_within_range(OP, values)?);
        let value = domain::values(OP, &function, &values)?.iter().sum();
        let value = number_within_range(OP, value)?;
        Ok(Self {
            value,
            values,
            vectors,
            function,
        })
    }

    /// V.
    pub(crate) fn vectors(&self) -> MatRef<'_, f64> {
        self.vectors.as_ref()
    }

    /// The way back alone, from eigenvalues and eigenvectors that `forward` gave; the trace is not there.
    pub(crate) fn from_eigenpairs(values: Vec<f64>, vectors: Mat<f64>, function: F) -> Self {
        Self {
            values,
            vectors,
            value: 0.0,
            function,
        }
    }

    /// The trace, t.
    pub fn value(&self) -> f64 {
        self.value
    }

    /// Eigenvalues of A, nondecreasing.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// Ā from t̄.
    ///
    /// # Errors
    /// See [`TraceFunction`].
    pub fn vjp(&self, value_bar: f64) -> Result<Mat<f64>> {
        ensure_finite_values(OP, &[value_bar])?;
        let slopes = domain::slopes(OP, &self.function, &self.values)?;
        if let Some(i) = slopes.iter().position(|slope| slope.is_infinite()) {
            // Nothing asked, nothing missing.
            if value_bar != 0.0 {
                return Err(Error::NotDifferentiable {
                    op: OP,
                    value: self.values[i],
                });
            }
            return Ok(Mat::zeros(self.values.len(), self.values.len()));
        }
        let scaled: Vec<f64> = slopes.iter().map(|slope| value_bar * slope).collect();
        within_range(OP, spectral_product(self.vectors.as_ref(), &scaled))
    }

    /// ṫ from Ȧ, whose symmetric part counts.
    ///
    /// # Errors
    /// See [`TraceFunction`]; [`ShapeMismatch`](crate::Error::ShapeMismatch) unless Ȧ is n × n.
    pub fn jvp(&self, a_dot: MatRef<'_, f64>) -> Result<f64> {
        ensure_shape(OP, a_dot, self.vectors.shape())?;
        let slopes = domain::slopes(OP, &self.function, &self.values)?;
        let v = &self.vectors;
        let moved = a_dot * v;
        let nothing = domain::nothing(slopes.len(), a_dot.norm_l2());
        let mut value_dot = 0.0;
        for (j, slope) in slopes.into_iter().enumerate() {
            let along = v.col(j).transpose() * moved.col(j);
            if slope.is_finite() {
                value_dot += slope * along;
            } else if along.abs() > nothing {
                return Err(Error::NotDifferentiable {
                    op: OP,
                    value: self.values[j],
                });
            }
        }
        number_within_range(OP, value_dot)
    }
}

#[cfg(test)]
mod tests {
    use test_support::refused;

    use super::*;
    use crate::function::scalar::{Exp, Inverse, Log, Power, Sqrt};
    use crate::gradcheck::{
        GradientCheck, check_jvp, check_vjp, gaussian, symmetric_with_spectrum,
    };
    use crate::symmetric::inner;
    use faer::{Scale, mat};

    #[test]
    fn traces_of_powers_by_hand() {
        let a = mat![[1.0, 2.0], [2.0, -3.0]];
        let square = TraceFunction::forward(a.as_ref(), Power { exponent: 2.0 }).unwrap();
        assert!((square.value() - 18.0).abs() < 1e-14);
        assert!((square.vjp(0.5).unwrap() - &a).norm_max() < 1e-15);
        assert!((square.jvp(a.as_ref()).unwrap() - 36.0).abs() < 1e-13);
        assert!((square.values().iter().sum::<f64>() + 2.0).abs() < 1e-15);
    }

    #[test]
    fn agrees_with_finite_differences() {
        let functions: [&dyn ScalarFunction; 4] = [&Log, &Exp, &Inverse, &Sqrt];
        for spectrum in [&[0.7][..], &[1.0, 2.0, 5.0], &[2.0, 2.0, 2.0 + 1e-14, 3.0]] {
            let a = symmetric_with_spectrum(spectrum, 7);
            for f in functions {
                let rule = TraceFunction::forward(a.as_ref(), f).unwrap();
                let forward = |a: MatRef<'_, f64>| {
                    let part = crate::symmetric::sym(a);
                    Ok(mat![[TraceFunction::forward(part.as_ref(), f)?.value()]])
                };
                let check = GradientCheck::default();
                check_vjp(forward, |bar| rule.vjp(bar[(0, 0)]), a.as_ref(), &check).unwrap();
                let jvp = |a_dot: MatRef<'_, f64>| Ok::<_, Error>(mat![[rule.jvp(a_dot)?]]);
                check_jvp(forward, jvp, a.as_ref(), &check).unwrap();
                let a_dot = gaussian(spectrum.len(), spectrum.len(), 1);
                let there = 3.0 * rule.jvp(a_dot.as_ref()).unwrap();
                let back = inner(rule.vjp(3.0).unwrap().as_ref(), a_dot.as_ref());
                assert!(
                    (there - back).abs() < 1e-13 * there.abs().max(1.0),
                    "{there} {back}"
                );
            }
        }
    }

    #[test]
    fn the_log_determinant_moves_with_its_input() {
        let a = symmetric_with_spectrum(&[1.0, 2.0, 5.0], 7);
        for exponent in [-500, 500] {
            let size = 2f64.powi(exponent);
            let log = TraceFunction::forward((Scale(size) * &a).as_ref(), Log).unwrap();
            let expected = 10f64.ln() + 3.0 * size.ln();
            assert!((log.value() - expected).abs() < 1e-13 * expected.abs());
            let expected = TraceFunction::forward(a.as_ref(), Log)
                .unwrap()
                .vjp(1.0)
                .unwrap();
            let found = Scale(size) * log.vjp(1.0).unwrap();
            assert!((found - &expected).norm_max() < 1e-13 * expected.norm_max());
        }
    }

    #[test]
    fn refuses_what_has_no_answer() {
        let forward = |a: Mat<f64>| TraceFunction::forward(a.as_ref(), Log);
        let root = TraceFunction::forward(mat![[0.0]].as_ref(), Sqrt).unwrap();
        refused! {
            forward(Mat::zeros(2, 3)) => Error::NotSquare { .. },
            forward(mat![[f64::INFINITY]]) => Error::NotFinite { .. },
            forward(mat![[0.0]]) => Error::OutsideDomain { value: 0.0, .. },
            root.vjp(1.0) => Error::NotDifferentiable { value: 0.0, .. },
            root.vjp(f64::NAN) => Error::NotFinite { .. },
            root.jvp(Mat::zeros(2, 2).as_ref()) => Error::ShapeMismatch { .. },
        }
    }
}
