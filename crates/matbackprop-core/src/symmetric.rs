//! Symmetric and antisymmetric parts, and symmetric matrices stored as factors.

use crate::buffer_pool::Temporary;
use crate::error::{Error, Result};
use crate::guard::{ensure_shape, ensure_square, number_within_range, within_range};
use crate::products::{tiles, transposed_tile};
use crate::scale::{Scaled, power_of_two_scale};
use faer::{Mat, MatMut, MatRef};

/// Entries that should be equal may differ by this times n ε of the largest: sums of n products in another order.
const ASYMMETRY: f64 = 16.0;

/// The symmetric part (A + Aᵀ) / 2 of a square matrix: the input of a rule for symmetric matrices where A is not.
///
/// A gradient goes back through it as its own symmetric part.
///
/// # Errors
/// [`NotSquare`](Error::NotSquare).
///
/// # Example
/// ```
/// # fn main() -> Result<(), matbackprop_core::Error> {
/// use faer::mat;
/// use matbackprop_core::{Error, Exp, MatrixFunction, symmetric_part};
///
/// // The generator of a rotation: its exponential is not that of its symmetric part, which is zero.
/// let a = mat![[0.0, -1.0], [1.0, 0.0]];
/// assert!(matches!(MatrixFunction::forward(a.as_ref(), Exp), Err(Error::NotSymmetric { .. })));
/// let exp = MatrixFunction::forward(symmetric_part(a.as_ref())?.as_ref(), Exp)?;
/// assert_eq!(exp.value(), faer::Mat::<f64>::identity(2, 2));
/// # Ok(())
/// # }
/// ```
pub fn symmetric_part(a: MatRef<'_, f64>) -> Result<Mat<f64>> {
    ensure_sides("symmetric part", a)?;
    Ok(sym(a))
}

/// The symmetric matrix whose lower triangle is that of A; entries above the diagonal are not read.
///
/// # Errors
/// [`NotSquare`](Error::NotSquare).
pub fn symmetric_from_lower(a: MatRef<'_, f64>) -> Result<Mat<f64>> {
    ensure_sides("symmetric from the lower triangle", a)?;
    Ok(Mat::from_fn(a.nrows(), a.ncols(), |i, j| {
        a[(i.max(j), i.min(j))]
    }))
}

/// The symmetric matrix whose upper triangle is that of A; entries below the diagonal are not read.
///
/// # Errors
/// [`NotSquare`](Error::NotSquare).
pub fn symmetric_from_upper(a: MatRef<'_, f64>) -> Result<Mat<f64>> {
    ensure_sides("symmetric from the upper triangle", a)?;
    Ok(Mat::from_fn(a.nrows(), a.ncols(), |i, j| {
        a[(i.min(j), i.max(j))]
    }))
}

fn ensure_sides(op: &'static str, a: MatRef<'_, f64>) -> Result<()> {
    let (rows, columns) = a.shape();
    if rows == columns {
        Ok(())
    } else {
        Err(Error::NotSquare { op, rows, columns })
    }
}

/// Is the matrix square, not empty, finite, and symmetric up to rounding? Its side.
///
/// # Errors
/// Those of [`ensure_square`]; [`NotSymmetric`](Error::NotSymmetric) with the pair of entries that differ most.
pub(crate) fn ensure_symmetric(op: &'static str, a: MatRef<'_, f64>) -> Result<usize> {
    ensure_symmetric_up_to(op, a, f64::EPSILON)
}

/// The symmetric part of a matrix whose entries are known to `epsilon` of the largest.
pub(crate) fn symmetric_up_to(op: &'static str, a: Mat<f64>, epsilon: f64) -> Result<Mat<f64>> {
    ensure_symmetric_up_to(op, a.as_ref(), epsilon)?;
    Ok(sym(a.as_ref()))
}

/// By how much entries that mirror each other may differ, relative to the largest: sums of n products in another order.
pub(crate) fn symmetry_tolerance(n: usize, epsilon: f64) -> f64 {
    ASYMMETRY * n as f64 * epsilon
}

