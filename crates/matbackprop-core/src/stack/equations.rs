//! Linear equations of many matrices.

use super::least_squares::{columns_beside, has_shape};
use super::matrix_function::square;
use super::rule::{Forward, Saved, Shape, Shapes, StackRule};
use super::single::zeros_like;
use crate::error::Result;
use crate::factor::{Lyapunov, Sylvester, SymmetricSolve};
use faer::{Mat, MatRef};

const SYMMETRIC: &str = "symmetric solve";
const SYLVESTER: &str = "Sylvester equation";
const LYAPUNOV: &str = "Lyapunov equation";

/// [`SymmetricSolve`] of every pair of two stacks: X = A⁻¹ B.
///
/// # Shapes
/// Inputs A, n × n, and B, n × p; output X, n × p. Kept: the factors of S A S, n × n, with S diagonal; three columns, n × 3,
/// which are S, which row comes where, and what is below the diagonal of the blocks (−1 and 0 with Cholesky's factors); X.
///
/// # Errors
/// Those of [`SymmetricSolve`].
#[derive(Clone, Copy, Debug, Default)]
pub struct SymmetricSolveRule;

impl SymmetricSolveRule {
    fn restored(saved: Saved<'_>) -> Result<SymmetricSolve> {
        let factors = saved
            .has_factors()
            .then(|| (saved.factor(0), saved.factor(2)));
        factors
            .and_then(|(factors, x)| SymmetricSolve::from_factors(factors, saved.kept[1], x))
            .map_or_else(
                || SymmetricSolve::forward(saved.inputs[0], saved.inputs[1]),
                Ok,
            )
    }
}

impl StackRule for SymmetricSolveRule {
    fn op(&self) -> &'static str {
        SYMMETRIC
    }

    fn inputs(&self) -> usize {
        2
    }

    fn shapes(&self, inputs: &[Shape]) -> Result<Shapes> {
        let n = square(SYMMETRIC, inputs[0])?;
        let p = columns_beside(SYMMETRIC, n, inputs[1])?;
        Ok(Shapes {
            outputs: vec![(n, p)],
            kept: vec![(n, n), (n, 3), (n, p)],
        })
    }

    fn takes_symmetric_at(&self, input: usize) -> bool {
        input == 0
    }

    fn forward(&self, inputs: &[MatRef<'_, f64>]) -> Result<Forward> {
        let solve = SymmetricSolve::forward(inputs[0], inputs[1])?;
        let (factors, lists, x) = solve.factors();
        Ok(Forward {
            outputs: vec![x.to_owned()],
            kept: vec![factors.to_owned(), lists, x.to_owned()],
        })
    }

    fn vjp(&self, saved: Saved<'_>, bars: &[Option<MatRef<'_, f64>>]) -> Result<Vec<Mat<f64>>> {
        let Some(bar) = bars[0] else {
            return Ok(zeros_like(saved.inputs));
        };
        let bar = Self::restored(saved)?.vjp(bar)?;
        Ok(vec![bar.a, bar.b])
    }

    fn jvp(&self, saved: Saved<'_>, dots: &[Option<MatRef<'_, f64>>]) -> Result<Vec<Mat<f64>>> {
        Ok(vec![Self::restored(saved)?.jvp(dots[0], dots[1])?])
    }
}

/// [`Sylvester`] of every triple of three stacks: A X + X B = C.
///
/// # Shapes
/// Inputs A, m × m, B, n × n, and C, m × n; output X, m × n. Kept: the Schur factors U, T, m × m, and V, S, n × n, of A / s
/// and B / s, with s the [`power_of_two_scale`](crate::power_of_two_scale) of the larger one; and X.
///
/// # Errors
/// Those of [`Sylvester`].
#[derive(Clone, Copy, Debug, Default)]
pub struct SylvesterRule;

impl SylvesterRule {
    fn restored(saved: Saved<'_>) -> Result<Sylvester> {
        let (a, b, c) = (saved.inputs[0], saved.inputs[1], saved.inputs[2]);
        if !saved.has_factors() {
            return Sylvester::forward(a, b, c);
        }
        let factors = [0, 1, 2, 3, 4].map(|k| saved.factor(k));
        Ok(Sylvester::from_factors((a, b), factors))
    }
}

