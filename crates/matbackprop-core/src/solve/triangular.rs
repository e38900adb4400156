//! Triangular factors, and solves with them.

use crate::error::{Error, Result};
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::cholesky::llt::factor::{LltError, cholesky_in_place, cholesky_in_place_scratch};
use faer::linalg::triangular_solve::{
    solve_lower_triangular_in_place, solve_upper_triangular_in_place,
};
use faer::{Mat, MatMut, MatRef, Par};

/// X ← L⁻¹ X; the lower triangle of L is read.
pub(crate) fn solve_lower(l: MatRef<'_, f64>, x: MatMut<'_, f64>) {
    solve_lower_triangular_in_place(l, x, Par::Seq);
}

/// X ← U⁻¹ X; the upper triangle of U is read.
pub(crate) fn solve_upper(u: MatRef<'_, f64>, x: MatMut<'_, f64>) {
    solve_upper_triangular_in_place(u, x, Par::Seq);
}

/// X ← A⁻¹ X for A = L Lᵀ.
pub(crate) fn solve_root(l: MatRef<'_, f64>, mut x: MatMut<'_, f64>) {
    solve_lower(l, x.as_mut());
    solve_upper(l.transpose(), x);
}

/// L of A = L Lᵀ, zero above the diagonal, for a finite symmetric A.
///
/// A pivot is a diagonal entry after elimination, known to about n ε of that entry for any other rows:
/// one that does not exceed n ε aᵢᵢ may as well be zero, and is [`Error::NotPositiveDefinite`].
pub(crate) fn cholesky(op: &'static str, a: MatRef<'_, f64>) -> Result<Mat<f64>> {
    let mut l = a.to_owned();
    cholesky_in(op, a, l.as_mut())?;
    Ok(l)
}

/// [`cholesky`], L over a copy of A.
pub(crate) fn cholesky_in(
    op: &'static str,
    a: MatRef<'_, f64>,
    mut l: MatMut<'_, f64>,
) -> Result<()> {
    let n = a.nrows();
    let floor = |i: usize| n as f64 * f64::EPSILON * a[(i, i)].max(0.0);
    let refused = |index: usize, pivot: f64| Error::NotPositiveDefinite {
        op,
        index,
        pivot,
        floor: floor(index),
    };
    if let Err(LltError::NonPositivePivot { index }) = eliminate(l.as_mut()) {
        return Err(refused(index, pivot(a, l.as_ref(), index)));
    }
    for j in 0..n {
        let pivot = l[(j, j)] * l[(j, j)];
        if pivot <= floor(j) {
            return Err(refused(j, pivot));
        }
        l.as_mut().col_mut(j).subrows_mut(0, j).fill(0.0);
    }
    Ok(())
}

/// Does elimination find positive pivots alone? The lower triangle is read.
pub(crate) fn is_positive_definite(mut a: Mat<f64>) -> bool {
    eliminate(a.as_mut()).is_ok()
}

/// L over the lower triangle of A.
fn eliminate(a: MatMut<'_, f64>) -> std::result::Result<(), LltError> {
    let scratch = cholesky_in_place_scratch::<f64>(a.nrows(), Par::Seq, Default::default());
    cholesky_in_place(
        a,
        Default::default(),
        Par::Seq,
        MemStack::new(&mut MemBuffer::new(scratch)),
        Default::default(),
    )
    .map(|_| ())
}

/// aᵢᵢ − ‖L₁₁⁻¹ a‖², from the i finished rows of L and the entries a above aᵢᵢ.
fn pivot(a: MatRef<'_, f64>, l: MatRef<'_, f64>, i: usize) -> f64 {
    let mut row = a.submatrix(0, i, i, 1).to_owned();
    solve_lower(l.submatrix(0, 0, i, i), row.as_mut());
    a[(i, i)] - row.squared_norm_l2()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gradcheck::{gaussian, symmetric_with_spectrum};
    use faer::mat;

    #[test]
    fn the_sign_of_one_eigenvalue_decides() {
        for (smallest, expected) in [(1e-12, true), (-1e-12, false)] {
            let a = symmetric_with_spectrum(&[1.0, 2.0, smallest, 5.0], 3);
            assert_eq!(is_positive_definite(a), expected);
        }
    }

    #[test]
    fn solves_read_one_triangle() {
        let a = mat![[2.0, 5.0], [1.0, 4.0]];
        let mut x = mat![[2.0], [9.0]];
        solve_lower(a.as_ref(), x.as_mut());
        assert_eq!(x, mat![[1.0], [2.0]]);
        let mut x = mat![[12.0], [8.0]];
        solve_upper(a.as_ref(), x.as_mut());
        assert_eq!(x, mat![[1.0], [2.0]]);
    }

    #[test]
    fn cholesky_reconstructs() {
        for n in [1, 2, 7, 40, 150] {
            let spectrum: Vec<f64> = (0..n).map(|i| 0.5 + i as f64).collect();
            let a = symmetric_with_spectrum(&spectrum, n as u64);
            let l = cholesky("test", a.as_ref()).unwrap();
            let error = (&l * l.transpose() - &a).norm_max();
            // Backward error n ε ‖A‖.
            assert!(
                error < 2.0 * f64::EPSILON * (n * n) as f64,
                "{n}: {error:e}"
            );
            assert!((0..n).all(|j| (0..j).all(|i| l[(i, j)] == 0.0)));
        }
    }

    #[test]
    fn the_first_pivot_that_fails_is_named_with_its_value() {
        // Integers: exact. Pivots 1, 1, …, 1, then 1 − 3² = −8, at every size of the blocks within.
        for n in [3, 20, 100] {
            for bad in [1, n / 2, n - 1] {
                let mut a = Mat::<f64>::identity(n, n);
                a[(bad, 0)] = 3.0;
                a[(0, bad)] = 3.0;
                assert_eq!(
                    cholesky("test", a.as_ref()).unwrap_err(),
                    Error::NotPositiveDefinite {
                        op: "test",
                        index: bad,
                        pivot: -8.0,
                        floor: n as f64 * f64::EPSILON
                    }
                );
            }
        }
    }

    #[test]
    fn a_pivot_of_rounding_is_no_pivot_at_any_size_of_its_row() {
        // Rank 3 of 6, rows of very different sizes.
        let b = gaussian(6, 3, 1);
        for spread in [0, 20] {
            let b = Mat::from_fn(6, 3, |i, j| b[(i, j)] * 2f64.powi(spread * i as i32));
            let error = cholesky("test", (&b * b.transpose()).as_ref()).unwrap_err();
            assert!(
                matches!(error, Error::NotPositiveDefinite { index: 3, .. }),
                "{error}"
            );
        }
    }
}