fn ensure_symmetric_up_to(op: &'static str, a: MatRef<'_, f64>, epsilon: f64) -> Result<usize> {
    let n = ensure_square(op, a)?;
    let (mut largest, mut worst) = (0.0, 0.0);
    let pairs = tiles(n).flat_map(|columns| tiles(n).map(move |rows| (rows, columns.clone())));
    for (rows, columns) in pairs.filter(|(rows, columns)| rows.end > columns.start) {
        for j in columns {
            for i in rows.clone() {
                let (x, y) = (a[(i, j)], a[(j, i)]);
                largest = f64::max(largest, x.abs().max(y.abs()));
                // Halves, so that a difference stays in range.
                worst = f64::max(worst, (0.5 * x - 0.5 * y).abs());
            }
        }
    }
    let tolerance = symmetry_tolerance(n, epsilon);
    if worst <= 0.5 * tolerance * largest {
        return Ok(n);
    }
    let difference = |i: usize, j: usize| (0.5 * a[(i, j)] - 0.5 * a[(j, i)]).abs();
    let pairs = (0..n).flat_map(|j| (j + 1..n).map(move |i| (i, j)));
    let (row, column) = pairs
        .max_by(|&(i, j), &(k, l)| difference(i, j).total_cmp(&difference(k, l)))
        .unwrap_or_default();
    Err(Error::NotSymmetric {
        op,
        row,
        column,
        asymmetry: worst / largest * 2.0,
        tolerance,
    })
}

/// (A + Aᵀ) / 2 scale for a finite A that is symmetric up to rounding, and the power of two that is its scale.
///
/// # Errors
/// Those of [`ensure_symmetric`].
pub(crate) fn scaled_symmetric(op: &'static str, a: MatRef<'_, f64>) -> Result<(Mat<f64>, f64)> {
    ensure_symmetric(op, a)?;
    let scale = power_of_two_scale(a);
    Ok((sym(Scaled::new(a, scale).as_ref()), scale))
}

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
    let n = a.nrows();
    assert_eq!(n, a.ncols(), "a square matrix has two parts");
    for rows in tiles(n) {
        for columns in tiles(n) {
            // Row j of A in these columns of it is column j of Aᵀ.
            let across = transposed_tile(a, &columns, &rows);
            for (column, across) in columns.clone().zip(&across) {
                let out = parts.as_mut().col_mut(column);
                let out = out.subrows_mut(rows.start, rows.len());
                let down = a.col(column).subrows(rows.start, rows.len());
                for ((out, &x), &y) in out.iter_mut().zip(down.iter()).zip(across) {
                    *out = part(x, y);
                }
            }
        }
    }
}

/// The symmetric m × m matrix S = (L Rᵀ + R Lᵀ) / 2, stored as its m × p factors.
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

    /// The left factor L, m × p.
    pub fn left(&self) -> MatRef<'_, f64> {
        self.left.as_ref()
    }

    /// The right factor R, m × p.
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

/// ⟨A, B⟩ = Σ aᵢⱼ bᵢⱼ, a column at a time.
///
/// # Errors
/// [`Error::ShapeMismatch`](crate::Error::ShapeMismatch) unless B has the shape of A.
///
/// # Example
/// ```
/// # fn main() -> Result<(), matbackprop_core::Error> {
/// use faer::mat;
/// let (a, b) = (mat![[1.0, 2.0], [3.0, 4.0]], mat![[1.0, 0.0], [0.0, 10.0]]);
/// assert_eq!(matbackprop_core::inner_product(a.as_ref(), b.as_ref())?, 41.0);
/// # Ok(())
/// # }
/// ```
pub fn inner_product(a: MatRef<'_, f64>, b: MatRef<'_, f64>) -> Result<f64> {
    if a.shape() == b.shape() {
        Ok(inner(a, b))
    } else {
        Err(Error::ShapeMismatch {
            op: "inner product",
            expected: a.shape(),
            found: b.shape(),
        })
    }
}

