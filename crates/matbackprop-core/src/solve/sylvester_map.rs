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
        let mut map = Self {
            u,
            t,
            v,
            s,
            scale,
            reciprocal_condition: 0.0,
        };
        map.reciprocal_condition = map.estimate();
        map
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
        let as_matrix = |x: MatMut<'_, f64>, solve: &dyn Fn(MatMut<'_, f64>)| {
            let column = x.col_mut(0).try_as_col_major_mut();
            let column = column.expect("the estimate's vectors are contiguous");
            solve(MatMut::from_column_major_slice_mut(
                column.as_slice_mut(),
                m,
                n,
            ));
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
