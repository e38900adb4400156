//! The factors of a symmetric indefinite matrix.

use faer::diag::Diag;
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::cholesky::lblt::factor::{cholesky_in_place, cholesky_in_place_scratch};
use faer::linalg::cholesky::lblt::solve::{solve_in_place, solve_in_place_scratch};
use faer::perm::Perm;
use faer::{Mat, MatMut, MatRef, Par};

use super::lu::permutation_of;

/// P A Pᵀ = L B Lᵀ of a symmetric A: unit lower triangular L, B of blocks 1 × 1 and 2 × 2, P a permutation.
#[derive(Clone, Debug)]
pub(crate) struct BunchKaufman {
    /// L below the diagonal, the diagonal of B on it.
    factors: Mat<f64>,
    /// Below the diagonal of B.
    subdiagonal: Diag<f64>,
    permutation: Perm<usize>,
}

impl BunchKaufman {
    /// Factors A; its lower triangle is read.
    pub(crate) fn new(a: Mat<f64>) -> Self {
        let n = a.nrows();
        let mut factors = a;
        let mut subdiagonal = Diag::zeros(n);
        let (mut forward, mut inverse) = (vec![0; n], vec![0; n]);
        let scratch = cholesky_in_place_scratch::<usize, f64>(n, Par::Seq, Default::default());
        cholesky_in_place(
            factors.as_mut(),
            subdiagonal.as_mut(),
            &mut forward,
            &mut inverse,
            Par::Seq,
            MemStack::new(&mut MemBuffer::new(scratch)),
            Default::default(),
        );
        Self {
            factors,
            subdiagonal,
            permutation: Perm::new_checked(forward.into(), inverse.into(), n),
        }
    }

    /// L and the diagonal of B in one matrix, what is below B's diagonal, and which row of A comes where.
    pub(crate) fn arrays(&self) -> (MatRef<'_, f64>, Vec<f64>, &[usize]) {
        let below = self.subdiagonal.column_vector();
        let below = below.iter().copied().collect();
        (self.factors.as_ref(), below, self.permutation.arrays().0)
    }

    /// From [`arrays`](Self::arrays); `None` where the list is none of a permutation.
    pub(crate) fn from_arrays(
        factors: Mat<f64>,
        below: &[f64],
        permutation: &[f64],
    ) -> Option<Self> {
        let mut subdiagonal = Diag::zeros(below.len());
        for (place, &x) in subdiagonal.column_vector_mut().iter_mut().zip(below) {
            *place = x;
        }
        Some(Self {
            factors,
            subdiagonal,
            permutation: permutation_of(permutation)?,
        })
    }

    /// Is a pivot exactly zero?
    ///
    /// A block of 2 × 2 is chosen where its off-diagonal entry is the larger, so it is regular.
    pub(crate) fn has_zero_pivot(&self) -> bool {
        let below = self.subdiagonal.column_vector();
        (0..self.factors.nrows()).any(|i| {
            let alone = below[i] == 0.0 && (i == 0 || below[i - 1] == 0.0);
            alone && self.factors[(i, i)] == 0.0
        })
    }

    /// X ← A⁻¹ X.
    pub(crate) fn solve(&self, x: MatMut<'_, f64>) {
        let (n, p) = x.shape();
        let scratch = solve_in_place_scratch::<usize, f64>(n, p, Par::Seq);
        solve_in_place(
            self.factors.as_ref(),
            self.factors.diagonal(),
            self.subdiagonal.as_ref(),
            self.permutation.as_ref(),
            x,
            Par::Seq,
            MemStack::new(&mut MemBuffer::new(scratch)),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gradcheck::{gaussian, symmetric_with_spectrum};
    use faer::mat;

    #[test]
    fn solves_indefinite_systems_of_either_block() {
        for n in [1, 2, 5, 40, 130] {
            let spectrum: Vec<f64> = (0..n)
                .map(|i| if i % 3 == 0 { -1.0 } else { 1.0 } * (1.0 + i as f64 / n as f64))
                .collect();
            let a = symmetric_with_spectrum(&spectrum, n as u64);
            let b = gaussian(n, 3, 1);
            let mut x = b.clone();
            let factors = BunchKaufman::new(a.clone());
            assert!(!factors.has_zero_pivot());
            factors.solve(x.as_mut());
            // cond(A) ≤ 2, entries of a few units; the factors of L may grow.
            let error = (a * x - b).norm_max();
            assert!(error < 100.0 * f64::EPSILON * n as f64, "{n}: {error:e}");
        }
        // No 1 × 1 pivot exists.
        let mut x = mat![[2.0], [3.0]];
        let factors = BunchKaufman::new(mat![[0.0, 0.0], [1.0, 0.0]]);
        assert!(!factors.has_zero_pivot());
        factors.solve(x.as_mut());
        assert_eq!(x, mat![[3.0], [2.0]]);
    }

    #[test]
    fn sees_a_pivot_that_is_zero() {
        assert!(BunchKaufman::new(mat![[1.0, 1.0], [1.0, 1.0]]).has_zero_pivot());
        assert!(BunchKaufman::new(Mat::zeros(3, 3)).has_zero_pivot());
    }
}
