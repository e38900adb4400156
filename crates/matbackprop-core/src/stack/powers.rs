//! Powers of many symmetric matrices, traces of functions of them, and whitened data.

use super::least_squares::one_number;
use super::matrix_function::{column, list, square};
use super::rule::{Forward, Saved, Shape, Shapes, StackRule};
use super::single::{image, number, number_of, zeros_like};
use super::thin_svd::not_empty;
use crate::error::Result;
use crate::function::{ScalarFunction, SymmetricPower, TraceFunction, Whitening};
use faer::{Mat, MatRef};

const POWER: &str = "symmetric power";
const TRACE: &str = "trace of a function";
const WHITENING: &str = "whitening";

/// [`SymmetricPower`] of every matrix of a stack, with an exponent each: Aᵖ.
///
/// # Shapes
/// Inputs A, n × n, and p, 1 × 1; one p for all matrices is a stack whose stride is zero, and its cotangent the sum of
/// theirs. Output n × n. Kept: λ, n × 1, nondecreasing, and V, n × n.
///
/// # Errors
/// Those of [`SymmetricPower`].
#[derive(Clone, Copy, Debug, Default)]
pub struct SymmetricPowerRule;

impl SymmetricPowerRule {
    fn restored(saved: Saved<'_>) -> Result<SymmetricPower> {
        let exponent = number_of(Some(saved.inputs[1]));
        if !saved.has_factors() {
            return SymmetricPower::forward(saved.inputs[0], exponent);
        }
        let (values, vectors) = (list(saved.kept[0]), saved.factor(1));
        Ok(SymmetricPower::from_eigenpairs(values, vectors, exponent))
    }
}

impl StackRule for SymmetricPowerRule {
    fn op(&self) -> &'static str {
        POWER
    }

    fn inputs(&self) -> usize {
        2
    }

    fn shapes(&self, inputs: &[Shape]) -> Result<Shapes> {
        let n = square(POWER, inputs[0])?;
        one_number(POWER, inputs[1])?;
        Ok(Shapes {
            outputs: vec![(n, n)],
            kept: vec![(n, 1), (n, n)],
        })
    }

    fn takes_symmetric(&self) -> bool {
        true
    }

    fn forward(&self, inputs: &[MatRef<'_, f64>]) -> Result<Forward> {
        let power = SymmetricPower::forward(inputs[0], number_of(Some(inputs[1])))?;
        Ok(Forward {
            outputs: vec![power.value().to_owned()],
            kept: vec![column(power.values()), power.vectors().to_owned()],
        })
    }

    fn vjp(&self, saved: Saved<'_>, bars: &[Option<MatRef<'_, f64>>]) -> Result<Vec<Mat<f64>>> {
        let Some(bar) = bars[0] else {
            return Ok(zeros_like(saved.inputs));
        };
        let bar = Self::restored(saved)?.vjp(bar)?;
        Ok(vec![bar.a, number(bar.exponent)])
    }

    fn jvp(&self, saved: Saved<'_>, dots: &[Option<MatRef<'_, f64>>]) -> Result<Vec<Mat<f64>>> {
        let power = Self::restored(saved)?;
        Ok(vec![power.jvp(dots[0], number_of(dots[1]))?])
    }
}

/// [`TraceFunction`] of every matrix of a stack: tr f(A).
///
/// # Shapes
/// Input n × n; output 1 × 1. Kept: λ, n × 1, nondecreasing, and V, n × n.
///
/// # Errors
/// Those of [`TraceFunction`].
#[derive(Clone, Copy, Debug)]
pub struct TraceFunctionRule<F>(pub F);

impl<F: ScalarFunction + Sync> TraceFunctionRule<F> {
    fn restored(&self, saved: Saved<'_>) -> Result<TraceFunction<&F>> {
        if !saved.has_factors() {
            return TraceFunction::forward(saved.inputs[0], &self.0);
        }
        let (values, vectors) = (list(saved.kept[0]), saved.factor(1));
        Ok(TraceFunction::from_eigenpairs(values, vectors, &self.0))
    }
}

