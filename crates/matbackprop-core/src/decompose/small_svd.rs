//! Singular values and vectors of a small bidiagonal matrix.

use faer::diag::Diag;
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::svd::{ComputeSvdVectors, svd, svd_scratch};
use faer::{Mat, MatMut, Par};

/// B = U [Σ 0] Vᵀ for an upper bidiagonal B of one row a value in `diagonal` and one column more than entries `above`
/// it: values nondecreasing, U and V orthogonal, the null vector of a wide B last in V. `false` without convergence.
pub(super) fn small_bidiagonal_svd(
    diagonal: &mut [f64],
    above: &[f64],
    mut left: MatMut<'_, f64>,
    mut right: MatMut<'_, f64>,
) -> bool {
    let (rows, columns) = (diagonal.len(), above.len() + 1);
    let mut b = Mat::zeros(rows, columns);
    for i in 0..rows {
        b[(i, i)] = diagonal[i];
        if i + 1 < columns {
            b[(i, i + 1)] = above[i];
        }
    }
    let mut values = Diag::<f64>::zeros(rows);
    let full = ComputeSvdVectors::Full;
    let scratch = svd_scratch::<f64>(rows, columns, full, full, Par::Seq, Default::default());
    let converged = svd(
        b.as_ref(),
        values.as_mut(),
        Some(left.as_mut()),
        Some(right.as_mut()),
        Par::Seq,
        MemStack::new(&mut MemBuffer::new(scratch)),
        Default::default(),
    );
    for (value, found) in diagonal.iter_mut().rev().zip(values.column_vector().iter()) {
        *value = *found;
    }
    for j in 0..rows / 2 {
        for vectors in [left.as_mut(), right.as_mut()] {
            let (x, y) = vectors.two_cols_mut(j, rows - 1 - j);
            for (x, y) in x.iter_mut().zip(y.iter_mut()) {
                std::mem::swap(x, y);
            }
        }
    }
    converged.is_ok()
}