/// [`inner_product`] of two matrices that are known to have one shape.
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
    use test_support::refused;

    use super::*;
    use faer::mat;

    #[test]
    fn parts_add_up() {
        let a = mat![[1.0, 2.0], [5.0, -3.0]];
        assert_eq!(sym(a.as_ref()), mat![[1.0, 3.5], [3.5, -3.0]]);
        assert_eq!(skew(a.as_ref()), mat![[0.0, -1.5], [1.5, 0.0]]);
        assert_eq!(sym(a.as_ref()) + skew(a.as_ref()), a);
    }

    #[test]
    fn asymmetry_beyond_rounding_is_refused_with_its_place() {
        for n in [1, 2, 17, 40] {
            let a = sym(crate::gradcheck::gaussian(n, n, 3).as_ref());
            assert_eq!(ensure_symmetric("test", a.as_ref()), Ok(n));
            if n == 1 {
                continue;
            }
            let mut rounded = a.clone();
            rounded[(n - 1, 0)] += 8.0 * n as f64 * f64::EPSILON * a.norm_max();
            assert_eq!(ensure_symmetric("test", rounded.as_ref()), Ok(n));
            for (row, column) in [(n - 1, 0), (n / 2, n / 2 - 1)] {
                for place in [(row, column), (column, row)] {
                    let mut other = a.clone();
                    other[place] += 1e-6 * a.norm_max();
                    let found = ensure_symmetric("test", other.as_ref());
                    let Err(Error::NotSymmetric {
                        row: r,
                        column: c,
                        asymmetry,
                        ..
                    }) = found
                    else {
                        panic!("{found:?}");
                    };
                    assert_eq!((r, c), (row, column));
                    assert!((asymmetry / 1e-6 - 1.0).abs() < 1e-3, "{asymmetry:e}");
                }
            }
        }
        // A difference that no number holds.
        let a = mat![[0.0, f64::MAX], [-f64::MAX, 0.0]];
        assert!(matches!(
            ensure_symmetric("test", a.as_ref()),
            Err(Error::NotSymmetric { asymmetry: 2.0, .. })
        ));
    }

    #[test]
    fn the_caller_chooses_the_part_of_a_matrix_that_counts() {
        let a = mat![[1.0, 2.0], [4.0, 3.0]];
        assert_eq!(
            symmetric_part(a.as_ref()).unwrap(),
            mat![[1.0, 3.0], [3.0, 3.0]]
        );
        assert_eq!(
            symmetric_from_lower(a.as_ref()).unwrap(),
            mat![[1.0, 4.0], [4.0, 3.0]]
        );
        assert_eq!(
            symmetric_from_upper(a.as_ref()).unwrap(),
            mat![[1.0, 2.0], [2.0, 3.0]]
        );
        let wide = mat![[1.0, 2.0]];
        for of in [symmetric_part, symmetric_from_lower, symmetric_from_upper] {
            assert!(matches!(of(wide.as_ref()), Err(Error::NotSquare { .. })));
        }
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
        let product = inner_product(Mat::zeros(3, 2).as_ref(), Mat::zeros(2, 3).as_ref());
        assert!(matches!(product, Err(Error::ShapeMismatch { .. })));
        let error = SymmetricProduct::new(Mat::zeros(3, 2), Mat::zeros(3, 1)).unwrap_err();
        assert!(matches!(
            error,
            Error::ShapeMismatch {
                expected: (3, 2),
                found: (3, 1),
                ..
            }
        ));
        let large = SymmetricProduct::new(mat![[1e200]], mat![[1e200]]).unwrap();
        let beyond = Error::Overflow {
            op: "symmetric product",
        };
        refused! { SymmetricProduct::new(mat![[f64::NAN]], mat![[1.0]]) => Error::NotFinite { .. } }
        assert_eq!(large.to_dense(), Err(beyond.clone()));
        assert_eq!(large.quadratic_form(mat![[1.0]].as_ref()), Err(beyond));
    }
}
