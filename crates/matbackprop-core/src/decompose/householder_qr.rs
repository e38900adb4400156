//! A matrix made triangular by reflections, in panels of columns; none is left out, however short it has become.

use super::householder::{BLOCK, Order, apply_block, reflect};
use super::wide::{Columns, add_columns, column_products};
use crate::buffer_pool::Temporary;
use faer::{Mat, MatMut, MatRef};
use pulp::{Simd, WithSimd};

/// A = H₁ ⋯ H_n R for an m × n matrix, m ≥ n.
///
/// Every column of A is exact to a few m ε of its own length: a column that depends on those before it leaves a small
/// diagonal entry, which is returned as it is, and its rest is not thrown away.
pub(super) struct HouseholderQr {
    /// R on and above the diagonal, each v without its leading one below it.
    factors: Temporary,
    taus: Vec<f64>,
}

impl HouseholderQr {
    /// Factors a finite A.
    pub(super) fn new(a: MatRef<'_, f64>) -> Self {
        let (m, n) = a.shape();
        assert!(
            m >= n,
            "a triangular factor is asked of a matrix that is not wide"
        );
        let mut factors = Temporary::copy_of(a);
        let mut taus = vec![0.0; n];
        let mut v = Temporary::new(m, BLOCK);
        let arch = pulp::Arch::new();
        for first in (0..n).step_by(BLOCK) {
            let width = BLOCK.min(n - first);
            arch.dispatch(Panel {
                m,
                first,
                width,
                a: factors.as_mut_slice(),
                v: v.as_mut_slice(),
                taus: &mut taus,
            });
            let rest = first + width;
            if rest < n {
                let (left, right) = factors.as_mut().split_at_col_mut(rest);
                let below = left.as_ref().submatrix(first, first, m - first, width);
                let right = right.subrows_mut(first, m - first);
                apply_block(below, &taus[first..rest], Order::FirstFirst, right);
            }
        }
        Self { factors, taus }
    }

    /// The entry of R at row i and column j ≥ i.
    pub(super) fn r(&self, i: usize, j: usize) -> f64 {
        self.factors.as_ref()[(i, j)]
    }

    /// R, n × n, with zeros below the diagonal.
    pub(super) fn triangle(&self) -> Mat<f64> {
        let n = self.taus.len();
        Mat::from_fn(n, n, |i, j| if i <= j { self.r(i, j) } else { 0.0 })
    }

    /// X ← H₁ ⋯ H_n X for X of m rows.
    pub(super) fn apply(&self, mut x: MatMut<'_, f64>) {
        let (m, n) = self.factors.as_ref().shape();
        for first in (0..n).step_by(BLOCK).rev() {
            let width = BLOCK.min(n - first);
            let below = self.factors.as_ref();
            let below = below.submatrix(first, first, m - first, width);
            let taus = &self.taus[first..first + width];
            let rows = x.as_mut().subrows_mut(first, m - first);
            apply_block(below, taus, Order::LastFirst, rows);
        }
    }
}

/// Columns first, …, first + width − 1 of A, to be dispatched; V has m rows a column.
struct Panel<'a> {
    m: usize,
    first: usize,
    width: usize,
    a: &'a mut [f64],
    v: &'a mut [f64],
    taus: &'a mut [f64],
}

impl WithSimd for Panel<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (m, first) = (self.m, self.first);
        // The upper triangle of VᵀV with τ on its diagonal, a column a list.
        let mut s = [[0.0; BLOCK]; BLOCK];
        for i in 0..self.width {
            let k = first + i;
            let (v_before, v_from) = self.v.split_at_mut(i * m);
            let before = Columns {
                numbers: v_before,
                stride: m,
                first,
            };
            let column = &mut self.a[k * m..][..m][first..];

            // Column k after the reflections of this panel: c − V (S⁻ᵀ (Vᵀ c)).
            let mut weights = [0.0; BLOCK];
            column_products(simd, before, column, &mut weights[..i]);
            for r in 0..i {
                let mut sum = weights[r];
                for q in 0..r {
                    sum -= s[r][q] * weights[q];
                }
                weights[r] = sum / s[r][r];
            }
            weights[..i].iter_mut().for_each(|x| *x = -*x);
            add_columns(simd, before, &weights[..i], column);

            let tail = &mut column[i..];
            let (_, tau) = reflect(simd, tail);
            self.taus[k] = tau;
            let v = &mut v_from[..m][first..];
            v[..i].fill(0.0);
            v[i] = 1.0;
            v[i + 1..].copy_from_slice(&tail[1..]);
            column_products(simd, before, v, &mut s[i][..i]);
            s[i][i] = tau;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gradcheck::gaussian;
    use crate::products::gram;

    #[test]
    fn factors_rebuild_each_column_to_its_own_length() {
        for (m, n) in [
            (1, 1),
            (5, 1),
            (7, 7),
            (40, 31),
            (70, 33),
            (200, 65),
            (64, 64),
        ] {
            // Columns over thirty decades, one that is zero, one that is a copy, and one all but a copy.
            let mut a = gaussian(m, n, 3);
            for j in 0..n {
                let size = 10f64.powi((j as i32 * 7) % 31 - 15);
                a.col_mut(j).iter_mut().for_each(|x| *x *= size);
            }
            if n > 4 {
                a.col_mut(1).fill(0.0);
                let copy = a.col(0).to_owned();
                a.col_mut(2).copy_from(&copy);
                a.col_mut(3).copy_from(&copy);
                a[(m - 1, 3)] *= 1.0 + 1e-14;
            }
            let qr = HouseholderQr::new(a.as_ref());
            let mut q = Mat::identity(m, n);
            qr.apply(q.as_mut());
            let back = &q * qr.triangle();
            for j in 0..n {
                let error = (back.col(j) - a.col(j)).norm_l2();
                // Measured: at most 3 m ε.
                let tolerance = 10.0 * m as f64 * f64::EPSILON * a.col(j).norm_l2();
                assert!(error <= tolerance, "{m} × {n}, {j}: {error:e}");
            }
            let turned = gram(q.as_ref()) - Mat::<f64>::identity(n, n);
            assert!(turned.norm_max() < 20.0 * f64::EPSILON, "{m} × {n}");
        }
    }

    #[test]
    fn a_column_that_all_but_depends_keeps_its_rest() {
        // r₂₂ is the part of the second column beside the first: 2⁻⁵⁰, far below m ε for m = 5000.
        let m = 5000;
        let rest = 2f64.powi(-50);
        let a = Mat::from_fn(m, 2, |i, j| match (i, j) {
            (0, _) => 1.0,
            (4999, 1) => rest,
            _ => 0.0,
        });
        assert_eq!(HouseholderQr::new(a.as_ref()).r(1, 1).abs(), rest);
    }
}