impl StackRule for SylvesterRule {
    fn op(&self) -> &'static str {
        SYLVESTER
    }

    fn inputs(&self) -> usize {
        3
    }

    fn shapes(&self, inputs: &[Shape]) -> Result<Shapes> {
        let (m, n) = (square(SYLVESTER, inputs[0])?, square(SYLVESTER, inputs[1])?);
        has_shape(SYLVESTER, inputs[2], (m, n))?;
        Ok(Shapes {
            outputs: vec![(m, n)],
            kept: vec![(m, m), (m, m), (n, n), (n, n), (m, n)],
        })
    }

    fn forward(&self, inputs: &[MatRef<'_, f64>]) -> Result<Forward> {
        let equation = Sylvester::forward(inputs[0], inputs[1], inputs[2])?;
        Ok(Forward {
            outputs: vec![equation.solution().to_owned()],
            kept: equation.factors().map(|x| x.to_owned()).into(),
        })
    }

    fn vjp(&self, saved: Saved<'_>, bars: &[Option<MatRef<'_, f64>>]) -> Result<Vec<Mat<f64>>> {
        let Some(bar) = bars[0] else {
            return Ok(zeros_like(saved.inputs));
        };
        let bar = Self::restored(saved)?.vjp(bar)?;
        Ok(vec![bar.a, bar.b, bar.c])
    }

    fn jvp(&self, saved: Saved<'_>, dots: &[Option<MatRef<'_, f64>>]) -> Result<Vec<Mat<f64>>> {
        let equation = Self::restored(saved)?;
        Ok(vec![equation.jvp(dots[0], dots[1], dots[2])?])
    }
}

/// [`Lyapunov`] of every pair of two stacks: A X + X Aᵀ = C, C symmetric.
///
/// # Shapes
/// Inputs A and C, output X, n × n. Kept: the Schur factors U and T, n × n, of A / s, with
/// s = [`power_of_two_scale`](crate::power_of_two_scale)`(A)`; and X.
///
/// # Errors
/// Those of [`Lyapunov`].
#[derive(Clone, Copy, Debug, Default)]
pub struct LyapunovRule;

impl LyapunovRule {
    fn restored(saved: Saved<'_>) -> Result<Lyapunov> {
        let (a, c) = (saved.inputs[0], saved.inputs[1]);
        if !saved.has_factors() {
            return Lyapunov::forward(a, c);
        }
        let factors = [0, 1, 2].map(|k| saved.factor(k));
        Ok(Lyapunov::from_factors(a, factors))
    }
}

impl StackRule for LyapunovRule {
    fn op(&self) -> &'static str {
        LYAPUNOV
    }

    fn inputs(&self) -> usize {
        2
    }

    fn shapes(&self, inputs: &[Shape]) -> Result<Shapes> {
        let n = square(LYAPUNOV, inputs[0])?;
        has_shape(LYAPUNOV, inputs[1], (n, n))?;
        Ok(Shapes {
            outputs: vec![(n, n)],
            kept: vec![(n, n); 3],
        })
    }

    fn takes_symmetric_at(&self, input: usize) -> bool {
        input == 1
    }

    fn forward(&self, inputs: &[MatRef<'_, f64>]) -> Result<Forward> {
        let equation = Lyapunov::forward(inputs[0], inputs[1])?;
        Ok(Forward {
            outputs: vec![equation.solution().to_owned()],
            kept: equation.factors().map(|x| x.to_owned()).into(),
        })
    }

    fn vjp(&self, saved: Saved<'_>, bars: &[Option<MatRef<'_, f64>>]) -> Result<Vec<Mat<f64>>> {
        let Some(bar) = bars[0] else {
            return Ok(zeros_like(saved.inputs));
        };
        let bar = Self::restored(saved)?.vjp(bar)?;
        Ok(vec![bar.a, bar.c])
    }

    fn jvp(&self, saved: Saved<'_>, dots: &[Option<MatRef<'_, f64>>]) -> Result<Vec<Mat<f64>>> {
        Ok(vec![Self::restored(saved)?.jvp(dots[0], dots[1])?])
    }
}