impl<F: ScalarFunction + Sync> StackRule for TraceFunctionRule<F> {
    fn op(&self) -> &'static str {
        TRACE
    }

    fn shapes(&self, inputs: &[Shape]) -> Result<Shapes> {
        let n = square(TRACE, inputs[0])?;
        Ok(Shapes {
            outputs: vec![(1, 1)],
            kept: vec![(n, 1), (n, n)],
        })
    }

    fn takes_symmetric(&self) -> bool {
        true
    }

    fn forward(&self, inputs: &[MatRef<'_, f64>]) -> Result<Forward> {
        let trace = TraceFunction::forward(inputs[0], &self.0)?;
        Ok(Forward {
            outputs: vec![number(trace.value())],
            kept: vec![column(trace.values()), trace.vectors().to_owned()],
        })
    }

    fn vjp(&self, saved: Saved<'_>, bars: &[Option<MatRef<'_, f64>>]) -> Result<Vec<Mat<f64>>> {
        image(bars[0], saved.inputs[0].shape(), |bar| {
            self.restored(saved)?.vjp(number_of(Some(bar)))
        })
    }

    fn jvp(&self, saved: Saved<'_>, dots: &[Option<MatRef<'_, f64>>]) -> Result<Vec<Mat<f64>>> {
        image(dots[0], (1, 1), |dot| {
            Ok(number(self.restored(saved)?.jvp(dot)?))
        })
    }
}

/// [`Whitening`] of every matrix of a stack: (X − 1μᵀ)(C + εI)^−½ of the observations in its rows.
///
/// # Shapes
/// Input and output n × d. Kept, with r = min(n, d): U, n × r, σ, r × 1, and V, d × r, of (X − 1μᵀ) / (s √n), with
/// s = [`power_of_two_scale`](crate::power_of_two_scale)`(X)`.
///
/// # Errors
/// Those of [`Whitening`].
#[derive(Clone, Copy, Debug)]
pub struct WhiteningRule {
    /// In units of the covariance.
    pub epsilon: f64,
}

impl WhiteningRule {
    fn restored(&self, saved: Saved<'_>) -> Result<Whitening> {
        let x = saved.inputs[0];
        match saved.svd() {
            Some(svd) => Ok(Whitening::from_factors(x, self.epsilon, svd)),
            None => Whitening::forward(x, self.epsilon),
        }
    }
}

impl StackRule for WhiteningRule {
    fn op(&self) -> &'static str {
        WHITENING
    }

    fn shapes(&self, inputs: &[Shape]) -> Result<Shapes> {
        let (n, d) = not_empty(WHITENING, inputs[0])?;
        let r = n.min(d);
        Ok(Shapes {
            outputs: vec![(n, d)],
            kept: vec![(n, r), (r, 1), (d, r)],
        })
    }

    fn forward(&self, inputs: &[MatRef<'_, f64>]) -> Result<Forward> {
        let whitening = Whitening::forward(inputs[0], self.epsilon)?;
        let (u, values, v) = whitening.factors();
        Ok(Forward {
            outputs: vec![whitening.value().to_owned()],
            kept: vec![u.to_owned(), column(values), v.to_owned()],
        })
    }

    fn vjp(&self, saved: Saved<'_>, bars: &[Option<MatRef<'_, f64>>]) -> Result<Vec<Mat<f64>>> {
        image(bars[0], saved.inputs[0].shape(), |bar| {
            self.restored(saved)?.vjp(bar)
        })
    }

    fn jvp(&self, saved: Saved<'_>, dots: &[Option<MatRef<'_, f64>>]) -> Result<Vec<Mat<f64>>> {
        image(dots[0], saved.inputs[0].shape(), |dot| {
            self.restored(saved)?.jvp(dot)
        })
    }
}
