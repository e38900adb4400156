//! A symmetric matrix made tridiagonal by reflections, in panels of columns.
//!
//! ```text
//! H_k = I − v vᵀ / τ        A ← H A H = A − v wᵀ − w vᵀ,    w = A v / τ − ½ (vᵀ A v / τ²) v
//! ```
//!
//! Inside a panel the reflections are stored as V and W, and A v is taken of the matrix at its start, A − V Wᵀ − W Vᵀ;
//! behind the panel they are applied at once, as products of matrices.
//!
//! Source: Dongarra, Hammarling, Sorensen, "Block reduction of matrices to condensed forms for eigenvalue
//! computations", Journal of Computational and Applied Mathematics 27, 1989.

use super::householder::reflect;
use super::wide::{Columns, add_columns, column_products, dot, symmetric_product};
use crate::buffer_pool::Temporary;
use faer::linalg::matmul::triangular::{self, BlockStructure};
use faer::{Accum, Par};
use pulp::{Simd, WithSimd};

/// Columns in a panel.
const PANEL: usize = 16;

/// A = H T Hᵀ: T's diagonal and the entries below it (one spare), and τ of each reflection; v without its leading one
/// replaces A below the subdiagonal. The lower triangle is read.
pub(super) fn tridiagonalise(a: &mut Temporary) -> (Vec<f64>, Vec<f64>, Vec<f64>) {
    let n = a.as_ref().nrows();
    let (mut diagonal, mut below, mut taus) = (vec![0.0; n], vec![0.0; n], vec![0.0; n]);
    let (mut v, mut w) = (Temporary::new(n, PANEL), Temporary::new(n, PANEL));
    let arch = pulp::Arch::new();
    for first in (0..n).step_by(PANEL) {
        let columns = PANEL.min(n - first);
        arch.dispatch(Panel {
            n,
            first,
            columns,
            a: a.as_mut_slice(),
            v: v.as_mut_slice(),
            w: w.as_mut_slice(),
            diagonal: &mut diagonal,
            below: &mut below,
            taus: &mut taus,
        });
        let rest = first + columns;
        let (v, w) = (v.as_ref(), w.as_ref());
        let (v, w) = (
            v.submatrix(rest, 0, n - rest, columns),
            w.submatrix(rest, 0, n - rest, columns),
        );
        for (left, right) in [(v, w), (w, v)] {
            triangular::matmul(
                a.as_mut().submatrix_mut(rest, rest, n - rest, n - rest),
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
    }
    (diagonal, below, taus)
}

/// Columns first, …, first + columns − 1 of A, to be dispatched; V and W have n rows a column.
struct Panel<'a> {
    n: usize,
    first: usize,
    columns: usize,
    a: &'a mut [f64],
    v: &'a mut [f64],
    w: &'a mut [f64],
    diagonal: &'a mut [f64],
    below: &'a mut [f64],
    taus: &'a mut [f64],
}

impl WithSimd for Panel<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let n = self.n;
        for i in 0..self.columns {
            let k = self.first + i;
            let (v_before, v_from) = self.v.split_at_mut(i * n);
            let (w_before, w_from) = self.w.split_at_mut(i * n);
            let (v_column, w_column) = (&mut v_from[..n], &mut w_from[..n]);
            let before = |numbers, first| Columns {
                numbers,
                stride: n,
                first,
            };

            // Column k as the reflections of this panel leave it.
            let column = &mut self.a[k * n..][..n][k..];
            let (mut v_weights, mut w_weights) = ([0.0; PANEL], [0.0; PANEL]);
            for m in 0..i {
                (v_weights[m], w_weights[m]) = (-v_before[m * n + k], -w_before[m * n + k]);
            }
            add_columns(simd, before(v_before, k), &w_weights[..i], column);
            add_columns(simd, before(w_before, k), &v_weights[..i], column);
            self.diagonal[k] = column[0];
            if k + 1 == n {
                return;
            }

            let (_, tail) = column.split_at_mut(1);
            let (beta, tau) = reflect(simd, tail);
            (self.below[k], self.taus[k]) = (beta, tau);
            v_column.fill(0.0);
            w_column.fill(0.0);
            if tau == f64::INFINITY {
                continue;
            }
            let (v_now, w_now) = (&mut v_column[k + 1..], &mut w_column[k + 1..]);
            v_now.copy_from_slice(tail);
            v_now[0] = 1.0;

            // A v of the matrix at the panel's start, less the part of its reflections.
            symmetric_product(simd, before(&*self.a, k + 1), v_now, w_now);
            let (mut from_v, mut from_w) = ([0.0; PANEL], [0.0; PANEL]);
            column_products(simd, before(v_before, k + 1), v_now, &mut from_v[..i]);
            column_products(simd, before(w_before, k + 1), v_now, &mut from_w[..i]);
            from_v.iter_mut().for_each(|x| *x = -*x);
            from_w.iter_mut().for_each(|x| *x = -*x);
            add_columns(simd, before(v_before, k + 1), &from_w[..i], w_now);
            add_columns(simd, before(w_before, k + 1), &from_v[..i], w_now);

            let inverse = tau.recip();
            let half = 0.5 * inverse * inverse * dot(simd, v_now, w_now);
            for (w, v) in w_now.iter_mut().zip(&*v_now) {
                *w = *w * inverse - half * v;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gradcheck::symmetric_with_spectrum;
    use faer::Mat;

    #[test]
    fn reflections_rebuild_the_matrix() {
        for n in [1, 2, 3, 5, 16, 17, 18, 33, 50, 97] {
            let spectrum: Vec<f64> = (0..n).map(|i| (i as f64 - 2.0).powi(3)).collect();
            for a in [
                symmetric_with_spectrum(&spectrum, 5),
                Mat::identity(n, n),
                Mat::zeros(n, n),
            ] {
                let mut work = Temporary::new(n, n);
                work.as_mut().copy_from(&a);
                let (diagonal, below, taus) = tridiagonalise(&mut work);
                let mut t = Mat::from_fn(n, n, |i, j| match i.abs_diff(j) {
                    0 => diagonal[i],
                    1 => below[i.min(j)],
                    _ => 0.0,
                });
                for k in (0..n.saturating_sub(1)).rev() {
                    let v = Mat::from_fn(n, 1, |i, _| match i {
                        i if i <= k => 0.0,
                        i if i == k + 1 => 1.0,
                        i => work.as_ref()[(i, k)],
                    });
                    let h = Mat::<f64>::identity(n, n)
                        - faer::Scale(taus[k].recip()) * &v * v.transpose();
                    t = &h * t * &h;
                }
                let error = (t - &a).norm_max();
                // A few n ε ‖A‖.
                assert!(
                    error <= 10.0 * n as f64 * f64::EPSILON * a.norm_max(),
                    "{n}: {error:e}"
                );
            }
        }
    }
}
