//! A matrix made upper bidiagonal by reflections from both sides, a column and a row at a time.
//!
//! ```text
//! w = Aᵀv / τ,  row ← row − wᵀ,  z = (A − v wᵀ) u / τ′        v of the column, u of the row
//! A ← A − v wᵀ − z uᵀ                                         three passes over what is left of A, the last one writes
//! ```
//!
//! For sides at which A stays in the processor's second cache; beyond, a pass is what costs, and the library has fewer.
//!
//! Source: Golub, Kahan, "Calculating the singular values and pseudo-inverse of a matrix", SIAM Journal on Numerical
//! Analysis 2, 1965.

use super::householder::reflect;
use super::wide::{Columns, add_columns, add_two, column_products, dot};
use pulp::{Simd, WithSimd};

/// Rows at which a pass begins: whole registers, and no loop over what is left at its end where m is a multiple.
const ALIGNED: usize = 8;

/// A = H B Gᵀ for an m × n matrix, m ≥ n ≥ 1, to be dispatched.
///
/// v without its leading one replaces A below the diagonal, u without its leading one the entries right of the one above it.
pub(super) struct Bidiagonalise<'a> {
    pub(super) m: usize,
    pub(super) a: &'a mut [f64],
    /// τ of the reflections from the left and from the right, n each; the last one from the right is none.
    pub(super) from_left: &'a mut [f64],
    pub(super) from_right: &'a mut [f64],
    /// B's diagonal, and the entries above it, n each; the last one above is spare.
    pub(super) diagonal: &'a mut [f64],
    pub(super) above: &'a mut [f64],
}

impl WithSimd for Bidiagonalise<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (m, n) = (self.m, self.diagonal.len());
        let (mut v, mut z) = (vec![0.0; m], vec![0.0; m]);
        let (mut w, mut u) = (vec![0.0; n], vec![0.0; n]);
        for k in 0..n {
            let (done, rest) = self.a.split_at_mut((k + 1) * m);
            let column = &mut done[k * m + k..];
            let (beta, tau) = reflect(simd, column);
            (self.diagonal[k], self.from_left[k]) = (beta, tau);
            let count = n - k - 1;
            if count == 0 {
                return;
            }
            // Zero above row k, so that a pass may begin before it.
            let first = k - k % ALIGNED;
            v[first..k].fill(0.0);
            v[k] = 1.0;
            v[k + 1..].copy_from_slice(&column[1..]);
            let (w, u) = (&mut w[..count], &mut u[..count]);
            let columns = |first| Columns {
                numbers: &*rest,
                stride: m,
                first,
            };
            column_products(simd, columns(first), &v[first..], w);
            let inverse = tau.recip();
            w.iter_mut().for_each(|w| *w *= inverse);
            for (j, u) in u.iter_mut().enumerate() {
                *u = rest[j * m + k] - w[j];
            }
            let (beta, tau) = reflect(simd, u);
            (self.above[k], self.from_right[k]) = (beta, tau);
            for (j, u) in u.iter().enumerate() {
                rest[j * m + k] = *u;
            }
            u[0] = 1.0;

            // Row k is finished: neither v nor z reaches it.
            let first = k + 1 - (k + 1) % ALIGNED;
            v[k] = 0.0;
            z[first..].fill(0.0);
            let columns = Columns {
                numbers: &*rest,
                stride: m,
                first,
            };
            add_columns(simd, columns, u, &mut z[first..]);
            let (along, inverse) = (dot(simd, w, u), tau.recip());
            for (z, v) in z[k + 1..].iter_mut().zip(&v[k + 1..]) {
                *z = (*z - along * v) * inverse;
            }
            z[first..k + 1].fill(0.0);
            for (j, column) in rest.chunks_exact_mut(m).enumerate() {
                let pair = [(&v[first..], -w[j]), (&z[first..], -u[j])];
                add_two(simd, pair, &mut column[first..]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gradcheck::gaussian;
    use faer::{Mat, Scale};

    #[test]
    fn reflections_rebuild_the_matrix() {
        for (m, n) in [(1, 1), (3, 1), (2, 2), (8, 8), (17, 16), (33, 33), (60, 41)] {
            for kind in 0..3 {
                let a = match kind {
                    0 => gaussian(m, n, 5),
                    1 => Mat::identity(m, n),
                    _ => Mat::zeros(m, n),
                };
                let mut numbers: Vec<f64> =
                    (0..n).flat_map(|j| a.col_as_slice(j).to_vec()).collect();
                let (mut left, mut right) = (vec![0.0; n], vec![0.0; n]);
                let (mut diagonal, mut above) = (vec![0.0; n], vec![0.0; n]);
                pulp::Arch::new().dispatch(Bidiagonalise {
                    m,
                    a: &mut numbers,
                    from_left: &mut left,
                    from_right: &mut right,
                    diagonal: &mut diagonal,
                    above: &mut above,
                });
                let mut b = Mat::from_fn(m, n, |i, j| match j.wrapping_sub(i) {
                    0 => diagonal[i],
                    1 => above[i],
                    _ => 0.0,
                });
                for k in (0..n).rev() {
                    let v = Mat::from_fn(m, 1, |i, _| match i {
                        i if i < k => 0.0,
                        i if i == k => 1.0,
                        i => numbers[k * m + i],
                    });
                    b = &b - Scale(left[k].recip()) * &v * (v.transpose() * &b);
                    if k + 1 < n {
                        let u = Mat::from_fn(n, 1, |j, _| match j {
                            j if j <= k => 0.0,
                            j if j == k + 1 => 1.0,
                            j => numbers[j * m + k],
                        });
                        b = &b - Scale(right[k].recip()) * (&b * &u) * u.transpose();
                    }
                }
                let error = (b - &a).norm_max();
                // A few n ε ‖A‖.
                let tolerance = 10.0 * m as f64 * f64::EPSILON * a.norm_max();
                assert!(error <= tolerance, "{m} × {n}, {kind}: {error:e}");
            }
        }
    }
}
