//! The inverse of the map X ↦ A X + X B, by Schur factors of A and B.

use super::condition::inverse_norm;
use super::quasi_triangular::solve_quasi_triangular;
use crate::error::Result;
use crate::guard::within_range;
use crate::scale::{Scaled, power_of_two_scale};
use faer::{Mat, MatMut, MatRef, Scale};

/// X ↦ A X + X B for A = U T Uᵀ: m × m and B = V S Vᵀ: n × n.
#[derive(Clone, Debug)]
pub(crate) struct SylvesterMap {
    u: Mat<f64>,
    t: Mat<f64>,
    v: Mat<f64>,
    s: Mat<f64>,
    /// The power of two by which A and B were divided.
    scale: f64,
    reciprocal_condition: f64,
}

impl SylvesterMap {
    /// From Schur factors, vectors and triangle, of A / scale and B / scale.
    pub(crate) fn new(
        (u, t): (Mat<f64>, Mat<f64>),
        (v, s): (Mat<f64>, Mat<f64>),
        scale: f64,
    ) -> Self {
        let mut map = Self::from_factors((u, t), (v, s), scale);
        map.reciprocal_condition = map.estimate();
        map
    }

    /// From the factors of another, without its condition number.
    pub(crate) fn from_factors(
        (u, t): (Mat<f64>, Mat<f64>),
        (v, s): (Mat<f64>, Mat<f64>),
        scale: f64,
    ) -> Self {
        Self {
            u,
            t,
            v,
            s,
            scale,
            reciprocal_condition: 0.0,
        }
    }

    /// U and T of A / scale, V and S of B / scale.
    pub(crate) fn factors(&self) -> [MatRef<'_, f64>; 4] {
        [&self.u, &self.t, &self.v, &self.s].map(Mat::as_ref)
    }

    /// An estimate of 1 / (‖M⁻¹‖₁ (‖T‖₁ + ‖S‖∞)) for the map M between the Schur bases, mostly within a factor of
    /// three and never too small; 0 where an eigenvalue of A is the negative of one of B.
    pub(crate) fn reciprocal_condition(&self) -> f64 {
        self.reciprocal_condition
    }

    /// (m, n).
    pub(crate) fn shape(&self) -> (usize, usize) {
        (self.t.nrows(), self.s.nrows())
    }

    /// X of A X + X B = C.
    ///
    /// # Errors
    /// [`Overflow`](crate::Error::Overflow).
    pub(crate) fn solve(&self, op: &'static str, c: MatRef<'_, f64>) -> Result<Mat<f64>> {
        self.in_schur_bases(op, c, |f| self.solve_triangles(f))
    }

    /// X of Aᵀ X + X Bᵀ = C.
    ///
    /// # Errors
    /// [`Overflow`](crate::Error::Overflow).
    pub(crate) fn solve_transposed(
        &self,
        op: &'static str,
        c: MatRef<'_, f64>,
    ) -> Result<Mat<f64>> {
        self.in_schur_bases(op, c, |f| self.solve_transposed_triangles(f))
    }

    fn solve_triangles(&self, f: MatMut<'_, f64>) {
        solve_quasi_triangular(self.t.as_ref(), self.s.as_ref(), f);
    }

    /// Transposed and read backwards, a quasi-triangular matrix is one again.
    fn solve_transposed_triangles(&self, f: MatMut<'_, f64>) {
        solve_quasi_triangular(
            self.t.transpose().reverse_rows_and_cols(),
            self.s.transpose().reverse_rows_and_cols(),
            f.reverse_rows_and_cols_mut(),
        );
    }

