//! Symmetric matrices that are known by their products alone.

use crate::error::{Error, Result};
use crate::guard::ensure_finite_values;
use crate::symmetric::ensure_symmetric;
use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatMut, MatRef, Par};

/// A symmetric matrix that is known by its products with vectors: a sparse one, a graph's, one of low rank.
///
/// # Example
/// The path graph's Laplacian, without a matrix.
/// ```
/// use matbackprop_core::SymmetricOperator;
///
/// struct Path(usize);
///
/// impl SymmetricOperator for Path {
///     fn side(&self) -> usize {
///         self.0
///     }
///
///     fn apply(&self, x: &[f64], out: &mut [f64]) {
///         out.fill(0.0);
///         for i in 1..self.0 {
///             let difference = x[i] - x[i - 1];
///             out[i] += difference;
///             out[i - 1] -= difference;
///         }
///     }
/// }
///
/// let mut out = [0.0; 3];
/// Path(3).apply(&[0.0, 1.0, 3.0], &mut out);
/// assert_eq!(out, [-1.0, -1.0, 2.0]);
/// ```
pub trait SymmetricOperator {
    /// n, for an n × n matrix.
    fn side(&self) -> usize;

    /// `out` ← A x, both of n numbers; what `out` holds before means nothing. A stays the same from call to call.
    fn apply(&self, x: &[f64], out: &mut [f64]);
}

/// A dense symmetric matrix as an operator.
#[derive(Clone, Copy, Debug)]
pub struct DenseOperator<'a> {
    matrix: MatRef<'a, f64>,
}

impl<'a> DenseOperator<'a> {
    /// Of a matrix that is symmetric up to rounding.
    ///
    /// # Errors
    /// [`NotSquare`](Error::NotSquare), [`Empty`](Error::Empty), [`NotFinite`](Error::NotFinite),
    /// [`NotSymmetric`](Error::NotSymmetric) beyond rounding.
    pub fn new(matrix: MatRef<'a, f64>) -> Result<Self> {
        ensure_symmetric("dense operator", matrix)?;
        Ok(Self { matrix })
    }
}

impl SymmetricOperator for DenseOperator<'_> {
    fn side(&self) -> usize {
        self.matrix.nrows()
    }

    fn apply(&self, x: &[f64], out: &mut [f64]) {
        let x = MatRef::from_column_major_slice(x, x.len(), 1);
        let n = out.len();
        let out = MatMut::from_column_major_slice_mut(out, n, 1);
        matmul(out, Accum::Replace, self.matrix, x, 1.0, Par::Seq);
    }
}

impl<A: SymmetricOperator + ?Sized> SymmetricOperator for &A {
    fn side(&self) -> usize {
        (**self).side()
    }

    fn apply(&self, x: &[f64], out: &mut [f64]) {
        (**self).apply(x, out);
    }
}

/// `out` ← A x / 2ᵉ, if that is finite.
///
/// # Errors
/// [`NotFinite`](Error::NotFinite) for an operator whose products are not.
pub(crate) fn apply_scaled(
    op: &'static str,
    a: &impl SymmetricOperator,
    exponent: i32,
    x: &[f64],
    out: &mut [f64],
) -> Result<()> {
    a.apply(x, out);
    ensure_finite_values(op, out)?;
    // In two steps, as 2⁻ᵉ itself may leave the range.
    let half = -exponent / 2;
    let (first, second) = (2f64.powi(half), 2f64.powi(-exponent - half));
    for entry in out {
        *entry = *entry * first * second;
    }
    Ok(())
}

/// A X / 2ᵉ, a column at a time.
///
/// # Errors
/// As [`apply_scaled`].
pub(crate) fn apply_to_columns(
    op: &'static str,
    a: &impl SymmetricOperator,
    exponent: i32,
    x: &Mat<f64>,
) -> Result<Mat<f64>> {
    let mut products = Mat::zeros(x.nrows(), x.ncols());
    for j in 0..x.ncols() {
        apply_scaled(
            op,
            a,
            exponent,
            x.col_as_slice(j),
            products.col_as_slice_mut(j),
        )?;
    }
    Ok(products)
}

/// Is the operator of this side?
///
/// # Errors
/// [`ShapeMismatch`](Error::ShapeMismatch).
pub(crate) fn ensure_side(op: &'static str, a: &impl SymmetricOperator, n: usize) -> Result<()> {
    if a.side() == n {
        return Ok(());
    }
    Err(Error::ShapeMismatch {
        op,
        expected: (n, n),
        found: (a.side(), a.side()),
    })
}

/// ‖x‖, of entries whose squares stay in range.
pub(crate) fn norm(x: &[f64]) -> f64 {
    x.iter().map(|x| x * x).sum::<f64>().sqrt()
}

/// x ← (I − V Vᵀ) x for orthonormal V, twice, the second time against the rounding of the first; the coefficients along V.
pub(crate) fn project_out(x: &mut [f64], v: MatRef<'_, f64>) -> Vec<f64> {
    let mut along = vec![0.0; v.ncols()];
    let n = x.len();
    let mut x = MatMut::from_column_major_slice_mut(x, n, 1);
    for _ in 0..2 {
        let part = v.transpose() * x.as_ref();
        matmul(x.as_mut(), Accum::Add, v, part.as_ref(), -1.0, Par::Seq);
        for (along, part) in along.iter_mut().zip(part.col(0).iter()) {
            *along += part;
        }
    }
    along
}

#[cfg(test)]
mod tests {
    use test_support::refused;

    use super::*;
    use faer::mat;

    #[test]
    fn a_matrix_is_its_products() {
        let a = mat![[1.0, 2.0], [2.0, -1.0]];
        let operator = DenseOperator::new(a.as_ref()).unwrap();
        let mut out = [f64::NAN; 2];
        let side = |a: &dyn SymmetricOperator| a.side();
        operator.apply(&[1.0, 1.0], &mut out);
        assert_eq!((out, side(&operator)), ([3.0, 1.0], 2));
        apply_scaled("test", &operator, 3, &[1.0, 1.0], &mut out).unwrap();
        assert_eq!(out, [3.0 / 8.0, 1.0 / 8.0]);
        let huge = mat![[f64::MAX, f64::MAX], [f64::MAX, 0.0]];
        let operator = DenseOperator::new(huge.as_ref()).unwrap();
        let (wide, odd) = (mat![[1.0, 2.0]], mat![[1.0, 2.0], [3.0, 4.0]]);
        refused! {
            apply_scaled("test", &operator, 0, &[1.0, 1.0], &mut out) => Error::NotFinite { .. },
            ensure_side("test", &operator, 3) => Error::ShapeMismatch { .. },
            DenseOperator::new(wide.as_ref()) => Error::NotSquare { .. },
            DenseOperator::new(odd.as_ref()) => Error::NotSymmetric { .. },
        }
    }

    #[test]
    fn what_is_projected_out_is_returned() {
        let v = mat![[0.6], [0.8], [0.0]];
        let mut x = [1.0, 2.0, 3.0];
        let along = project_out(&mut x, v.as_ref());
        assert!((along[0] - 2.2).abs() < 1e-15);
        assert!((0.6 * x[0] + 0.8 * x[1]).abs() < 1e-16 && x[2] == 3.0);
        assert_eq!(norm(&[3.0, 4.0]), 5.0);
    }
}
