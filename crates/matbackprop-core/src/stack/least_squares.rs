//! Pseudo-inverses and least squares of many matrices.

use super::matrix_function::column;
use super::rule::{Forward, Saved, Shape, Shapes, StackRule};
use super::single::{image, number, number_of, twice, zeros_like};
use super::thin_svd::not_empty;
use crate::error::{Error, Result};
use crate::rank::RankTolerance;
use crate::subspace::{LeastSquares, PseudoInverse, RegularisedLeastSquares};
use faer::{Mat, MatRef};

const INVERSE: &str = "pseudo-inverse";
const SOLUTION: &str = "least squares";
const REGULARISED: &str = "regularised least squares";

/// [`PseudoInverse`] of every matrix of a stack: P = A⁺.
///
/// # Shapes
/// Input m × n; output P, n × m. Kept, with k = min(m, n): U, m × k, σ / s, k × 1, with
/// s = [`power_of_two_scale`](crate::power_of_two_scale)`(A)`, and V, n × k; zeros in place of the vectors that rounding
/// explains.
///
/// # Errors
/// Those of [`PseudoInverse`].
#[derive(Clone, Copy, Debug, Default)]
pub struct PseudoInverseRule {
    /// Which singular values count.
    pub tolerance: RankTolerance,
}

impl PseudoInverseRule {
    fn restored(&self, saved: Saved<'_>) -> Result<PseudoInverse> {
        let a = saved.inputs[0];
        match saved.svd() {
            Some(svd) => PseudoInverse::from_factors(a, svd, self.tolerance),
            None => PseudoInverse::forward(a, self.tolerance),
        }
    }
}

impl StackRule for PseudoInverseRule {
    fn op(&self) -> &'static str {
        INVERSE
    }

    fn shapes(&self, inputs: &[Shape]) -> Result<Shapes> {
        let (m, n) = not_empty(INVERSE, inputs[0])?;
        Ok(Shapes {
            outputs: vec![(n, m)],
            kept: of_svd((m, n)),
        })
    }

    fn forward(&self, inputs: &[MatRef<'_, f64>]) -> Result<Forward> {
        let inverse = PseudoInverse::forward(inputs[0], self.tolerance)?;
        let (u, values, v) = inverse.factors();
        Ok(Forward {
            outputs: vec![inverse.value()],
            kept: vec![u, column(&values), v],
        })
    }

    fn vjp(&self, saved: Saved<'_>, bars: &[Option<MatRef<'_, f64>>]) -> Result<Vec<Mat<f64>>> {
        image(bars[0], saved.inputs[0].shape(), |bar| {
            self.restored(saved)?.vjp(bar)
        })
    }

    fn jvp(&self, saved: Saved<'_>, dots: &[Option<MatRef<'_, f64>>]) -> Result<Vec<Mat<f64>>> {
        let (m, n) = saved.inputs[0].shape();
        image(dots[0], (n, m), |dot| self.restored(saved)?.jvp(dot))
    }

    fn vjp_of_vjp(
        &self,
        saved: Saved<'_>,
        bars: &[Option<MatRef<'_, f64>>],
        z: &[Option<MatRef<'_, f64>>],
    ) -> Result<Vec<Mat<f64>>> {
        let a = saved.inputs[0];
        let (m, n) = a.shape();
        twice((bars[0], (n, m)), (z[0], (m, n)), |bar, z| {
            let second = PseudoInverse::forward(a, self.tolerance)?.vjp_of_vjp(bar, z)?;
            Ok((second.inverse_bar_bar, second.a_bar))
        })
    }
}

/// [`LeastSquares`] of every pair of two stacks: X = A⁺ B, R = B − A X.
///
/// # Shapes
/// Inputs A, m × n, and B, m × p; outputs X, n × p, and R, m × p. Kept: as [`PseudoInverseRule`].
///
/// # Errors
/// Those of [`LeastSquares`].
#[derive(Clone, Copy, Debug, Default)]
pub struct LeastSquaresRule {
    /// Which singular values count.
    pub tolerance: RankTolerance,
}

impl LeastSquaresRule {
    fn restored(&self, saved: Saved<'_>) -> Result<LeastSquares> {
        let (a, b) = (saved.inputs[0], saved.inputs[1]);
        match saved.svd() {
            Some(svd) => LeastSquares::from_factors((a, b), svd, self.tolerance),
            None => LeastSquares::forward(a, b, self.tolerance),
        }
    }
}

impl StackRule for LeastSquaresRule {
    fn op(&self) -> &'static str {
        SOLUTION
    }

    fn inputs(&self) -> usize {
        2
    }

    fn shapes(&self, inputs: &[Shape]) -> Result<Shapes> {
        let (m, n) = not_empty(SOLUTION, inputs[0])?;
        let p = columns_beside(SOLUTION, m, inputs[1])?;
        Ok(Shapes {
            outputs: vec![(n, p), (m, p)],
            kept: of_svd((m, n)),
        })
    }

    fn forward(&self, inputs: &[MatRef<'_, f64>]) -> Result<Forward> {
        let solved = LeastSquares::forward(inputs[0], inputs[1], self.tolerance)?;
        let (u, values, v) = solved.factors();
        let outputs = [solved.solution(), solved.residual()];
        Ok(Forward {
            outputs: outputs.map(|x| x.to_owned()).into(),
            kept: vec![u, column(&values), v],
        })
    }

    fn vjp(&self, saved: Saved<'_>, bars: &[Option<MatRef<'_, f64>>]) -> Result<Vec<Mat<f64>>> {
        if bars[0].is_none() && bars[1].is_none() {
            return Ok(zeros_like(saved.inputs));
        }
        let bar = self.restored(saved)?.vjp(bars[0], bars[1])?;
        Ok(vec![bar.a, bar.b])
    }

    fn jvp(&self, saved: Saved<'_>, dots: &[Option<MatRef<'_, f64>>]) -> Result<Vec<Mat<f64>>> {
        let dot = self.restored(saved)?.jvp(dots[0], dots[1])?;
        Ok(vec![dot.solution, dot.residual])
    }
}

