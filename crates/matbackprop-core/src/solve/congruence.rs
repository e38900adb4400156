//! L⁻¹ A L⁻ᵀ of a symmetric A, at half the cost of two solves.

use super::triangular::solve_lower;
use crate::products::mirror_lower;
use faer::linalg::matmul::matmul;
use faer::linalg::matmul::triangular::{self, BlockStructure};
use faer::{Accum, MatMut, MatRef, Par};

/// Up to this side, both triangles are solved for.
const SMALL: usize = 48;

/// The lower triangle of C = L⁻¹ A L⁻ᵀ over that of A; what lies above the diagonal is lost.
///
/// ```text
/// A = [A₁  Xᵀ]   L = [L₁   ]   C₁ = L₁⁻¹ A₁ L₁⁻ᵀ,   Y = X L₁⁻ᵀ − ½ M C₁       C = [C₁          ·]
///     [X   A₂]       [M  L₂]   C₂ of A₂ − Y Mᵀ − M Yᵀ                             [L₂⁻¹ (Y − ½ M C₁)  C₂]
/// ```
///
/// Source: LAPACK's `dsygst`, in halves in place of panels.
pub(crate) fn congruence(l: MatRef<'_, f64>, mut a: MatMut<'_, f64>) {
    let n = a.nrows();
    if n <= SMALL {
        mirror_lower(a.as_mut());
        solve_lower(l, a.as_mut());
        solve_lower(l, a.transpose_mut());
        return;
    }
    let half = n / 2;
    let (l1, _, m, l2) = l.split_at(half, half);
    let (mut a1, _, mut x, mut a2) = a.split_at_mut(half, half);
    congruence(l1, a1.as_mut());
    mirror_lower(a1.as_mut());
    solve_lower(l1, x.as_mut().transpose_mut());
    let add_half = |x: MatMut<'_, f64>| matmul(x, Accum::Add, m, a1.as_ref(), -0.5, Par::Seq);
    add_half(x.as_mut());
    for (left, right) in [(x.as_ref(), m), (m, x.as_ref())] {
        triangular::matmul(
            a2.as_mut(),
            BlockStructure::TriangularLower,
            Accum::Add,
            left,
            BlockStructure::Rectangular,
            right.transpose(),
            BlockStructure::Rectangular,
            -1.0,
            Par::Seq,
        );
    }
    add_half(x.as_mut());
    solve_lower(l2, x);
    congruence(l2, a2);
}

#[cfg(test)]
mod tests {
    use super::super::triangular::cholesky;
    use super::*;
    use crate::gradcheck::{gaussian, symmetric_with_spectrum};
    use crate::symmetric::sym;
    use faer::Mat;

    #[test]
    fn rebuilds_the_matrix_from_the_lower_triangle() {
        for n in [1, 2, 47, 48, 49, 97, 150] {
            let a = sym(gaussian(n, n, 1).as_ref());
            let spectrum: Vec<f64> = (0..n).map(|i| 1.0 + i as f64 / n as f64).collect();
            let b = symmetric_with_spectrum(&spectrum, 2);
            let l = cholesky("test", b.as_ref()).unwrap();
            let mut c = Mat::from_fn(n, n, |i, j| if i < j { 1e9 } else { a[(i, j)] });
            congruence(l.as_ref(), c.as_mut());
            let c = Mat::from_fn(n, n, |i, j| c[(i.max(j), i.min(j))]);
            let error = (&l * c * l.transpose() - &a).norm_max();
            assert!(error <= 1e-14 * n as f64, "{n}: {error:e}");
        }
    }
}
