//! An estimate of a condition number from a few solves.

use crate::error::{Error, Result};
use faer::{Mat, MatMut, MatRef};

/// 1 / (‖A‖₁ ‖A⁻¹‖₁) of an n × n matrix, from solves with A and Aᵀ in place; 0 where they do not give numbers.
///
/// Of the estimate of ‖A⁻¹‖₁, a lower bound: so the result is an upper one.
pub(crate) fn reciprocal_condition(
    a: MatRef<'_, f64>,
    solve: impl Fn(MatMut<'_, f64>),
    solve_transposed: impl Fn(MatMut<'_, f64>),
) -> f64 {
    let norm = a
        .col_iter()
        .fold(0.0, |norm: f64, column| norm.max(column.norm_l1()));
    let product = norm * inverse_norm(a.nrows(), solve, solve_transposed);
    if product.is_finite() && product > 0.0 {
        product.recip()
    } else {
        0.0
    }
}

/// ‖A⁻¹‖₁ of an n × n matrix, from solves with A and Aᵀ in place; NaN or infinite where they do not give numbers.
///
/// It is found by climbing from vertex to vertex of the unit ball, as Hager (1984) and Higham (1988) do: a lower
/// bound, mostly within a factor of three. O(n) time beside the solves.
pub(crate) fn inverse_norm(
    n: usize,
    solve: impl Fn(MatMut<'_, f64>),
    solve_transposed: impl Fn(MatMut<'_, f64>),
) -> f64 {
    const STEPS: usize = 5;
    let mut x = Mat::full(n, 1, (n as f64).recip());
    let mut inverse_norm = 0.0;
    let mut previous = None;
    for _ in 0..STEPS {
        let mut y = x.clone();
        solve(y.as_mut());
        let norm = y.norm_l1();
        if norm <= inverse_norm {
            break;
        }
        inverse_norm = norm;
        if !norm.is_finite() {
            return f64::INFINITY;
        }
        // The slope of ‖A⁻¹x‖₁ points to the vertex to try next.
        let mut slope = Mat::from_fn(n, 1, |i, _| 1f64.copysign(y[(i, 0)]));
        solve_transposed(slope.as_mut());
        let steepest = (0..n).fold(0, |best, i| {
            if slope[(i, 0)].abs() > slope[(best, 0)].abs() {
                i
            } else {
                best
            }
        });
        let reached = (slope.transpose() * &x)[(0, 0)];
        if slope[(steepest, 0)].abs() <= reached || previous == Some(steepest) {
            break;
        }
        previous = Some(steepest);
        x = Mat::from_fn(n, 1, |i, _| if i == steepest { 1.0 } else { 0.0 });
    }
    // A vector of growing entries of alternating sign catches maxima that the climb can miss.
    let mut alternating = Mat::from_fn(n, 1, |i, _| {
        let sign = if i % 2 == 0 { 1.0 } else { -1.0 };
        sign * (1.0 + i as f64 / (n.max(2) - 1) as f64)
    });
    solve(alternating.as_mut());
    let other = 2.0 * alternating.norm_l1() / (3.0 * n as f64);
    // Written so that NaN stays NaN.
    if other <= inverse_norm {
        inverse_norm
    } else {
        other
    }
}

/// Is an n × n matrix of this reciprocal condition number regular within rounding?
///
/// # Errors
/// [`Error::Singular`] unless the number exceeds 8 n ε.
pub(crate) fn ensure_regular(op: &'static str, n: usize, reciprocal_condition: f64) -> Result<()> {
    if reciprocal_condition > floor(n) {
        Ok(())
    } else {
        Err(singular(op, n, reciprocal_condition))
    }
}

/// That an n × n matrix of this reciprocal condition number is not.
pub(crate) fn singular(op: &'static str, n: usize, reciprocal_condition: f64) -> Error {
    Error::Singular {
        op,
        reciprocal_condition,
        floor: floor(n),
    }
}

fn floor(n: usize) -> f64 {
    8.0 * n as f64 * f64::EPSILON
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gradcheck::gaussian;
    use crate::solve::solve_lower;
    use crate::solve::solve_upper;
    use faer::mat;

    /// A lower triangular matrix, its estimate, and the exact number.
    fn estimate_and_truth(l: &Mat<f64>) -> (f64, f64) {
        let n = l.nrows();
        let estimate = reciprocal_condition(
            l.as_ref(),
            |x| solve_lower(l.as_ref(), x),
            |x| solve_upper(l.transpose(), x),
        );
        let mut inverse = Mat::identity(n, n);
        solve_lower(l.as_ref(), inverse.as_mut());
        let norm = |a: &Mat<f64>| {
            a.col_iter()
                .fold(0.0, |norm: f64, column| norm.max(column.norm_l1()))
        };
        (estimate, (norm(l) * norm(&inverse)).recip())
    }

    #[test]
    fn two_by_two_by_hand() {
        // ‖A‖₁ = 4, A⁻¹ = (1, 0; −3, 1), ‖A⁻¹‖₁ = 4.
        let (estimate, truth) = estimate_and_truth(&mat![[1.0, 0.0], [3.0, 1.0]]);
        assert_eq!((estimate, truth), (0.0625, 0.0625));
        assert_eq!(estimate_and_truth(&mat![[-4.0]]), (1.0, 1.0));
    }

    #[test]
    fn is_close_to_the_truth_and_never_below_it() {
        for seed in 0..50 {
            let n = 1 + seed as usize % 20;
            let a = gaussian(n, n, seed);
            let l = Mat::from_fn(n, n, |i, j| if i >= j { a[(i, j)] } else { 0.0 });
            let (estimate, truth) = estimate_and_truth(&l);
            assert!(
                estimate >= truth * (1.0 - 1e-12) && estimate < 5.0 * truth,
                "{seed}: {estimate:e} for {truth:e}"
            );
        }
    }

    #[test]
    fn a_singular_matrix_has_none() {
        let (estimate, _) = estimate_and_truth(&mat![[1.0, 0.0], [1.0, 0.0]]);
        assert_eq!(estimate, 0.0);
        let floor = 16.0 * f64::EPSILON;
        assert_eq!(
            ensure_regular("test", 2, 0.0),
            Err(Error::Singular {
                op: "test",
                reciprocal_condition: 0.0,
                floor
            })
        );
        assert!(ensure_regular("test", 2, floor).is_err());
        assert_eq!(ensure_regular("test", 2, 2.0 * floor), Ok(()));
    }
}