    fn in_schur_bases(
        &self,
        op: &'static str,
        c: MatRef<'_, f64>,
        solve: impl Fn(MatMut<'_, f64>),
    ) -> Result<Mat<f64>> {
        let size = power_of_two_scale(c);
        let mut f = self.u.transpose() * Scaled::new(c, size).as_ref() * &self.v;
        solve(f.as_mut());
        let x = &self.u * f * self.v.transpose();
        within_range(op, Scale(size / self.scale) * x)
    }

    fn estimate(&self) -> f64 {
        let (m, n) = self.shape();
        // A copy as a matrix costs far less than the solve.
        let as_matrix = |mut x: MatMut<'_, f64>, solve: &dyn Fn(MatMut<'_, f64>)| {
            let mut f = Mat::from_fn(m, n, |i, j| x[(i + j * m, 0)]);
            solve(f.as_mut());
            for j in 0..n {
                for i in 0..m {
                    x[(i + j * m, 0)] = f[(i, j)];
                }
            }
        };
        let norm = inverse_norm(
            m * n,
            |x| as_matrix(x, &|f| self.solve_triangles(f)),
            |x| as_matrix(x, &|f| self.solve_transposed_triangles(f)),
        );
        let largest = |sizes: &mut dyn Iterator<Item = f64>| sizes.fold(0.0, f64::max);
        let columns = largest(&mut self.t.col_iter().map(|column| column.norm_l1()));
        let rows = largest(&mut self.s.row_iter().map(|row| row.norm_l1()));
        let product = norm * (columns + rows);
        if product.is_finite() && product > 0.0 {
            product.recip()
        } else {
            0.0
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gradcheck::gaussian;

    /// Upper triangular, with these entries on the diagonal.
    fn triangle(diagonal: &[f64], seed: u64) -> Mat<f64> {
        let n = diagonal.len();
        let g = gaussian(n, n, seed);
        Mat::from_fn(n, n, |i, j| match i.cmp(&j) {
            std::cmp::Ordering::Less => g[(i, j)],
            std::cmp::Ordering::Equal => diagonal[i],
            std::cmp::Ordering::Greater => 0.0,
        })
    }

    fn map(t: &Mat<f64>, s: &Mat<f64>) -> SylvesterMap {
        let one = |a: &Mat<f64>| Mat::identity(a.nrows(), a.ncols());
        SylvesterMap::new((one(t), t.clone()), (one(s), s.clone()), 1.0)
    }

    #[test]
    fn both_solves_are_inverses() {
        let (t, s) = (triangle(&[1.0, 2.0, 3.0], 1), triangle(&[0.5, 0.5], 2));
        let (map, x) = (map(&t, &s), gaussian(3, 2, 3));
        let found = map.solve("test", (&t * &x + &x * &s).as_ref()).unwrap();
        assert!((found - &x).norm_max() < 1e-14);
        let c = t.transpose() * &x + &x * s.transpose();
        let found = map.solve_transposed("test", c.as_ref()).unwrap();
        assert!((found - &x).norm_max() < 1e-14);
    }

    #[test]
    fn the_condition_is_close_to_the_truth_and_never_below_it() {
        for (seed, gap) in [1.0, 1e-1, 1e-3, 1e-6, 1e-9].into_iter().enumerate() {
            let seed = seed as u64;
            let t = triangle(&[1.0, 2.0, -3.0], seed);
            let s = triangle(&[gap - 1.0, 7.0], seed + 10);
            let map = map(&t, &s);
            // Every column of the inverse.
            let norm = (0..6)
                .map(|k| {
                    let unit = Mat::from_fn(3, 2, |i, j| if i + 3 * j == k { 1.0 } else { 0.0 });
                    let column = map.solve("test", unit.as_ref()).unwrap();
                    column.col_iter().map(|column| column.norm_l1()).sum()
                })
                .fold(0.0, f64::max);
            let columns = t.col_iter().map(|c| c.norm_l1()).fold(0.0, f64::max);
            let rows = s.row_iter().map(|r| r.norm_l1()).fold(0.0, f64::max);
            let truth = 1.0 / (norm * (columns + rows));
            let ratio = map.reciprocal_condition() / truth;
            assert!((1.0 - 1e-10..5.0).contains(&ratio), "{gap:e}: {ratio}");
        }
        let (t, s) = (triangle(&[1.0, 2.0], 1), triangle(&[-2.0], 2));
        assert_eq!(map(&t, &s).reciprocal_condition(), 0.0);
    }
}
