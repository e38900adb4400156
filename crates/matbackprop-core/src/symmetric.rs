//! Symmetric and antisymmetric parts, and symmetric matrices kept as factors.

use crate::decompose::Temporary;
use crate::error::Result;
use crate::guard::{ensure_shape, number_within_range, within_range};
use faer::{Mat, MatMut, MatRef};

/// The symmetric part (A + Aᵀ) / 2 of a square matrix.
pub(crate) fn sym(a: MatRef<'_, f64>) -> Mat<f64> {
    let mut part = Mat::zeros(a.nrows(), a.ncols());
    fill_with_transpose(part.as_mut(), a, |x, y| 0.5 * x + 0.5 * y);
    part
}

/// [`sym`], for a moment.
pub(crate) fn temporary_sym(a: MatRef<'_, f64>) -> Temporary {
    let mut part = Temporary::new(a.nrows(), a.ncols());
    fill_with_transpose(part.as_mut(), a, |x, y| 0.5 * x + 0.5 * y);
    part
}

/// The antisymmetric part (A − Aᵀ) / 2 of a square matrix.
pub(crate) fn skew(a: MatRef<'_, f64>) -> Mat<f64> {
    let mut part = Mat::zeros(a.nrows(), a.ncols());
    fill_with_transpose(part.as_mut(), a, |x, y| 0.5 * x - 0.5 * y);
    part
}

/// `part(aᵢⱼ, aⱼᵢ)` of every entry, in tiles, so that columns and rows both stay in the cache.
fn fill_with_transpose(
    mut parts: MatMut<'_, f64>,
    a: MatRef<'_, f64>,
    part: impl Fn(f64, f64) -> f64,
) {
    const TILE: usize = 16;
    let n = a.nrows();
    assert_eq!(n, a.ncols(), "a square matrix has two parts");
    for first_column in (0..n).step_by(TILE) {
        for first_row in (0..n).step_by(TILE) {
            let (width, height) = (TILE.min(n - first_column), TILE.min(n - first_row));
            let across = a.submatrix(first_column, first_row, width, height);
            for j in 0..width {
                let out = parts.as_mut().col_mut(first_column + j);
                let out = out.subrows_mut(first_row, height);
                let down = a.col(first_column + j).subrows(first_row, height);
                let pairs = down.iter().zip(across.row(j).iter());
                for (out, (&x, &y)) in out.iter_mut().zip(pairs) {
                    *out = part(x, y);
                }
            }
        }
    }
}

/// The symmetric m × m matrix S = (L Rᵀ + R Lᵀ) / 2, kept as its m × p factors.
///
/// Tangents of projectors come in this form: where m counts pixels, m × m is never formed.
///
/// # Example
/// ```
/// # fn main() -> Result<(), matbackprop_core::Error> {
/// use faer::mat;
/// let s = matbackprop_core::SymmetricProduct::new(mat![[2.0], [0.0]], mat![[1.0], [3.0]])?;
/// assert_eq!(s.to_dense()?, mat![[2.0, 3.0], [3.0, 0.0]]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct SymmetricProduct {
    left: Mat<f64>,
    right: Mat<f64>,
}

impl SymmetricProduct {
    /// S = (L Rᵀ + R Lᵀ) / 2 from its factors.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`](crate::Error::ShapeMismatch) when the factors differ in shape;
    /// [`Error::NotFinite`](crate::Error::NotFinite).
    pub fn new(left: Mat<f64>, right: Mat<f64>) -> Result<Self> {
        ensure_shape("symmetric product", right.as_ref(), left.shape())?;
        ensure_shape("symmetric product", left.as_ref(), left.shape())?;
        Ok(Self { left, right })
    }

    /// L, m × p.
    pub fn left(&self) -> MatRef<'_, f64> {
        self.left.as_ref()
    }

    /// R, m × p.
    pub fn right(&self) -> MatRef<'_, f64> {
        self.right.as_ref()
    }

    /// tr(Yᵀ S Y) = ⟨Lᵀ Y, Rᵀ Y⟩ for Y: m × q, in O(m p q) time.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`](crate::Error::ShapeMismatch) unless Y has m rows;
    /// [`Error::NotFinite`](crate::Error::NotFinite); [`Error::Overflow`](crate::Error::Overflow).
    pub fn quadratic_form(&self, y: MatRef<'_, f64>) -> Result<f64> {
        ensure_shape("symmetric product", y, (self.left.nrows(), y.ncols()))?;
        let left = self.left.transpose() * y;
        let right = self.right.transpose() * y;
        number_within_range("symmetric product", inner(left.as_ref(), right.as_ref()))
    }

    /// S itself, m × m: for small m.
    ///
    /// # Errors
    /// [`Error::Overflow`](crate::Error::Overflow).
    pub fn to_dense(&self) -> Result<Mat<f64>> {
        let dense = sym((&self.left * self.right.transpose()).as_ref());
        within_range("symmetric product", dense)
    }
}

/// ⟨A, B⟩ = Σ aᵢⱼ bᵢⱼ of two matrices of one shape.
pub(crate) fn inner(a: MatRef<'_, f64>, b: MatRef<'_, f64>) -> f64 {
    assert_eq!(
        a.shape(),
        b.shape(),
        "an inner product is asked of matrices of one shape"
    );
    a.col_iter()
        .zip(b.col_iter())
        .map(|(a, b)| a.transpose() * b)
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;
    use faer::mat;

    #[test]
    fn parts_add_up() {
        let a = mat![[1.0, 2.0], [5.0, -3.0]];
        assert_eq!(sym(a.as_ref()), mat![[1.0, 3.5], [3.5, -3.0]]);
        assert_eq!(skew(a.as_ref()), mat![[0.0, -1.5], [1.5, 0.0]]);
        assert_eq!(sym(a.as_ref()) + skew(a.as_ref()), a);
    }

    #[test]
    fn quadratic_form_equals_the_dense_one() {
        let s = SymmetricProduct::new(
            mat![[1.0, 0.0], [2.0, -1.0], [0.5, 3.0]],
            mat![[0.0, 2.0], [1.0, 1.0], [-1.0, 4.0]],
        )
        .unwrap();
        let y = mat![[1.0, 2.0, 0.0], [0.0, 1.0, 1.0], [3.0, -2.0, 1.0]];
        let dense = y.transpose() * s.to_dense().unwrap() * &y;
        let trace = dense[(0, 0)] + dense[(1, 1)] + dense[(2, 2)];
        // Integers and halves: exact.
        assert_eq!(s.quadratic_form(y.as_ref()).unwrap(), trace);
    }

    #[test]
    fn refuses_factors_that_do_not_fit() {
        let error = SymmetricProduct::new(Mat::zeros(3, 2), Mat::zeros(3, 1)).unwrap_err();
        assert!(matches!(
            error,
            Error::ShapeMismatch {
                expected: (3, 2),
                found: (3, 1),
                ..
            }
        ));
        let error = SymmetricProduct::new(mat![[f64::NAN]], mat![[1.0]]).unwrap_err();
        assert!(matches!(error, Error::NotFinite { .. }));
        let large = SymmetricProduct::new(mat![[1e200]], mat![[1e200]]).unwrap();
        let beyond = Error::Overflow {
            op: "symmetric product",
        };
        assert_eq!(large.to_dense(), Err(beyond.clone()));
        assert_eq!(large.quadratic_form(mat![[1.0]].as_ref()), Err(beyond));
    }
}