/// [`RegularisedLeastSquares`] of every pair of two stacks, with a ridge each: X = (AᵀA + εI)⁻¹ Aᵀ B.
///
/// # Shapes
/// Inputs A, m × n, B, m × p, and ε, 1 × 1; one ε for all matrices is a stack whose stride is zero. Output X, n × p. Kept,
/// with k = min(m, n): U, m × k, σ, k × 1, and V, n × k.
///
/// # Errors
/// Those of [`RegularisedLeastSquares`].
#[derive(Clone, Copy, Debug, Default)]
pub struct RegularisedLeastSquaresRule;

impl RegularisedLeastSquaresRule {
    fn restored(saved: Saved<'_>) -> Result<RegularisedLeastSquares> {
        let (a, b) = (saved.inputs[0], saved.inputs[1]);
        let epsilon = number_of(Some(saved.inputs[2]));
        match saved.svd() {
            Some(svd) => RegularisedLeastSquares::from_factors((a, b), epsilon, svd),
            None => RegularisedLeastSquares::forward(a, b, epsilon),
        }
    }
}

impl StackRule for RegularisedLeastSquaresRule {
    fn op(&self) -> &'static str {
        REGULARISED
    }

    fn inputs(&self) -> usize {
        3
    }

    fn shapes(&self, inputs: &[Shape]) -> Result<Shapes> {
        let (m, n) = not_empty(REGULARISED, inputs[0])?;
        let p = columns_beside(REGULARISED, m, inputs[1])?;
        one_number(REGULARISED, inputs[2])?;
        Ok(Shapes {
            outputs: vec![(n, p)],
            kept: of_svd((m, n)),
        })
    }

    fn forward(&self, inputs: &[MatRef<'_, f64>]) -> Result<Forward> {
        let epsilon = number_of(Some(inputs[2]));
        let solved = RegularisedLeastSquares::forward(inputs[0], inputs[1], epsilon)?;
        let (u, values, v) = solved.factors();
        Ok(Forward {
            outputs: vec![solved.solution().to_owned()],
            kept: vec![u.to_owned(), column(values), v.to_owned()],
        })
    }

    fn vjp(&self, saved: Saved<'_>, bars: &[Option<MatRef<'_, f64>>]) -> Result<Vec<Mat<f64>>> {
        let Some(bar) = bars[0] else {
            return Ok(zeros_like(saved.inputs));
        };
        let bar = Self::restored(saved)?.vjp(bar)?;
        Ok(vec![bar.a, bar.b, number(bar.epsilon)])
    }

    fn jvp(&self, saved: Saved<'_>, dots: &[Option<MatRef<'_, f64>>]) -> Result<Vec<Mat<f64>>> {
        let solved = Self::restored(saved)?;
        Ok(vec![solved.jvp(dots[0], dots[1], number_of(dots[2]))?])
    }
}

/// Shapes of U, σ and V.
fn of_svd((m, n): Shape) -> Vec<Shape> {
    let k = m.min(n);
    vec![(m, k), (k, 1), (n, k)]
}

/// The columns of a matrix of m rows.
pub(super) fn columns_beside(
    op: &'static str,
    rows: usize,
    (found, columns): Shape,
) -> Result<usize> {
    has_shape(op, (found, columns), (rows, columns))?;
    Ok(columns)
}

/// Is an input a number?
pub(super) fn one_number(op: &'static str, found: Shape) -> Result<()> {
    has_shape(op, found, (1, 1))
}

/// Has an input this shape?
pub(super) fn has_shape(op: &'static str, found: Shape, expected: Shape) -> Result<()> {
    if found == expected {
        return Ok(());
    }
    Err(Error::ShapeMismatch {
        op,
        expected,
        found,
    })
}
