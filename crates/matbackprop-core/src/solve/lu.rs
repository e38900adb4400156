//! The factors of a general square matrix.

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::lu::partial_pivoting::factor::{lu_in_place, lu_in_place_scratch};
use faer::linalg::lu::partial_pivoting::solve::{
    solve_in_place, solve_in_place_scratch, solve_transpose_in_place,
    solve_transpose_in_place_scratch,
};
use faer::perm::Perm;
use faer::{Mat, MatMut, MatRef, Par};

/// P A = L U of a square A: unit lower triangular L, upper triangular U, rows exchanged by P.
#[derive(Clone, Debug)]
pub(crate) struct Lu {
    /// L below the diagonal, U on and above it.
    factors: Mat<f64>,
    permutation: Perm<usize>,
    odd: bool,
}

impl Lu {
    /// Factors A with partial pivoting.
    pub(crate) fn new(a: Mat<f64>) -> Self {
        let n = a.nrows();
        let mut factors = a;
        let (mut forward, mut inverse) = (vec![0; n], vec![0; n]);
        let scratch = lu_in_place_scratch::<usize, f64>(n, n, Par::Seq, Default::default());
        let (info, _) = lu_in_place(
            factors.as_mut(),
            &mut forward,
            &mut inverse,
            Par::Seq,
            MemStack::new(&mut MemBuffer::new(scratch)),
            Default::default(),
        );
        Self {
            factors,
            permutation: Perm::new_checked(forward.into(), inverse.into(), n),
            odd: info.transposition_count % 2 == 1,
        }
    }

    /// L and U in one matrix, and which row of A comes where.
    pub(crate) fn arrays(&self) -> (MatRef<'_, f64>, &[usize]) {
        (self.factors.as_ref(), self.permutation.arrays().0)
    }

    /// From [`arrays`](Self::arrays), for solving alone: the parity of P is not known. `None` where the list is none of
    /// a permutation.
    pub(crate) fn from_arrays(factors: Mat<f64>, permutation: &[f64]) -> Option<Self> {
        Some(Self {
            factors,
            permutation: permutation_of(permutation)?,
            odd: false,
        })
    }

    /// The diagonal of U.
    pub(crate) fn pivots(&self) -> impl Iterator<Item = f64> {
        self.factors.diagonal().column_vector().iter().copied()
    }

    /// Is P an odd permutation, of determinant −1?
    pub(crate) fn is_odd(&self) -> bool {
        self.odd
    }

    /// X ← A⁻¹ X.
    pub(crate) fn solve(&self, x: MatMut<'_, f64>) {
        let (n, p) = x.shape();
        let scratch = solve_in_place_scratch::<usize, f64>(n, p, Par::Seq);
        solve_in_place(
            self.factors.as_ref(),
            self.factors.as_ref(),
            self.permutation.as_ref(),
            x,
            Par::Seq,
            MemStack::new(&mut MemBuffer::new(scratch)),
        );
    }

    /// X ← A⁻ᵀ X.
    pub(crate) fn solve_transposed(&self, x: MatMut<'_, f64>) {
        let (n, p) = x.shape();
        let scratch = solve_transpose_in_place_scratch::<usize, f64>(n, p, Par::Seq);
        solve_transpose_in_place(
            self.factors.as_ref(),
            self.factors.as_ref(),
            self.permutation.as_ref(),
            x,
            Par::Seq,
            MemStack::new(&mut MemBuffer::new(scratch)),
        );
    }
}

/// A permutation with its inverse, from which row comes where.
pub(super) fn permutation_of(rows: &[f64]) -> Option<Perm<usize>> {
    let n = rows.len();
    let (mut forward, mut inverse) = (vec![0; n], vec![n; n]);
    for (place, &number) in rows.iter().enumerate() {
        let row = (0..n).find(|&row| row as f64 == number)?;
        (forward[place], inverse[row]) = (row, place);
    }
    let complete = !inverse.contains(&n);
    complete.then(|| Perm::new_checked(forward.into(), inverse.into(), n))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gradcheck::{gaussian, with_spectrum};
    use faer::mat;

    #[test]
    fn three_by_three_by_hand() {
        // A cycle of three rows is even; its negative first row makes the determinant −24.
        let lu = Lu::new(mat![[0.0, 0.0, -2.0], [3.0, 0.0, 0.0], [0.0, 4.0, 0.0]]);
        assert!(!lu.is_odd());
        assert_eq!(lu.pivots().product::<f64>(), -24.0);
        assert!(Lu::new(mat![[0.0, 1.0], [1.0, 0.0]]).is_odd());
    }

    #[test]
    fn solves_with_the_matrix_and_its_transpose() {
        for n in [1, 2, 9, 80] {
            let spectrum: Vec<f64> = (0..n).map(|i| 2.0 - i as f64 / n as f64).collect();
            let a = with_spectrum(n, n, &spectrum, 3);
            let b = gaussian(n, 2, 1);
            let lu = Lu::new(a.clone());
            let (mut x, mut y) = (b.clone(), b.clone());
            lu.solve(x.as_mut());
            lu.solve_transposed(y.as_mut());
            // cond(A) ≤ 2.
            let tolerance = 30.0 * f64::EPSILON * n as f64;
            assert!((&a * x - &b).norm_max() < tolerance, "{n}");
            assert!((a.transpose() * y - &b).norm_max() < tolerance, "{n}");
        }
    }
}
